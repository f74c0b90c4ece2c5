"""The resolver in a container: /etc/resolv.conf as the kubelet writes it, and questions to kube-dns over the network.

    search NAMESPACE.svc.cluster.local svc.cluster.local cluster.local
    nameserver 10.96.0.10
    options ndots:5

A name with fewer than five dots is tried with every suffix first, so the short name of a Service works, and a name of
outside costs three questions in vain. A server that does not answer is asked again after 5 seconds, twice.
Upstream: resolv.conf(5), pkg/kubelet/network/dns. Left out: other dnsPolicies than ClusterFirst, IPv6.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from kubesim.api.traffic import ANSWERED, CONNECTED, LOST, UDP, Addresses, Connection, Hop, Name, Reply
from kubesim.dns.manifests import ADDRESS
from kubesim.dns.server import CoreDns
from kubesim.dns.zone import NOERROR, NXDOMAIN, A, Answer

DOMAIN = "cluster.local"
NDOTS = 5
TIMEOUT_SECONDS, ATTEMPTS = 5.0, 2
PORT = 53


class Kernel(Protocol):
    """The network of the machine on which somebody asks."""

    name: str

    async def connect(self, connection: Connection) -> Reply:
        """Brings a connection to where it belongs."""
        ...


class ClusterResolver:
    """Asks the server that runs now; `running` gives it, or None."""

    def __init__(self, running: Callable[[], CoreDns | None]) -> None:
        self._running = running

    async def resolve(self, question: Name, kernel: Kernel) -> Addresses:
        """The addresses of a name, as getaddrinfo finds them."""
        if is_address(question.name):
            return Addresses((question.name,), question.name)
        if question.name == "localhost":
            return Addresses(("127.0.0.1",), question.name)
        hops: tuple[Hop, ...] = ()
        for full in candidates(question.name, question.namespace):
            failure, answer, told = await self._ask(full, question, kernel)
            hops = (*hops, *told)
            if failure:
                return Addresses(reason=failure, hops=hops)
            addresses = tuple(record.data for record in answer.records if record.type == A)
            if answer.code == NOERROR and addresses:
                return Addresses(addresses, full, hops=hops)
        return Addresses(reason=NXDOMAIN, hops=hops)

    async def _ask(self, full: str, question: Name, kernel: Kernel) -> tuple[str, Answer, tuple[Hop, ...]]:
        """One question; a failure in words, or the answer, and the stations of the way."""
        packet = Connection(
            question.source, ADDRESS, PORT, UDP, full.encode(), trace=question.trace, probing=question.trace
        )
        hops: tuple[Hop, ...] = ()
        for _ in range(ATTEMPTS):
            reply = await kernel.connect(packet)
            hops = (*hops, *reply.hops)
            server = self._running()
            if reply.outcome in (ANSWERED, CONNECTED) and server is not None:
                answer = server.ask(full)
                said = ", ".join(record.data for record in answer.records) or answer.code
                where = f"{reply.namespace}/{reply.pod}"
                told = Hop(
                    "dns", kernel.name, f"{where}: {full} is {said}", facts={"server": where, "code": answer.code}
                )
                return "", answer, (told,) if question.trace else ()
            if not question.trace and reply.outcome == LOST:
                await asyncio.sleep(TIMEOUT_SECONDS)
        reason = f"no DNS server answers at {ADDRESS} ({reply.reason})" if reply.reason else "timeout"
        lost = Hop("dns", kernel.name, reason)
        return "timeout", Answer(NXDOMAIN), (*hops, lost) if question.trace else ()


def candidates(name: str, namespace: str) -> list[str]:
    """The full names to try, in order. One with a last dot is full already."""
    if name.endswith("."):
        return [name.rstrip(".")]
    suffixes = [f"{namespace}.svc.{DOMAIN}", f"svc.{DOMAIN}", DOMAIN]
    searched = [f"{name}.{suffix}" for suffix in suffixes]
    return [name, *searched] if name.count(".") >= NDOTS else [*searched, name]


def is_address(name: str) -> bool:
    """Whether it is an IPv4 address already."""
    parts = name.split(".")
    return len(parts) == 4 and all(part.isdigit() and int(part) < 256 for part in parts)
