"""Transactions: what may be asked for, and which way they go. Nothing here writes.

A transaction is *compare, then act*: if every condition holds the success operations run, else the failure
operations, all at one revision. This is how the apiserver turns resourceVersion into optimistic locking:
if MOD(key) == the version that I read, put, else give me the key as it is now.

All conditions, those of nested transactions too, are read before the first write. All reasons to refuse
are found before the first write as well, so a transaction never happens by half.

Upstream: server/etcdserver/api/v3rpc/key.go (checks), server/etcdserver/txn (conditions).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from kubesim.etcd.errors import (
    DuplicateKeyError,
    EmptyKeyError,
    LeaseProvidedError,
    RequestTooLargeError,
    TooManyOperationsError,
    ValueProvidedError,
)
from kubesim.etcd.messages import (
    Compare,
    CompareResult,
    CompareTarget,
    DeleteRangeRequest,
    KeyValue,
    Operation,
    PutRequest,
    RangeRequest,
    TxnRequest,
)
from kubesim.etcd.tree_index import FROM_KEY, TreeIndex

OPERATIONS_MAX = 128
REQUEST_BYTES_MAX = 1_572_864  # 1.5 MiB

# Looking up a member of an Enum class costs more than the comparison that follows.
_MOD, _VERSION, _CREATE = CompareTarget.MOD, CompareTarget.VERSION, CompareTarget.CREATE
_VALUE, _LEASE = CompareTarget.VALUE, CompareTarget.LEASE
_EQUAL, _NOT_EQUAL, _GREATER = CompareResult.EQUAL, CompareResult.NOT_EQUAL, CompareResult.GREATER

_MISSING = KeyValue(b"", b"", 0, 0, 0)


class Branch(msgspec.Struct, frozen=True, gc=False):
    """A transaction whose way is decided: its operations, each nested transaction decided as well."""

    succeeded: bool
    steps: Sequence[Operation | Branch]


# -- the way ------------------------------------------------------------------------------------------


def choose(request: TxnRequest, index: TreeIndex) -> Branch:
    """Evaluates the conditions on the latest state."""
    succeeded = True
    for compare in request.compare:
        if not holds(compare, index):
            succeeded = False
            break
    steps = request.success if succeeded else request.failure
    for step in steps:
        if isinstance(step, TxnRequest):
            return Branch(succeeded, [choose(s, index) if isinstance(s, TxnRequest) else s for s in steps])
    return Branch(succeeded, steps)


def holds(compare: Compare, index: TreeIndex) -> bool:
    """Whether a condition is met by its key, or by every key of its range.

    A missing key (an empty range) counts as one whose properties are all 0, but has no value to compare.
    """
    kv = index.latest.get(compare.key)
    if compare.range_end:
        keys = index.keys(compare.key, compare.range_end)
        if keys:
            return all(_holds_for(compare, index.latest[key]) for key in keys)
        kv = None
    if kv is None:
        return compare.target is not _VALUE and _holds_for(compare, _MISSING)
    return _holds_for(compare, kv)


def _holds_for(compare: Compare, kv: KeyValue) -> bool:
    actual, operand, result = _property(kv, compare.target), compare.operand, compare.result
    if result is _EQUAL:
        return bool(actual == operand)
    if result is _NOT_EQUAL:
        return bool(actual != operand)
    return bool(actual > operand if result is _GREATER else actual < operand)


def _property(kv: KeyValue, target: CompareTarget) -> Any:
    if target is _MOD:
        return kv.mod_revision
    if target is _VERSION:
        return kv.version
    if target is _CREATE:
        return kv.create_revision
    return kv.lease if target is _LEASE else kv.value


def plain_put(request: TxnRequest) -> PutRequest | None:
    """The put of "if MOD(key) == N, put key, else get key"; None for any other transaction, and for a faulty one.

    Every write of an apiserver is one, so the store takes a short cut for it if the condition holds.
    """
    if len(request.compare) != 1 or len(request.success) != 1 or len(request.failure) != 1:
        return None
    compare, put, get = request.compare[0], request.success[0], request.failure[0]
    if type(put) is not PutRequest or type(get) is not RangeRequest or not put.key == compare.key == get.key:
        return None
    if compare.target is not _MOD or compare.result is not _EQUAL or compare.range_end or get.range_end:
        return None
    if put.prev_kv or put.ignore_value or put.ignore_lease or get.revision or not put.key:
        return None
    return put if len(put.value) <= REQUEST_BYTES_MAX else None


# -- the checks ---------------------------------------------------------------------------------------


def check_put(request: PutRequest) -> None:
    """Refuses a put without key, with contradicting flags, or too large."""
    if not request.key:
        raise EmptyKeyError
    if request.ignore_value and request.value:
        raise ValueProvidedError
    if request.ignore_lease and request.lease:
        raise LeaseProvidedError
    if len(request.value) > REQUEST_BYTES_MAX:
        raise RequestTooLargeError


def check_txn(request: TxnRequest, operations_max: int = OPERATIONS_MAX) -> None:
    """Refuses a transaction with too many operations, a bad one, or two that write the same key."""
    nested = _check_operations(request, operations_max)
    if nested or len(request.success) > 1:
        _written(request.success)
    if nested or len(request.failure) > 1:
        _written(request.failure)


def _check_operations(request: TxnRequest, operations_max: int) -> bool:
    """Refuses what is wrong with single operations; whether transactions are nested in this one."""
    compares, operations = request.compare, request.success + request.failure
    nested = False
    for compare in compares:
        if not compare.key:
            raise EmptyKeyError
    for operation in operations:
        if isinstance(operation, PutRequest):
            check_put(operation)
        elif isinstance(operation, TxnRequest):
            nested = True
        elif not operation.key:
            raise EmptyKeyError
    if not nested and len(compares) + len(operations) <= operations_max:
        return False
    left = operations_max - max(len(compares), len(request.success), len(request.failure))
    if left < 0:
        raise TooManyOperationsError
    for operation in operations:
        if isinstance(operation, TxnRequest):
            _check_operations(operation, left)
    return nested


class _Written(NamedTuple):
    puts: dict[bytes, None]
    deletes: list[tuple[bytes, bytes]]

    def deleted(self, key: bytes) -> bool:
        return any(in_range(key, start, end) for start, end in self.deletes)

    def add(self, key: bytes, allowed: dict[bytes, None] | None = None) -> None:
        """Notes a put; `allowed`: the puts of the opposite branch, which never run together with this one."""
        if (key in self.puts and not (allowed and key in allowed)) or self.deleted(key):
            raise DuplicateKeyError
        self.puts[key] = None


def _written(operations: Sequence[Operation]) -> _Written:
    """What a branch may put and delete; DuplicateKeyError if a put meets another put or a delete.

    As upstream: two deletes may overlap, and a put may precede a delete in a later nested transaction.
    """
    written = _Written({}, [(op.key, op.range_end) for op in operations if isinstance(op, DeleteRangeRequest)])
    for operation in operations:
        if isinstance(operation, TxnRequest):
            then, otherwise = _written(operation.success), _written(operation.failure)
            for key in then.puts:
                written.add(key)
            for key in otherwise.puts:
                written.add(key, allowed=then.puts)
            written.deletes.extend(then.deletes + otherwise.deletes)
    for operation in operations:
        if isinstance(operation, PutRequest):
            written.add(operation.key)
    return written


def in_range(key: bytes, start: bytes, range_end: bytes) -> bool:
    """Whether `key` lies in [start, range_end), by etcd's rules for an empty end and a zero byte."""
    if not range_end:
        return key == start
    return key >= start and (range_end == FROM_KEY or key < range_end)
