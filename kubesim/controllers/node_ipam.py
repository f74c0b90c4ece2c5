"""Gives every node a network of its own for its Pods: spec.podCIDR, a /24 out of 10.244.0.0/16.

The lowest that is free; that of a node which is deleted is free again. As with `--allocate-node-cidrs`, which kubeadm
and minikube set and a control plane started by hand does not. The first network stays with the control plane's machine,
so that node-1 has 10.244.1.0/24. A cluster of more nodes than a /16 has room for goes on behind it.
Upstream: pkg/controller/nodeipam, pkg/controller/nodeipam/ipam/range_allocator.go. Left out: IPv6, other mask sizes.
"""

from __future__ import annotations

import heapq

from kubesim.api.errors import NotFoundError
from kubesim.api.resources import NODES
from kubesim.api.stored import Stored
from kubesim.controllers.controller import Controller, ControllerContext

FIRST = (10 << 24) | (244 << 16)  # --cluster-cidr
NETWORKS = 16_384
RESERVED = 1


class NodeIpamController(Controller):
    """The queue holds names of nodes."""

    name = "node-ipam-controller"
    service_account = "node-controller"
    event_source = "cidrAllocator"

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context)
        self._nodes = self.informers.of(NODES)
        self._next = RESERVED  # From here on none was ever given.
        self._released: list[int] = []  # A heap of those before it that are free.
        self._owners: dict[int, str] = {}
        self._taken: dict[str, int] = {}  # By node; what is outside of our networks is not in it.
        self._waiting: dict[str, None] = {}  # Nodes for which there was none.
        self._nodes.add_handler(on_add=self._seen, on_update=lambda _, new: self._updated(new), on_delete=self._deleted)

    async def run(self) -> None:
        """Takes in first what nodes have already, lest it be given away twice."""
        await self.informers.wait_synced()
        for node in self._nodes.list():
            self._occupy(node)
        await super().run()

    async def reconcile(self, key: str) -> None:
        """Gives one node its network."""
        node = self._nodes.get(key)
        if node is None or node.object["spec"].get("podCIDR"):
            return
        number = self._taken.get(key)
        if number is None:
            number = self._lowest()
        if number is None:
            self._waiting[key] = None
            self.recorder.event(node, "Normal", "CIDRNotAvailable", f"Node {key} status is now: CIDRNotAvailable")
            return
        self._take(key, number)
        network = network_of(number)
        try:
            await self.client.patch(NODES, key, {"spec": {"podCIDR": network, "podCIDRs": [network]}})
        except NotFoundError:
            self._release(key)

    def _seen(self, node: Stored) -> None:
        self._occupy(node)
        self._updated(node)

    def _updated(self, node: Stored) -> None:
        if not node.object["spec"].get("podCIDR") and node.name not in self._waiting:
            self.enqueue(node)

    def _deleted(self, node: Stored) -> None:
        self._waiting.pop(node.name, None)
        self._release(node.name)

    def _occupy(self, node: Stored) -> None:
        """A node that has a network already."""
        number = number_of(node.object["spec"].get("podCIDR") or "")
        if number is not None and number not in self._owners:
            self._take(node.name, number)

    def _lowest(self) -> int | None:
        while self._released and self._released[0] in self._owners:
            heapq.heappop(self._released)
        if self._released:
            return heapq.heappop(self._released)
        while self._next in self._owners:
            self._next += 1
        return self._next if self._next < NETWORKS else None

    def _take(self, name: str, number: int) -> None:
        self._owners[number] = name
        self._taken[name] = number

    def _release(self, name: str) -> None:
        number = self._taken.pop(name, None)
        if number is None:
            return
        del self._owners[number]
        heapq.heappush(self._released, number)
        for waiting in list(self._waiting)[:1]:
            del self._waiting[waiting]
            self.queue.add(waiting)


def network_of(number: int) -> str:
    """The network of a number."""
    address = FIRST + (number << 8)
    return f"{address >> 24}.{address >> 16 & 255}.{address >> 8 & 255}.0/24"


def number_of(network: str) -> int | None:
    """The number of a network of ours, None for others."""
    parts = network.removesuffix(".0/24").split(".")
    if not network.endswith(".0/24") or len(parts) != 3 or not all(part.isdecimal() for part in parts):
        return None
    first, second, third = map(int, parts)
    number = ((first << 24) + (second << 16) + (third << 8) - FIRST) >> 8
    return number if 0 <= number < NETWORKS else None
