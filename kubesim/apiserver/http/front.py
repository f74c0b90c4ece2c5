"""The HTTP server: sockets, connections and requests; what a request means is decided elsewhere.

Connections live in wall time: their timers go through `WallTimers`, so that a cluster at a thousand times the
speed of time does not hang up on its clients. The loop must be paced (or paused) while this serves.
Upstream: k8s.io/apiserver/pkg/server/secure_serving.go.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, cast

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from kubesim.apiserver.http.audit import Sink
from kubesim.apiserver.http.credentials import Credentials, CredentialSource
from kubesim.apiserver.http.handler import RequestHandler
from kubesim.apiserver.http.listener import Listener, SlowReaders
from kubesim.apiserver.server import ApiServer
from kubesim.sim.wall_timers import WallLoop, WallTimers

LOOPBACK = "127.0.0.1"
KEEP_ALIVE_SECONDS = 180.0
SHUTDOWN_SECONDS = 2.0
LINE_BYTES_MAX = 512 * 1024  # Long selectors and continue tokens. Go's server allows a megabyte for all headers.
FIELD_BYTES_MAX = 64 * 1024

log = logging.getLogger(__name__)

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
        self._listener: Listener | None = None
        self._slow_readers: SlowReaders | None = None

    async def start(self, port: int = 0, ssl_context: ssl.SSLContext | None = None) -> int:
        """Listens, with TLS if there is a context; returns the port (0 asks for any)."""
        loop = self._server.sim.loop
        self._timers = timers = WallTimers(loop)
        # The handler names the address in discovery, which is known only when the socket is bound.
        self._handler = handler = RequestHandler(self._server, self._credentials, timers, self._audit)
        self._connections = connections = web.Server(
            self._wrap(handler.handle),
            handler_cancellation=True,  # Who hangs up ends its watch.
            loop=cast("asyncio.AbstractEventLoop", WallLoop(loop, timers)),
            keepalive_timeout=KEEP_ALIVE_SECONDS,
            lingering_time=0.0,
            access_log=None,
            logger=ConnectionLog(log),
            max_line_size=LINE_BYTES_MAX,
            max_field_size=FIELD_BYTES_MAX,
            auto_decompress=False,  # The real server does not know compressed requests; nor could they be bombs.
        )
        self._listener = Listener(loop, timers, connections)
        bound = self._listener.open(self._host, port, ssl_context)
        self._slow_readers = SlowReaders(timers, self._transports)
        self._slow_readers.start()
        handler.start(f"{self._host}:{bound}")
        return bound

    async def stop(self) -> None:
        """Stops listening, ends every watch, lets what is being answered be answered, and hangs up."""
        if self._listener is None or self._connections is None or self._timers is None or self._handler is None:
            return
        await self._listener.close()
        self._handler.end_watches()
        for connection in list(self._connections.connections):
            connection.close()
        await self._handler.drained(SHUTDOWN_SECONDS)
        for connection in list(self._connections.connections):
            connection.force_close()
        await asyncio.sleep(0)
        self._timers.stop()
        self._listener = None

    def _transports(self) -> list[asyncio.Transport]:
        assert self._connections is not None, "the front has started"
        found = (connection.transport for connection in self._connections.connections)
        return [transport for transport in found if transport is not None]


class ConnectionLog(logging.LoggerAdapter[logging.Logger]):
    """What aiohttp has to say. That somebody does not speak HTTP is his mistake, and no reason for a traceback."""

    def exception(self, msg: object, *args: object, exc_info: Any = True, **options: Any) -> None:
        """A request has failed."""
        if isinstance(exc_info, HttpProcessingError):
            self.debug(msg, *args)
        else:
            super().exception(msg, *args, exc_info=exc_info, **options)
