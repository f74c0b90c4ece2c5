"""Puts the NoExecute taint on lost nodes, as fast as the state of their zone allows, and takes it off.

Upstream: processTaintBaseEviction and doNoExecuteTaintingPass in pkg/controller/nodelifecycle.
"""

from __future__ import annotations

import asyncio

from kubesim.api.errors import ApiError, TransportError
from kubesim.api.stored import Stored
from kubesim.api.views import Node
from kubesim.client.informer import Informer
from kubesim.controllers.node_writes import NodeWriter
from kubesim.controllers.node_zones import EVICTION_QPS
from kubesim.controllers.rate_limited_queue import RateLimitedQueue
from kubesim.controllers.taints import NOT_READY_NO_EXECUTE, UNREACHABLE_NO_EXECUTE, TaintKey, TaintPlan, matches
from kubesim.sim import Simulation, because

PASS_PERIOD_NS = 100_000_000

# By the status of a node's Ready condition: the two taints exclude each other.
TAINTS_BY_READY = {
    "False": TaintPlan((NOT_READY_NO_EXECUTE,), (UNREACHABLE_NO_EXECUTE,)),
    "Unknown": TaintPlan((UNREACHABLE_NO_EXECUTE,), (NOT_READY_NO_EXECUTE,)),
}


class NoExecuteTainter:
    """One rate limited queue per zone; looked at every 100 ms, as long as something waits."""

    def __init__(self, sim: Simulation, nodes: Informer, writer: NodeWriter) -> None:
        self._sim = sim
        self._nodes = nodes
        self._writer = writer
        self._queues: dict[str, RateLimitedQueue] = {}
        self._demanded = asyncio.Event()

    async def demand(self, node: Stored, zone: str, ready: str) -> None:
        """The node is not ready: queues it, or swaps the taint at once if it bears the other one already."""
        plan = TAINTS_BY_READY.get(ready)
        if plan is None:
            return
        if has_taint(node, plan.remove[0]):
            await self._writer.swap_taints(node.name, plan.add, plan.remove)
        elif self._queue(zone).add(node.name):
            self._demanded.set()

    async def release(self, node: Stored, zone: str) -> None:
        """The node is ready: takes both taints off and forgets that it was asked to be tainted."""
        for taint in (UNREACHABLE_NO_EXECUTE, NOT_READY_NO_EXECUTE):
            if has_taint(node, taint):
                await self._writer.swap_taints(node.name, (), (taint,))
        self._queue(zone).remove(node.name)

    def set_rate(self, zone: str, rate: float) -> None:
        """Nodes a second of a zone."""
        self._queue(zone).set_rate(rate)
        self._demanded.set()

    async def run(self) -> None:
        """Works until cancelled."""
        start_ns = self._sim.loop.now_ns
        while True:
            await self._demanded.wait()
            passed_ns = (self._sim.loop.now_ns - start_ns) % PASS_PERIOD_NS
            await asyncio.sleep((PASS_PERIOD_NS - passed_ns) / 1e9)
            for queue in list(self._queues.values()):
                if len(queue):
                    await queue.work(self._taint)
            if not any(len(queue) and queue.rate > 0 for queue in self._queues.values()):
                self._demanded.clear()

    async def _taint(self, name: str) -> bool:
        node = self._nodes.get(name)
        if node is None:
            return True
        ready = next((c.status for c in node.view(Node).status.conditions if c.type == "Ready"), "")
        plan = TAINTS_BY_READY.get(ready)
        if plan is None:
            return True  # It came back in the meantime.
        try:
            with because(node.revision):
                await self._writer.swap_taints(name, plan.add, plan.remove)
        except (ApiError, TransportError):
            return False
        return True

    def _queue(self, zone: str) -> RateLimitedQueue:
        queue = self._queues.get(zone)
        if queue is None:
            queue = self._queues[zone] = RateLimitedQueue(self._sim.clock, EVICTION_QPS)
        return queue


def has_taint(node: Stored, taint: TaintKey) -> bool:
    """Whether a node bears a taint."""
    return any(matches(old, taint) for old in node.object["spec"].get("taints") or ())
