"""The network as programs in containers use it: names are looked up and connections opened at the machine's kernel.

A program says what it wants (`Lookup`, `Dial` of `process.py`); whoever runs it hands that on to the endpoint
`net/NODE`, and fills in what came back. Upstream: the system calls behind getaddrinfo and connect.
"""

from __future__ import annotations

import asyncio

from kubesim.api.traffic import LOST, Addresses, Connection, Name, Reply, kernel_of
from kubesim.kubelet.runtime.process import Dial, Lookup
from kubesim.sim import Network

# A resolver asks a server that does not answer once more after 5 s, then gives up; a connection after 127 s of SYNs.
RESOLVER_SECONDS = 10.0
CONNECT_SECONDS = 127.0


class Sockets:
    """The network of the machine `node`."""

    def __init__(self, network: Network, node: str) -> None:
        self._network = network
        self._node = node

    async def perform(self, wanted: Dial | Lookup) -> None:
        """Does what the program wants, in at most the time that it gives."""
        if isinstance(wanted, Lookup):
            wanted.found = await self._look_up(wanted)
        else:
            wanted.reply = await self._dial(wanted)

    async def _look_up(self, wanted: Lookup) -> Addresses:
        try:
            async with asyncio.timeout(min(wanted.seconds or RESOLVER_SECONDS, RESOLVER_SECONDS)):
                question = Name(wanted.name, wanted.source, wanted.namespace)
                found: Addresses = await self._network.request(self._node, kernel_of(self._node), question)
                return found
        except TimeoutError:
            return Addresses(reason="timeout")

    async def _dial(self, wanted: Dial) -> Reply:
        connection = Connection(wanted.source, wanted.address, wanted.port, protocol=wanted.protocol, data=wanted.data)
        limit = wanted.seconds or CONNECT_SECONDS
        try:
            async with asyncio.timeout(limit):
                reply: Reply = await self._network.request(self._node, kernel_of(self._node), connection)
                if reply.outcome == LOST:
                    await asyncio.sleep(limit)  # Nobody says that nobody answers.
                return reply
        except TimeoutError:
            return Reply(LOST, reason="timeout", address=wanted.address, port=wanted.port)
