"""How many machines are missing, and which are not needed: the autoscaler's sums. Pure.

Scale-up: every Pod that the scheduler gave up on is put on a machine that is on its way, else on a fresh one of the
group (first fit); as many fresh ones as that takes are asked for. Scale-down: a node that is used by less than half,
whose Pods can all go elsewhere.
Upstream: cluster-autoscaler/{estimator,simulator,core/scaledown}. Left out: ports, volumes, spreading and Pod affinity
in the simulated placement; several groups and so the choice between them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from kubesim.api.meta import controller_of
from kubesim.api.stored import Object, Stored
from kubesim.api.tolerations import tolerates
from kubesim.api.views import Node, Pod, Toleration, read
from kubesim.controllers.daemon_set_nodes import matches_node
from kubesim.scheduler.resources import amounts, pod_requests

UTILIZATION_MAX = 0.5  # --scale-down-utilization-threshold
SAFE_TO_EVICT = "cluster-autoscaler.kubernetes.io/safe-to-evict"
MAX_SIZE = "max node group size reached"
BY_AFFINITY = "node(s) didn't match Pod's node affinity/selector"
OWN_TAINTS = ("ToBeDeletedByClusterAutoscaler", "DeletionCandidateOfClusterAutoscaler")


class ScaleUp(NamedTuple):
    """How many machines more, which Pods asked for them, and why the others did not."""

    machines: int
    helped: Sequence[Stored]
    refused: Sequence[tuple[Stored, str]]


class Room:
    """What is left on a node, real or imagined."""

    def __init__(self, node: Stored, pods: Sequence[Stored] = ()) -> None:
        self.node = node
        allocatable: Mapping[str, str] = (node.object.get("status") or {}).get("allocatable") or {}
        self.free = amounts(allocatable)
        for pod in pods:
            self.take(pod)

    def why_not(self, pod: Stored) -> str:
        """Why the Pod does not fit; "" if it does."""
        if not matches_node(pod.object["spec"], self.node):
            return BY_AFFINITY
        tolerations = [read(each, Toleration) for each in pod.object["spec"].get("tolerations") or ()]
        for taint in self.node.view(Node).spec.taints:
            if taint.effect != "PreferNoSchedule" and not any(tolerates(each, taint) for each in tolerations):
                return f"node(s) had untolerated taint(s) {{{taint.key}: {taint.value}}}"
        for name, wanted in requests_of(pod).items():
            if wanted > self.free.get(name, 0):
                return "Too many pods" if name == "pods" else f"Insufficient {name}"
        return ""

    def take(self, pod: Stored) -> None:
        """Puts the Pod there."""
        for name, wanted in requests_of(pod).items():
            self.free[name] = self.free.get(name, 0) - wanted


def plan_scale_up(pending: Sequence[Stored], template: Stored, upcoming: int, size: int, size_max: int) -> ScaleUp:
    """What to ask for; `upcoming` machines were asked for and are not there yet, `size` counts them, too."""
    rooms = [Room(template) for _ in range(upcoming)]
    fresh: list[Room] = []
    helped: list[Stored] = []
    refused: list[tuple[Stored, str]] = []
    for pod in pending:
        room = next((each for each in rooms if not each.why_not(pod)), None)
        if room is not None:
            room.take(pod)
            continue
        room = next((each for each in fresh if not each.why_not(pod)), None)
        if room is None:
            room = Room(template)
            if why := room.why_not(pod):
                refused.append((pod, why))
                continue
            if size + len(fresh) >= size_max:
                refused.append((pod, MAX_SIZE))
                continue
            fresh.append(room)
        room.take(pod)
        helped.append(pod)
    return ScaleUp(len(fresh), helped, refused)


def utilization(node: Stored, pods: Sequence[Stored]) -> dict[str, float]:
    """The share of cpu and of memory that the Pods of a node request."""
    allocatable: Mapping[str, str] = (node.object.get("status") or {}).get("allocatable") or {}
    shares = {}
    for name in ("cpu", "memory"):
        total = amounts(allocatable).get(name, 0)
        asked = sum(requests_of(pod).get(name, 0) for pod in pods)
        shares[name] = asked / total if total else 0.0
    return shares


def pods_to_move(pods: Sequence[Stored]) -> list[Stored] | None:
    """The Pods that would have to go elsewhere; None if one of them may not be moved."""
    moving = []
    for pod in pods:
        owner, annotations = controller_of(pod.object), pod.object["metadata"].get("annotations") or {}
        if "kubernetes.io/config.mirror" in annotations or (owner or {}).get("kind") == "DaemonSet":
            continue
        if annotations.get(SAFE_TO_EVICT) == "false":
            return None
        is_marked = annotations.get(SAFE_TO_EVICT) == "true"
        has_local = any("emptyDir" in volume for volume in pod.object["spec"].get("volumes") or ())
        if not is_marked and (owner is None or has_local or pod.namespace == "kube-system"):
            return None
        moving.append(pod)
    return moving


def can_go_elsewhere(moving: Sequence[Stored], rooms: Sequence[Room]) -> bool:
    """Whether the Pods fit on other nodes; they are put there."""
    for pod in moving:
        room = next((each for each in rooms if not each.why_not(pod)), None)
        if room is None:
            return False
        room.take(pod)
    return True


def requests_of(pod: Stored) -> dict[str, int]:
    """What a Pod asks for, and one place."""
    return {**pod_requests(pod.view(Pod).spec), "pods": 1}


def without_own_taints(node: Object) -> list[Object]:
    """The taints that are not the autoscaler's."""
    return [taint for taint in node["spec"].get("taints") or () if taint["key"] not in OWN_TAINTS]
