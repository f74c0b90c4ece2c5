"""One client's watch: what it wants to see, and the events that wait for it.

What a watcher sees is not what happened to an object but what happened to *its view* of it: an object that
begins to match its selectors is ADDED for it, one that ceases to match is DELETED.

A watcher that does not fetch its events is cut off when its buffer is full; it has to watch again from the
last revision it saw. Upstream: cacheWatcher in k8s.io/apiserver/pkg/storage/cacher.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from kubesim.api.errors import ApiError
from kubesim.api.stored import Object, Stored
from kubesim.api.wire import ADDED, DELETED, MODIFIED, Receive, WatchEvent
from kubesim.apiserver.storage import at_revision
from kubesim.sim import Handover, SimLoop

BUFFER_EVENTS_MAX = 20_000

Matches = Callable[[Object], bool]


class Change:
    """One event of the store, with the object before it: enough to tell every watcher what it means to it."""

    __slots__ = ("_left", "event", "previous", "stored")

    def __init__(self, type_: str, stored: Stored, previous: Stored | None) -> None:
        self.stored = stored
        self.previous = previous
        self.event = WatchEvent(type_, stored)  # As a watcher without selectors sees it; shared by all of them.
        self._left: WatchEvent | None = None

    def seen_through(self, matches: Matches | None) -> WatchEvent | None:
        """The event for a watcher that sees only what `matches`; None if it sees nothing of it."""
        if matches is None:
            return self.event
        before = self.previous is not None and matches(self.previous.object)
        if self.event.type != DELETED and matches(self.stored.object):
            if before == (self.event.type == MODIFIED):
                return self.event
            return WatchEvent(MODIFIED if before else ADDED, self.stored)
        if not before:
            return None
        return self.event if self.event.type == DELETED else self._departure()

    def _departure(self) -> WatchEvent:
        """The object as it was when it still matched, at the revision at which it ceased to."""
        if self._left is None:
            assert self.previous is not None, "only what was there can leave"
            self._left = WatchEvent(DELETED, at_revision(self.previous, self.stored.revision))
        return self._left


class Watcher:
    """The stream of one watch request; a `WatchStream`. `revision`: it has been told everything up to there."""

    __slots__ = (
        "_buffer", "_closed", "_error", "_handover", "_on_close", "_waiter", "bookmarks", "key", "matches",
        "namespace", "revision",
    )  # fmt: skip

    def __init__(
        self,
        matches: Matches | None,
        *,
        namespace: str = "",
        bookmarks: bool = False,
        on_close: Callable[[Watcher], None],
    ) -> None:
        self.matches = matches
        self.namespace = namespace
        self.bookmarks = bookmarks
        self.key: tuple[str, str] | None = None  # The index that dispatches to it: (path, value).
        self.revision = 0
        self._buffer: list[WatchEvent] = []
        self._waiter: asyncio.Future[None] | None = None
        self._handover: Handover | None = None
        self._on_close = on_close
        self._closed = False
        self._error: ApiError | None = None

    async def push_to(self, receive: Receive, may_push: Callable[[], bool]) -> None:
        """Hands over what comes for as long as `may_push()`; the end of the watch is told by `next`."""

        def take() -> bool:
            if self._closed or not may_push():
                return False
            events, self._buffer = self._buffer, []
            if events:
                receive(events)
            return True

        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimLoop), "an apiserver lives on a SimLoop"
        if not take():
            return
        self._handover = Handover(loop, take)
        try:
            await self._handover.wait()
        finally:
            self._handover = None

    async def next(self) -> Sequence[WatchEvent]:
        """Everything that has come since the last call, waiting for something to come; empty at the end."""
        while not self._buffer:
            if self._error is not None:
                error, self._error = self._error, None
                raise error
            if self._closed:
                return ()
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        events, self._buffer = self._buffer, []
        return events

    def close(self) -> None:
        """The client goes away: nothing more is delivered."""
        self._buffer.clear()
        self.end()

    def offer(self, change: Change) -> None:
        """Delivers what `change` means to this watcher, if anything."""
        event = change.seen_through(self.matches)
        if event is not None:
            self.push(event)

    def push(self, event: WatchEvent) -> None:
        """Puts an event into the buffer and wakes the client; cuts it off when there are too many."""
        if self._closed:
            return
        self._buffer.append(event)
        self.revision = event.stored.revision
        if len(self._buffer) > BUFFER_EVENTS_MAX:
            self.end()
        else:
            self._wake()

    def put_first(self, events: Sequence[WatchEvent]) -> None:
        """Puts what happened earlier in front of what has come meanwhile."""
        if events:
            self._buffer[:0] = events
            self._wake()

    def end(self, error: ApiError | None = None) -> None:
        """The server ends the watch: what is in the buffer is still delivered, then `error` or the end."""
        if self._closed:
            return
        self._closed, self._error = True, error
        self._on_close(self)
        self._wake()

    def _wake(self) -> None:
        handover = self._handover
        if handover is not None:
            if self._closed:
                handover.end()
            elif self._buffer:
                handover.wake()
        elif self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
