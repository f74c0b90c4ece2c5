"""Who watches a key: found without asking those who do not.

Watchers of one key stand in a dict. Watchers of ranges stand in *segments*: the starts and ends of all
ranges, sorted, cut the space of keys into pieces, and each piece knows who covers it. So an event costs one
dict look-up, one binary search, and its watchers, however many others there are. Upstream uses an interval
tree for the same.

    ranges  [b, d) of W1, [c, f) of W2         bounds    b    c    d    f
                                               covering  -  W1  W1,W2  W2  -

Upstream: server/storage/mvcc/watcher_group.go.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Generic, TypeVar

from kubesim.etcd.tree_index import FROM_KEY

Watcher = TypeVar("Watcher")


class WatcherGroup(Generic[Watcher]):
    """An index from keys to watchers. Watchers are reported in the order in which they were added."""

    def __init__(self) -> None:
        self._by_key: dict[bytes, list[Watcher]] = {}
        self._bounds: list[bytes] = []
        self._uses: dict[bytes, int] = {}  # How many ranges begin or end at a bound.
        # Invariant: _covering[i] are the watchers of keys from _bounds[i - 1] up to before _bounds[i].
        self._covering: list[list[Watcher]] = [[]]

    def watchers_of(self, key: bytes) -> Sequence[Watcher]:
        """Who must hear of a change of `key`; those of exactly this key first."""
        covering = self._covering[bisect_right(self._bounds, key)]
        exact = self._by_key.get(key)
        return covering if exact is None else exact + covering

    def add(self, watcher: Watcher, key: bytes, range_end: bytes) -> None:
        """Puts a watcher of [key, range_end) into the index."""
        if not range_end:
            self._by_key.setdefault(key, []).append(watcher)
            return
        for bound in _bounds_of(key, range_end):
            self._cut(bound)
        for covering in self._pieces(key, range_end):
            covering.append(watcher)

    def remove(self, watcher: Watcher, key: bytes, range_end: bytes) -> None:
        """Takes a watcher out again; it must be there."""
        if not range_end:
            watchers = self._by_key[key]
            watchers.remove(watcher)
            if not watchers:
                del self._by_key[key]
            return
        for covering in self._pieces(key, range_end):
            covering.remove(watcher)
        for bound in _bounds_of(key, range_end):
            self._join(bound)

    def _pieces(self, key: bytes, range_end: bytes) -> list[list[Watcher]]:
        first = bisect_right(self._bounds, key)
        if range_end == FROM_KEY:
            return self._covering[first:]
        return self._covering[first : bisect_left(self._bounds, range_end) + 1]

    def _cut(self, bound: bytes) -> None:
        """Makes a piece begin at `bound`."""
        uses = self._uses.get(bound, 0)
        self._uses[bound] = uses + 1
        if uses == 0:
            place = bisect_left(self._bounds, bound)
            self._bounds.insert(place, bound)
            self._covering.insert(place + 1, list(self._covering[place]))

    def _join(self, bound: bytes) -> None:
        """Undoes one `_cut`: without ranges that end there, both sides of a bound are the same."""
        self._uses[bound] -= 1
        if self._uses[bound] == 0:
            del self._uses[bound]
            place = bisect_left(self._bounds, bound)
            del self._bounds[place]
            del self._covering[place + 1]


def _bounds_of(key: bytes, range_end: bytes) -> tuple[bytes, ...]:
    return (key,) if range_end == FROM_KEY else (key, range_end)
