"""How many replicas an autoscaler asks for, and how fast it may go."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.api.stored import Stored
from kubesim.controllers.pod_autoscaler_custom import go_selector
from kubesim.controllers.pod_autoscaler_limits import IN_RANGE, TOO_FAST_DOWN, TOO_FAST_UP, TOO_FEW, TOO_MANY, History
from kubesim.controllers.pod_autoscaler_math import Tolerances, by_average, by_utilization
from kubesim.controllers.pod_metrics import MetricsError, PodMetric

LONG_AGO = "1970-01-01T00:00:00Z"
NOW = 10_000.0


def pod(name: str, *, phase: str = "Running", ready: str = "True", cpu: str = "100m", **metadata: Any) -> Stored:
    condition = {"type": "Ready", "status": ready, "lastTransitionTime": LONG_AGO}
    container: dict[str, Any] = {"name": "c", "resources": {"requests": {"cpu": cpu}} if cpu else {}}
    return Stored(1, {
        "metadata": {"name": name, "namespace": "default", **metadata},
        "spec": {"containers": [container]},
        "status": {"phase": phase, "startTime": LONG_AGO, "conditions": [condition]},
    })  # fmt: skip


def wanted(pods: list[Stored], usage: dict[str, int], target: int = 50, current: int | None = None) -> int:
    metrics = {name: PodMetric(value, NOW) for name, value in usage.items()}
    count = len(pods) if current is None else current
    return by_utilization(pods, metrics, target, "cpu", "", count, Tolerances(), NOW).replicas


@pytest.mark.parametrize(
    ("usage", "replicas"),
    [
        ({"a": 50, "b": 50}, 2),
        ({"a": 54, "b": 54}, 2),
        ({"a": 75, "b": 75}, 3),
        ({"a": 10, "b": 10}, 1),
        ({"a": 90}, 2),
        ({"a": 10}, 2),
    ],
)
def test_usage_over_target_times_pods(usage: dict[str, int], replicas: int) -> None:
    """Teaches: the ratio, its tolerance, and that a Pod without a metric never makes a change bigger."""
    assert wanted([pod("a"), pod("b")], usage) == replicas


def test_pods_that_cannot_tell_are_left_out() -> None:
    """Teaches: failed, leaving and pending Pods, and those whose requests or metrics are missing."""
    going = pod("x", deletionTimestamp=LONG_AGO)
    assert wanted([pod("a"), going, pod("f", phase="Failed")], {"a": 100, "x": 900, "f": 900}, current=1) == 2
    assert wanted([pod("a"), pod("p", phase="Pending")], {"a": 120}) == 3
    assert wanted([pod("a"), pod("p", phase="Pending")], {"a": 80}) == 2
    with pytest.raises(MetricsError, match="missing request for cpu in container c of Pod a"):
        wanted([pod("a", cpu="")], {"a": 1})
    with pytest.raises(MetricsError, match="did not receive metrics for any ready pods"):
        wanted([pod("a")], {})
    with pytest.raises(MetricsError, match="no pods returned by selector"):
        wanted([], {"a": 1})


def test_an_average_needs_no_requests() -> None:
    """Teaches: averageValue counts what is used, whatever was asked for."""
    found = by_average([pod("a", cpu="")], {"a": PodMetric(250, NOW)}, 100, "cpu", 1, Tolerances(), NOW)
    assert (found.replicas, found.usage.average, found.usage.percent) == (3, 250, None)


SPEC = {"minReplicas": 1, "maxReplicas": 20}
UP = {"stabilizationWindowSeconds": 0, "policies": [{"type": "Pods", "value": 2, "periodSeconds": 60}]}
DOWN = {"stabilizationWindowSeconds": 0, "policies": [{"type": "Percent", "value": 50, "periodSeconds": 60}]}
RULED = {**SPEC, "behavior": {"scaleUp": {"selectPolicy": "Max", **UP}, "scaleDown": {"selectPolicy": "Max", **DOWN}}}


def test_without_rules_it_doubles_at_most_and_remembers_for_five_minutes() -> None:
    """Teaches: up at once but not too fast, down only once nothing higher was recommended for 300 s."""
    history = History(5, 0.0)
    up = history.limit(SPEC, 5, 30, 0.0)
    assert (up.replicas, up.limited) == (10, ("True", *TOO_FAST_UP))
    held = history.limit(SPEC, 10, 3, 100.0)
    assert (held.replicas, held.able.reason) == (20, "ScaleDownStabilized")
    later = history.limit(SPEC, 10, 3, 500.0)
    assert (later.replicas, later.able.reason, later.limited) == (3, "ReadyForNewScale", ("False", *IN_RANGE))
    assert history.limit({**SPEC, "minReplicas": 4}, 10, 3, 1000.0).limited == ("True", *TOO_FEW)
    assert history.limit({**SPEC, "maxReplicas": 8}, 7, 9, 2000.0).limited == ("True", *TOO_MANY)


def test_rules_count_what_was_done_within_their_period() -> None:
    """Teaches: two Pods a minute up, half of them a minute down."""
    history = History(5, 0.0)
    assert history.limit(RULED, 5, 9, 10.0)[::2] == (7, ("True", *TOO_FAST_UP))
    history.note_scale(RULED["behavior"], 5, 7, 10.0)
    assert history.limit(RULED, 7, 9, 40.0).replicas == 7
    assert history.limit(RULED, 7, 9, 80.0).replicas == 9
    assert history.limit(RULED, 8, 1, 200.0)[::2] == (4, ("True", *TOO_FAST_DOWN))


def test_rules_may_forbid_a_direction_and_hold_back() -> None:
    """Teaches: selectPolicy Disabled, and a window that applies the lowest of the recent recommendations."""
    behavior = {"scaleUp": {**UP, "stabilizationWindowSeconds": 60}, "scaleDown": {**DOWN, "selectPolicy": "Disabled"}}
    history = History(4, 0.0)
    held = history.limit({**SPEC, "behavior": behavior}, 4, 6, 30.0)
    assert (held.replicas, held.able.reason) == (4, "ScaleUpStabilized")
    assert history.limit({**SPEC, "behavior": behavior}, 4, 6, 61.0).replicas == 6
    assert history.limit({**SPEC, "behavior": behavior}, 6, 1, 200.0).replicas == 6


def test_a_selector_in_an_error_is_shown_as_go_does() -> None:
    """Teaches: the words of the real one, down to the braces."""
    assert go_selector(None) == "nil"
    assert go_selector({"matchLabels": {"a": "b"}}) == (
        "&LabelSelector{MatchLabels:map[string]string{a: b,},MatchExpressions:[]LabelSelectorRequirement{},}"
    )
