"""The network of one machine's kernel: the rules that kube-proxy gave it, its routes, and what it remembers.

It is the machine's, not kube-proxy's: rules outlive the process that wrote them, and are gone when the power is. At the
endpoint `net/NODE` it takes connections: from a process here (a container, the node itself) or from another machine.
Its rules choose where one goes (`rules.py`); then it is handed to the containers here, or crosses to the next machine.

A SYN that is lost is sent again after 1, 2, 4 … seconds, as Linux does (tcp_syn_retries 6), and then given up.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

import msgspec

from kubesim.api.traffic import (
    ANSWERED,
    CONNECTED,
    LOST,
    REFUSED,
    UNREACHABLE,
    Addresses,
    Connection,
    Hop,
    HttpCall,
    Name,
    Reply,
    containers_on,
    kernel_of,
)
from kubesim.proxy.apiserver_port import answer
from kubesim.proxy.config import NodeFacts, ProxyConfig
from kubesim.proxy.feed import ServiceFeed
from kubesim.proxy.network_policy import EGRESS, INGRESS
from kubesim.proxy.packet import ACCEPT, DROP, REJECT, Memory, Packet, Verdict
from kubesim.proxy.policy_agent import PolicyAgent
from kubesim.proxy.routes import Routes
from kubesim.proxy.table import Table
from kubesim.sim import Network, Simulation

# Rules are loaded when somebody first looks or sends a packet: most runs never do.
if TYPE_CHECKING:
    from kubesim.proxy.rules import NodeRules

SYN_RETRIES_SECONDS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
APISERVER = "apiserver"
NO_LISTENER = "connection refused"


class Resolver(Protocol):
    """What answers questions for names: the fallback of `names_fallback.py`, or a cluster's DNS."""

    async def resolve(self, question: Name, kernel: Kernel) -> Addresses:
        """The addresses of a name."""
        ...


class Surroundings(Protocol):
    """What all machines of a cluster share: `kubesim.proxy.network.PodNetwork`."""

    routes: Routes
    config: ProxyConfig
    resolver: Resolver
    policies: PolicyAgent


class Kernel:
    """The network of the machine `name`; `address` is its own."""

    def __init__(self, sim: Simulation, name: str, address: str, surroundings: Surroundings) -> None:
        self.name = name
        self.address = address
        self.routes = surroundings.routes
        self.config = surroundings.config
        self.memory = Memory()
        self.has_kube_proxy = False  # Whether that process runs now.
        self.frozen_seconds: float | None = None  # Since when the rules are nobody's concern; None: they are current.
        self._sim = sim
        self._random = sim.chance.stream(f"kernel/{name}")
        self._tracing = sim.chance.stream(f"kernel/{name}/tracing")
        self._surroundings = surroundings
        self._table = Table()
        self._feed: ServiceFeed | None = None
        sim.network.attach(kernel_of(name), name, self.handle)

    # -- rules ----------------------------------------------------------------------------------------

    @property
    def table(self) -> Table:
        """The Services that it has rules for."""
        return self._feed.current() if self._feed is not None else self._table

    def rules(self, mode: str = "") -> NodeRules:
        """Its rules; with `mode`, as kube-proxy would have written them in another mode."""
        from kubesim.proxy.rules import NodeRules

        config = self.config if not mode else msgspec.structs.replace(self.config, mode=mode)
        zone = self._feed.zone_of(self.name) if self._feed is not None else self._zone
        return NodeRules(self.table, NodeFacts(self.name, self.address, zone), config)

    _zone = ""

    def follow(self, feed: ServiceFeed) -> None:
        """kube-proxy is connected: its rules are those of the shared table from now on."""
        self._feed = feed
        self.frozen_seconds = None

    def freeze(self) -> None:
        """kube-proxy hears nothing any more, or is dead: the rules stay as they are."""
        if self._feed is not None:
            self._table, self._zone = self._feed.copy(), self._feed.zone_of(self.name)
            self._feed = None
            self.frozen_seconds = self._sim.clock.now()

    def detach(self) -> None:
        """The machine is taken away."""
        self._sim.network.detach(kernel_of(self.name))
        self._sim.network.detach(containers_on(self.name))

    def power_off(self) -> None:
        """The machine loses its power: no rule survives."""
        self._feed = None
        self._table = Table()
        self.memory.forget()
        self.frozen_seconds = None

    # -- packets --------------------------------------------------------------------------------------

    async def handle(self, message: Connection | Name) -> Reply | Addresses:
        """What `net/NODE` is asked."""
        if isinstance(message, Name):
            return await self._surroundings.resolver.resolve(message, self)
        return await self.connect(message)

    async def connect(self, connection: Connection) -> Reply:
        """Brings a connection to where it belongs; the answer is what became of it."""
        if connection.translated:
            return await self._deliver(connection, ())
        verdict = self.judge(connection)
        hops = self._told(connection, verdict) if connection.trace else ()
        if verdict.action in (REJECT, DROP):
            outcome = REFUSED if verdict.action == REJECT else LOST
            return self._failed(connection, outcome, _why(verdict), hops)
        if not connection.arrived:
            to = (verdict.address, verdict.port, connection.protocol)
            if why := self._surroundings.policies.refusal(EGRESS, connection.source, *to):
                return self._failed(connection, LOST, why, hops)
        went = msgspec.structs.replace(
            connection,
            destination=verdict.address,
            port=verdict.port,
            source=self.address if verdict.masquerade else connection.source,
            translated=verdict.was_translated,
        )
        return await self._deliver(went, hops)

    def judge(self, connection: Connection) -> Verdict:
        """What the rules say of a connection."""
        from_here = not connection.arrived and connection.source == self.address
        packet = Packet(connection.source, connection.destination, connection.port, connection.protocol, from_here)
        now = self._sim.clock.now()
        draw = self._tracing if connection.probing else self._random
        verdict = self.rules().route(packet, draw=draw.random, memory=self.memory, now=now)
        if not connection.probing:
            self.memory.commit(verdict, packet.source, now)
        return verdict

    async def _deliver(self, connection: Connection, hops: tuple[Hop, ...]) -> Reply:
        """The last part of the way, or the next machine's."""
        if (connection.destination, connection.port) == self.routes.apiserver:
            return with_hops(await self._to_apiserver(connection), hops)
        node = self.routes.node_of(connection.destination)
        if not node:
            return self._failed(connection, LOST, f"no route leads to {connection.destination}", hops)
        if node == self.name:
            if why := self._closed(connection):
                return self._failed(connection, LOST, why, hops)
            if (said := self._from_kube_proxy(connection)) is not None:
                return with_hops(said, hops)
            handler = self._sim.network.handler(containers_on(node))
            if handler is None:
                return self._failed(connection, REFUSED, NO_LISTENER, hops)
            reply: Reply = await handler(connection)
            return with_hops(reply, hops)
        return with_hops(await self._pass_on(msgspec.structs.replace(connection, arrived=True), node), hops)

    def _from_kube_proxy(self, connection: Connection) -> Reply | None:
        """What kube-proxy answers at a port of its own on this machine, while it runs; None at any other port."""
        if connection.destination != self.address or not self.has_kube_proxy:
            return None
        from kubesim.proxy import health

        call = connection.data if isinstance(connection.data, HttpCall) else HttpCall("HEAD")
        said = health.answer(self.rules(), connection.port, call, self._sim.clock.timestamp())
        if said is None:
            return None
        hops = (Hop("answer", self.name, f"kube-proxy: HTTP {said.code}"),) if connection.trace else ()
        return Reply(ANSWERED, said.code, said.headers, said.body, source=connection.source, address=self.address,
                     port=connection.port, node=self.name, hops=hops)  # fmt: skip

    def _closed(self, connection: Connection) -> str:
        """Why the NetworkPolicies do not let it in here; a node reaches its own Pods always."""
        if connection.source == self.address:
            return ""
        to = (connection.destination, connection.port, connection.protocol)
        return self._surroundings.policies.refusal(INGRESS, connection.source, *to)

    async def _pass_on(self, connection: Connection, node: str) -> Reply:
        network, here, there = self._sim.network, kernel_of(self.name), kernel_of(node)
        if not await cross(network, here, there, patient=not connection.probing):
            return self._failed(connection, LOST, f"no packet gets from {self.name} to {node}", ())
        handler = network.handler(there)
        if handler is None:
            return self._failed(connection, UNREACHABLE, f"{node} is no machine of this cluster", ())
        reply: Reply = await handler(connection)
        if not await cross(network, there, here, patient=not connection.probing):
            return self._failed(connection, LOST, f"no packet gets from {node} back to {self.name}", reply.hops)
        return reply

    async def _to_apiserver(self, connection: Connection) -> Reply:
        network, here = self._sim.network, kernel_of(self.name)
        if network.refuses(here, APISERVER):
            return self._failed(connection, REFUSED, "no apiserver listens there", ())
        patient = not connection.probing
        for way in ((here, APISERVER), (APISERVER, here)):
            if not await cross(network, *way, patient=patient):
                return self._failed(connection, LOST, f"no packet gets from {way[0]} to {way[1]}", ())
        hops = (Hop("node", APISERVER, "the apiserver itself"),) if connection.trace else ()
        reply = Reply(CONNECTED, source=connection.source, address=connection.destination, port=connection.port,
                      node=APISERVER, hops=hops)  # fmt: skip
        if not isinstance(connection.data, HttpCall):
            return reply
        code, headers, body = answer(connection.data)
        return msgspec.structs.replace(reply, outcome=ANSWERED, code=code, headers=headers, body=body)

    # -- words ----------------------------------------------------------------------------------------

    def _failed(self, connection: Connection, outcome: str, reason: str, hops: tuple[Hop, ...]) -> Reply:
        if connection.trace:
            hops = (*hops, Hop("lost" if outcome != REFUSED else "refused", self.name, reason))
        return Reply(
            outcome, reason=reason, source=connection.source, address=connection.destination, port=connection.port,
            node=self.name, hops=hops,
        )  # fmt: skip

    def _told(self, connection: Connection, verdict: Verdict) -> tuple[Hop, ...]:
        """The rules of this node as a hop; none if they had nothing to say."""
        if not verdict.hits:
            return ()
        details = tuple(f"{hit.table}  {hit.rule}" for hit in verdict.hits)
        asked = f"{connection.destination}:{connection.port}"
        chosen = f"; chosen: {verdict.address}:{verdict.port}" if verdict.action == ACCEPT else f": {verdict.action}"
        text = f"{asked} is {verdict.service}{chosen}" if verdict.service else f"{asked}{chosen}"
        facts = {"service": verdict.service, "endpoint": f"{verdict.address}:{verdict.port}", "mode": self.config.mode,
                 "masquerade": verdict.masquerade, "verdict": verdict.action}  # fmt: skip
        return (Hop("rules", self.name, text, details, facts),)


async def cross(network: Network, source: str, target: str, *, patient: bool) -> bool:
    """Crosses from one machine to another, again and again if the packet is lost; False if it never arrives."""
    if await network.cross(source, target):
        return True
    for pause in SYN_RETRIES_SECONDS if patient else ():
        await asyncio.sleep(pause)
        if await network.cross(source, target):
            return True
    return False


def with_hops(reply: Reply, hops: tuple[Hop, ...]) -> Reply:
    """A reply with the stations before it."""
    return msgspec.structs.replace(reply, hops=(*hops, *reply.hops)) if hops else reply


def _why(verdict: Verdict) -> str:
    last = verdict.hits[-1].rule if verdict.hits else ""
    if "has no endpoints" in last or "no-endpoint" in last or (verdict.action == REJECT and verdict.service):
        return f"{verdict.service} has no endpoints"
    if "has no local endpoints" in last:
        return f"{verdict.service} has no endpoints on this node, and its policy is Local"
    return f"{verdict.action} by {last}"
