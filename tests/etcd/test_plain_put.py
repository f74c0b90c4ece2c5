"""The short cut for the transaction that an apiserver makes at every write."""

from __future__ import annotations

import msgspec
import pytest

from kubesim.etcd.errors import LeaseNotFoundError
from kubesim.etcd.messages import (
    Compare,
    CompareResult,
    CompareTarget,
    DeleteRangeRequest,
    PutRequest,
    RangeRequest,
    TxnRequest,
)
from kubesim.etcd.store import MvccStore
from kubesim.etcd.txn import REQUEST_BYTES_MAX, plain_put

KEY = b"/registry/leases/a"


def write(revision: int, put: PutRequest) -> TxnRequest:
    """If nobody wrote since `revision`: put, else get."""
    condition = Compare(KEY, CompareTarget.MOD, CompareResult.EQUAL, revision)
    return TxnRequest((condition,), (put,), (RangeRequest(KEY),))


def test_only_a_compare_and_put_of_one_key_is_plain() -> None:
    """Teaches: everything else, and everything faulty, goes the long way."""
    put = PutRequest(KEY, b"1")
    plain = write(0, put)
    assert plain_put(plain) is put
    compare = plain.compare[0]
    assert plain_put(msgspec.structs.replace(plain, compare=())) is None
    assert plain_put(msgspec.structs.replace(plain, success=(put, PutRequest(b"b", b"")))) is None
    assert plain_put(msgspec.structs.replace(plain, success=(DeleteRangeRequest(KEY),))) is None
    assert plain_put(msgspec.structs.replace(plain, failure=(RangeRequest(b"b"),))) is None
    assert plain_put(msgspec.structs.replace(plain, failure=(RangeRequest(KEY, b"z"),))) is None
    for change in ({"target": CompareTarget.VERSION}, {"result": CompareResult.LESS}, {"range_end": b"z"}):
        assert plain_put(msgspec.structs.replace(plain, compare=(msgspec.structs.replace(compare, **change),))) is None
    for flag in ("prev_kv", "ignore_value", "ignore_lease"):
        assert plain_put(write(0, msgspec.structs.replace(put, **{flag: True}))) is None
    assert plain_put(write(0, PutRequest(KEY, b"x" * (REQUEST_BYTES_MAX + 1)))) is None


def test_both_ways_lead_to_the_same() -> None:
    """Teaches: a second, useless condition forces the long way; the answers and the stores do not differ."""
    short, long = MvccStore(), MvccStore()
    for revision, value in ((0, b"1"), (0, b"late"), (2, b"2"), (3, b"3"), (2, b"late")):
        request = write(revision, PutRequest(KEY, value))
        forced = msgspec.structs.replace(request, compare=request.compare * 2)
        assert plain_put(forced) is None
        assert short.txn(request) == long.txn(forced)
        assert short.range(RangeRequest(KEY)) == long.range(RangeRequest(KEY))


def test_a_lease_must_exist() -> None:
    """Teaches: refused as on the long way, and nothing is written."""
    store = MvccStore()
    with pytest.raises(LeaseNotFoundError):
        store.txn(write(0, PutRequest(KEY, b"1", lease=7)))
    assert store.revision == 1
