"""A real socket on a paced loop: an apiserver on an etcd member, and aiohttp's client against it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import aiohttp
import pytest

from kubesim.api.wire import BearerToken, ClientCertificate, Credential
from kubesim.apiserver import ApiServer
from kubesim.apiserver.http import HttpFront
from kubesim.apiserver.http.credentials import credential_of
from kubesim.etcd import Member
from kubesim.sim import Simulation, run

ADMIN = ClientCertificate("kubernetes-admin", ("system:masters",))


class Http:
    """What a test asks with."""

    def __init__(self, sim: Simulation, server: ApiServer, session: aiohttp.ClientSession, base: str) -> None:
        self.sim = sim
        self.server = server
        self.session = session
        self.base = base

    async def call(self, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, Any]:
        """Code and JSON of one request."""
        if body is not None and "data" not in options:
            options["json"] = body
        async with self.session.request(method, self.base + path, **options) as response:
            text = await response.read()
            return response.status, json.loads(text) if "json" in response.content_type else text.decode()

    async def get(self, path: str, **headers: str) -> Any:
        """The JSON of a GET that must succeed."""
        code, answer = await self.call("GET", path, headers=headers)
        assert code == 200, answer
        return answer


def admin_unless_told(request: Any) -> Credential:
    """On plain HTTP everybody is the admin who brings no token, and says nothing of being nobody."""
    if "Nobody" in request.headers:
        return None
    found = credential_of(request)
    return found if isinstance(found, BearerToken) else ADMIN


@asynccontextmanager
async def _serve(speed: float = 1.0) -> AsyncIterator[Http]:
    sim = Simulation(7)
    server = ApiServer(sim, Member(sim))
    await server.start()
    sim.loop.pace(speed)
    front = HttpFront(server, credentials=admin_unless_told)
    port = await front.start()
    try:
        # The client's timers would count virtual seconds.
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(None)) as session:
            yield Http(sim, server, session, f"http://127.0.0.1:{port}")
    finally:
        await front.stop()
        await server.stop()


Serve = Callable[..., AbstractAsyncContextManager[Http]]


@pytest.fixture
def serve() -> Serve:
    """`async with serve() as http:` a served apiserver."""
    return _serve


@pytest.fixture
def served() -> Callable[[Callable[[Http], Coroutine[Any, Any, None]]], None]:
    """`served(test)` runs a coroutine function on a fresh served apiserver, at the speed of the wall."""

    def play(test: Callable[[Http], Coroutine[Any, Any, None]]) -> None:
        async def main() -> None:
            async with _serve() as http:
                await test(http)

        run(main)

    return play
