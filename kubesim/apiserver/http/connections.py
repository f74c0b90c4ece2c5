"""Subresources that are connected to, over HTTP: logs as a stream of text, sessions as WebSockets, proxied answers."""

from __future__ import annotations

from typing import Any

import msgspec
from aiohttp import web
from multidict import CIMultiDict

from kubesim.api.errors import BadRequestError
from kubesim.api.session import Session
from kubesim.api.wire import Credential, Request
from kubesim.apiserver.http.api import Answer, causes_of, queries, read, user_agent_of
from kubesim.apiserver.http.connect_options import exec_options, log_options
from kubesim.apiserver.http.metrics import Metrics
from kubesim.apiserver.http.paths import Target, verb_of
from kubesim.apiserver.http.patience import Patience
from kubesim.apiserver.http.tunnel import Tunnel
from kubesim.apiserver.http.websocket import TUNNEL, V4, V5, offered, serve_session, upgrade, wants_websocket
from kubesim.apiserver.routes import connector_of
from kubesim.apiserver.server import ApiServer
from kubesim.sim import Tasks

UPGRADE_REQUIRED = "Upgrade request required"
NO_PROTOCOL = "unable to upgrade: unable to negotiate protocol: client supports {}, server accepts {}"
SPDY = (
    "SPDY/3.1 without a WebSocket is not served here: use a client that speaks v5.channel.k8s.io or v4.channel.k8s.io"
)


class Connections:
    """All connections of one front."""

    def __init__(self, server: ApiServer, metrics: Metrics, patience: Patience) -> None:
        self._server = server
        self._metrics = metrics
        self._patience = patience
        self._open: dict[Session, None] = {}
        self._tasks = Tasks("connections")

    def is_for(self, target: Target) -> bool:
        """Whether a path names a subresource that is connected to."""
        return bool(target.subresource) and connector_of(target.resource, target.subresource) is not None

    def end(self) -> None:
        """The server stops."""
        for session in list(self._open):
            session.close()

    async def answer(
        self, http: web.BaseRequest, target: Target, credential: Credential, audit_id: str
    ) -> Answer | web.StreamResponse:
        """One connection, from its request to its end."""
        query = queries(http)
        verb = verb_of(http.method, target, {name: values[0] for name, values in query.items()})
        request = Request(
            verb, target.resource, target.namespace, target.name, target.subresource, None,
            credential=credential, user_agent=user_agent_of(http), causes=causes_of(http),
        )  # fmt: skip
        if target.subresource == "log":
            return await self._log(http, with_body(request, log_options(query)), audit_id)
        if target.subresource == "proxy":
            return await self._proxy(http, request, target)
        if target.subresource == "portforward":
            return await self._forward(http, request)
        return await self._session(http, with_body(request, exec_options(query)))

    async def _connect(self, request: Request) -> Session:
        with self._patience.answering():
            return await self._server.connect(request)

    # -- logs -----------------------------------------------------------------------------------------

    async def _log(self, http: web.BaseRequest, request: Request, audit_id: str) -> web.StreamResponse:
        session = await self._connect(request)
        self._open[session] = None
        self._metrics.answered(request, 200)
        response = web.StreamResponse(headers={"Audit-Id": audit_id, "Cache-Control": "no-cache, private"})
        response.content_type = "text/plain"
        response.enable_chunked_encoding()
        try:
            await response.prepare(http)
            while (frame := await session.receive()) is not None:
                await response.write(frame.data)
            await response.write_eof()
        finally:
            self._open.pop(session, None)
            session.close()
        return response

    # -- sessions -------------------------------------------------------------------------------------

    async def _session(self, http: web.BaseRequest, request: Request) -> web.StreamResponse:
        """exec and attach. What is wrong with the request is said before the upgrade."""
        if wants_websocket(http):
            self._check(http, (V5, V4))
        session = await self._connect(request)
        if not wants_websocket(http):
            session.close()
            raise self._no_upgrade(http)
        self._open[session] = None
        self._metrics.answered(request, 101)
        try:
            socket = await upgrade(http, (V5, V4))
            await serve_session(socket, session, self._tasks)
        finally:
            self._open.pop(session, None)
            session.close()
        return socket

    async def _forward(self, http: web.BaseRequest, request: Request) -> web.StreamResponse:
        """Whether the Pod can be reached at all is found out with a connection that is thrown away."""
        if wants_websocket(http):
            self._check(http, (TUNNEL,))
        probe = await self._connect(with_body(request, {"port": 0}))
        probe.close()
        if not wants_websocket(http):
            raise self._no_upgrade(http)
        self._metrics.answered(request, 101)
        socket = await upgrade(http, (TUNNEL,))

        async def connect(port: int) -> Session:
            return await self._server.connect(with_body(request, {"port": port}))

        await Tunnel(socket, connect, self._tasks).serve()
        return socket

    def _check(self, http: web.BaseRequest, served: tuple[str, ...]) -> None:
        wanted = offered(http)
        if not any(name in served for name in wanted):
            raise BadRequestError(NO_PROTOCOL.format(f"[{' '.join(wanted)}]", f"[{' '.join(served)}]"))

    def _no_upgrade(self, http: web.BaseRequest) -> BadRequestError:
        return BadRequestError(SPDY if "Upgrade" in http.headers else UPGRADE_REQUIRED)

    # -- proxies --------------------------------------------------------------------------------------

    async def _proxy(self, http: web.BaseRequest, request: Request, target: Target) -> Answer:
        query = http.rel_url.query_string
        with self._patience.reading():
            body = await read(http)
        options: dict[str, Any] = {
            "method": http.method,
            "path": f"/{target.rest}{'?' + query if query else ''}",
            "headers": {name.lower(): value for name, value in http.headers.items() if name != "Authorization"},
            "body": body.decode("latin-1"),
        }
        session = await self._connect(with_body(request, options))
        answer = bytearray()
        while (frame := await session.receive()) is not None:
            answer += frame.data
        headers = CIMultiDict(session.head["headers"])
        code: int = session.head["code"]
        self._metrics.answered(request, code)
        return Answer(bytes(answer), code, headers.pop("Content-Type", "text/plain"), headers=dict(headers))


def with_body(request: Request, options: dict[str, Any]) -> Request:
    """The request with its options."""
    return msgspec.structs.replace(request, body=options)
