"""Deleting keys: tombstones and generations."""

from __future__ import annotations

import pytest

from kubesim.etcd import (
    DeleteRangeRequest,
    DeleteRangeResponse,
    EmptyKeyError,
    KeyValue,
    MvccStore,
    PutRequest,
    RangeRequest,
)


@pytest.fixture
def store() -> MvccStore:
    store = MvccStore()
    for key in (b"a", b"b", b"c"):
        store.put(PutRequest(key, key))  # Revisions 2, 3 and 4.
    return store


def test_deleting_a_range_is_one_revision(store: MvccStore) -> None:
    """Teaches: a revision is a transaction, however many keys it touches."""
    assert store.delete_range(DeleteRangeRequest(b"a", b"c")) == DeleteRangeResponse(5, 2)
    assert [kv.key for kv in store.range(RangeRequest(b"\0", b"\0")).kvs] == [b"c"]


def test_deleting_nothing_makes_no_revision(store: MvccStore) -> None:
    """Teaches: only change counts."""
    assert store.delete_range(DeleteRangeRequest(b"x")) == DeleteRangeResponse(4, 0)
    assert store.revision == 4


def test_deleted_values_are_returned_when_asked(store: MvccStore) -> None:
    """Teaches: prev_kv of a delete."""
    response = store.delete_range(DeleteRangeRequest(b"b", b"\0", prev_kv=True))
    assert response.prev_kvs == (KeyValue(b"b", b"b", 3, 3, 1), KeyValue(b"c", b"c", 4, 4, 1))


def test_a_deleted_key_is_still_there_in_the_past(store: MvccStore) -> None:
    """Teaches: a tombstone ends a key from its revision on, not before."""
    store.delete_range(DeleteRangeRequest(b"b"))
    assert store.range(RangeRequest(b"b")).count == 0
    assert store.range(RangeRequest(b"b", revision=4)).kvs[0].value == b"b"
    assert [kv.key for kv in store.range(RangeRequest(b"\0", b"\0", revision=4)).kvs] == [b"a", b"b", b"c"]


def test_a_key_that_returns_begins_a_new_generation(store: MvccStore) -> None:
    """Teaches: create_revision and version begin anew, so a compare tells the second from the first."""
    store.put(PutRequest(b"a", b"again"))
    store.delete_range(DeleteRangeRequest(b"a"))
    store.put(PutRequest(b"a", b"new"))
    assert store.range(RangeRequest(b"a")).kvs == (KeyValue(b"a", b"new", 7, 7, 1),)
    assert store.range(RangeRequest(b"a", revision=6)).count == 0
    assert [kv.key for kv in store.range(RangeRequest(b"\0", b"\0", revision=5)).kvs] == [b"a", b"b", b"c"]
    assert store.range(RangeRequest(b"a", revision=5)).kvs == (KeyValue(b"a", b"again", 2, 5, 2),)


def test_a_delete_without_a_key_is_refused(store: MvccStore) -> None:
    """Teaches: nobody deletes everything by forgetting an argument."""
    with pytest.raises(EmptyKeyError):
        store.delete_range(DeleteRangeRequest(b"", b"\0"))
