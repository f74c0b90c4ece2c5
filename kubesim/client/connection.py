"""The connection that carries watches: how a stream behaves when the network is in trouble.

TCP loses nothing: what does not arrive is sent again, after 0.2 s and then twice as long each time, so a
stream survives a short partition and a lossy link and only lags. But client-go checks the connection: 30 s
without a frame and it sends an HTTP/2 ping, 15 s without an answer and it gives the connection up; every
watch on it fails at once. A peer whose process died says so (reset) as long as its host lives.

Upstream: the read idle and ping timeouts in k8s.io/apimachinery/pkg/util/net/http.go. The silence is counted
from when the trouble began, not from the last frame before it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from kubesim.api.errors import ApiError, TransportError
from kubesim.api.wire import PushingStream, Receive, WatchEvent, WatchStream
from kubesim.sim import Network, SimLoop

SILENCE_SECONDS_MAX = 30.0 + 15.0  # Read idle timeout, then ping timeout.
RETRANSMISSION_SECONDS = 0.2
RETRANSMISSION_SECONDS_MAX = 120.0
CONNECTION_LOST = "http2: client connection lost"
CONNECTION_RESET = "read: connection reset by peer"


class Connection:
    """Carries watch streams from the endpoint `target` to `source`; watches the network while it has any."""

    def __init__(self, loop: SimLoop, network: Network, source: str, target: str) -> None:
        self.network = network
        self.source = source
        self.target = target
        self._loop = loop
        self._streams: dict[CarriedStream, None] = {}
        self._unsubscribe: Callable[[], None] | None = None
        self._health_check: asyncio.TimerHandle | None = None
        self._peer_died = False

    def carry(self, stream: WatchStream) -> CarriedStream:
        """The server's `stream` as its client sees it."""
        carried = CarriedStream(self, stream)
        self._streams[carried] = None
        if self._unsubscribe is None:
            self._unsubscribe = self.network.subscribe(self._look)
            self._look()
        return carried

    def drop(self, stream: CarriedStream) -> None:
        """One stream has ended."""
        self._streams.pop(stream, None)
        if not self._streams and self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
            self._stop_health_check()

    def _look(self) -> None:
        """Something on the network changed: is the other side still there?"""
        network, source, target = self.network, self.source, self.target
        if network.is_free and self._health_check is None:
            return
        if network.is_down(source) or network.refuses(source, target):
            self._break(CONNECTION_RESET)
        elif network.is_cut(source, target) or network.is_cut(target, source):
            self._peer_died = self._peer_died or network.is_down(target)
            if self._health_check is None:
                self._health_check = self._loop.call_later(SILENCE_SECONDS_MAX, self._break, CONNECTION_LOST)
        elif self._peer_died:
            self._break(CONNECTION_RESET)  # It is back, and knows nothing of this connection.
        else:
            self._stop_health_check()

    def _break(self, reason: str) -> None:
        self._stop_health_check()
        for stream in list(self._streams):
            stream.lose(reason)

    def _stop_health_check(self) -> None:
        self._peer_died = False
        if self._health_check is not None:
            self._health_check.cancel()
            self._health_check = None


class CarriedStream:
    """A watch stream behind a connection: a WatchStream that raises TransportError when the connection breaks."""

    __slots__ = ("_connection", "_lost", "_patience", "_pushing", "_stream")

    def __init__(self, connection: Connection, stream: WatchStream) -> None:
        self._connection = connection
        self._stream = stream
        self._pushing = stream if isinstance(stream, PushingStream) else None  # To ask a protocol is slow.
        self._lost = ""  # Why the connection broke.
        self._patience: asyncio.Timeout | None = None

    async def push_to(self, receive: Receive, may_push: Callable[[], bool]) -> None:
        """Lets the server's stream hand over its events while the network is free."""
        network, stream = self._connection.network, self._pushing
        if network.is_free and not self._lost and stream is not None:
            await stream.push_to(receive, lambda: network.is_free and may_push())

    async def next(self) -> Sequence[WatchEvent]:
        """All events that are there, once they have crossed the network; empty when the server ended the watch."""
        try:
            events = () if self._lost else await self._stream.next()
        except ApiError:
            self._connection.drop(self)
            raise
        if self._lost:
            raise TransportError(self._lost, definite=True)
        if not events:
            self._connection.drop(self)
        elif not self._connection.network.is_free:
            await self._arrive()
        return events

    def close(self) -> None:
        """Stops watching."""
        self._connection.drop(self)
        self._stream.close()

    def lose(self, reason: str) -> None:
        """The connection broke: whoever waits in `next` hears of it now."""
        self._lost = reason
        self.close()
        if self._patience is not None:
            self._patience.reschedule(0)

    async def _arrive(self) -> None:
        """Waits until the events have crossed, sent as often as it takes."""
        connection = self._connection
        pause_seconds = RETRANSMISSION_SECONDS
        self._patience = asyncio.timeout(None)
        try:
            async with self._patience:
                while not await connection.network.cross(connection.target, connection.source):
                    await asyncio.sleep(pause_seconds)
                    pause_seconds = min(2 * pause_seconds, RETRANSMISSION_SECONDS_MAX)
        except TimeoutError:
            raise TransportError(self._lost, definite=True) from None
        finally:
            self._patience = None
