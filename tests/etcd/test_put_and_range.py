"""Writing and reading keys, now and in the past."""

from __future__ import annotations

import pytest

from kubesim.etcd import (
    EmptyKeyError,
    FutureRevisionError,
    KeyNotFoundError,
    KeyValue,
    LeaseNotFoundError,
    LeaseProvidedError,
    MvccStore,
    PutRequest,
    RangeRequest,
    RequestTooLargeError,
    ValueProvidedError,
    prefix_end,
)


@pytest.fixture
def store() -> MvccStore:
    return MvccStore()


def keys(store: MvccStore, request: RangeRequest) -> list[bytes]:
    return [kv.key for kv in store.range(request).kvs]


def test_an_empty_store_is_at_revision_one_and_the_first_write_makes_two(store: MvccStore) -> None:
    """Teaches: a revision counts the writes of the whole store, not of a key."""
    assert store.range(RangeRequest(b"a")).revision == 1
    assert store.put(PutRequest(b"a", b"1")).revision == 2
    assert store.put(PutRequest(b"b", b"1")).revision == 3


def test_a_key_remembers_its_creation_its_last_change_and_how_often_it_was_written(store: MvccStore) -> None:
    """Teaches: create_revision stays, mod_revision moves, version counts from 1."""
    store.put(PutRequest(b"a", b"1"))
    store.put(PutRequest(b"other", b""))
    store.put(PutRequest(b"a", b"2"))
    response = store.range(RangeRequest(b"a"))
    assert response.kvs == (KeyValue(b"a", b"2", create_revision=2, mod_revision=4, version=2),)
    assert (response.count, response.more, response.revision) == (1, False, 4)


def test_a_missing_key_is_an_empty_answer_and_not_an_error(store: MvccStore) -> None:
    """Teaches: etcd has no 404; the apiserver makes one from count 0."""
    response = store.range(RangeRequest(b"a"))
    assert (response.kvs, response.count) == ((), 0)


def test_put_returns_what_it_replaced_when_asked(store: MvccStore) -> None:
    """Teaches: prev_kv, absent at the first write."""
    assert store.put(PutRequest(b"a", b"1", prev_kv=True)).prev_kv is None
    assert store.put(PutRequest(b"a", b"2")).prev_kv is None
    previous = store.put(PutRequest(b"a", b"3", prev_kv=True)).prev_kv
    assert previous == KeyValue(b"a", b"2", 2, 3, 2)


def test_put_can_keep_the_value_or_the_lease(store: MvccStore) -> None:
    """Teaches: ignore_value moves a key to another lease, ignore_lease changes only the value."""
    store.leases = {7: {}, 8: {}}
    store.put(PutRequest(b"a", b"1", lease=7))
    store.put(PutRequest(b"a", b"", lease=8, ignore_value=True))
    assert store.range(RangeRequest(b"a")).kvs[0] == KeyValue(b"a", b"1", 2, 3, 2, lease=8)
    store.put(PutRequest(b"a", b"2", ignore_lease=True))
    assert store.range(RangeRequest(b"a")).kvs[0] == KeyValue(b"a", b"2", 2, 4, 3, lease=8)
    assert store.leases == {7: {}, 8: {b"a": None}}


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (PutRequest(b"", b"1"), EmptyKeyError),
        (PutRequest(b"a", b"1", ignore_value=True), ValueProvidedError),
        (PutRequest(b"a", b"", lease=1, ignore_lease=True), LeaseProvidedError),
        (PutRequest(b"a", b"", ignore_value=True), KeyNotFoundError),
        (PutRequest(b"a", b"1", ignore_lease=True), KeyNotFoundError),
        (PutRequest(b"a", b"1", lease=99), LeaseNotFoundError),
        (PutRequest(b"a", b"x" * 1_572_865), RequestTooLargeError),
    ],
)
def test_a_refused_put_changes_nothing(store: MvccStore, request_: PutRequest, error: type[Exception]) -> None:
    """Teaches: every reason to refuse is found before the write."""
    with pytest.raises(error):
        store.put(request_)
    assert store.range(RangeRequest(b"a")) == store.range(RangeRequest(b"a", revision=1))


def test_a_prefix_is_a_range_and_comes_sorted(store: MvccStore) -> None:
    """Teaches: /registry/pods/ selects Pods only, since its end is /registry/pods0."""
    for key in (b"/pods/b", b"/pods/a", b"/podtemplates/a", b"/nodes/a", b"/pods/a/b"):
        store.put(PutRequest(key, b""))
    assert prefix_end(b"/pods/") == b"/pods0"
    assert keys(store, RangeRequest(b"/pods/", b"/pods0")) == [b"/pods/a", b"/pods/a/b", b"/pods/b"]


def test_a_zero_byte_as_end_means_all_keys_from_here(store: MvccStore) -> None:
    """Teaches: the two special ends, and that the prefix of all keys ends so too."""
    for key in (b"a", b"b", b"\xff"):
        store.put(PutRequest(key, b""))
    assert keys(store, RangeRequest(b"b", b"\0")) == [b"b", b"\xff"]
    assert keys(store, RangeRequest(b"\0", prefix_end(b""))) == [b"a", b"b", b"\xff"]
    assert prefix_end(b"\xff\xff") == b"\0"
    assert prefix_end(b"a\xff") == b"b"
    assert keys(store, RangeRequest(b"b", b"a")) == []


def test_a_limit_cuts_the_keys_but_not_the_count(store: MvccStore) -> None:
    """Teaches: how the apiserver pages a list and knows remainingItemCount."""
    for key in (b"a", b"b", b"c"):
        store.put(PutRequest(key, b""))
    page = store.range(RangeRequest(b"a", b"\0", limit=2))
    assert ([kv.key for kv in page.kvs], page.more, page.count) == ([b"a", b"b"], True, 3)
    assert not store.range(RangeRequest(b"a", b"\0", limit=3)).more


def test_a_range_may_ask_for_the_count_or_the_keys_only(store: MvccStore) -> None:
    """Teaches: what an apiserver asks to count objects without reading them."""
    store.put(PutRequest(b"a", b"large"))
    store.put(PutRequest(b"b", b"large"))
    counted = store.range(RangeRequest(b"a", b"\0", limit=1, count_only=True))
    assert (counted.kvs, counted.count, counted.more) == ((), 2, False)
    assert store.range(RangeRequest(b"a", keys_only=True)).kvs == (KeyValue(b"a", b"", 2, 2, 1),)


def test_the_past_can_be_read(store: MvccStore) -> None:
    """Teaches: nothing is overwritten; a revision is a snapshot of the whole store."""
    store.put(PutRequest(b"a", b"1"))
    store.put(PutRequest(b"b", b"1"))
    store.put(PutRequest(b"a", b"2"))
    past = store.range(RangeRequest(b"a", b"\0", revision=3))
    assert [(kv.key, kv.value) for kv in past.kvs] == [(b"a", b"1"), (b"b", b"1")]
    assert past.revision == 4, "the header speaks of the present"
    assert store.range(RangeRequest(b"b", revision=2)).kvs == ()
    limited = store.range(RangeRequest(b"a", b"\0", revision=3, limit=1))
    assert (len(limited.kvs), limited.count, limited.more) == (1, 2, True)


def test_the_future_cannot_be_read(store: MvccStore) -> None:
    """Teaches: etcd's words for a revision that nobody has written."""
    with pytest.raises(FutureRevisionError, match="etcdserver: mvcc: required revision is a future revision"):
        store.range(RangeRequest(b"a", revision=2))


def test_a_read_without_a_key_is_refused(store: MvccStore) -> None:
    """Teaches: even `everything` has a first key, the zero byte."""
    with pytest.raises(EmptyKeyError, match="etcdserver: key is not provided"):
        store.range(RangeRequest(b"", b"\0"))
