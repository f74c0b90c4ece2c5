"""Sessions over WebSockets: `kubectl exec`, `attach` and `port-forward`.

Every message of the sub-protocols v4 and v5.channel.k8s.io is one byte for the channel and its data; v5 adds a
message that ends a channel. For port-forward the messages carry SPDY (`tunnel.py`).
Upstream: k8s.io/apiserver/pkg/util/proxy/{streamtranslator,websocket}.go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from aiohttp import WSMsgType, web

from kubesim.api.session import CLOSE, ERROR, STDIN, Session
from kubesim.sim import Tasks

V5, V4 = "v5.channel.k8s.io", "v4.channel.k8s.io"
TUNNEL = "SPDY/3.1+portforward.k8s.io"
MESSAGE_BYTES_MAX = 4 << 20
EXIT_CODE = "NonZeroExitCode"

Serve = Callable[[web.WebSocketResponse], Awaitable[None]]


def wants_websocket(http: web.BaseRequest) -> bool:
    """Whether a request asks to become a WebSocket."""
    return http.method == "GET" and http.headers.get("Upgrade", "").lower() == "websocket"


def offered(http: web.BaseRequest) -> list[str]:
    """The sub-protocols that the client speaks."""
    return [name.strip() for name in http.headers.get("Sec-WebSocket-Protocol", "").split(",") if name.strip()]


async def upgrade(http: web.BaseRequest, protocols: tuple[str, ...]) -> web.WebSocketResponse:
    """Becomes a WebSocket with one of the protocols."""
    socket = web.WebSocketResponse(protocols=protocols, compress=False, max_msg_size=MESSAGE_BYTES_MAX)
    await socket.prepare(http)
    return socket


async def serve_session(socket: web.WebSocketResponse, session: Session, tasks: Tasks) -> None:
    """Carries a session until the server's side ends or the client is gone."""
    reading = tasks.spawn(_read(socket, session), "websocket")
    translates = socket.ws_protocol == V5
    try:
        while (frame := await session.receive()) is not None:
            data = translated(frame.data) if frame.channel == ERROR and translates else frame.data
            await socket.send_bytes(bytes((frame.channel,)) + data)
    except ConnectionError:
        pass  # The client is gone; so are we.
    finally:
        session.close()
        await end(socket, reading)


async def end(socket: web.WebSocketResponse, reading: asyncio.Task[Any]) -> None:
    """Hangs up, and stops listening."""
    try:
        if not socket.closed:
            await socket.close()
    finally:
        reading.cancel()


async def _read(socket: web.WebSocketResponse, session: Session) -> None:
    """What the client sends, into the session."""
    try:
        async for message in socket:
            if message.type is WSMsgType.BINARY:
                data: bytes = message.data
            elif message.type is WSMsgType.TEXT:
                data = message.data.encode()
            else:
                break
            if data[:1] == bytes((CLOSE,)):
                session.end_channel(data[1] if len(data) > 1 else STDIN)
            elif data:
                session.send(data[0], data[1:])
    except ConnectionError:
        pass
    finally:
        session.close()


def translated(data: bytes) -> bytes:
    """What the apiserver, which stands between, makes of the kubelet's last word."""
    status: dict[str, Any] = orjson.loads(data)
    if status.get("status") == "Success":
        return orjson.dumps({"metadata": {}, "status": "Success"})
    if status.get("reason") == EXIT_CODE:
        code = status["details"]["causes"][0]["message"]
        words = f"command terminated with non-zero exit code: command terminated with exit code {code}"
        return orjson.dumps({**status, "message": words})
    if "apiVersion" in status:
        return data  # Its own.
    words = f"Internal error occurred: {status['message']}"
    return orjson.dumps({**status, "message": words, "details": {"causes": [{"message": status["message"]}]}})
