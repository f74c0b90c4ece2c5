"""Compaction: what can still be read, and what is told to those who come too late."""

from __future__ import annotations

import pytest

from kubesim.etcd import (
    CompactedError,
    DeleteRangeRequest,
    FutureRevisionError,
    KeyValue,
    MvccStore,
    PutRequest,
    RangeRequest,
)


@pytest.fixture
def store() -> MvccStore:
    """a: put 2, put 3, deleted 4, put 7.  b: put 5.  c: put 6, deleted 8."""
    store = MvccStore()
    store.put(PutRequest(b"a", b"1"))
    store.put(PutRequest(b"a", b"2"))
    store.delete_range(DeleteRangeRequest(b"a"))
    store.put(PutRequest(b"b", b"1"))
    store.put(PutRequest(b"c", b"1"))
    store.put(PutRequest(b"a", b"3"))
    store.delete_range(DeleteRangeRequest(b"c"))
    return store


def state(store: MvccStore, revision: int) -> dict[bytes, bytes]:
    return {kv.key: kv.value for kv in store.range(RangeRequest(b"\0", b"\0", revision=revision)).kvs}


def revisions(store: MvccStore, key: bytes) -> list[int]:
    return [kv.mod_revision for kv in store.history(key, b"", 0)]


def test_below_the_compacted_revision_nothing_can_be_read_and_from_it_on_everything(store: MvccStore) -> None:
    """Teaches: the compacted revision itself is the oldest state that is still there."""
    store.compact(6)
    with pytest.raises(CompactedError, match="etcdserver: mvcc: required revision has been compacted"):
        store.range(RangeRequest(b"b", revision=5))
    assert state(store, 6) == {b"b": b"1", b"c": b"1"}
    assert state(store, 7) == {b"a": b"3", b"b": b"1", b"c": b"1"}
    assert state(store, 8) == {b"a": b"3", b"b": b"1"}


def test_what_is_still_the_latest_survives_however_old_it_is(store: MvccStore) -> None:
    """Teaches: compaction forgets versions, never keys that live."""
    store.compact(8)
    assert store.range(RangeRequest(b"b")).kvs == (KeyValue(b"b", b"1", 5, 5, 1),)
    store.put(PutRequest(b"b", b"2"))
    assert store.range(RangeRequest(b"b")).kvs == (KeyValue(b"b", b"2", 5, 9, 2),)


def test_overwritten_versions_and_old_tombstones_are_gone_from_memory(store: MvccStore) -> None:
    """Teaches: what compaction is for; the tombstone of exactly that revision stays one round longer."""
    store.compact(4)
    assert revisions(store, b"a") == [4, 7]
    store.compact(7)
    assert revisions(store, b"a") == [7]
    store.compact(8)
    assert revisions(store, b"c") == [8]
    store.put(PutRequest(b"d", b"1"))
    store.compact(9)
    assert revisions(store, b"c") == []
    assert state(store, 9) == {b"a": b"3", b"b": b"1", b"d": b"1"}


def test_a_forgotten_key_can_come_back(store: MvccStore) -> None:
    """Teaches: to etcd a compacted tombstone is the same as never having been."""
    store.put(PutRequest(b"d", b""))
    store.compact(9)
    store.put(PutRequest(b"c", b"again"))
    assert store.range(RangeRequest(b"c")).kvs == (KeyValue(b"c", b"again", 10, 10, 1),)


def test_compaction_goes_only_forward_and_not_into_the_future(store: MvccStore) -> None:
    """Teaches: two apiservers may both try; the second hears that it is done."""
    store.compact(5)
    for revision in (5, 4, 0):
        with pytest.raises(CompactedError):
            store.compact(revision)
    with pytest.raises(FutureRevisionError):
        store.compact(9)
    store.compact(8)


def test_compaction_makes_no_revision(store: MvccStore) -> None:
    """Teaches: forgetting is no event; watchers do not hear of it."""
    store.compact(8)
    assert store.revision == 8
