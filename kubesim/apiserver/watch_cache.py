"""The watch cache of one resource: its present state, its recent past, and those who watch it.

Thousands of clients watch; etcd sees one watch per resource. The cache applies etcd's events in order to a
dict of the present state, keeps a window of recent changes for watchers that come back, and dispatches each
change through an index. It is a little behind etcd (one turn of the event loop): a read that must see the
latest write waits until the cache has reached the revision that etcd names.

Upstream: k8s.io/apiserver/pkg/storage/cacher.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Sequence

from kubesim.api.resources import Resource
from kubesim.api.stored import Stored
from kubesim.api.wire import ADDED, BOOKMARK, DELETED, MODIFIED, WatchEvent
from kubesim.apiserver.storage import Storage
from kubesim.apiserver.watch_index import WatchIndex
from kubesim.apiserver.watcher import Change, Watcher
from kubesim.etcd.client import EtcdClient, Watch
from kubesim.etcd.errors import EtcdError
from kubesim.etcd.messages import Event, EventType, RangeRequest, WatchRequest, WatchResponse, prefix_end

WINDOW_CHANGES_MAX = 1024
RETRY_SECONDS = 1.0


class WatchCache:
    """Everything known of one resource, complete up to `revision`."""

    def __init__(self, resource: Resource, storage: Storage, etcd: EtcdClient) -> None:
        self.resource = resource
        self.storage = storage
        self.revision = 0
        self.state: dict[str, Stored] = {}
        self.window: deque[Change] = deque(maxlen=WINDOW_CHANGES_MAX)
        self.window_begin = 0  # The window holds every change after this revision.
        self.on_fill: Callable[[], None] | None = None  # Hears that `state` was read anew.
        self._watchers = WatchIndex(resource.indexed_fields)
        self._keys: list[str] | None = []  # The keys of `state` in order; None when some came or went.
        self._etcd = etcd
        self._watch: Watch | None = None
        self.on_change: Callable[[str, Stored | None], None] | None = (
            None  # The server's own ear: a key, what is there.
        )
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    async def fill(self) -> None:
        """Reads the present state from etcd and begins to watch from there."""
        prefix = self.storage.prefix_bytes
        response = await self._etcd.range(RangeRequest(prefix, prefix_end(prefix)))
        self.state = {}
        for kv in response.kvs:
            key = self.storage.key_of(kv.key)
            self.state[key] = self.storage.latest[key] = self.storage.handle(key, kv)
        self._keys = list(self.state)
        if self.on_fill is not None:
            self.on_fill()
        self.revision = self.window_begin = response.revision
        self.window.clear()
        self._watch = self._etcd.watch(
            WatchRequest(prefix, prefix_end(prefix), start_revision=response.revision + 1, progress_notify=True)
        )

    async def run(self) -> None:
        """Follows etcd until cancelled. If etcd drops the watch, everything is read anew and watchers end."""
        while True:
            try:
                assert self._watch is not None, "fill() comes before run()"
                await self._watch.push_to(self._take)
                response = await self._watch.next()
                if not response.canceled and not response.compact_revision:
                    self._take(response)
                    continue
                self.end_watchers()
                await self.fill()
            except EtcdError:
                await asyncio.sleep(RETRY_SECONDS)

    def send_bookmarks(self) -> None:
        """Tells quiet watchers how far they are, so that they need not list again later."""
        for watcher in self._watchers:
            if watcher.bookmarks and watcher.revision < self.revision:
                watcher.push(self.bookmark())

    def bookmark(self, annotations: dict[str, str] | None = None) -> WatchEvent:
        """An event that says only: you have seen everything up to here."""
        metadata: dict[str, object] = {"name": "", "resourceVersion": str(self.revision)}
        if annotations:
            metadata["annotations"] = annotations
        obj = {"kind": self.resource.kind, "apiVersion": self.resource.api_version, "metadata": metadata}
        return WatchEvent(BOOKMARK, Stored(self.revision, obj))

    def ordered(self, namespace: str = "") -> Sequence[Stored]:
        """The present state in the order of etcd's keys."""
        if self._keys is None:
            self._keys = sorted(self.state)
        keys, state = self._keys, self.state
        if namespace and self.resource.namespaced:
            keys = keys[bisect_left(keys, f"{namespace}/") : bisect_left(keys, f"{namespace}0")]  # "0" follows "/".
        return [state[key] for key in keys]

    async def wait_for(self, revision: int) -> None:
        """Returns when the cache has seen everything up to `revision`."""
        if self.revision >= revision:
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.append((revision, waiter))
        if self._watch is not None:
            self._watch.request_progress()
        await waiter

    def changes_after(self, revision: int) -> list[Change] | None:
        """What happened after `revision`; None if the window does not reach that far back."""
        if revision < self.window_begin:
            return None
        changes = []
        for change in reversed(self.window):
            if change.stored.revision <= revision:
                break
            changes.append(change)
        changes.reverse()
        return changes

    def add(self, watcher: Watcher) -> None:
        """From here on the watcher hears of changes after `self.revision`."""
        watcher.revision = self.revision
        self._watchers.add(watcher)

    def remove(self, watcher: Watcher) -> None:
        """The watcher has ended."""
        self._watchers.remove(watcher)

    def end_watchers(self) -> None:
        """Ends every watch: the clients begin again from the last revision that they saw."""
        for watcher in list(self._watchers):
            watcher.end()

    def close(self) -> None:
        """The server stops."""
        self.end_watchers()
        if self._watch is not None:
            self._watch.cancel()

    def _take(self, response: WatchResponse) -> None:
        for event in response.events:
            self._apply_one(event)
        if not response.events:
            self.revision = max(self.revision, response.revision)
        if self._waiting:
            reached = [waiter for wanted, waiter in self._waiting if wanted <= self.revision]
            self._waiting = [pair for pair in self._waiting if pair[0] > self.revision]
            for waiter in reached:
                if not waiter.done():
                    waiter.set_result(None)

    def _apply_one(self, event: Event) -> None:
        key = self.storage.key_of(event.kv.key)
        previous = self.state.get(key)
        deleted = event.type is EventType.DELETE
        stored = self.storage.observe(key, event.kv, previous, deleted=deleted)
        if deleted:
            self.state.pop(key, None)
            self._keys = None
            kind = DELETED
        else:
            self.state[key] = stored
            kind = MODIFIED
            if previous is None:
                self._keys = None
                kind = ADDED
        self.revision = stored.revision
        if len(self.window) == WINDOW_CHANGES_MAX:
            self.window_begin = self.window[0].stored.revision
        change = Change(kind, stored, previous)
        self.window.append(change)
        self._watchers.dispatch(change)
        if self.on_change is not None:
            self.on_change(key, None if deleted else stored)
