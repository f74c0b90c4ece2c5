"""The HTTP server: sockets, connections and requests; what a request means is decided elsewhere.

Connections live in wall time: their timers go through `WallTimers`, so that a cluster at a thousand times the
speed of time does not hang up on its clients. The loop must be paced (or paused) while this serves.
Upstream: k8s.io/apiserver/pkg/server/secure_serving.go.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import cast

from aiohttp import web

from kubesim.apiserver.http.audit import Sink
from kubesim.apiserver.http.credentials import Credentials, CredentialSource
from kubesim.apiserver.http.handler import RequestHandler
from kubesim.apiserver.server import ApiServer
from kubesim.sim.wall_timers import WallLoop, WallTimers

LOOPBACK = "127.0.0.1"
KEEP_ALIVE_SECONDS = 180.0
# asyncio counts a handshake's timeout in virtual seconds; at any speed this is long enough.
HANDSHAKE_SECONDS = 1e9
SHUTDOWN_SECONDS = 2.0
BACKLOG = 1024

Handle = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class HttpFront:
    """Serves one ApiServer. `credentials` finds who sent a request; by default certificate or token.

    `wrap` puts something before the handler of every request: what is served beside the API. `audit` takes the lines
    of the audit log.
    """

    def __init__(
        self,
        server: ApiServer,
        *,
        credentials: CredentialSource | None = None,
        host: str = LOOPBACK,
        wrap: Callable[[Handle], Handle] | None = None,
        audit: Sink | None = None,
    ) -> None:
        self._server = server
        self._credentials = credentials or Credentials()
        self._host = host
        self._audit = audit
        self._wrap = wrap or (lambda handle: handle)
        self._timers: WallTimers | None = None
        self._handler: RequestHandler | None = None
        self._connections: web.Server | None = None
        self._listener: asyncio.Server | None = None

    async def start(self, port: int = 0, ssl_context: ssl.SSLContext | None = None) -> int:
        """Listens, with TLS if there is a context; returns the port (0 asks for any)."""
        loop = self._server.sim.loop
        self._timers = WallTimers(loop)
        patience = None if ssl_context is None else HANDSHAKE_SECONDS
        # The handler names the address in discovery, which is known only when the socket is bound.
        self._handler = handler = RequestHandler(self._server, self._credentials, self._timers, self._audit)
        self._connections = web.Server(
            self._wrap(handler.handle),
            handler_cancellation=True,  # Who hangs up ends its watch.
            loop=cast("asyncio.AbstractEventLoop", WallLoop(loop, self._timers)),
            keepalive_timeout=KEEP_ALIVE_SECONDS,
            lingering_time=0.0,
            access_log=None,
            max_line_size=64 * 1024,  # Long selectors and continue tokens.
            max_field_size=64 * 1024,
        )
        self._listener = await loop.create_server(
            self._connections,
            self._host,
            port,
            ssl=ssl_context,
            backlog=BACKLOG,
            ssl_handshake_timeout=patience,
            ssl_shutdown_timeout=patience,
        )
        bound: int = self._listener.sockets[0].getsockname()[1]
        handler.bind(f"{self._host}:{bound}")
        return bound

    async def stop(self) -> None:
        """Stops listening, ends every watch, lets what is being answered be answered, and hangs up."""
        if self._listener is None or self._connections is None or self._timers is None or self._handler is None:
            return
        self._listener.close()
        self._handler.end_watches()
        for connection in list(self._connections.connections):
            connection.close()
        await self._handler.drained(SHUTDOWN_SECONDS)
        for connection in list(self._connections.connections):
            connection.force_close()
        await asyncio.sleep(0)
        self._timers.stop()
        self._listener = None
