"""Sockets that are listened at: accepting, the TLS handshake, and hanging up on who takes nothing.

asyncio's own server counts a handshake's patience in the loop's time, which here runs at any speed or stands still;
so connections are accepted one by one and their patience is counted in real seconds. Go's server has the same limits:
a handshake must be over in half a minute, and a response that nobody takes is not kept for ever.
Upstream: k8s.io/apiserver/pkg/server/secure_serving.go.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import NamedTuple

from kubesim.sim import Tasks
from kubesim.sim.wall_timers import WallTimer, WallTimers

HANDSHAKE_SECONDS = 32.0
# asyncio's own patience, in the loop's seconds: long enough at any speed.
FOR_EVER_SECONDS = 1e9
BACKLOG = 1024
WRITE_BUFFER_BYTES_MAX = 64 * 1024
READ_BUFFER_BYTES = 16 * 1024
SCARCE = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
SCARCE_SECONDS = 1.0
LOOK_SECONDS = 5.0
STUCK_LOOKS_MAX = 12  # A minute.

MakeProtocol = Callable[[], asyncio.Protocol]


class Listener:
    """One socket, and the connections that come through it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, timers: WallTimers, make_protocol: MakeProtocol) -> None:
        self._loop = loop
        self._timers = timers
        self._make_protocol = make_protocol
        self._context: ssl.SSLContext | None = None
        self._socket: socket.socket | None = None
        self._tasks = Tasks("listener")

    def open(self, host: str, port: int, context: ssl.SSLContext | None) -> int:
        """Listens; returns the port. OSError if that is not possible."""
        self._context = context
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server((host, port), family=family, backlog=BACKLOG)
        self._socket.setblocking(False)
        self._tasks.spawn(self._accept(self._socket), "accept")
        bound: int = self._socket.getsockname()[1]
        return bound

    async def close(self) -> None:
        """Listens no longer; handshakes that are under way end."""
        await self._tasks.stop()
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    async def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                accepted, _ = await self._loop.sock_accept(listening)
            except ConnectionError:
                continue  # It was gone before we came.
            except OSError as error:
                if error.errno not in SCARCE:
                    raise
                await self._real_seconds(SCARCE_SECONDS)
                continue
            self._tasks.spawn(self._greet(accepted), "greet")

    async def _greet(self, accepted: socket.socket) -> None:
        """The handshake. Who cannot speak TLS, or takes too long, is hung up on."""
        task = asyncio.current_task()
        assert task is not None, "this is a task"
        patience = self._timers.call_later(HANDSHAKE_SECONDS, task.cancel)
        seconds = None if self._context is None else FOR_EVER_SECONDS
        try:
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            transport, _ = await self._loop.connect_accepted_socket(
                self._make_protocol, accepted, ssl=self._context,
                ssl_handshake_timeout=seconds, ssl_shutdown_timeout=seconds,
            )  # fmt: skip
            transport.set_write_buffer_limits(WRITE_BUFFER_BYTES_MAX)
            make_small(transport)
        except OSError:  # An error of TLS is one, too.
            accepted.close()
        except asyncio.CancelledError:
            accepted.close()
            raise
        finally:
            patience.cancel()

    async def _real_seconds(self, seconds: float) -> None:
        over = self._loop.create_future()
        timer = self._timers.call_later(seconds, over.set_result, None)
        try:
            await over
        finally:
            timer.cancel()


def make_small(transport: asyncio.Transport) -> None:
    """asyncio keeps 256 KiB to receive into for every connection with TLS: too much for a thousand idle watches.

    It grows this buffer up to `max_size` again when it is next read; if CPython renames these, nothing is saved.
    """
    protocol = getattr(transport, "_ssl_protocol", None)
    if protocol is not None and hasattr(protocol, "_ssl_buffer_view"):
        protocol.max_size = READ_BUFFER_BYTES
        protocol._ssl_buffer = bytearray(READ_BUFFER_BYTES)
        protocol._ssl_buffer_view = memoryview(protocol._ssl_buffer)


class Stuck(NamedTuple):
    """What a transport had not sent when it was last looked at, and for how many looks that has been so."""

    unsent_bytes: int
    looks: int


class SlowReaders:
    """Hangs up on clients that have taken nothing of what waits for them for a minute.

    `transports` says which there are.
    """

    def __init__(self, timers: WallTimers, transports: Callable[[], Iterable[asyncio.Transport]]) -> None:
        self._timers = timers
        self._transports = transports
        self._seen: dict[asyncio.Transport, Stuck] = {}
        self._next: WallTimer | None = None

    def start(self) -> None:
        """Looks now and then from here on, in real time."""
        self._next = self._timers.call_later(LOOK_SECONDS, self._look_again)

    def stop(self) -> None:
        """Looks no more."""
        if self._next is not None:
            self._next.cancel()

    def look(self) -> None:
        """Looks once."""
        seen: dict[asyncio.Transport, Stuck] = {}
        for transport in self._transports():
            unsent = transport.get_write_buffer_size()
            if not unsent:
                continue
            before = self._seen.get(transport)
            looks = before.looks + 1 if before is not None and before.unsent_bytes == unsent else 1
            if looks > STUCK_LOOKS_MAX:
                with suppress(OSError):
                    transport.abort()
            else:
                seen[transport] = Stuck(unsent, looks)
        self._seen = seen

    def _look_again(self) -> None:
        self.look()
        self.start()
