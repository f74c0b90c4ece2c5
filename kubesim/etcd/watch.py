"""Watches: every change of some keys, in order, from a revision on, none lost and none twice.

A watcher is *synced* when it has seen everything: a commit then puts its events straight into the
watcher's buffer. One that begins in the past is *unsynced* and catches up from the history of the store.
So is one whose reader is too slow: past EVENTS_MAX it leaves the index, keeps only the revision it has
reached, and reads on from history when its reader comes back. If that part of history was compacted
meanwhile, the watch is cancelled and says from which revision on there is something to read.

The events of one revision are never split between two responses.

This module is pure: a watcher has a buffer and one `wake` callback; waiting belongs to the member.
Upstream: server/storage/mvcc/watchable_store.go, server/etcdserver/api/v3rpc/watch.go (previous values).
"""

from __future__ import annotations

from collections.abc import Callable

from kubesim.etcd.messages import Event, EventType, WatchRequest, WatchResponse
from kubesim.etcd.store import MvccStore
from kubesim.etcd.tree_index import FROM_KEY
from kubesim.etcd.watcher_group import WatcherGroup

EVENTS_MAX = 1024  # Buffered for one watcher, and sent in one response, except that revisions stay whole.

_PUT, _DELETE = EventType.PUT, EventType.DELETE


class Watcher:
    """One watch inside the store: what it wants, how far it is, and what waits to be read."""

    __slots__ = (
        "buffer", "canceled", "compacted_revision", "filters", "heard_since_tick", "key", "next_revision",
        "prev_kv", "progress_requested", "range_end", "start_revision", "synced", "wake",
    )  # fmt: skip

    def __init__(self, request: WatchRequest, next_revision: int) -> None:
        self.key = request.key or FROM_KEY  # No key means the smallest one: a zero byte.
        self.range_end = request.range_end
        self.prev_kv = request.prev_kv
        self.filters = request.filters
        self.start_revision = request.start_revision
        self.next_revision = next_revision  # Nothing before it is reported; an unsynced one reads on here.
        self.synced = False  # Invariant: in the hub's group if and only if synced.
        self.canceled = False
        self.compacted_revision = 0
        self.progress_requested = False
        self.heard_since_tick = False
        self.buffer: list[Event] = []
        self.wake: Callable[[], None] | None = None  # Called when there is something to take.

    def offer(self, event: Event) -> None:
        """Buffers an event that this watcher is concerned with, unless it is filtered out."""
        if event.type in self.filters:
            return
        if event.prev_kv is not None and not self.prev_kv:
            event = Event(event.type, event.kv)
        self.buffer.append(event)
        self.notify()

    def notify(self) -> None:
        """Wakes whoever waits."""
        if self.wake is not None:
            self.wake()


class WatchHub:
    """All watches of one store."""

    def __init__(self, store: MvccStore) -> None:
        self._store = store
        self._group: WatcherGroup[Watcher] = WatcherGroup()
        store.observe(self._committed)

    def open(self, request: WatchRequest) -> Watcher:
        """Begins a watch; start_revision 0 is after the present, one in the future is waited for."""
        start = request.start_revision or self._store.revision + 1
        watcher = Watcher(request, start)
        if watcher.range_end not in (b"", FROM_KEY) and watcher.range_end <= watcher.key:
            watcher.canceled = True  # etcd refuses a range that cannot hold a key.
        elif start > self._store.revision:
            self._sync(watcher)
        else:
            self._catch_up(watcher)
        return watcher

    def take(self, watcher: Watcher) -> WatchResponse | None:
        """What there is to report; None if nothing yet."""
        if watcher.buffer:
            return self._take_events(watcher)
        revision = self._store.revision
        if watcher.canceled:
            return WatchResponse(revision, compact_revision=watcher.compacted_revision, canceled=True)
        if watcher.progress_requested:
            watcher.progress_requested = False
            return WatchResponse(revision)
        return None

    def request_progress(self, watcher: Watcher) -> None:
        """Makes the watcher report how far it is, after all events up to there.

        Not answered, as upstream, while the watch waits for a revision in the future.
        """
        if not watcher.canceled and watcher.start_revision <= self._store.revision:
            watcher.progress_requested = True
            watcher.notify()

    def tick(self, watcher: Watcher) -> None:
        """The progress interval is over: reports progress unless events have just shown it."""
        if not watcher.heard_since_tick:
            self.request_progress(watcher)
        watcher.heard_since_tick = False

    def cancel(self, watcher: Watcher) -> None:
        """Ends a watch; what was not read is dropped."""
        if not watcher.canceled:
            watcher.buffer = []
            self._end(watcher)

    def _committed(self, revision: int, events: list[Event]) -> None:
        """Hands a new revision to the synced watchers that are concerned."""
        slow: dict[Watcher, None] = {}
        for event in events:
            for watcher in self._group.watchers_of(event.kv.key):
                if revision >= watcher.next_revision:
                    watcher.offer(event)
                    if len(watcher.buffer) >= EVENTS_MAX:
                        slow[watcher] = None
        for watcher in slow:  # Only now: the revision is whole.
            self._fall_behind(watcher, revision + 1)

    def _take_events(self, watcher: Watcher) -> WatchResponse:
        events, watcher.buffer = tuple(watcher.buffer), []
        watcher.heard_since_tick = True
        revision = self._store.revision
        if not watcher.synced and not watcher.canceled:
            revision = watcher.next_revision - 1
            self._catch_up(watcher)
        return WatchResponse(revision, events)

    def _catch_up(self, watcher: Watcher) -> None:
        """Fills the buffer from history; the watcher is synced if that reaches the present."""
        store, reached = self._store, watcher.next_revision - 1
        if watcher.next_revision < store.compacted_revision:
            watcher.compacted_revision = store.compacted_revision
            self._end(watcher)
            return
        for kv in store.history(watcher.key, watcher.range_end, watcher.next_revision):
            if kv.mod_revision > reached:
                if len(watcher.buffer) >= EVENTS_MAX:
                    watcher.next_revision = kv.mod_revision
                    return
                reached = kv.mod_revision
            before = store.replaced_by(kv) if watcher.prev_kv else None
            watcher.offer(Event(_PUT if kv.version else _DELETE, kv, before))
        watcher.next_revision = store.revision + 1
        self._sync(watcher)

    def _sync(self, watcher: Watcher) -> None:
        watcher.synced = True
        self._group.add(watcher, watcher.key, watcher.range_end)

    def _fall_behind(self, watcher: Watcher, next_revision: int) -> None:
        watcher.synced = False
        watcher.next_revision = next_revision
        self._group.remove(watcher, watcher.key, watcher.range_end)

    def _end(self, watcher: Watcher) -> None:
        if watcher.synced:
            self._fall_behind(watcher, watcher.next_revision)
        watcher.canceled = True
        watcher.notify()
