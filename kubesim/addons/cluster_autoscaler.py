"""Adds machines when Pods find no room, and takes them away when they are hardly used: cluster-autoscaler.

Every 10 s it looks at the Pods that the scheduler could not place and at the nodes of its group. Machines come from a
`Cloud`, which takes its time. A node that is not needed bears the taint DeletionCandidateOfClusterAutoscaler; after
10 minutes (and 10 minutes after the last scale-up) it is tainted ToBeDeletedByClusterAutoscaler, its Pods are evicted,
and the machine is given back. Its node group is described in the ConfigMap kube-system/cluster-autoscaler-node-group.
Upstream: kubernetes/autoscaler, cluster-autoscaler. Left out: several groups, price and GPU, machines that never come.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from kubesim.addons import cluster_autoscaler_plan as plan
from kubesim.api.cron import CronError, duration_seconds
from kubesim.api.errors import AlreadyExistsError, ApiError, NotFoundError, TransportError
from kubesim.api.meta import with_fields
from kubesim.api.resources import CONFIG_MAPS, NODES
from kubesim.api.stored import Object, Stored
from kubesim.client.client import Client
from kubesim.client.events import EventRecorder
from kubesim.client.informer import Informers
from kubesim.controllers.pod_index import NODE_INDEX, pods_by_node
from kubesim.recording.facts import condition
from kubesim.sim import Simulation, Tasks, because

NAME, NAMESPACE = "cluster-autoscaler", "kube-system"
STATUS, GROUP = "cluster-autoscaler-status", "cluster-autoscaler-node-group"
SCAN_SECONDS = 10.0  # --scan-interval
GROUP_LABEL = "cloud.kubesim.dev/node-group"
TO_BE_DELETED, CANDIDATE = plan.OWN_TAINTS
DRAIN_SECONDS_MAX = 600.0
DEFAULTS = {
    "name": "pool", "min": "0", "max": "5", "cpu": "2", "memory": "4Gi", "pods": "110", "bootTime": "45s",
    "unneededTime": "10m", "delayAfterAdd": "10m",
}  # fmt: skip

OBJECTS: tuple[Object, ...] = (
    {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": GROUP, "namespace": NAMESPACE},
        "data": DEFAULTS,
    },
)


class Cloud(Protocol):
    """Who has the machines of the group."""

    def machines(self) -> Sequence[str]:
        """The names of those that were asked for and not given back, booted or not."""
        ...

    def template(self, group: NodeGroup) -> Stored:
        """The Node that a fresh machine will be."""
        ...

    def add(self, group: NodeGroup) -> None:
        """One more machine; it boots."""
        ...

    async def remove(self, name: str) -> None:
        """Gives a machine back, and its Node with it."""
        ...


class NodeGroup(NamedTuple):
    """What the ConfigMap says."""

    name: str
    size_min: int
    size_max: int
    cpu: str
    memory: str
    pods: str
    boot_seconds: float
    unneeded_seconds: float
    delay_after_add_seconds: float


def node_group(data: Object) -> NodeGroup:
    """Reads it; what is missing or cannot be read is as in `DEFAULTS`."""
    found = {**DEFAULTS, **{name: str(value) for name, value in data.items()}}

    def whole(name: str) -> int:
        return int(found[name]) if found[name].isdecimal() else int(DEFAULTS[name])

    def seconds(name: str) -> float:
        try:
            return float(duration_seconds(found[name]))
        except CronError:
            return float(duration_seconds(DEFAULTS[name]))

    return NodeGroup(
        found["name"], whole("min"), whole("max"), found["cpu"], found["memory"], found["pods"], seconds("bootTime"),
        seconds("unneededTime"), seconds("delayAfterAdd"),
    )  # fmt: skip


class ClusterAutoscaler:
    """Works through `client`; its machines come from `cloud`."""

    def __init__(self, sim: Simulation, client: Client, cloud: Cloud) -> None:
        self._sim = sim
        self._client = client
        self._cloud = cloud
        self.informers = Informers(sim, client)
        self._nodes = self.informers.of(NODES)
        self._pods = pods_by_node(self.informers)
        self._configs = self.informers.of(CONFIG_MAPS)
        self._recorder = EventRecorder(sim, client, NAME)
        self._unneeded_since: dict[str, float] = {}
        self._last_added: float | None = None
        self._removing: dict[str, None] = {}
        self._tasks = Tasks(NAME)
        self._status: Object = {}

    async def run(self) -> None:
        """Works until cancelled."""
        async with self._tasks as tasks:
            tasks.spawn(self.informers.run(), "informers")
            tasks.spawn(self._recorder.run(), "events")
            await self.informers.wait_synced()
            await self._make_status()
            while True:
                with because("timer cluster-autoscaler/scan"):
                    try:
                        await self._scan()
                    except (ApiError, TransportError) as error:
                        self._sim.trace.emit("reconcile_failed", controller=NAME, key="scan", error=str(error))
                await asyncio.sleep(SCAN_SECONDS)

    async def _scan(self) -> None:
        known = self._configs.get(f"{NAMESPACE}/{GROUP}")
        group = node_group((known.object.get("data") if known else None) or {})
        if not self._scale_up(group):
            await self._scale_down(group)

    # -- more machines --------------------------------------------------------------------------------

    def _scale_up(self, group: NodeGroup) -> bool:
        """Asks for machines; whether there is somebody to wait for."""
        pending = [pod for pod in self._pods.by_index(NODE_INDEX, "") if is_unschedulable(pod.object)]
        if not pending:
            return False
        pending.sort(key=lambda pod: (str(pod.object["metadata"].get("creationTimestamp")), pod.key))
        machines = self._cloud.machines()
        ready = {node.name for node in self._nodes.list() if is_ready(node)}
        upcoming = sum(name not in ready for name in machines)
        size = len(machines)
        found = plan.plan_scale_up(pending, self._cloud.template(group), upcoming, size, group.size_max)
        if found.machines:
            wanted = size + found.machines
            self._tell_status("ScaledUpGroup", f"Scale-up: setting group {group.name} size to {wanted} instead of "
                              f"{size} (max: {group.size_max})")  # fmt: skip
            for _ in range(found.machines):
                self._cloud.add(group)
            self._last_added = self._sim.clock.now()
            self._tell_status("ScaledUpGroup", f"Scale-up: group {group.name} size set to {wanted} instead of {size} "
                              f"(max: {group.size_max})")  # fmt: skip
            change = f"[{{{group.name} {size}->{wanted} (max: {group.size_max})}}]"
            for pod in found.helped:
                self._recorder.event(pod, "Normal", "TriggeredScaleUp", f"pod triggered scale-up: {change}")
        for pod, why in found.refused:
            self._recorder.event(pod, "Normal", "NotTriggerScaleUp", f"pod didn't trigger scale-up: 1 {why}")
        return bool(found.machines) or upcoming > 0

    # -- fewer machines -------------------------------------------------------------------------------

    async def _scale_down(self, group: NodeGroup) -> None:
        machines = self._cloud.machines()
        now = self._sim.clock.now()
        rooms = {
            node.name: plan.Room(node, self._pods_of(node.name))
            for node in self._nodes.list()
            if is_ready(node) and not node.object["spec"].get("unschedulable") and node.name not in self._removing
        }
        for name in sorted(machines):
            node = self._nodes.get(name)
            if node is None or name in self._removing:
                continue
            if not self._is_unneeded(node, rooms):
                self._unneeded_since.pop(name, None)
                await self._taint(name, "")
                continue
            since = self._unneeded_since.setdefault(name, now)
            await self._taint(name, CANDIDATE)
            is_settled = self._last_added is None or now - self._last_added >= group.delay_after_add_seconds
            left = len(machines) - len(self._removing)
            if is_settled and now - since >= group.unneeded_seconds and left > group.size_min:
                self._removing[name] = None
                self._tasks.spawn(self._remove(node), f"remove {name}")
                return  # One at a time: the room on the others has to be looked at again.

    def _is_unneeded(self, node: Stored, rooms: dict[str, plan.Room]) -> bool:
        if node.name not in rooms:
            return False
        pods = self._pods_of(node.name)
        moving = plan.pods_to_move(pods)
        if moving is None or max(plan.utilization(node, pods).values()) >= plan.UTILIZATION_MAX:
            return False
        others = [plan.Room(rooms[name].node, self._pods_of(name)) for name in sorted(rooms) if name != node.name]
        return plan.can_go_elsewhere(moving, others)

    def _pods_of(self, node: str) -> list[Stored]:
        alive = [
            pod
            for pod in self._pods.by_index(NODE_INDEX, node)
            if (pod.object.get("status") or {}).get("phase") not in ("Succeeded", "Failed")
        ]
        return sorted(alive, key=lambda pod: pod.key)

    async def _remove(self, node: Stored) -> None:
        """Taints, drains, gives the machine back."""
        name, pods = node.name, self._pods_of(node.name)
        moving = plan.pods_to_move(pods) or []
        if moving:
            shares = plan.utilization(node, pods)
            names = ",".join(pod.name for pod in moving)
            most = max(shares, key=lambda each: shares[each])
            told = f"{{{shares['cpu']:g} {shares['memory']:g} 0 0 {most} {shares[most]:g}}}"
            words = f"Scale-down: removing node {name}, utilization: {told}, pods to reschedule: {names}"
            self._tell_status("ScaleDown", words)
        else:
            self._tell_status("ScaleDownEmpty", f'Scale-down: removing empty node "{name}"')
        try:
            await self._taint(name, TO_BE_DELETED)
            self._recorder.event(node, "Normal", "ScaleDown", "marked the node as toBeDeleted/unschedulable")
            await self._drain(moving)
            await self._cloud.remove(name)
        except (ApiError, TransportError, TimeoutError) as error:
            self._recorder.event(node, "Warning", "ScaleDownFailed", f"failed to delete the node: {error}")
            await self._taint(name, "")
        else:
            self._recorder.event(node, "Normal", "ScaleDown", "node removed by cluster autoscaler")
            words = (
                f"Scale-down: node {name} removed with drain" if moving else f"Scale-down: empty node {name} removed"
            )
            self._tell_status("ScaleDown" if moving else "ScaleDownEmpty", words)
        finally:
            self._removing.pop(name, None)
            self._unneeded_since.pop(name, None)

    async def _drain(self, pods: Sequence[Stored]) -> None:
        """Evicts Pods, again and again where a budget refuses, and waits until they are gone."""
        async with asyncio.timeout(DRAIN_SECONDS_MAX):
            for pod in pods:
                self._recorder.event(pod, "Normal", "ScaleDown", "deleting pod for node scale down")
                while True:
                    try:
                        await self._client.evict(pod.namespace, pod.name)
                    except NotFoundError:
                        break
                    except ApiError:
                        await asyncio.sleep(SCAN_SECONDS)
                    else:
                        break
            for pod in pods:
                await self._gone(pod)

    async def _gone(self, pod: Stored) -> None:
        """Waits until the cache has forgotten a Pod; looks each second, as the real one asks."""
        for _ in range(round(DRAIN_SECONDS_MAX)):
            found = self._pods.get(pod.key)
            if found is None or found.uid != pod.uid:
                return
            await asyncio.sleep(1)

    async def _taint(self, name: str, key: str) -> None:
        """Puts one of the autoscaler's taints on a node in place of the others; "" takes them off."""
        node = self._nodes.get(name)
        if node is None:
            return
        taints: list[Object] = node.object["spec"].get("taints") or []
        wanted = plan.without_own_taints(node.object)
        known = [taint for taint in taints if taint["key"] == key]
        if key:
            effect = "NoSchedule" if key == TO_BE_DELETED else "PreferNoSchedule"
            fresh = {"key": key, "value": str(self._sim.clock.unix_ns() // 10**9), "effect": effect}
            wanted = [*wanted, *(known or [fresh])]
        if wanted != taints:
            live = await self._client.get(NODES, name)
            await self._client.update(NODES, with_fields(live.object, {"taints": wanted or None}, "spec"))

    # -- what it says ---------------------------------------------------------------------------------

    async def _make_status(self) -> None:
        metadata = {"name": STATUS, "namespace": NAMESPACE}
        made: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"status": "Running"}}
        try:
            self._status = (await self._client.create(CONFIG_MAPS, made)).object
        except AlreadyExistsError:
            self._status = (await self._client.get(CONFIG_MAPS, STATUS, NAMESPACE)).object

    def _tell_status(self, reason: str, message: str) -> None:
        self._recorder.event(self._status, "Normal", reason, message)


def is_unschedulable(pod: Object) -> bool:
    """Whether the scheduler has said that there is no room."""
    found = condition(pod, "PodScheduled")
    is_leaving = "deletionTimestamp" in pod["metadata"]
    return not is_leaving and (found.get("status"), found.get("reason")) == ("False", "Unschedulable")


def is_ready(node: Stored) -> bool:
    """Whether it takes Pods."""
    return condition(node.object, "Ready").get("status") == "True"
