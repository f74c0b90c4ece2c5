"""The life of one key: all its revisions that were not compacted away.

A key lives in *generations*. The first put creates it and starts a generation (create_revision, version
1); each further put adds a revision; a delete ends the generation with a *tombstone*. A later put starts a
new generation, so create_revision moves on and version begins at 1 again. For instance

    put at 2, put at 3, delete at 5, put at 8     ->     {2, 3, 5 (tombstone)}, {8}

Upstream keeps only revision numbers here and the values in bbolt. In memory the KeyValue can stand for
both: it knows its create and mod revision and its version, and a tombstone is one of version 0. So the
generations need no lists of their own: they are the stretches up to each tombstone.

Upstream: server/storage/mvcc/key_index.go.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from operator import attrgetter

from kubesim.etcd.messages import KeyValue

_mod_revision = attrgetter("mod_revision")


class KeyIndex:
    """The revisions of one key, oldest first; never empty while the key is known."""

    __slots__ = ("revisions",)

    def __init__(self, first: KeyValue) -> None:
        self.revisions = [first]

    def at(self, revision: int) -> KeyValue | None:
        """The key as it was at `revision`; None if it did not exist then."""
        kv = self.revisions[-1]
        if kv.mod_revision > revision:
            position = bisect_right(self.revisions, revision, key=_mod_revision)
            if position == 0:
                return None
            kv = self.revisions[position - 1]
        return kv if kv.version else None

    def since(self, revision: int) -> list[KeyValue]:
        """Every change from `revision` on, tombstones included."""
        return self.revisions[bisect_left(self.revisions, revision, key=_mod_revision) :]

    def compact(self, revision: int) -> bool:
        """Forgets what was overwritten at or before `revision`; True if nothing is left of the key.

        The state at `revision` stays readable. A tombstone goes too, since a key that is not known does
        not exist either, but one of exactly `revision` stays: a watch may begin there and must see it.
        """
        kept = bisect_right(self.revisions, revision, key=_mod_revision)
        if kept:
            newest = self.revisions[kept - 1]
            if newest.version or newest.mod_revision == revision:
                kept -= 1
            del self.revisions[:kept]
        return not self.revisions


def tombstone(key: bytes, revision: int) -> KeyValue:
    """The mark of a deletion, and the `kv` of a DELETE event: only key and mod_revision say something."""
    return KeyValue(key, b"", 0, revision, 0)
