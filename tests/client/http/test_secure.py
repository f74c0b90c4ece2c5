"""HTTPS as a kubeconfig wants it: whom the client trusts, and who it is by certificate."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kubesim.api.errors import TransportError, UnauthorizedError
from kubesim.api.resources import NODES
from kubesim.apiserver import ApiServer
from kubesim.apiserver.http import HttpFront
from kubesim.client.client import Client
from kubesim.client.http import HttpTransport
from kubesim.client.kubeconfig import Access
from kubesim.etcd import Member
from kubesim.service.certificates import ensure, server_context
from kubesim.sim import Simulation
from kubesim.sim.wall import run_in_wall_time

Test = Callable[[Access], Coroutine[Any, Any, None]]


@pytest.fixture
def secured(tmp_path: Path) -> Callable[[Test], None]:
    """Runs a test with the access to an apiserver behind TLS, as `kubesim start` writes it."""

    def play(test: Test) -> None:
        async def main(sim: Simulation) -> None:
            files = ensure(tmp_path)
            server = ApiServer(sim, Member(sim))
            await server.start()
            front = HttpFront(server)
            port = await front.start(ssl_context=server_context(tmp_path))
            access = Access(
                "main", "c", "u", f"https://127.0.0.1:{port}", authority=files.authority.read_bytes(),
                certificate=(tmp_path / "admin.crt").read_bytes(), key=(tmp_path / "admin.key").read_bytes(),
            )  # fmt: skip
            try:
                await test(access)
            finally:
                await front.stop()
                await server.stop()

        run_in_wall_time(main)

    return play


async def ask(access: Access, **fields: Any) -> None:
    transport = HttpTransport(msgspec.structs.replace(access, **fields))
    try:
        await Client(transport, "tester").list(NODES)
    finally:
        await transport.close()


def test_who_is_trusted_and_known_by_certificate_may_ask(secured: Callable[[Test], None]) -> None:
    """Teaches: both ends show a certificate, and each trusts the cluster's authority."""

    async def test(access: Access) -> None:
        await ask(access)
        await ask(access, tls_server_name="localhost")
        await ask(access, authority=b"", insecure=True)

    secured(test)


def test_a_server_that_is_not_trusted_is_not_spoken_to(secured: Callable[[Test], None]) -> None:
    """Teaches: the words are OpenSSL's, and the sentence names the server."""

    async def test(access: Access) -> None:
        where = access.address
        with pytest.raises(TransportError, match=rf"^the certificate of {where} is not trusted: self.signed") as caught:
            await ask(access, authority=b"")
        assert caught.value.definite
        with pytest.raises(TransportError, match="is not trusted: Hostname mismatch"):
            await ask(access, tls_server_name="somebody.else")

    secured(test)


def test_a_client_that_is_not_known_is_told_so(secured: Callable[[Test], None]) -> None:
    """Teaches: without a certificate one is anonymous; a token that nobody issued is refused."""

    async def test(access: Access) -> None:
        with pytest.raises(UnauthorizedError):
            await ask(access, certificate=b"", key=b"", token="nonsense")

    secured(test)


def test_plain_http_to_a_secure_port_is_an_answer_that_is_no_apiserver_s(secured: Callable[[Test], None]) -> None:
    """Teaches: a wrong scheme is a common mistake, and no traceback."""

    async def test(access: Access) -> None:
        with pytest.raises(TransportError, match=r"the connection to .* was lost|is no apiserver"):
            await ask(access, server=access.server.replace("https", "http"))

    secured(test)
