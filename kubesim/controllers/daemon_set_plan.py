"""Decides what a DaemonSet does: Pods to create and to delete, steps of its rolling update, what its status says. Pure.

Upstream: podsShouldBeOnNode, updateDaemonSetStatus in pkg/controller/daemon/daemon_controller.go, rollingUpdate in
update.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from kubesim.api.stored import Object, Stored
from kubesim.api.views import Pod
from kubesim.controllers.daemon_set_nodes import (
    GENERATION_LABEL,
    HASH_LABEL,
    TEMPLATE_GENERATION,
    Wanted,
    target_node,
)
from kubesim.controllers.deployment_plan import scaled
from kubesim.controllers.ownership import labels_of
from kubesim.controllers.pods import is_ready, seconds_until_available

PodsOfNodes = Mapping[str, Sequence[Stored]]
FAILED, SUCCEEDED = "FailedDaemonPod", "SucceededDaemonPod"


class Daemon(NamedTuple):
    """One DaemonSet as a sync sees it."""

    owner: Object
    hash: str
    now: float  # Seconds since 1970.

    @property
    def minimum(self) -> int:
        """minReadySeconds."""
        minimum: int = self.owner["spec"].get("minReadySeconds", 0)
        return minimum

    @property
    def surge(self) -> int | str:
        """How many nodes may have two Pods on the way; 0 with OnDelete."""
        strategy = self.owner["spec"].get("updateStrategy") or {}
        if strategy.get("type") != "RollingUpdate":
            return 0
        value: int | str = (strategy.get("rollingUpdate") or {}).get("maxSurge", 0)
        return value

    def is_new(self, pod: Stored) -> bool:
        """Whether the Pod is of the present template."""
        labels = labels_of(pod)
        generation = (self.owner["metadata"].get("annotations") or {}).get(TEMPLATE_GENERATION)
        is_generation = generation is not None and labels.get(GENERATION_LABEL) == generation
        return is_generation or (self.hash != "" and labels.get(HASH_LABEL) == self.hash)

    def is_available(self, pod: Stored) -> bool:
        """Whether the Pod has been ready long enough."""
        wait = seconds_until_available(pod.view(Pod), self.minimum, self.now)
        return wait is not None and wait <= 0


class NodePlan(NamedTuple):
    """What to do on nodes: where to create, what to delete, and which ended Pods to speak of (reason, Pod)."""

    create: list[str]
    delete: list[Stored]
    ended: list[tuple[str, Stored]]


def by_node(pods: Sequence[Stored]) -> dict[str, list[Stored]]:
    """The Pods by the node that they are meant for; without those that ended and are being deleted."""
    nodes: dict[str, list[Stored]] = {}
    for pod in pods:
        is_ended = pod.view(Pod).status.phase in ("Succeeded", "Failed")
        node = target_node(pod.object)
        if node and not (is_ended and "deletionTimestamp" in pod.object["metadata"]):
            nodes.setdefault(node, []).append(pod)
    return nodes


def plan_nodes(
    daemon: Daemon, nodes: Mapping[str, Wanted], pods: PodsOfNodes, may_kill: Callable[[str], bool]
) -> NodePlan:
    """Every wanted node gets a Pod, every other loses its own. `may_kill(node)`: failed ones may be replaced now."""
    plan = NodePlan([], [], [])
    for node, wanted in nodes.items():
        present = pods.get(node)
        if wanted.run and not present:
            plan.create.append(node)
        elif wanted.stay and present:
            _plan_node(daemon, node, wanted, present, may_kill, plan)
        elif present:
            plan.delete.extend(pod for pod in present if not _is_leaving(pod))
    for node, present in pods.items():  # Meant for nodes that are gone: no scheduler will ever bind them.
        if node not in nodes:
            plan.delete.extend(
                pod for pod in present if not pod.object["spec"].get("nodeName") and not _is_leaving(pod)
            )
    return plan


def _plan_node(
    daemon: Daemon, node: str, wanted: Wanted, present: Sequence[Stored], may_kill: Callable[[str], bool],
    plan: NodePlan,
) -> None:  # fmt: skip
    running = []
    for pod in present:
        phase = pod.view(Pod).status.phase
        if _is_leaving(pod):
            continue
        if phase == "Failed":
            if may_kill(node):
                plan.ended.append((FAILED, pod))
                plan.delete.append(pod)
        elif phase == "Succeeded":
            plan.ended.append((SUCCEEDED, pod))
            plan.delete.append(pod)
        else:
            running.append(pod)
    running.sort(key=_oldest_first)
    if daemon.surge in (0, "0%"):
        plan.delete.extend(running[1:])
        return
    if not running and wanted.run:
        plan.create.append(node)
    if len(running) <= 1:
        return
    new = [pod for pod in running if labels_of(pod).get(HASH_LABEL) == daemon.hash]
    old = [pod for pod in running if pod not in new]
    plan.delete.extend([*new[1:], *old[1:]])
    if new and old and (not is_ready(old[0].view(Pod)) or daemon.is_available(new[0])):
        plan.delete.append(old[0])


def plan_update(daemon: Daemon, nodes: Mapping[str, Wanted], pods: PodsOfNodes) -> NodePlan:
    """The next step of a rolling update: old Pods to delete, or with a surge nodes to get a second one."""
    strategy = daemon.owner["spec"].get("updateStrategy") or {}
    desired = [node for node, wanted in nodes.items() if wanted.run]
    rolling = strategy.get("rollingUpdate") or {}
    surge = scaled(rolling.get("maxSurge", 0), len(desired), round_up=True)
    unavailable = scaled(rolling.get("maxUnavailable", 1), len(desired), round_up=True)
    all_pods = {**pods, **{node: pods.get(node, ()) for node in desired}}
    if surge:
        return _plan_surge(daemon, nodes, all_pods, surge)
    return _plan_replacing(daemon, all_pods, unavailable or 1)


def _plan_replacing(daemon: Daemon, pods: PodsOfNodes, unavailable_max: int) -> NodePlan:
    unavailable, replaced, candidates = 0, [], []
    for present in pods.values():
        pair = _new_and_old(daemon, present)
        if pair is None or (pair[0] is None) == (pair[1] is None):
            unavailable += 1  # Someone else tidies up here, or creates.
            continue
        new, old = pair
        if new is not None:
            unavailable += not daemon.is_available(new)
        elif old is not None and not daemon.is_available(old):
            replaced.append(old)
        elif old is not None and unavailable < unavailable_max:
            candidates.append(old)
    return NodePlan([], [*replaced, *candidates[: max(0, unavailable_max - unavailable)]], [])


def _plan_surge(daemon: Daemon, nodes: Mapping[str, Wanted], pods: PodsOfNodes, surge_max: int) -> NodePlan:
    surging = 0
    delete: list[Stored] = []
    allowed: list[str] = []
    candidates: list[str] = []
    for node, present in pods.items():
        pair = _new_and_old(daemon, present)
        if pair is None:
            surging += 1
            continue
        new, old = pair
        if old is None or (new is None and not nodes.get(node, Wanted(run=False, stay=False)).run):
            continue
        if new is None:
            (candidates if daemon.is_available(old) else allowed).append(node)
        elif not daemon.is_available(old) or daemon.is_available(new):
            delete.append(old)
        else:
            surging += 1
    return NodePlan([*allowed, *candidates[: max(0, surge_max - surging)]], delete, [])


def _new_and_old(daemon: Daemon, present: Sequence[Stored]) -> tuple[Stored | None, Stored | None] | None:
    """The one new and the one old Pod of a node that are not leaving; None if there are two of a kind."""
    staying = [pod for pod in present if not _is_leaving(pod)]
    new = [pod for pod in staying if daemon.is_new(pod)]
    old = [pod for pod in staying if pod not in new]
    if len(new) > 1 or len(old) > 1:
        return None
    return new[0] if new else None, old[0] if old else None


def daemon_status(daemon: Daemon, nodes: Mapping[str, Wanted], pods: PodsOfNodes) -> Object:
    """The counts of the status; zeros stay in until they are written."""
    names = ("currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady",
             "updatedNumberScheduled", "numberAvailable", "numberUnavailable")  # fmt: skip
    status: Object = dict.fromkeys(names, 0)
    for node, wanted in nodes.items():
        present = pods.get(node)
        if not wanted.run:
            status["numberMisscheduled"] += bool(present)
            continue
        status["desiredNumberScheduled"] += 1
        if not present:
            continue
        status["currentNumberScheduled"] += 1
        pod = min(present, key=_oldest_first)
        status["numberReady"] += is_ready(pod.view(Pod))
        status["numberAvailable"] += daemon.is_available(pod)
        status["updatedNumberScheduled"] += daemon.is_new(pod)
    status["numberUnavailable"] = status["desiredNumberScheduled"] - status["numberAvailable"]
    return status


def _oldest_first(pod: Stored) -> tuple[bool, str, str]:
    """Those that have a node first, then by age, then by name."""
    created = pod.object["metadata"].get("creationTimestamp", "")
    return not pod.object["spec"].get("nodeName"), created, pod.name


def _is_leaving(pod: Stored) -> bool:
    return "deletionTimestamp" in pod.object["metadata"]
