"""The store of one etcd member: every key at every revision (multi-version concurrency control).

Nothing is overwritten. Each transaction that changes something makes the next revision, and the state at
any past revision stays readable until it is compacted. Reading the latest value of a key is one dict
look-up; a prefix is one slice of the sorted keys.

The store is synchronous and pure: no clock, no loop. `kubesim.etcd.watch` observes its commits,
`kubesim.etcd.lease` gives its leases a time to live, `kubesim.etcd.member` puts it on the network.
Left out: disks, authentication, sorting other than by key, min/max revision filters of a range.

Upstream: server/storage/mvcc/kvstore.go, kvstore_txn.go, server/etcdserver/txn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from kubesim.etcd import compaction
from kubesim.etcd.errors import (
    CompactedError,
    EmptyKeyError,
    FutureRevisionError,
    KeyNotFoundError,
    LeaseNotFoundError,
)
from kubesim.etcd.messages import (
    DeleteRangeRequest,
    DeleteRangeResponse,
    Event,
    EventType,
    KeyValue,
    Operation,
    PutRequest,
    PutResponse,
    RangeRequest,
    RangeResponse,
    TxnRequest,
    TxnResponse,
)
from kubesim.etcd.revision import EMPTY_STORE_REVISION, RevisionLog
from kubesim.etcd.tree_index import TreeIndex
from kubesim.etcd.txn import Branch, check_put, check_txn, choose, in_range, plain_put

Observer = Callable[[int, list[Event]], None]
Response = RangeResponse | PutResponse | DeleteRangeResponse | TxnResponse

_PUT, _DELETE = EventType.PUT, EventType.DELETE


class MvccStore:
    """Keys and values with their whole history."""

    def __init__(self) -> None:
        self.revision = EMPTY_STORE_REVISION
        self.compacted_revision = 0  # Below it nothing can be read; it itself can. 0: never compacted.
        self.leases: dict[int, dict[bytes, None]] = {}  # The keys attached to each living lease.
        self._index = TreeIndex()
        self._log = RevisionLog()
        self._observers: list[Observer] = []

    def observe(self, observer: Observer) -> None:
        """Calls `observer(revision, events)` at every commit, in order of registration."""
        self._observers.append(observer)

    # -- the operations -------------------------------------------------------------------------------

    def range(self, request: RangeRequest) -> RangeResponse:
        """Reads, at the latest or at a past revision."""
        self._check_range(request)
        return self._range(request, self.revision)

    def put(self, request: PutRequest) -> PutResponse:
        """Writes one key."""
        check_put(request)
        self._check_put(request)
        changes: list[Event] = []
        response = self._put(request, changes)
        self._commit(changes)
        return response

    def delete_range(self, request: DeleteRangeRequest) -> DeleteRangeResponse:
        """Deletes the keys of a range in one revision."""
        if not request.key:
            raise EmptyKeyError
        changes: list[Event] = []
        response = self._delete_range(request, changes)
        self._commit(changes)
        return response

    def txn(self, request: TxnRequest) -> TxnResponse:
        """Compares, then acts: at one revision or, if refused, not at all."""
        changes: list[Event] = []
        if (put := plain_put(request)) is not None and self._holds_plainly(request, put):
            done = self._put(put, changes)
            self._commit(changes)
            return TxnResponse(self.revision, True, (done,))
        check_txn(request)
        branch = choose(request, self._index)
        self._check_branch(branch)
        responses = self._run(branch, changes)
        self._commit(changes)
        return TxnResponse(self.revision, branch.succeeded, responses)

    def compact(self, revision: int) -> None:
        """Forgets what was overwritten at or before `revision`."""
        if revision <= self.compacted_revision:
            raise CompactedError
        if revision > self.revision:
            raise FutureRevisionError
        compaction.compact(self._index, self._log, revision)
        self.compacted_revision = revision

    # -- for leases and watches -----------------------------------------------------------------------

    def delete_keys(self, keys: Iterable[bytes]) -> None:
        """Deletes keys in the given order, in one revision: what the end of a lease does."""
        changes: list[Event] = []
        for key in keys:
            self._delete(key, changes)
        self._commit(changes)

    def history(self, key: bytes, range_end: bytes, revision: int) -> Iterator[KeyValue]:
        """Every change of [key, range_end) from `revision` on, in order; a deletion has version 0."""
        if not range_end:
            return iter(self._index.since(key, revision))
        return (kv for kv in self._log.since(revision) if in_range(kv.key, key, range_end))

    def replaced_by(self, kv: KeyValue) -> KeyValue | None:
        """What a change replaced; None if it created the key, or if that is compacted away."""
        created = kv.create_revision == kv.mod_revision
        return None if created else self._index.at(kv.key, kv.mod_revision - 1)

    # -- reading --------------------------------------------------------------------------------------

    def _range(self, request: RangeRequest, latest_revision: int) -> RangeResponse:
        key, limit, revision = request.key, request.limit, request.revision
        latest = self._index.latest
        if 0 < revision < latest_revision:
            kvs = self._index.range_at(key, request.range_end, revision)
            count = len(kvs)
            kvs = kvs[:limit] if limit > 0 else kvs
        elif not request.range_end:
            kv = latest.get(key)
            kvs, count = ([], 0) if kv is None else ([kv], 1)
        else:
            keys = self._index.keys(key, request.range_end)
            count = len(keys)
            kvs = [] if request.count_only else [latest[k] for k in (keys[:limit] if limit > 0 else keys)]
        if request.count_only:
            return RangeResponse(latest_revision, count=count)
        if request.keys_only:
            kvs = [KeyValue(v.key, b"", v.create_revision, v.mod_revision, v.version, v.lease) for v in kvs]
        return RangeResponse(latest_revision, tuple(kvs), count > len(kvs), count)

    # -- writing: every check has passed, nothing here may fail ---------------------------------------

    def _run(self, branch: Branch, changes: list[Event]) -> tuple[Response, ...]:
        return tuple([self._step(step, changes) for step in branch.steps])

    def _step(self, step: Operation | Branch, changes: list[Event]) -> Response:
        if isinstance(step, PutRequest):
            return self._put(step, changes)
        if isinstance(step, RangeRequest):
            return self._range(step, self.revision + bool(changes))
        if isinstance(step, DeleteRangeRequest):
            return self._delete_range(step, changes)
        assert isinstance(step, Branch), "`choose` has decided every nested transaction"
        return TxnResponse(0, step.succeeded, self._run(step, changes))

    def _put(self, request: PutRequest, changes: list[Event]) -> PutResponse:
        revision, key = self.revision + 1, request.key
        value, lease = request.value, request.lease
        previous = self._index.latest.get(key)
        if previous is not None:
            value = previous.value if request.ignore_value else value
            lease = previous.lease if request.ignore_lease else lease
        kv = self._index.put(key, value, lease, revision)
        old_lease = 0 if previous is None else previous.lease
        if lease != old_lease:
            self._move(kv.key, old_lease, lease)
        changes.append(Event(_PUT, kv, previous))
        return PutResponse(revision, previous if request.prev_kv else None)

    def _delete_range(self, request: DeleteRangeRequest, changes: list[Event]) -> DeleteRangeResponse:
        keys = self._index.keys(request.key, request.range_end)
        latest = self._index.latest
        deleted = tuple([latest[key] for key in keys]) if request.prev_kv else ()
        for key in keys:
            self._delete(key, changes)
        return DeleteRangeResponse(self.revision + bool(changes), len(keys), deleted)

    def _delete(self, key: bytes, changes: list[Event]) -> None:
        revision = self.revision + 1
        last = self._index.latest[key]
        self._move(last.key, last.lease, 0)
        kv = self._index.delete(key, revision)
        # A transaction nested before this one may have put the key: then it is not what was there before.
        before = self._index.at(key, self.revision) if last.mod_revision == revision else last
        changes.append(Event(_DELETE, kv, before))

    def _holds_plainly(self, request: TxnRequest, put: PutRequest) -> bool:
        """Whether the condition of a plain put (see `plain_put`) is met, and nothing else stands against it."""
        kv = self._index.latest.get(put.key)
        revision = 0 if kv is None else kv.mod_revision
        return revision == request.compare[0].operand and (not put.lease or put.lease in self.leases)

    def _commit(self, changes: list[Event]) -> None:
        if not changes:
            return
        self.revision += 1
        self._log.append([event.kv for event in changes])
        for observer in self._observers:
            observer(self.revision, changes)

    def _move(self, key: bytes, old_lease: int, lease: int) -> None:
        """Attaches a key to another lease; 0 is none."""
        if old_lease in self.leases:
            self.leases[old_lease].pop(key, None)
        if lease:
            self.leases[lease][key] = None

    # -- checks against the state, all before the first write -----------------------------------------

    def _check_branch(self, branch: Branch) -> None:
        for step in branch.steps:
            if isinstance(step, PutRequest):
                self._check_put(step)
            elif isinstance(step, RangeRequest):
                self._check_range(step)
            elif isinstance(step, Branch):
                self._check_branch(step)

    def _check_put(self, request: PutRequest) -> None:
        if (request.ignore_value or request.ignore_lease) and request.key not in self._index.latest:
            raise KeyNotFoundError
        if request.lease and request.lease not in self.leases:
            raise LeaseNotFoundError

    def _check_range(self, request: RangeRequest) -> None:
        if not request.key:
            raise EmptyKeyError
        if request.revision > self.revision:
            raise FutureRevisionError
        if 0 < request.revision < self.compacted_revision:
            raise CompactedError
