"""The world outside of a cluster: how a client there reaches a node port, an external address or a load balancer's.

A load balancer's address is announced by one node (as MetalLB does in layer 2): the first whose machine is up and,
with externalTrafficPolicy Local, whose health check port says that it has endpoints. Addresses of Pods and of Services
inside cannot be reached from outside: no route leads there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

from kubesim.api.traffic import LOST, Connection, Hop, Reply, kernel_of
from kubesim.proxy.kernel import Kernel, cross, with_hops
from kubesim.proxy.routes import OUTSIDE_ADDRESS, Routes
from kubesim.sim import Network

if TYPE_CHECKING:
    from kubesim.proxy.rules import NodeRules

OUTSIDE = "outside"


class Machines(Protocol):
    """The machines of a cluster: `kubesim.proxy.network.PodNetwork`."""

    kernels: dict[str, Kernel]
    routes: Routes


class Outside:
    """Clients on the internet."""

    def __init__(self, network: Network, machines: Machines) -> None:
        self._network = network
        self._machines = machines
        network.attach(kernel_of(OUTSIDE), OUTSIDE, self.connect)

    async def connect(self, connection: Connection) -> Reply:
        """Brings a connection to the node that it enters by."""
        node, why = self._entrance(connection)
        if not node:
            return self._failed(connection, LOST, why)
        hops = (Hop("node", node, f"{connection.destination} {why}"),) if connection.trace else ()
        here, there = kernel_of(OUTSIDE), kernel_of(node)
        arriving = msgspec.structs.replace(connection, arrived=True, source=connection.source or OUTSIDE_ADDRESS)
        if not await cross(self._network, here, there, patient=not connection.probing):
            return with_hops(self._failed(connection, LOST, f"{node} does not answer: its machine is down"), hops)
        reply: Reply = await self._machines.kernels[node].connect(arriving)
        return with_hops(reply, hops)

    def _entrance(self, connection: Connection) -> tuple[str, str]:
        """The node that a packet from outside arrives at, and why there."""
        address = connection.destination
        if node := self._machines.routes.machine_at(address):
            return node, f"is {node}'s own address"
        if self._machines.routes.node_of(address):
            return "", f"no route leads from outside to the Pod network ({address})"
        for node, kernel in self._machines.kernels.items():
            if self._network.is_down(node):
                continue
            rules = kernel.rules()
            owned = [(entry, port) for entry, port in rules.table.at(address, connection.port, connection.protocol)
                     if address in (*port.external_ips, *port.load_balancer_ips)]  # fmt: skip
            if owned and all(not port.external_local or _has_local(rules, node, port.name) for _, port in owned):
                return node, f"is {owned[0][1].name}'s address, announced by {node}"
        return "", f"no route leads from outside to {address}"

    def _failed(self, connection: Connection, outcome: str, reason: str) -> Reply:
        hops = (Hop("lost", OUTSIDE, reason),) if connection.trace else ()
        return Reply(outcome, reason=reason, source=connection.source, address=connection.destination,
                     port=connection.port, node=OUTSIDE, hops=hops)  # fmt: skip


def _has_local(rules: NodeRules, node: str, name: str) -> bool:
    """What the health check node port says: whether the node has ready endpoints of its own."""
    return any(
        endpoint.ready and endpoint.node == node
        for entry, port in rules.ports()
        if port.name == name
        for endpoint in entry.endpoints(port)
    )
