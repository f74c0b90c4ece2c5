"""The log of revisions: what each transaction changed, in order. Watches catch up from it.

A change has two numbers. Its *main* revision counts the transactions that changed something; its *sub*
revision is its place among the changes of that transaction, from 0. Clients see only the main one; the
order of the sub ones decides in which order a watch reports them.

Main revisions have no gaps, so the log is a list and a revision is found by subtraction. Nearly every
transaction of a Kubernetes apiserver changes one key: its entry is the KeyValue itself, without a tuple.

Upstream: server/storage/mvcc/revision.go; there the log is the key order of the bbolt database.
"""

from __future__ import annotations

from collections.abc import Iterator

from kubesim.etcd.messages import KeyValue

EMPTY_STORE_REVISION = 1  # The revision of a store that was never written to; the first write makes 2.

Changes = tuple[KeyValue, ...]


class RevisionLog:
    """The changes of every main revision from `first` on; a tombstone is a KeyValue of version 0."""

    __slots__ = ("_entries", "first")

    def __init__(self) -> None:
        self.first = EMPTY_STORE_REVISION + 1  # Invariant: the main revision of _entries[0].
        self._entries: list[KeyValue | Changes] = []

    @property
    def last(self) -> int:
        """The newest revision of the log; `first - 1` when it is empty."""
        return self.first + len(self._entries) - 1

    def append(self, changes: list[KeyValue]) -> None:
        """Adds the next main revision."""
        self._entries.append(changes[0] if len(changes) == 1 else tuple(changes))

    def at(self, revision: int) -> Changes:
        """What `revision` changed, by sub revision."""
        position = revision - self.first
        assert position >= 0, f"revision {revision} is no longer in the log, which begins at {self.first}"
        entry = self._entries[position]
        return entry if isinstance(entry, tuple) else (entry,)

    def since(self, revision: int) -> Iterator[KeyValue]:
        """Every change of `revision` and later, in order."""
        for main in range(max(revision, EMPTY_STORE_REVISION + 1), self.last + 1):
            yield from self.at(main)

    def forget_below(self, revision: int) -> None:
        """Drops what happened before `revision`."""
        if revision > self.first:
            del self._entries[: revision - self.first]
            self.first = revision
