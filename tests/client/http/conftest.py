"""An apiserver behind a real socket, and our own transport against it, on one loop at the wall's speed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest
from aiohttp import web

from kubesim.api.wire import ClientCertificate
from kubesim.apiserver import ApiServer
from kubesim.apiserver.http import HttpFront
from kubesim.client.client import Client
from kubesim.client.http import HttpTransport
from kubesim.client.kubeconfig import Access
from kubesim.etcd import Member
from kubesim.sim import Simulation
from kubesim.sim.wall import run_in_wall_time

ADMIN = ClientCertificate("kubernetes-admin", ("system:masters",))
Test = Callable[[Client], Coroutine[Any, Any, None]]
Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


def access_to(port: int, **fields: Any) -> Access:
    return Access("main", "c", "u", f"http://127.0.0.1:{port}", **fields)


@pytest.fixture
def served() -> Callable[[Test], None]:
    """`served(test)` runs a coroutine function with a client of a fresh apiserver; who asks is its admin."""

    def play(test: Test) -> None:
        async def main(sim: Simulation) -> None:
            server = ApiServer(sim, Member(sim))
            await server.start()
            front = HttpFront(server, credentials=lambda _: ADMIN)
            transport = HttpTransport(access_to(await front.start()))
            try:
                await test(Client(transport, "tester"))
            finally:
                await transport.close()
                await front.stop()
                await server.stop()

        run_in_wall_time(main)

    return play


@pytest.fixture
def answered() -> Callable[[Answer, Test], None]:
    """`answered(answer, test)`: whatever is asked, `answer` says what comes back."""

    def play(answer: Answer, test: Test, **fields: Any) -> None:
        async def main(_: Simulation) -> None:
            runner = web.ServerRunner(web.Server(answer))
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            port = runner.addresses[0][1]
            transport = HttpTransport(access_to(port, **fields))
            try:
                await test(Client(transport, "tester"))
            finally:
                await transport.close()
                await runner.cleanup()

        run_in_wall_time(main)

    return play
