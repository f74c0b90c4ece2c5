"""All keys: the latest value of each in a dict, their order in sorted lists, their past in key indexes.

etcd uses a B-tree. Python's `list` and `bisect` do the same for the sizes that a simulation has: a prefix
is one contiguous slice, and inserting a key moves memory, not objects. Living keys and deleted ones that
history still knows are two lists, so that reading the latest state never steps over the dead.

Upstream: server/storage/mvcc/index.go (treeIndex).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable
from heapq import merge

from kubesim.etcd.key_index import KeyIndex, tombstone
from kubesim.etcd.messages import KeyValue

FEW = 16
FROM_KEY = b"\0"  # As a range_end: every key from the first one on.


class TreeIndex:
    """The keys of a store. `latest` holds the living ones; read it, but change it only through methods."""

    __slots__ = ("_dead", "_histories", "_living", "_new", "latest")

    def __init__(self) -> None:
        self.latest: dict[bytes, KeyValue] = {}
        self._living: list[bytes] = []  # Invariant: with the keys of `_new` sorted in, sorted(latest).
        self._new: list[bytes] = []  # Keys that nobody has asked for in order yet.
        self._dead: list[bytes] = []  # Invariant: sorted keys of _histories that are not in latest.
        self._histories: dict[bytes, KeyIndex] = {}

    def put(self, key: bytes, value: bytes, lease: int, revision: int) -> KeyValue:
        """Writes a key at `revision`."""
        previous = self.latest.get(key)
        if previous is not None:
            key = previous.key  # All revisions of a key share one bytes object.
            kv = KeyValue(key, value, previous.create_revision, revision, previous.version + 1, lease)
            self._histories[key].revisions.append(kv)
        else:
            kv = self._create(key, value, lease, revision)
        self.latest[key] = kv
        return kv

    def delete(self, key: bytes, revision: int) -> KeyValue:
        """Ends the key's generation at `revision`; returns the tombstone."""
        last = self.latest.pop(key)
        kv = tombstone(last.key, revision)
        self._histories[key].revisions.append(kv)
        living = self._in_order()
        del living[bisect_left(living, key)]
        insort(self._dead, last.key)
        return kv

    def keys(self, key: bytes, range_end: bytes) -> list[bytes]:
        """The living keys of [key, range_end), sorted."""
        if not range_end:
            return [key] if key in self.latest else []
        return _slice(self._in_order(), key, range_end)

    def at(self, key: bytes, revision: int) -> KeyValue | None:
        """The key as it was at `revision`."""
        history = self._histories.get(key)
        return None if history is None else history.at(revision)

    def range_at(self, key: bytes, range_end: bytes, revision: int) -> list[KeyValue]:
        """The keys of [key, range_end) as they were at `revision`, sorted."""
        if not range_end:
            known = [key] if key in self._histories else []
        else:
            dead = _slice(self._dead, key, range_end)
            known = _slice(self._in_order(), key, range_end)
            known = list(merge(known, dead)) if dead else known
        histories = self._histories
        return [kv for name in known if (kv := histories[name].at(revision)) is not None]

    def since(self, key: bytes, revision: int) -> list[KeyValue]:
        """Every change of one key from `revision` on."""
        history = self._histories.get(key)
        return [] if history is None else history.since(revision)

    def compact(self, keys: Iterable[bytes], revision: int) -> None:
        """Forgets what was overwritten at or before `revision`; `keys` are those that changed up to then."""
        forgotten = False
        for key in keys:
            history = self._histories.get(key)
            if history is not None and history.compact(revision):
                del self._histories[key]
                forgotten = True
        if forgotten:
            self._dead = [key for key in self._dead if key in self._histories]

    def _create(self, key: bytes, value: bytes, lease: int, revision: int) -> KeyValue:
        """Starts a generation: the key's first, or one after a tombstone."""
        history = self._histories.get(key)
        if history is None:
            kv = KeyValue(key, value, revision, revision, 1, lease)
            self._histories[key] = KeyIndex(kv)
        else:
            key = history.revisions[-1].key
            kv = KeyValue(key, value, revision, revision, 1, lease)
            history.revisions.append(kv)
            del self._dead[bisect_left(self._dead, key)]
        self._new.append(key)
        return kv

    def _in_order(self) -> list[bytes]:
        """All living keys, sorted. Many new ones at once are cheaper than one by one, which move half the list."""
        if len(self._new) < FEW:
            for key in self._new:
                insort(self._living, key)
        else:
            self._living += self._new
            self._living.sort()
        self._new.clear()
        return self._living


def _slice(keys: list[bytes], start: bytes, range_end: bytes) -> list[bytes]:
    first = bisect_left(keys, start)
    return keys[first:] if range_end == FROM_KEY else keys[first : bisect_left(keys, range_end, first)]
