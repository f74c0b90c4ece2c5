"""What a service shows at its port: the Kubernetes API of the apiserver that runs now, and beside it the control.

An apiserver that a fault has crashed answers nothing, while the control goes on; one that starts again is served at
the same port.
"""

from __future__ import annotations

import asyncio
import ssl
from contextvars import Context

import orjson
from aiohttp import web

from kubesim.api.errors import ApiError, BadRequestError, ServiceUnavailableError, UnauthorizedError
from kubesim.apiserver import ApiServer, Authenticator
from kubesim.apiserver.http import HttpFront
from kubesim.apiserver.http.audit import Sink
from kubesim.apiserver.http.credentials import credential_of
from kubesim.apiserver.http.front import Handle
from kubesim.cluster import CONTROL_PLANE, SimCluster
from kubesim.service.control import PREFIX, Control

HOST = "127.0.0.1"
BODY_BYTES_MAX = 64 << 10


class Frontage:
    """Serves a cluster and its control with one certificate."""

    def __init__(
        self, cluster: SimCluster, control: Control, context: ssl.SSLContext, audit: Sink | None = None
    ) -> None:
        self._cluster = cluster
        self._control = control
        self._context = context
        self._audit = audit
        self._authenticator = Authenticator()
        self._apiserver = cluster.faults.hosts[CONTROL_PLANE].processes["apiserver"]
        self._front: HttpFront | None = None
        self._port = 0
        self._moving: asyncio.Task[None] | None = None

    async def start(self, port: int) -> int:
        """Listens; returns the port (0 asks for any). OSError if that is not possible."""
        server = self._cluster.apiserver
        assert server is not None, "the cluster has booted"
        front = self._new_front(server)
        self._port = await front.start(port, self._context)
        self._front = front
        self._cluster.on_apiserver.append(self._move)
        return self._port

    async def stop(self) -> None:
        """Hangs up."""
        if self._moving is not None:
            await self._moving
        if self._front is not None:
            await self._front.stop()

    def _new_front(self, server: ApiServer) -> HttpFront:
        return HttpFront(server, host=HOST, wrap=self._beside, audit=self._audit)

    def _move(self, server: ApiServer) -> None:
        """A new apiserver has started. What serves it outlives that process, so it is not begun as its part."""
        work = self._serve(server, self._moving)
        self._moving = self._cluster.sim.loop.create_task(work, name="frontage", context=Context())

    async def _serve(self, server: ApiServer, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await before
        if self._front is not None:
            await self._front.stop()
        self._front = self._new_front(server)
        await self._front.start(self._port, self._context)

    def _beside(self, handle: Handle) -> Handle:
        """Takes the control's requests out of the apiserver's."""

        async def choose(request: web.BaseRequest) -> web.StreamResponse:
            if request.path.startswith(PREFIX):
                return await self._answer(request)
            if not self._apiserver.is_running:
                return as_json(503, ServiceUnavailableError("the apiserver does not run").status())
            return await handle(request)

        return choose

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        """Asks the control; refusals are told as the API tells its own."""
        try:
            credential = credential_of(request)
            if credential is None:
                raise UnauthorizedError("Unauthorized")
            user = self._authenticator.authenticate(credential)
            answer = await self._control.handle(user, request.method, request.path, await body_of(request))
        except ApiError as error:
            return as_json(error.code, error.status())
        return as_json(200, answer)


async def body_of(request: web.BaseRequest) -> object:
    """The JSON that a request brings; None if it brings nothing."""
    if (request.content_length or 0) > BODY_BYTES_MAX:
        raise BadRequestError("the body is too long")
    content = await request.content.read(BODY_BYTES_MAX)
    if not content:
        return None
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise BadRequestError(f"the body is not JSON: {error}") from None


def as_json(code: int, answer: object) -> web.Response:
    """An answer."""
    return web.Response(status=code, body=orjson.dumps(answer), content_type="application/json")
