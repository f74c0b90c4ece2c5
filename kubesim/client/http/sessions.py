"""Sessions over HTTP: a log is a stream of bytes, exec and attach are WebSockets with a byte for the channel.

Upstream: k8s.io/client-go/tools/remotecommand/websocket.go. Left out: port-forward and proxy, which nobody here uses
against a cluster of somebody else.
"""

from __future__ import annotations

from typing import Protocol

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from kubesim.api.errors import MethodNotSupportedError, TransportError
from kubesim.api.session import CLOSE, STDOUT, Session, session_pair
from kubesim.api.wire import Request
from kubesim.client.http.answers import error_of
from kubesim.client.http.requests import HttpRequest, path_of, session_query
from kubesim.sim import Tasks

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
MESSAGE_BYTES_MAX = 4 << 20


class Way(Protocol):
    """What a session needs of its transport."""

    proxy: str | None
    server_hostname: str | None

    async def headers(self, given: dict[str, str]) -> CIMultiDict[str]:
        """A request's headers."""
        ...

    def url(self, path: str, query: list[tuple[str, str]]) -> URL:
        """Where a path is."""
        ...

    async def stream(self, http: HttpRequest) -> aiohttp.ClientResponse:
        """An answer whose body is read as it comes."""
        ...


async def connect(way: Way, pool: aiohttp.ClientSession, tasks: Tasks, request: Request) -> Session:
    """Connects to a process in a container, or to its log; `tasks` carry what is said."""
    agent = {"User-Agent": request.user_agent}
    query = session_query(request.body)
    ours, theirs = session_pair()
    if request.subresource == "log":
        response = await way.stream(HttpRequest("GET", path_of(request), query, agent, None))
        tasks.spawn(carry_log(response, theirs), "log")
        return ours
    if request.subresource not in ("exec", "attach"):
        raise MethodNotSupportedError(f"{request.subresource} is not carried to a cluster of somebody else")
    headers = await way.headers(agent)
    try:
        socket = await pool.ws_connect(
            way.url(path_of(request), query), protocols=PROTOCOLS, headers=headers, max_msg_size=MESSAGE_BYTES_MAX,
            proxy=way.proxy, server_hostname=way.server_hostname,
        )  # fmt: skip
    except aiohttp.WSServerHandshakeError as error:
        # A refused handshake does not keep what the server said. Asked without an upgrade it refuses in words.
        await way.stream(HttpRequest("GET", path_of(request), query, agent, None))
        raise error_of(error.status, b"") from None
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise TransportError(f"no session with {request.name}: {error}", definite=False) from None
    tasks.spawn(hear(socket, theirs), "session")
    tasks.spawn(say(socket, theirs), "session")
    return ours


async def carry_log(response: aiohttp.ClientResponse, session: Session) -> None:
    """All that is printed, until the log or the interest in it ends."""
    try:
        while data := await response.content.readany():
            session.send(STDOUT, data)
            await session.outgoing.drain()
            if session.incoming.is_closed:
                return
    except (aiohttp.ClientError, TimeoutError, OSError):
        return  # What came is all that there is.
    finally:
        session.finish()
        response.close()


async def hear(socket: aiohttp.ClientWebSocketResponse, session: Session) -> None:
    """What the process says."""
    try:
        async for message in socket:
            if message.type is aiohttp.WSMsgType.BINARY and message.data:
                session.send(message.data[0], message.data[1:])
    except (aiohttp.ClientError, OSError):
        return
    finally:
        session.close()


async def say(socket: aiohttp.ClientWebSocketResponse, session: Session) -> None:
    """What we say to the process, until we hang up or it has ended."""
    while (frame := await session.receive()) is not None:
        if frame.channel == CLOSE and socket.protocol != PROTOCOLS[0]:
            continue  # v4 cannot say that nothing more comes.
        try:
            await socket.send_bytes(bytes((frame.channel,)) + frame.data)
        except (aiohttp.ClientError, OSError):
            return
    await socket.close()
