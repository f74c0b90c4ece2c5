"""The containers of one machine as others on the network find them: who listens at an address and a port.

It belongs to the machine and asks the runtime, so containers answer while their kubelet is dead. At `podnet/NODE` it
takes connections that the kernel hands it (`kubesim.api.traffic`). An address without a Pod swallows packets, as behind
a CNI plugin with one route per Pod (ptp, kindnet); a Pod in which nobody listens at the port refuses.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from kubesim.api.session import STDOUT
from kubesim.api.traffic import (
    ANSWERED,
    CONNECTED,
    LOST,
    REFUSED,
    RESET,
    UDP,
    Connection,
    Hop,
    HttpCall,
    Reply,
    containers_on,
    program_of,
)
from kubesim.kubelet.runtime.cri import Container, ContainerRuntime, ContainerState
from kubesim.kubelet.runtime.pages import HttpRequest, Page
from kubesim.kubelet.runtime.process import Surroundings
from kubesim.sim import Simulation


class PodPorts:
    """The ports of the Pods on the machine `node`; `address` is the machine's own, which host-network Pods share."""

    def __init__(self, sim: Simulation, runtime: ContainerRuntime, node: str, address: str) -> None:
        self._sim = sim
        self._runtime = runtime
        self._node = node
        self._address = address
        self._pod_at: dict[str, str] = {}  # Address → UID, as last seen.
        sim.network.attach(containers_on(node), node, self.handle)

    async def handle(self, connection: Connection) -> Reply:
        """What becomes of a connection that has arrived here."""
        if connection.destination == self._address:
            connection = self._by_host_port(connection)
        uids = self._pods_at(connection.destination)
        if not uids and connection.destination != self._address:
            return self._without(connection, LOST, f"no Pod on {self._node} has the address {connection.destination}")
        for uid in uids:
            for container in self._runtime.pod_status(uid).running():
                reply = self._try(connection, uid, container)
                if reply is not None:
                    return await self._in_time(connection, container, await self._by_program(connection, reply))
        if uids and connection.destination != self._address:
            words = f"nobody listens at port {connection.port}"
        else:
            words = f"nobody listens at port {connection.port} of {self._node}"
        return self._without(connection, REFUSED, words, uids[0] if uids else "")

    async def _in_time(self, connection: Connection, container: Container, reply: Reply) -> Reply:
        """The reply when it is ready; a program that ends before resets the connection."""
        seconds = container.behaviour.answer_seconds
        if not seconds or connection.probing or reply.outcome != ANSWERED:
            return reply
        await asyncio.sleep(seconds)
        if container.state is ContainerState.RUNNING:
            return reply
        return self._without(connection, RESET, "the program ended before it had answered")

    def _by_host_port(self, connection: Connection) -> Connection:
        """A port of the machine that a Pod has taken (`hostPort`) leads to that Pod, as the CNI plugin portmap does."""
        for uid in self._runtime.pods():
            status = self._runtime.pod_status(uid)
            sandbox = status.sandbox()
            if sandbox is None or not sandbox.ready or not sandbox.ip:
                continue
            for container in status.running():
                for port in container.spec.ports if container.spec is not None else ():
                    if (port.host_port, port.protocol or "TCP") == (connection.port, connection.protocol):
                        return msgspec.structs.replace(connection, destination=sandbox.ip, port=port.container_port)
        return connection

    async def _by_program(self, connection: Connection, reply: Reply) -> Reply:
        """The answer of an addon's program, if one works in this Pod; else the container's own."""
        program = self._sim.network.handler(program_of(reply.namespace, reply.pod))
        if program is None or not isinstance(connection.data, HttpCall):
            return reply
        answered: Reply = await program(connection)
        return msgspec.structs.replace(answered, hops=(*reply.hops[:1], *answered.hops))

    def _pods_at(self, address: str) -> list[str]:
        """The Pods with this address: one, or those on the machine's own network."""
        if address == self._address:
            return [uid for uid in self._runtime.pods() if self._has(uid, "")]
        known = self._pod_at.get(address)
        if known is not None and self._has(known, address):
            return [known]
        for uid in self._runtime.pods():
            if self._has(uid, address):
                self._pod_at[address] = uid
                return [uid]
        self._pod_at.pop(address, None)
        return []

    def _has(self, uid: str, address: str) -> bool:
        sandbox = self._runtime.pod_status(uid).sandbox()
        return sandbox is not None and sandbox.ready and sandbox.ip == address

    def _try(self, connection: Connection, uid: str, container: Container) -> Reply | None:
        """The reply of one container; None if it does not listen there."""
        page = self._runtime.insides(container).page(connection.port) if connection.protocol != UDP else None
        if page is None:
            listens = self._runtime.insides(container).listens(connection.port, connection.protocol)
            return self._reply(connection, uid, container, CONNECTED) if listens else None
        if not isinstance(connection.data, HttpCall):
            return self._reply(connection, uid, container, CONNECTED)
        return self._answer(connection, uid, container, page)

    def _answer(self, connection: Connection, uid: str, container: Container, page: Page) -> Reply:
        asked = connection.data
        assert isinstance(asked, HttpCall), "only those are answered"
        request = HttpRequest(asked.method, asked.path, asked.headers, connection.source)
        answer = page.answer(request, self._name(uid)[1])
        now_ns = self._sim.clock.unix_ns()
        if not connection.probing:
            page.answered()
        if not connection.probing and (line := page.log_line(request, answer, now_ns)):
            self._runtime.insides(container).log(Surroundings()).append(now_ns, STDOUT, line.encode())
        return self._reply(
            connection, uid, container, ANSWERED, code=answer.code, headers=answer.headers, body=answer.body
        )

    def _reply(self, connection: Connection, uid: str, container: Container, outcome: str, **more: Any) -> Reply:
        namespace, pod = self._name(uid)
        hops: tuple[Hop, ...] = ()
        if connection.trace:
            where = f"container {container.name} of Pod {namespace}/{pod} on {self._node}"
            said = f"HTTP {more['code']}" if "code" in more else "the connection is open"
            facts = {"pod": pod, "namespace": namespace, "container": container.name, "source": connection.source}
            hops = (
                Hop("container", self._node, where, facts=facts),
                Hop("answer", self._node, said, facts=_told(more)),
            )
        return Reply(
            outcome, source=connection.source, address=connection.destination, port=connection.port, node=self._node,
            namespace=namespace, pod=pod, container=container.name, hops=hops, **more,
        )  # fmt: skip

    def _without(self, connection: Connection, outcome: str, reason: str, uid: str = "") -> Reply:
        namespace, pod = self._name(uid) if uid else ("", "")
        hops = (Hop("lost" if outcome == LOST else "refused", self._node, reason),) if connection.trace else ()
        return Reply(
            outcome, reason=reason, source=connection.source, address=connection.destination, port=connection.port,
            node=self._node, namespace=namespace, pod=pod, hops=hops,
        )  # fmt: skip

    def _name(self, uid: str) -> tuple[str, str]:
        """The namespace and name of a Pod."""
        sandbox = self._runtime.pod_status(uid).sandbox()
        return (sandbox.namespace, sandbox.name) if sandbox is not None else ("", "")


def _told(more: dict[str, Any]) -> dict[str, Any]:
    return {"code": more["code"], "bytes": len(more["body"])} if "code" in more else {}
