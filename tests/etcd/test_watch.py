"""Watches, seen from inside the store: what is reported, in which order, and from which revision on."""

from __future__ import annotations

import pytest

from kubesim.etcd import (
    DeleteRangeRequest,
    Event,
    EventType,
    KeyValue,
    MvccStore,
    PutRequest,
    TxnRequest,
    WatchRequest,
    WatchResponse,
)
from kubesim.etcd.watch import EVENTS_MAX, Watcher, WatchHub

PUT, DELETE = EventType.PUT, EventType.DELETE


@pytest.fixture
def store() -> MvccStore:
    """a is put at 2 and 3 and deleted at 4; b is put at 5."""
    store = MvccStore()
    store.put(PutRequest(b"a", b"1"))
    store.put(PutRequest(b"a", b"2"))
    store.delete_range(DeleteRangeRequest(b"a"))
    store.put(PutRequest(b"b", b"1"))
    return store


@pytest.fixture
def hub(store: MvccStore) -> WatchHub:
    return WatchHub(store)


def read(hub: WatchHub, watcher: Watcher) -> list[tuple[str, bytes, int]]:
    """Everything there is, as (type, key, revision)."""
    events: list[Event] = []
    while (response := hub.take(watcher)) is not None and response.events:
        events.extend(response.events)
    return [(event.type.value, event.kv.key, event.kv.mod_revision) for event in events]


def put_many(store: MvccStore, count: int) -> None:
    for _ in range(count):
        store.put(PutRequest(b"k", b""))


def test_without_a_start_revision_a_watch_begins_after_the_present(store: MvccStore, hub: WatchHub) -> None:
    """Teaches: start_revision 0."""
    watcher = hub.open(WatchRequest(b"\0", b"\0"))
    assert hub.take(watcher) is None
    store.put(PutRequest(b"a", b"3"))
    assert hub.take(watcher) == WatchResponse(6, (Event(PUT, KeyValue(b"a", b"3", 6, 6, 1)),))
    assert hub.take(watcher) is None


def test_a_watch_from_the_past_gets_history_and_then_the_present(store: MvccStore, hub: WatchHub) -> None:
    """Teaches: list at revision N, watch from N + 1, and nothing is lost in between."""
    watcher = hub.open(WatchRequest(b"\0", b"\0", start_revision=3))
    store.put(PutRequest(b"c", b""))
    assert read(hub, watcher) == [("PUT", b"a", 3), ("DELETE", b"a", 4), ("PUT", b"b", 5), ("PUT", b"c", 6)]


def test_a_watch_from_the_future_waits_for_that_revision(store: MvccStore, hub: WatchHub) -> None:
    """Teaches: what happens before is not reported, nor is progress."""
    watcher = hub.open(WatchRequest(b"k", start_revision=7))
    hub.request_progress(watcher)
    assert hub.take(watcher) is None
    put_many(store, 3)
    assert read(hub, watcher) == [("PUT", b"k", 7), ("PUT", b"k", 8)]


def test_a_watch_of_one_key_or_range_hears_of_nothing_else(store: MvccStore, hub: WatchHub) -> None:
    """Teaches: selection, in history and in the present."""
    one = hub.open(WatchRequest(b"a", start_revision=1))
    some = hub.open(WatchRequest(b"b", b"d", start_revision=1))
    for key in (b"a", b"b", b"c", b"d"):
        store.put(PutRequest(key, b""))
    assert read(hub, one) == [("PUT", b"a", 2), ("PUT", b"a", 3), ("DELETE", b"a", 4), ("PUT", b"a", 6)]
    assert read(hub, some) == [("PUT", b"b", 5), ("PUT", b"b", 7), ("PUT", b"c", 8)]


def test_a_delete_event_carries_key_and_revision_and_on_request_what_was_there(hub: WatchHub, store: MvccStore) -> None:
    """Teaches: why the apiserver asks for prev_kv: to tell its watchers the last state."""
    watcher = hub.open(WatchRequest(b"b", prev_kv=True))
    store.delete_range(DeleteRangeRequest(b"b"))
    response = hub.take(watcher)
    assert response is not None
    assert response.events == (Event(DELETE, KeyValue(b"b", b"", 0, 6, 0), KeyValue(b"b", b"1", 5, 5, 1)),)


@pytest.mark.parametrize("start", [0, 2], ids=["as it happens", "from history"])
def test_previous_values_are_the_same_live_and_from_history(start: int) -> None:
    """Teaches: prev_kv is absent where a key is created, also when it is created again."""
    store = MvccStore()
    hub = WatchHub(store)
    watcher = hub.open(WatchRequest(b"a", b"b", prev_kv=True)) if start == 0 else None
    store.put(PutRequest(b"a", b"1"))
    store.put(PutRequest(b"a", b"2"))
    store.delete_range(DeleteRangeRequest(b"a"))
    store.put(PutRequest(b"a", b"3"))
    put, delete = PutRequest(b"a1", b""), DeleteRangeRequest(b"a1")
    store.txn(TxnRequest(success=(TxnRequest(success=(put,)), TxnRequest(success=(delete,)))))
    watcher = watcher or hub.open(WatchRequest(b"a", b"b", prev_kv=True, start_revision=start))
    response = hub.take(watcher)
    assert response is not None
    previous = [event.prev_kv and event.prev_kv.value for event in response.events]
    assert previous == [None, b"1", b"2", None, None, None]


def test_unwanted_types_are_filtered(store: MvccStore, hub: WatchHub) -> None:
    """Teaches: filters name what is NOT wanted."""
    no_puts = hub.open(WatchRequest(b"\0", b"\0", start_revision=1, filters=(PUT,)))
    no_deletes = hub.open(WatchRequest(b"\0", b"\0", start_revision=1, filters=(DELETE,)))
    nothing = hub.open(WatchRequest(b"\0", b"\0", start_revision=1, filters=(PUT, DELETE)))
    assert read(hub, no_puts) == [("DELETE", b"a", 4)]
    assert read(hub, no_deletes) == [("PUT", b"a", 2), ("PUT", b"a", 3), ("PUT", b"b", 5)]
    assert hub.take(nothing) is None


def test_a_watch_may_begin_at_the_compacted_revision_but_not_below(store: MvccStore, hub: WatchHub) -> None:
    """Teaches: the answer of a watch that comes too late says where there is something to read."""
    store.compact(4)
    assert hub.take(hub.open(WatchRequest(b"a", start_revision=3))) == WatchResponse(5, (), 4, True)
    assert read(hub, hub.open(WatchRequest(b"a", start_revision=4))) == [("DELETE", b"a", 4)]


def test_the_previous_value_of_the_oldest_event_may_be_compacted(store: MvccStore, hub: WatchHub) -> None:
    """Teaches: prev_kv is best effort; an event at the compacted revision has none."""
    store.compact(4)
    response = hub.take(hub.open(WatchRequest(b"a", start_revision=4, prev_kv=True)))
    assert response is not None
    assert response.events[0].prev_kv is None


def test_progress_comes_after_the_events_it_covers(store: MvccStore, hub: WatchHub) -> None:
    """Teaches: a response without events promises that everything up to its revision was reported."""
    watcher = hub.open(WatchRequest(b"a"))
    store.put(PutRequest(b"a", b""))
    hub.request_progress(watcher)
    store.put(PutRequest(b"elsewhere", b""))
    assert read(hub, watcher) == [("PUT", b"a", 6)]
    hub.request_progress(watcher)
    assert hub.take(watcher) == WatchResponse(7)
    assert hub.take(watcher) is None


def test_a_tick_reports_progress_only_to_a_watch_that_heard_nothing(store: MvccStore, hub: WatchHub) -> None:
    """Teaches: events are progress enough."""
    watcher = hub.open(WatchRequest(b"a"))
    store.put(PutRequest(b"a", b""))
    read(hub, watcher)
    hub.tick(watcher)
    assert hub.take(watcher) is None
    hub.tick(watcher)
    assert hub.take(watcher) == WatchResponse(6)


def test_a_cancelled_watch_says_so_and_hears_nothing_more(store: MvccStore, hub: WatchHub) -> None:
    """Teaches: what was not read is dropped."""
    watcher = hub.open(WatchRequest(b"k"))
    put_many(store, 1)
    hub.cancel(watcher)
    hub.cancel(watcher)
    put_many(store, 1)
    hub.request_progress(watcher)
    assert hub.take(watcher) == WatchResponse(7, canceled=True)


def test_a_range_that_cannot_hold_a_key_is_refused(hub: WatchHub) -> None:
    """Teaches: etcd cancels such a watch at once; no key at all means the first possible one."""
    refused = hub.take(hub.open(WatchRequest(b"b", b"a")))
    assert refused is not None
    assert refused.canceled
    assert read(hub, hub.open(WatchRequest(b"", b"\0", start_revision=5))) == [("PUT", b"b", 5)]


def test_a_long_history_comes_in_batches(store: MvccStore, hub: WatchHub) -> None:
    """Teaches: one response is bounded; its revision says how far it reaches."""
    put_many(store, EVENTS_MAX + 10)
    watcher = hub.open(WatchRequest(b"k", start_revision=1))
    first = hub.take(watcher)
    assert first is not None
    assert (len(first.events), first.revision) == (EVENTS_MAX, 5 + EVENTS_MAX)
    second = hub.take(watcher)
    assert second is not None
    assert (len(second.events), second.revision) == (10, store.revision)


def test_the_events_of_one_revision_are_never_split(store: MvccStore, hub: WatchHub) -> None:
    """Teaches: a batch may be too large, but a transaction arrives whole, live and from history."""
    live = hub.open(WatchRequest(b"k", b"l"))
    put_many(store, EVENTS_MAX - 1)
    store.txn(TxnRequest(success=(PutRequest(b"k1", b""), PutRequest(b"k2", b""), PutRequest(b"k3", b""))))
    put_many(store, 1)
    past = hub.open(WatchRequest(b"k", b"l", start_revision=6))
    for watcher in (live, past):
        sizes = [len(response.events) for _ in range(2) if (response := hub.take(watcher)) is not None]
        assert sizes == [EVENTS_MAX + 2, 1]


def test_a_slow_reader_falls_behind_and_catches_up_from_history(store: MvccStore, hub: WatchHub) -> None:
    """Teaches: its buffer is bounded, yet it misses nothing."""
    watcher = hub.open(WatchRequest(b"k"))
    put_many(store, 3 * EVENTS_MAX)
    assert len(watcher.buffer) == EVENTS_MAX
    assert [revision for _, _, revision in read(hub, watcher)] == list(range(6, 6 + 3 * EVENTS_MAX))
    put_many(store, 1)
    assert read(hub, watcher) == [("PUT", b"k", store.revision)]


def test_a_reader_so_slow_that_history_is_gone_is_cancelled(store: MvccStore, hub: WatchHub) -> None:
    """Teaches: where a watch's 410 Gone comes from; what was buffered still arrives."""
    watcher = hub.open(WatchRequest(b"k"))
    put_many(store, EVENTS_MAX + 10)
    store.compact(store.revision)
    assert len(read(hub, watcher)) == EVENTS_MAX
    assert hub.take(watcher) == WatchResponse(store.revision, (), store.revision, True)
