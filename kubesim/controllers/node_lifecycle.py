"""Notices that a node is gone, by its silence, and keeps Pods off nodes that are in no state to run them.

Nobody reports a crash. Every 5 s this controller looks whether each node's Lease or status changed; after 50 s
without a sign of life it sets the node's conditions to Unknown and its Pods to not ready. Two kinds of taints
follow: NoSchedule ones mirror the conditions at once (see `taints`), and a NoExecute one, put on at a limited rate
(see `node_zones`), begins the countdown to eviction, which is the taint eviction controller's.

Left out: reconciliation of the beta labels of operating system and architecture.
Upstream: pkg/controller/nodelifecycle.
"""

from __future__ import annotations

import asyncio

from kubesim.api.errors import ApiError, TransportError
from kubesim.api.resources import LEASES, NODES
from kubesim.api.stored import Object, Stored
from kubesim.api.views import Node
from kubesim.controllers.controller import Controller, ControllerContext, RetryLaterError
from kubesim.controllers.node_health import NodeHealth, first_look, plan_node_health
from kubesim.controllers.node_taint_worker import NoExecuteTainter
from kubesim.controllers.node_writes import NodeWriter
from kubesim.controllers.node_zones import ZoneCount, ZoneState, plan_disruption
from kubesim.controllers.pod_index import NODE_INDEX, node_name, pods_by_node
from kubesim.controllers.taints import plan_no_schedule_taints
from kubesim.sim import Tasks, because

MONITOR_PERIOD_SECONDS = 5.0  # --node-monitor-period
UPDATE_TRIES_MAX = 5
UPDATE_RETRY_SECONDS = 0.02


class NodeLifecycleController(Controller):
    """Watches over nodes. The queue holds nodes whose NoSchedule taints are wrong, and Pods bound to lost nodes."""

    name = "node-lifecycle-controller"
    service_account = "node-controller"
    event_source = "node-controller"
    workers = 8

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context)
        self._writer = NodeWriter(self.client, self.recorder, self.sim.clock)
        self._health: dict[str, NodeHealth] = {}
        self._pods_to_mark: dict[str, None] = {}  # Nodes some of whose Pods could not be marked not ready.
        self._zones: dict[str, ZoneState] = {}
        self._zones_changed = False
        self._membership_changed = True
        self._nodes = self.informers.of(NODES)
        self._leases = self.informers.of(LEASES)
        self._pods = pods_by_node(self.informers)
        self._tainter = NoExecuteTainter(self.sim, self._nodes, self._writer)
        self._nodes.add_handler(on_add=self._node_added, on_update=self._node_updated, on_delete=self._node_deleted)
        self._pods.add_handler(on_add=self._pod_added, on_update=self._pod_updated)

    def background(self, tasks: Tasks) -> None:
        """The periodic look at all nodes, and the worker that taints lost ones."""
        tasks.spawn(self._monitor_forever(), "monitor")
        tasks.spawn(self._tainter.run(), "taint")

    async def reconcile(self, key: str) -> None:
        """A node: corrects its NoSchedule taints. A Pod: marks it not ready if its node is not."""
        if "/" in key:
            pod = self._pods.get(key)
            if pod is not None and not await self._writer.mark_pods_not_ready([pod]):
                raise RetryLaterError(f"could not mark Pod {key} not ready")
            return
        node = self._nodes.get(key)
        if node is not None:
            plan = plan_no_schedule_taints(node.view(Node))
            await self._writer.swap_taints(key, plan.add, plan.remove)

    async def _monitor_forever(self) -> None:
        while True:
            with because("timer node-lifecycle/monitor"):
                await self._monitor()
            await asyncio.sleep(MONITOR_PERIOD_SECONDS)

    async def _monitor(self) -> None:
        """One look at all nodes. A node that is fine and did not change costs two comparisons."""
        now_ns = self.sim.loop.now_ns
        if self._membership_changed:
            await self._classify()
        get_lease = self._leases.get
        for health in list(self._health.values()):
            if health.is_settled:
                lease = get_lease(health.lease_key)
                if lease is not health.lease:
                    health.saw_lease(lease, now_ns)
                if now_ns < health.deadline_ns:
                    continue
            await self._check(health)
        if self._zones_changed:
            self._zones_changed = False
            await self._judge_zones()

    async def _classify(self) -> None:
        """Takes new nodes in and lets removed ones go."""
        self._membership_changed = False
        self._zones_changed = True
        present = {node.name: node for node in self._nodes.list()}
        offset_ns = self.sim.clock.unix_ns() - self.sim.loop.now_ns
        for name, node in present.items():
            if name not in self._health:
                self._writer.record(node, "RegisteredNode", f"Node {name} event: Registered Node {name} in Controller")
                health = self._health[name] = first_look(node, self.sim.loop.now_ns, offset_ns)
                await self._release(health)  # Whatever an earlier controller thought of it.
        for name in [name for name in self._health if name not in present]:
            node = self._health.pop(name).node
            self._writer.record(node, "RemovingNode", f"Node {name} event: Removing Node {name} from Controller")

    async def _check(self, health: NodeHealth) -> None:
        """Looks at one node, and acts when it was silent for too long, came back, or is still not ready."""
        node = self._nodes.get(health.node.name)
        if node is None:
            return  # Deleted a moment ago; the next look lets it go.
        counted_as = (health.zone, health.ready, health.is_counted)
        now_ns = self.sim.loop.now_ns
        health.saw_node(node, now_ns)
        health.saw_lease(self._leases.get(health.lease_key), now_ns)
        before = health.ready
        try:
            if not await self._write_health(health):
                return
            await self._taint(health)
        except (ApiError, TransportError) as error:
            self._tell(node.name, error)
            return
        finally:
            self._zones_changed |= counted_as != (health.zone, health.ready, health.is_counted)
        if before == "True" and health.ready != "True":
            self._writer.record(node, "NodeNotReady", f"Node {node.name} status is now: NodeNotReady")
            await self._mark_pods(node.name)
        elif before != "True" and node.name in self._pods_to_mark:
            await self._mark_pods(node.name)
        else:
            self._pods_to_mark.pop(node.name, None)
        health.is_settled = health.ready == "True"

    async def _write_health(self, health: NodeHealth) -> bool:
        """Writes Unknown into a silent node's status; False if that failed five times."""
        for _ in range(UPDATE_TRIES_MAX):
            node = plan_node_health(health, self.sim.loop.now_ns, self.sim.clock.timestamp())
            if node is None:
                return True
            try:
                await self._update_status(health, node)
            except (ApiError, TransportError):
                await asyncio.sleep(UPDATE_RETRY_SECONDS)
                await self._reread(health)
            else:
                return True
        return False

    async def _update_status(self, health: NodeHealth, node: Object) -> None:
        written = await self.client.update_status(NODES, node)
        probe_ns = health.probe_ns
        health.saw_node(written, self.sim.loop.now_ns)
        health.probe_ns = probe_ns  # What we wrote ourselves is no sign of life.

    async def _reread(self, health: NodeHealth) -> None:
        try:
            health.saw_node(await self.client.get(NODES, health.node.name), self.sim.loop.now_ns)
        except (ApiError, TransportError):
            return

    async def _taint(self, health: NodeHealth) -> None:
        if health.ready == "True":
            await self._tainter.release(health.node, health.zone)
        elif health.heartbeat is not None:  # A node that never was anything has nothing to drive away.
            await self._tainter.demand(health.node, health.zone, health.ready)

    async def _release(self, health: NodeHealth) -> None:
        try:
            await self._tainter.release(health.node, health.zone)
        except (ApiError, TransportError) as error:
            self._tell(health.node.name, error)

    def _tell(self, name: str, error: Exception) -> None:
        self.sim.trace.emit("reconcile_failed", controller=self.name, key=name, error=str(error))

    async def _mark_pods(self, name: str) -> None:
        if await self._writer.mark_pods_not_ready(self._pods.by_index(NODE_INDEX, name)):
            self._pods_to_mark.pop(name, None)
        else:
            self._pods_to_mark[name] = None

    async def _judge_zones(self) -> None:
        zones: dict[str, ZoneCount] = {}
        for health in self._health.values():
            if health.is_counted:
                ready, not_ready = zones.get(health.zone, ZoneCount())
                is_ready = health.ready == "True"
                zones[health.zone] = ZoneCount(ready + is_ready, not_ready + (not is_ready))
        plan = plan_disruption(zones, self._zones)
        self._zones = plan.states
        if plan.is_blind:
            for health in self._health.values():
                await self._release(health)
        if plan.sees_again:
            for health in self._health.values():
                health.probe_ns = self.sim.loop.now_ns
        for zone, rate in plan.rates.items():
            self._tainter.set_rate(zone, rate)

    def _node_added(self, node: Stored) -> None:
        self._membership_changed = True
        self._node_changed(node)

    def _node_updated(self, _old: Stored, node: Stored) -> None:
        self._node_changed(node)

    def _node_deleted(self, _node: Stored) -> None:
        self._membership_changed = True

    def _node_changed(self, node: Stored) -> None:
        health = self._health.get(node.name)
        if health is not None:
            health.is_settled = False
        if any(plan_no_schedule_taints(node.view(Node))):
            self.enqueue(node)

    def _pod_added(self, pod: Stored) -> None:
        self._pod_bound(pod, node_name(pod))

    def _pod_updated(self, old: Stored, pod: Stored) -> None:
        name = node_name(pod)
        if name != node_name(old):
            self._pod_bound(pod, name)

    def _pod_bound(self, pod: Stored, name: str) -> None:
        health = self._health.get(name)
        if health is not None and health.heartbeat is not None and health.ready != "True":
            self.enqueue(pod)
