"""Port-forward: SPDY streams inside of a WebSocket, two for each connection to a port.

The client opens an error stream and a data stream with the headers `streamType`, `port` and `requestID`; when
both are there the apiserver connects to the port. What goes wrong is written to the error stream.
Upstream: k8s.io/apiserver/pkg/util/proxy/streamtunnel.go, k8s.io/streaming portforward.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from aiohttp import WSMsgType, web

from kubesim.api.errors import ApiError
from kubesim.api.session import ERROR, STDIN, STDOUT, Session
from kubesim.apiserver.http.spdy import DATA, PING, RST_STREAM, SYN_STREAM, Framer, SpdyError, SpdyFrame
from kubesim.sim import Tasks

Connect = Callable[[int], Awaitable[Session]]


class Forwarding:
    """One connection to a port: its two streams, and the session behind them."""

    def __init__(self) -> None:
        self.streams: dict[str, int] = {}
        self.port = 0
        self.session: Session | None = None
        self.waiting: list[bytes] = []  # What came before the session stood.
        self.is_done = False


class Tunnel:
    """The server's end of one port-forward."""

    def __init__(self, socket: web.WebSocketResponse, connect: Connect, tasks: Tasks) -> None:
        self._socket = socket
        self._connect = connect
        self._tasks = tasks
        self._framer = Framer()
        self._forwardings: dict[str, Forwarding] = {}  # By requestID.
        self._by_stream: dict[int, Forwarding] = {}

    async def serve(self) -> None:
        """Until the client is gone."""
        try:
            async for message in self._socket:
                if message.type is not WSMsgType.BINARY:
                    break
                for frame in self._framer.feed(message.data):
                    await self._take(frame)
        except (ConnectionError, SpdyError):
            pass
        finally:
            for forwarding in self._forwardings.values():
                if forwarding.session is not None:
                    forwarding.session.close()
            if not self._socket.closed:
                await self._socket.close()

    async def _take(self, frame: SpdyFrame) -> None:
        if frame.kind == SYN_STREAM:
            await self._open(frame)
        elif frame.kind == PING:
            await self._send(self._framer.ping(frame.stream))
        elif frame.kind == RST_STREAM:
            self._end(self._by_stream.pop(frame.stream, None))
        elif frame.kind == DATA:
            forwarding = self._by_stream.get(frame.stream)
            if forwarding is not None and frame.stream == forwarding.streams.get("data"):
                self._pass_on(forwarding, frame)

    async def _open(self, frame: SpdyFrame) -> None:
        headers = frame.headers
        forwarding = self._forwardings.setdefault(headers.get("requestid", ""), Forwarding())
        forwarding.streams[headers.get("streamtype", "data")] = frame.stream
        forwarding.port = int(headers["port"]) if headers.get("port", "").isdigit() else 0
        self._by_stream[frame.stream] = forwarding
        await self._send(self._framer.reply(frame.stream))
        if len(forwarding.streams) == 2:
            self._tasks.spawn(self._carry(headers.get("requestid", ""), forwarding), "port-forward")

    def _pass_on(self, forwarding: Forwarding, frame: SpdyFrame) -> None:
        if forwarding.session is None:
            forwarding.waiting.append(frame.data)
        elif frame.data:
            forwarding.session.send(STDIN, frame.data)
        if frame.is_last and forwarding.session is not None:
            forwarding.session.end_channel(STDIN)

    async def _carry(self, name: str, forwarding: Forwarding) -> None:
        """Connects, and brings back what the Pod says."""
        data_stream, error_stream = forwarding.streams["data"], forwarding.streams["error"]
        try:
            try:
                session = forwarding.session = await self._connect(forwarding.port)
            except ApiError as error:
                await self._send(self._framer.data(error_stream, error.message.encode()))
                return
            for data in forwarding.waiting:
                session.send(STDIN, data)
            while (frame := await session.receive()) is not None:
                if frame.channel == STDOUT:
                    await self._send(self._framer.data(data_stream, frame.data))
                elif frame.channel == ERROR:
                    await self._send(self._framer.data(error_stream, _words(frame.data)))
        finally:
            self._end(forwarding)
            self._forwardings.pop(name, None)
            for stream in (error_stream, data_stream):
                self._by_stream.pop(stream, None)
                await self._send(self._framer.data(stream, b"", is_last=True))

    def _end(self, forwarding: Forwarding | None) -> None:
        if forwarding is not None and forwarding.session is not None:
            forwarding.session.close()

    async def _send(self, data: bytes) -> None:
        if not self._socket.closed:
            try:
                await self._socket.send_bytes(data)
            except ConnectionError:
                return  # The client is gone: `serve` hears of it.


def _words(data: bytes) -> bytes:
    """The error stream carries plain text."""
    if not data.startswith(b"{"):
        return data
    status: dict[str, Any] = orjson.loads(data)
    return str(status.get("message", "")).encode()
