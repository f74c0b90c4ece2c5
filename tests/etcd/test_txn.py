"""Transactions: compare, then act, all or nothing."""

from __future__ import annotations

import pytest

from kubesim.etcd import (
    CompactedError,
    Compare,
    CompareResult,
    CompareTarget,
    DeleteRangeRequest,
    DeleteRangeResponse,
    DuplicateKeyError,
    EmptyKeyError,
    FutureRevisionError,
    KeyNotFoundError,
    LeaseNotFoundError,
    MvccStore,
    Operation,
    PutRequest,
    PutResponse,
    RangeRequest,
    TooManyOperationsError,
    TxnRequest,
    TxnResponse,
)

EQUAL, NOT_EQUAL = CompareResult.EQUAL, CompareResult.NOT_EQUAL
GREATER, LESS = CompareResult.GREATER, CompareResult.LESS
MOD, CREATE, VERSION = CompareTarget.MOD, CompareTarget.CREATE, CompareTarget.VERSION
VALUE, LEASE = CompareTarget.VALUE, CompareTarget.LEASE


@pytest.fixture
def store() -> MvccStore:
    """`a` was created at 2 and changed at 4, with lease 9; `b` was created at 3."""
    store = MvccStore()
    store.leases = {9: {}}
    store.put(PutRequest(b"a", b"old"))
    store.put(PutRequest(b"b", b"bee"))
    store.put(PutRequest(b"a", b"new", lease=9))
    return store


def holds(store: MvccStore, *compare: Compare) -> bool:
    return store.txn(TxnRequest(compare)).succeeded


def values(store: MvccStore) -> dict[bytes, bytes]:
    return {kv.key: kv.value for kv in store.range(RangeRequest(b"\0", b"\0")).kvs}


def test_a_write_that_knows_the_latest_revision_wins_and_a_stale_one_reads_it(store: MvccStore) -> None:
    """Teaches: how the apiserver makes optimistic locking from MOD compare, put and get."""

    def update(expected: int, value: bytes) -> TxnResponse:
        condition = Compare(b"a", MOD, EQUAL, expected)
        return store.txn(TxnRequest((condition,), (PutRequest(b"a", value),), (RangeRequest(b"a"),)))

    assert update(4, b"mine") == TxnResponse(5, True, (PutResponse(5),))
    stale = update(4, b"yours")
    assert not stale.succeeded
    assert stale.responses[0].kvs[0].value == b"mine"
    assert store.revision == 5


@pytest.mark.parametrize(
    ("target", "actual"), [(VERSION, 2), (CREATE, 2), (MOD, 4), (LEASE, 9), (VALUE, b"new")], ids=lambda x: str(x)
)
def test_every_property_can_be_compared_in_every_way(
    store: MvccStore, target: CompareTarget, actual: int | bytes
) -> None:
    """Teaches: the five targets and the four relations; the key's side stands on the left."""
    below, above = (b"nev", b"nex") if isinstance(actual, bytes) else (actual - 1, actual + 1)
    for operand, true in ((below, {GREATER, NOT_EQUAL}), (actual, {EQUAL}), (above, {LESS, NOT_EQUAL})):
        for result in CompareResult:
            assert holds(store, Compare(b"a", target, result, operand)) is (result in true), (result, operand)


def test_a_missing_key_compares_as_zeros_but_has_no_value(store: MvccStore) -> None:
    """Teaches: `create if absent` is MOD == 0 or VERSION == 0; VALUE never holds."""
    for target in (VERSION, CREATE, MOD, LEASE):
        assert holds(store, Compare(b"x", target, EQUAL, 0))
    assert not holds(store, Compare(b"x", VALUE, EQUAL, b""))
    assert not holds(store, Compare(b"x", VALUE, NOT_EQUAL, b"other"))


def test_a_condition_on_a_range_must_hold_for_all_its_keys(store: MvccStore) -> None:
    """Teaches: range_end in a compare; an empty range counts as one missing key."""
    assert holds(store, Compare(b"a", MOD, GREATER, 2, range_end=b"\0"))
    assert not holds(store, Compare(b"a", MOD, GREATER, 3, range_end=b"\0"))
    assert holds(store, Compare(b"x", VERSION, EQUAL, 0, range_end=b"y"))
    assert not holds(store, Compare(b"x", VALUE, EQUAL, b"", range_end=b"y"))


def test_all_conditions_must_hold_and_none_always_do(store: MvccStore) -> None:
    """Teaches: conditions are joined by `and`."""
    true, false = Compare(b"a", MOD, EQUAL, 4), Compare(b"b", MOD, EQUAL, 4)
    assert holds(store)
    assert holds(store, true, true)
    assert not holds(store, true, false)


def test_all_operations_share_one_revision_and_see_each_other(store: MvccStore) -> None:
    """Teaches: a read in a transaction sees the writes before it, one at a past revision does not."""
    operations: tuple[Operation, ...] = (
        RangeRequest(b"c"),
        PutRequest(b"c", b"1"),
        RangeRequest(b"c"),
        RangeRequest(b"c", b"\0", revision=4),
        DeleteRangeRequest(b"a"),
    )
    response = store.txn(TxnRequest(success=operations))
    assert response.revision == 5
    before, put, after, past, delete = response.responses
    assert (before.count, before.revision) == (0, 4)
    assert put == PutResponse(5)
    assert (after.count, after.revision) == (1, 5)
    assert past.count == 0
    assert delete == DeleteRangeResponse(5, 1)
    assert values(store) == {b"b": b"bee", b"c": b"1"}


def test_a_transaction_that_only_reads_makes_no_revision(store: MvccStore) -> None:
    """Teaches: only change counts."""
    response = store.txn(TxnRequest(success=(RangeRequest(b"a"), DeleteRangeRequest(b"x"))))
    assert (response.revision, store.revision) == (4, 4)


def test_nested_conditions_are_all_read_before_the_first_write(store: MvccStore) -> None:
    """Teaches: the outer put does not change what the inner condition sees."""
    inner = TxnRequest((Compare(b"c", VERSION, EQUAL, 0),), (PutRequest(b"d", b"1"),), (PutRequest(b"e", b"1"),))
    response = store.txn(TxnRequest(success=(PutRequest(b"c", b"1"), inner)))
    assert response == TxnResponse(5, True, (PutResponse(5), TxnResponse(0, True, (PutResponse(5),))))
    assert values(store).keys() == {b"a", b"b", b"c", b"d"}


def test_a_nested_transaction_may_take_its_failure_branch(store: MvccStore) -> None:
    """Teaches: inner and outer results are independent."""
    inner = TxnRequest((Compare(b"a", MOD, EQUAL, 1),), (PutRequest(b"d", b""),), (DeleteRangeRequest(b"b"),))
    response = store.txn(TxnRequest(success=(inner,)))
    assert response.succeeded
    assert response.responses[0] == TxnResponse(0, False, (DeleteRangeResponse(5, 1),))


PUT_A, PUT_B = PutRequest(b"a", b""), PutRequest(b"b", b"")


def both(then: tuple[Operation, ...], otherwise: tuple[Operation, ...]) -> TxnRequest:
    return TxnRequest((), then, otherwise)


@pytest.mark.parametrize(
    "operations",
    [
        (PUT_A, PUT_A),
        (PUT_A, DeleteRangeRequest(b"a")),
        (DeleteRangeRequest(b"\0", b"\0"), PUT_A),
        (PUT_A, both((PUT_A,), ())),
        (both((), (PUT_A,)), PUT_A),
        (both((PUT_A,), ()), both((PUT_A,), ())),
        (both((PUT_A,), ()), both((), (PUT_A,))),
        (both((DeleteRangeRequest(b"a"),), ()), both((), (PUT_A,))),
        (both((PUT_B, both((PUT_A, PUT_A), ())), ()),),
    ],
)
def test_a_key_may_not_change_twice_in_one_transaction(store: MvccStore, operations: tuple[Operation, ...]) -> None:
    """Teaches: etcd refuses the whole transaction, in either branch, whether or not that branch would run."""
    for request in (TxnRequest(success=operations), TxnRequest(failure=operations)):
        with pytest.raises(DuplicateKeyError, match="etcdserver: duplicate key given in txn request"):
            store.txn(request)
    assert store.revision == 4


@pytest.mark.parametrize(
    "operations",
    [
        (DeleteRangeRequest(b"a"), DeleteRangeRequest(b"\0", b"\0")),
        (both((PUT_A,), (PUT_A,)),),
        (PUT_A, DeleteRangeRequest(b"b")),
        (both((PUT_A,), (DeleteRangeRequest(b"a"),)),),
    ],
)
def test_overlaps_that_cannot_clash_are_allowed(store: MvccStore, operations: tuple[Operation, ...]) -> None:
    """Teaches: two deletes may overlap, and then and else never run together."""
    assert store.txn(TxnRequest(success=operations)).revision == 5


def test_a_put_and_a_later_nested_delete_are_one_key_changing_twice(store: MvccStore) -> None:
    """Teaches: the one way upstream leaves open; sub revisions give the order, the past sees the last."""
    store.txn(TxnRequest(success=(both((PutRequest(b"n", b"1"),), ()), both((DeleteRangeRequest(b"n"),), ()))))
    store.put(PutRequest(b"other", b""))
    assert store.range(RangeRequest(b"n")).count == 0
    assert store.range(RangeRequest(b"n", revision=5)).count == 0
    assert [kv.version for kv in store.history(b"\0", b"\0", 5)][:2] == [1, 0]


@pytest.mark.parametrize(
    ("operation", "error"),
    [
        (PutRequest(b"", b""), EmptyKeyError),
        (RangeRequest(b""), EmptyKeyError),
        (DeleteRangeRequest(b""), EmptyKeyError),
        (TxnRequest((Compare(b"", MOD, EQUAL, 0),)), EmptyKeyError),
        (PutRequest(b"x", b"", ignore_value=True), KeyNotFoundError),
        (PutRequest(b"x", b"", lease=1), LeaseNotFoundError),
        (RangeRequest(b"x", revision=5), FutureRevisionError),
        (RangeRequest(b"x", revision=2), CompactedError),
        (both((PutRequest(b"x", b"", lease=1),), ()), LeaseNotFoundError),
    ],
)
def test_a_refused_operation_undoes_nothing_since_nothing_was_done(
    store: MvccStore, operation: Operation, error: type[Exception]
) -> None:
    """Teaches: all checks come before the first write, so a transaction never happens by half."""
    store.compact(3)
    with pytest.raises(error):
        store.txn(TxnRequest(success=(PutRequest(b"first", b""), operation)))
    assert store.revision == 4
    assert b"first" not in values(store)


def test_only_the_branch_that_runs_is_checked_against_the_state(store: MvccStore) -> None:
    """Teaches: a missing lease in the other branch is nobody's business."""
    store.txn(TxnRequest((), (PutRequest(b"x", b""),), (PutRequest(b"x", b"", lease=1),)))
    assert values(store)[b"x"] == b""


def test_a_transaction_has_at_most_128_operations(store: MvccStore) -> None:
    """Teaches: the limit, which nesting does not get around."""
    puts = tuple(PutRequest(b"k%d" % number, b"") for number in range(129))
    assert store.txn(TxnRequest(success=puts[:128])).revision == 5
    with pytest.raises(TooManyOperationsError, match="etcdserver: too many operations in txn request"):
        store.txn(TxnRequest(success=puts))
    with pytest.raises(TooManyOperationsError):
        store.txn(TxnRequest(failure=(TxnRequest(success=puts[:128]),)))
    compares = (Compare(b"a", MOD, EQUAL, 1),) * 129
    with pytest.raises(TooManyOperationsError):
        store.txn(TxnRequest(compares))
