"""Requests, responses and events of the etcd v3 API, as plain frozen structs.

Names and meanings are etcd's own (api/etcdserverpb/rpc.proto, api/mvccpb/kv.proto). Keys and values are
bytes; revisions are 64-bit and count transactions that changed something.

None of these structs can be part of a reference cycle, so Python's cycle collector is told not to look at
them (`gc=False`): a store keeps one KeyValue per revision, and walking a million of them is not free.
"""

from __future__ import annotations

from enum import Enum
from typing import Union

import msgspec


class KeyValue(msgspec.Struct, frozen=True, gc=False):
    """A key at one revision. `version` counts writes since it was created; `lease` 0 means none."""

    key: bytes
    value: bytes
    create_revision: int
    mod_revision: int
    version: int
    lease: int = 0


class EventType(Enum):
    """What a watch saw happen to a key."""

    PUT = "PUT"
    DELETE = "DELETE"


class Event(msgspec.Struct, frozen=True, gc=False):
    """One change; a DELETE carries only key and mod_revision. `prev_kv` only if the watch asked for it."""

    type: EventType
    kv: KeyValue
    prev_kv: KeyValue | None = None


class RangeRequest(msgspec.Struct, frozen=True, gc=False):
    """Keys in [key, range_end); range_end b"" means the one key, b"\\0" everything from key on.

    `revision` 0 reads the latest. `limit` 0 is no limit. Sorting is by key, ascending.
    """

    key: bytes
    range_end: bytes = b""
    limit: int = 0
    revision: int = 0
    count_only: bool = False
    keys_only: bool = False


class RangeResponse(msgspec.Struct, frozen=True, gc=False):
    """`count` is how many keys match, whatever the limit; `revision` is the store's at the time of reading."""

    revision: int
    kvs: tuple[KeyValue, ...] = ()
    more: bool = False
    count: int = 0


class PutRequest(msgspec.Struct, frozen=True, gc=False):
    """Writes one key."""

    key: bytes
    value: bytes
    lease: int = 0
    prev_kv: bool = False
    ignore_value: bool = False
    ignore_lease: bool = False


class PutResponse(msgspec.Struct, frozen=True, gc=False):
    """The revision of the write."""

    revision: int
    prev_kv: KeyValue | None = None


class DeleteRangeRequest(msgspec.Struct, frozen=True, gc=False):
    """Deletes the keys in [key, range_end)."""

    key: bytes
    range_end: bytes = b""
    prev_kv: bool = False


class DeleteRangeResponse(msgspec.Struct, frozen=True, gc=False):
    """How many keys were deleted. Deleting none makes no new revision."""

    revision: int
    deleted: int = 0
    prev_kvs: tuple[KeyValue, ...] = ()


class CompareTarget(Enum):
    """Which property of a key a condition reads; of a missing key all are 0, its value cannot be compared."""

    VERSION = "VERSION"
    CREATE = "CREATE"
    MOD = "MOD"
    VALUE = "VALUE"
    LEASE = "LEASE"


class CompareResult(Enum):
    """The relation that must hold between the key's property and the given operand."""

    EQUAL = "EQUAL"
    GREATER = "GREATER"
    LESS = "LESS"
    NOT_EQUAL = "NOT_EQUAL"


class Compare(msgspec.Struct, frozen=True, gc=False):
    """One condition of a transaction; with a range_end it must hold for every key of the range."""

    key: bytes
    target: CompareTarget
    result: CompareResult
    operand: int | bytes
    range_end: bytes = b""


Operation = Union[RangeRequest, PutRequest, DeleteRangeRequest, "TxnRequest"]


class TxnRequest(msgspec.Struct, frozen=True, gc=False):
    """If all of `compare` hold then `success`, else `failure`: at one revision."""

    compare: tuple[Compare, ...] = ()
    success: tuple[Operation, ...] = ()
    failure: tuple[Operation, ...] = ()


class TxnResponse(msgspec.Struct, frozen=True, gc=False):
    """Whether the comparison held, and the answers of the operations of that branch, in order.

    The response of a nested transaction carries revision 0, as etcd's empty header does.
    """

    revision: int
    succeeded: bool
    responses: tuple[RangeResponse | PutResponse | DeleteRangeResponse | TxnResponse, ...] = ()


class WatchRequest(msgspec.Struct, frozen=True, gc=False):
    """Events of [key, range_end) from `start_revision` on (0: from now on)."""

    key: bytes
    range_end: bytes = b""
    start_revision: int = 0
    prev_kv: bool = False
    progress_notify: bool = False
    filters: tuple[EventType, ...] = ()  # Event types that are NOT wanted.


class WatchResponse(msgspec.Struct, frozen=True, gc=False):
    """A batch of events, whole revisions only. Without events: a progress notification up to `revision`.

    `compact_revision` > 0: the watch began below it, was cancelled, and nothing more follows.
    """

    revision: int
    events: tuple[Event, ...] = ()
    compact_revision: int = 0
    canceled: bool = False


class LeaseTimeToLiveResponse(msgspec.Struct, frozen=True, gc=False):
    """What is left of a lease, in whole seconds; `ttl_seconds` -1: there is no such lease (any more)."""

    lease_id: int
    ttl_seconds: int
    granted_ttl_seconds: int = 0
    keys: tuple[bytes, ...] = ()


def prefix_end(prefix: bytes) -> bytes:
    """The range_end that selects every key with this prefix."""
    end = bytearray(prefix)
    while end:
        if end[-1] < 0xFF:
            end[-1] += 1
            return bytes(end)
        end.pop()
    return b"\0"
