"""Tests of kubesim.controllers.taints."""

from typing import Any

import msgspec
import pytest

from kubesim.api.tolerations import tolerates
from kubesim.api.views import Node, Taint, Toleration
from kubesim.controllers.taints import (
    NO_EXECUTE,
    NO_SCHEDULE,
    NOT_READY,
    UNREACHABLE,
    UNREACHABLE_NO_EXECUTE,
    UNSCHEDULABLE,
    TaintKey,
    TaintPlan,
    plan_no_schedule_taints,
    stay_seconds,
    with_taint,
    without_taint,
)

TAINT = Taint(key=UNREACHABLE, effect=NO_EXECUTE)
NOW = "2024-01-13T09:00:00Z"


def node(ready: str, *taints: tuple[str, str], cordoned: bool = False, **pressure: str) -> Node:
    conditions = [{"type": "Ready", "status": ready}, *({"type": k, "status": v} for k, v in pressure.items())]
    spec: dict[str, Any] = {"taints": [{"key": key, "effect": effect} for key, effect in taints]}
    if cordoned:
        spec["unschedulable"] = True
    return msgspec.convert({"metadata": {"name": "n"}, "spec": spec, "status": {"conditions": conditions}}, Node)


def test_each_condition_that_is_not_well_keeps_new_pods_away() -> None:
    """Teaches: the scheduler never reads conditions, only the taints that this controller makes of them."""
    sick = node("True", MemoryPressure="True", DiskPressure="True", PIDPressure="True", NetworkUnavailable="True")
    keys = [taint.key.removeprefix("node.kubernetes.io/") for taint in plan_no_schedule_taints(sick).add]
    assert keys == ["memory-pressure", "disk-pressure", "pid-pressure", "network-unavailable"]


def test_a_silent_node_is_unreachable_and_a_complaining_one_not_ready() -> None:
    """Teaches: Ready=Unknown and Ready=False are two things, with two taints that exclude each other."""
    assert plan_no_schedule_taints(node("Unknown")).add == (TaintKey(UNREACHABLE, NO_SCHEDULE),)
    assert plan_no_schedule_taints(node("False")).add == (TaintKey(NOT_READY, NO_SCHEDULE),)
    swap = plan_no_schedule_taints(node("Unknown", (NOT_READY, NO_SCHEDULE)))
    assert swap == TaintPlan((TaintKey(UNREACHABLE, NO_SCHEDULE),), (TaintKey(NOT_READY, NO_SCHEDULE),))


def test_a_cordon_is_a_taint_too_and_goes_with_it() -> None:
    """Teaches: `kubectl cordon` sets spec.unschedulable; the taint follows."""
    assert plan_no_schedule_taints(node("True", cordoned=True)).add == (TaintKey(UNSCHEDULABLE, NO_SCHEDULE),)
    uncordoned = plan_no_schedule_taints(node("True", (UNSCHEDULABLE, NO_SCHEDULE)))
    assert uncordoned.remove == (TaintKey(UNSCHEDULABLE, NO_SCHEDULE),)


def test_taints_of_others_and_of_other_effects_stay() -> None:
    """Teaches: a controller takes off only what it puts on."""
    assert plan_no_schedule_taints(node("True", ("gpu", NO_SCHEDULE), (UNREACHABLE, NO_EXECUTE))) == TaintPlan()


def test_a_taint_is_appended_or_replaces_its_like() -> None:
    """Teaches: key and effect identify a taint; its date is that of the last time it was put on."""
    other = {"key": "gpu", "effect": NO_SCHEDULE}
    tainted = with_taint([other], UNREACHABLE_NO_EXECUTE, NOW)
    assert tainted == [other, {"key": UNREACHABLE, "effect": NO_EXECUTE, "timeAdded": NOW}]
    again = with_taint(tainted, UNREACHABLE_NO_EXECUTE, "2024-01-13T10:00:00Z")
    assert [taint.get("timeAdded") for taint in again] == [None, "2024-01-13T10:00:00Z"]
    assert without_taint(again, UNREACHABLE_NO_EXECUTE) == [other]


@pytest.mark.parametrize(
    ("toleration", "expected"),
    [
        (Toleration(key=UNREACHABLE, operator="Exists", effect=NO_EXECUTE), True),
        (Toleration(key=UNREACHABLE, operator="Exists"), True),
        (Toleration(operator="Exists"), True),
        (Toleration(key=UNREACHABLE, operator="Exists", effect=NO_SCHEDULE), False),
        (Toleration(key=NOT_READY, operator="Exists"), False),
        (Toleration(key=UNREACHABLE), True),
        (Toleration(key=UNREACHABLE, operator="Equal", value="x"), False),
        (Toleration(key=UNREACHABLE, operator="Gt", value="1"), False),
    ],
)
def test_an_empty_key_or_effect_tolerates_all_of_them(toleration: Toleration, expected: bool) -> None:
    """Teaches: how broad a toleration is depends on what it leaves out."""
    assert tolerates(toleration, TAINT) is expected


def test_the_shortest_toleration_decides_how_long_a_pod_stays() -> None:
    """Teaches: tolerationSeconds; none means forever, and one taint without a toleration means at once."""
    other = Taint(key="gpu", effect=NO_EXECUTE)
    for_300 = Toleration(key=UNREACHABLE, operator="Exists", toleration_seconds=300)
    for_20 = Toleration(key="gpu", operator="Exists", toleration_seconds=20)
    assert stay_seconds([TAINT, other], [for_300, for_20]) == 20
    assert stay_seconds([TAINT], [for_300, for_20]) == 300
    assert stay_seconds([TAINT, other], [for_300]) == 0
    assert stay_seconds([TAINT], [Toleration(operator="Exists")]) is None
    assert stay_seconds([TAINT], [Toleration(operator="Exists", toleration_seconds=-5)]) == 0
    assert stay_seconds([], []) is None


def test_the_first_matching_toleration_counts_not_the_longest() -> None:
    """Teaches: the order of tolerations matters."""
    short = Toleration(key=UNREACHABLE, operator="Exists", toleration_seconds=1)
    assert stay_seconds([TAINT], [Toleration(operator="Exists"), short]) is None
    assert stay_seconds([TAINT], [short, Toleration(operator="Exists")]) == 1
