"""Taints and tolerations: which Pods a node keeps away, and for how long one may stay.

Pure. A node's conditions become NoSchedule taints (so that the scheduler need not read conditions), and a node
that is not ready gets a NoExecute taint as well, which drives its Pods away.
Upstream: pkg/util/taints, k8s.io/component-helpers/scheduling/corev1 and the tables at the head of
pkg/controller/nodelifecycle/node_lifecycle_controller.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from kubesim.api.stored import Object
from kubesim.api.tolerations import tolerates
from kubesim.api.views import Node, Taint, Toleration

NO_SCHEDULE = "NoSchedule"
NO_EXECUTE = "NoExecute"

NOT_READY = "node.kubernetes.io/not-ready"
UNREACHABLE = "node.kubernetes.io/unreachable"
UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"

# Which state of which condition keeps new Pods away, and under what key.
CONDITION_TAINTS: dict[tuple[str, str], str] = {
    ("Ready", "False"): NOT_READY,
    ("Ready", "Unknown"): UNREACHABLE,
    ("MemoryPressure", "True"): "node.kubernetes.io/memory-pressure",
    ("DiskPressure", "True"): "node.kubernetes.io/disk-pressure",
    ("NetworkUnavailable", "True"): "node.kubernetes.io/network-unavailable",
    ("PIDPressure", "True"): "node.kubernetes.io/pid-pressure",
}
MANAGED_KEYS = frozenset({*CONDITION_TAINTS.values(), UNSCHEDULABLE})


class TaintKey(NamedTuple):
    """What identifies a taint on a node: its value and date may differ."""

    key: str
    effect: str


class TaintPlan(NamedTuple):
    """Taints to put on a node and to take off it."""

    add: tuple[TaintKey, ...] = ()
    remove: tuple[TaintKey, ...] = ()


UNREACHABLE_NO_EXECUTE = TaintKey(UNREACHABLE, NO_EXECUTE)
NOT_READY_NO_EXECUTE = TaintKey(NOT_READY, NO_EXECUTE)


def plan_no_schedule_taints(node: Node) -> TaintPlan:
    """What separates a node's NoSchedule taints from what its conditions and its cordon ask for.

    Taints of other keys are somebody else's and stay.
    """
    wanted: dict[str, None] = {}
    for condition in node.status.conditions:
        key = CONDITION_TAINTS.get((condition.type, condition.status))
        if key is not None:
            wanted[key] = None
    if node.spec.unschedulable:
        wanted[UNSCHEDULABLE] = None
    present = {t.key: None for t in node.spec.taints if t.effect == NO_SCHEDULE and t.key in MANAGED_KEYS}
    return TaintPlan(
        tuple(TaintKey(key, NO_SCHEDULE) for key in wanted if key not in present),
        tuple(TaintKey(key, NO_SCHEDULE) for key in present if key not in wanted),
    )


def with_taint(taints: Sequence[Object], taint: TaintKey, time_added: str) -> list[Object]:
    """The taints with `taint` among them: in place of its like, else at the end."""
    new: Object = {"key": taint.key, "effect": taint.effect, "timeAdded": time_added}
    result = [new if matches(old, taint) else old for old in taints]
    return result if new in result else [*result, new]


def without_taint(taints: Sequence[Object], taint: TaintKey) -> list[Object]:
    """The taints that are not `taint`."""
    return [old for old in taints if not matches(old, taint)]


def matches(taint: Object, key: TaintKey) -> bool:
    """Whether a plain taint is the one that `key` names."""
    return taint.get("key") == key.key and taint.get("effect") == key.effect


def no_execute(taints: Iterable[Taint]) -> tuple[Taint, ...]:
    """Those that drive Pods away."""
    return tuple(taint for taint in taints if taint.effect == NO_EXECUTE)


def stay_seconds(taints: Sequence[Taint], tolerations: Sequence[Toleration]) -> int | None:
    """How many seconds a Pod with `tolerations` may stay under `taints`; 0: none, None: forever.

    For each taint the first toleration that covers it counts, and the shortest of these decides.
    """
    shortest: int | None = None
    for taint in taints:
        used = next((toleration for toleration in tolerations if tolerates(toleration, taint)), None)
        if used is None:
            return 0
        if used.toleration_seconds is not None:
            seconds = max(0, used.toleration_seconds)
            shortest = seconds if shortest is None else min(shortest, seconds)
    return shortest
