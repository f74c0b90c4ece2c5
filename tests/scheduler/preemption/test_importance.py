"""Which Pods are spared first."""

from __future__ import annotations

from collections.abc import Callable

from kubesim.api.stored import Stored
from kubesim.scheduler.pod_info import PodInfo, PodShapes
from kubesim.scheduler.preemption.importance import by_importance, earliest_start

MakePod = Callable[..., Stored]
MORNING, NOON = "2026-01-01T06:00:00Z", "2026-01-01T12:00:00Z"


def started(pod: MakePod, name: str, since: str, priority: int = 0) -> PodInfo:
    stored = pod(name, priority=priority)
    return PodShapes().pod_info(Stored(1, {**stored.object, "status": {"phase": "Running", "startTime": since}}))


def names(pods: list[PodInfo]) -> list[str]:
    return [pod.name for pod in pods]


def test_priority_counts_first_and_then_who_runs_longer(pod: MakePod) -> None:
    """Teaches: the Pod that was started last has the least to lose."""
    pods = [started(pod, "late", NOON), started(pod, "early", MORNING), started(pod, "high", NOON, priority=5)]
    assert names(by_importance(pods)) == ["high", "early", "late"]


def test_pods_that_have_not_started_come_in_reverse_order(pod: MakePod) -> None:
    """Teaches: "not started" is read as "starts now", and now is later at every look; recordings show the effect."""
    pods = [started(pod, name, "") for name in ("a", "b", "c")]
    assert names(by_importance([*pods, started(pod, "running", NOON)])) == ["running", "c", "b", "a"]


def test_many_equals_come_out_in_the_same_order_as_few(pod: MakePod) -> None:
    """Teaches: a sort may not depend on how much there is to sort."""
    pods = [started(pod, f"p{number:02}", "") for number in range(20)]
    assert names(by_importance(pods)) == [f"p{number:02}" for number in reversed(range(20))]


def test_the_start_that_counts_is_that_of_the_highest_victims(pod: MakePod) -> None:
    """Teaches: between nodes, young Pods of the highest priority are taken rather than old ones."""
    victims = [started(pod, "a", NOON, priority=3), started(pod, "b", MORNING, priority=1)]
    assert earliest_start(victims) == NOON
