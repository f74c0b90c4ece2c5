"""A connection with numbered channels: what `exec`, `attach`, `port-forward` and logs go over.

One end is the client's, the other that of a process in a container. Each end sends frames (a channel and bytes)
and receives those of the other; closing one direction tells the other end that nothing more comes.
The channels are those of the WebSocket sub-protocol: 0 stdin, 1 stdout, 2 stderr, 3 error, 4 resize. On channel 3
a Status says how it ended.

Upstream: k8s.io/apimachinery/pkg/util/remotecommand/constants.go.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

STDIN, STDOUT, STDERR, ERROR, RESIZE = range(5)
CLOSE = 255  # v5: the data names the channel on which nothing more comes.
BUFFERED_BYTES_MAX = 1 << 20  # Who sends more than is read waits.

Status = dict[str, Any]
SUCCESS: Status = {"metadata": {}, "status": "Success"}


class Frame(NamedTuple):
    """Some bytes on one channel; no bytes on CLOSE's channel end it."""

    channel: int
    data: bytes


class Pipe:
    """One direction of a session."""

    def __init__(self) -> None:
        self._frames: deque[Frame] = deque()
        self._size = 0
        self._closed = False
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._receive: Callable[[Frame | None], None] | None = None

    @property
    def is_closed(self) -> bool:
        """Whether nothing more will be put in."""
        return self._closed

    def put(self, frame: Frame) -> None:
        """Sends; into a closed pipe it is lost."""
        if self._closed:
            return
        if self._receive is not None:
            self._receive(frame)
            return
        self._frames.append(frame)
        self._size += len(frame.data)
        _wake(self._reader)

    def close(self) -> None:
        """Nothing more comes."""
        if self._closed:
            return
        self._closed = True
        if self._receive is not None:
            self._receive(None)
        _wake(self._reader)
        _wake(self._writer)

    def listen(self, receive: Callable[[Frame | None], None]) -> None:
        """Hands over what there is, and from then on every frame as it comes; None when nothing more comes."""
        self._receive = receive
        while self._frames:
            receive(self._frames.popleft())
        self._size = 0
        if self._closed:
            receive(None)

    async def get(self) -> Frame | None:
        """The next frame; None when nothing more comes."""
        while not self._frames:
            if self._closed:
                return None
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        frame = self._frames.popleft()
        self._size -= len(frame.data)
        if self._size <= BUFFERED_BYTES_MAX:
            _wake(self._writer)
        return frame

    async def drain(self) -> None:
        """Waits until the other side has read enough for more to be sent, or is gone."""
        while self._size > BUFFERED_BYTES_MAX and not self._closed:
            self._writer = asyncio.get_running_loop().create_future()
            await self._writer


class Session:
    """One end. `head` is what the other side said before the first byte (the head of a proxied answer)."""

    def __init__(self, incoming: Pipe, outgoing: Pipe, head: dict[str, Any] | None = None) -> None:
        self.incoming = incoming
        self.outgoing = outgoing
        self.head = head or {}

    def send(self, channel: int, data: bytes) -> None:
        """Sends bytes on a channel."""
        self.outgoing.put(Frame(channel, data))

    def end_channel(self, channel: int) -> None:
        """Nothing more comes on one channel: the end of standard input."""
        self.outgoing.put(Frame(CLOSE, bytes((channel,))))

    async def receive(self) -> Frame | None:
        """The next frame; None when the other end has hung up."""
        return await self.incoming.get()

    def close(self) -> None:
        """Hangs up, both ways: whatever the other end still says is heard by nobody."""
        self.outgoing.close()
        self.incoming.close()

    def finish(self) -> None:
        """Nothing more is sent; what was sent may still be read."""
        self.outgoing.close()


def session_pair(head: dict[str, Any] | None = None) -> tuple[Session, Session]:
    """The two ends of a new session."""
    there, back = Pipe(), Pipe()
    return Session(back, there, head), Session(there, back)


def _wake(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)
