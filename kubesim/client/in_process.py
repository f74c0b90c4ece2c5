"""The way to an apiserver in the same process: no encoding, no copying, but a network in between.

While the simulated network is free of rules a request costs one turn of the loop, so that requests of
different components interleave as they would on a real network. Otherwise request and answer each cross
`sim.network`, and whoever waits longer than the deadline gets a TransportError that says "perhaps it
happened". All watches share one connection, as HTTP/2 does; `kubesim.client.connection` decides when it dies.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Protocol, TypeVar

from kubesim.api.errors import TransportError
from kubesim.api.session import Session
from kubesim.api.wire import Request, Response, WatchStream
from kubesim.client.connection import Connection
from kubesim.sim import Simulation, next_turn
from kubesim.sim.network import lost

Result = TypeVar("Result")
DEADLINE_SECONDS = 30.0


class Server(Protocol):
    """What stands at the other end: `kubesim.apiserver.ApiServer`, or a test's own."""

    async def handle(self, request: Request) -> Response:
        """Answers any verb but watch."""
        ...

    async def watch(self, request: Request) -> WatchStream:
        """Begins a watch."""
        ...

    async def connect(self, request: Request) -> Session:
        """Connects to a process behind the server."""
        ...


class InProcessTransport:
    """Reaches `server`, which answers at the endpoint `target`, from the endpoint `source`."""

    def __init__(
        self,
        sim: Simulation,
        server: Server,
        *,
        source: str,
        target: str = "apiserver",
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> None:
        self._network = sim.network
        self._server = server
        self._source = source
        self._target = target
        self._deadline_seconds = deadline_seconds
        self._connection = Connection(sim.loop, sim.network, source, target)

    async def request(self, request: Request) -> Response:
        """Any verb but watch. Without a rule on any link there is no deadline: then nothing is lost on the way."""
        await next_turn()
        network = self._network
        if network.has_rules or not network.is_open(self._source, self._target):
            return await self._in_time(self._exchange(request))
        response = await self._server.handle(request)
        if not network.is_open(self._target, self._source):  # Trouble began while the server worked.
            await self._in_time(self._cross(self._target, self._source))
        return response

    async def watch(self, request: Request) -> WatchStream:
        """Begins a watch over the connection that all watches of this transport share."""
        await next_turn()
        if not self._network.is_open(self._source, self._target):
            await self._in_time(self._cross(self._source, self._target))
        return self._connection.carry(await self._server.watch(request))

    async def connect(self, request: Request) -> Session:
        """Connects to a process behind the server; what is then said is not delayed by links."""
        await next_turn()
        if not self._network.is_open(self._source, self._target):
            await self._in_time(self._cross(self._source, self._target))
        return await self._server.connect(request)

    async def _exchange(self, request: Request) -> Response:
        await self._cross(self._source, self._target)
        response = await self._server.handle(request)
        await self._cross(self._target, self._source)
        return response

    async def _cross(self, source: str, target: str) -> None:
        if self._network.refuses(self._source, self._target):
            raise TransportError(f"dial {self._target}: connect: connection refused", definite=source == self._source)
        if not await self._network.cross(source, target):
            await lost()

    async def _in_time(self, work: Coroutine[Any, Any, Result]) -> Result:
        deadline = asyncio.timeout(self._deadline_seconds)
        try:
            async with deadline:
                return await work
        except TimeoutError:
            if not deadline.expired():
                raise
            message = f"no answer from {self._target} to {self._source} within {self._deadline_seconds:g} s"
            raise TransportError(message, definite=False) from None
