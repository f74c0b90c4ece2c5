"""The whole member against a model so simple that it cannot be wrong: a list of dicts, one per revision."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from itertools import product
from typing import Any

import msgspec
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, rule

from kubesim.etcd import (
    CompactedError,
    Compare,
    CompareResult,
    CompareTarget,
    DeleteRangeRequest,
    DeleteRangeResponse,
    DuplicateKeyError,
    EtcdError,
    Event,
    EventType,
    FutureRevisionError,
    KeyNotFoundError,
    KeyValue,
    LeaseNotFoundError,
    Member,
    Operation,
    PutRequest,
    PutResponse,
    RangeRequest,
    RangeResponse,
    TxnRequest,
    TxnResponse,
    Watch,
    WatchRequest,
    prefix_end,
)
from kubesim.etcd import watch as watch_module
from kubesim.sim import Simulation
from kubesim.sim.loop import SimLoop

State = dict[bytes, KeyValue]
EVENTS_MAX = 4  # Instead of 1024, so that readers fall behind.
PROPERTIES = {target: f"{target.value.lower()}_revision" for target in (CompareTarget.CREATE, CompareTarget.MOD)}
RELATIONS = {
    CompareResult.EQUAL: lambda actual, operand: actual == operand,
    CompareResult.NOT_EQUAL: lambda actual, operand: actual != operand,
    CompareResult.GREATER: lambda actual, operand: actual > operand,
    CompareResult.LESS: lambda actual, operand: actual < operand,
}


def select(keys: Iterable[bytes], key: bytes, end: bytes) -> list[bytes]:
    """The keys of a range, by etcd's rules, by looking at each."""
    if not end:
        return [key] if key in keys else []
    return sorted(k for k in keys if k >= key and (end == b"\0" or k < end))


class Model:
    """What etcd is, without thinking of speed or memory: `states[r]` is everything at revision r."""

    def __init__(self) -> None:
        self.states: list[State] = [{}, {}]
        self.events: list[list[Event]] = [[], []]
        self.compacted = 0
        self.leases: dict[int, tuple[int, int]] = {}  # TTL in seconds, end in nanoseconds.

    @property
    def revision(self) -> int:
        return len(self.states) - 1

    def do(self, operation: Operation) -> Any:
        """The expected response; raises the expected error."""
        transaction = operation if isinstance(operation, TxnRequest) else TxnRequest(success=(operation,))
        changes_of(transaction.success)
        changes_of(transaction.failure)
        path = self.decide(transaction)
        self.check(path)
        state, events = dict(self.states[-1]), list[Event]()
        response = self.run(path, state, events)
        if events:
            self.states.append(state)
            self.events.append(events)
        if operation is transaction:
            return TxnResponse(self.revision, response.succeeded, response.responses)
        return response.responses[0]

    def decide(self, request: TxnRequest) -> tuple[bool, list[Any]]:
        succeeded = all(self.holds(compare) for compare in request.compare)
        steps = request.success if succeeded else request.failure
        return succeeded, [self.decide(step) if isinstance(step, TxnRequest) else step for step in steps]

    def holds(self, compare: Compare) -> bool:
        state = self.states[-1]
        kvs = [state[key] for key in select(state, compare.key, compare.range_end)]
        if not kvs and compare.target is CompareTarget.VALUE:
            return False
        name = PROPERTIES.get(compare.target, compare.target.value.lower())
        related = RELATIONS[compare.result]
        return all(related(getattr(kv, name), compare.operand) for kv in kvs or [KeyValue(b"", b"", 0, 0, 0)])

    def check(self, path: tuple[bool, list[Any]]) -> None:
        for step in path[1]:
            if isinstance(step, tuple):
                self.check(step)
            elif isinstance(step, PutRequest):
                if (step.ignore_value or step.ignore_lease) and step.key not in self.states[-1]:
                    raise KeyNotFoundError
                if step.lease and step.lease not in self.leases:
                    raise LeaseNotFoundError
            elif isinstance(step, RangeRequest):
                if step.revision > self.revision:
                    raise FutureRevisionError
                if 0 < step.revision < self.compacted:
                    raise CompactedError

    def run(self, path: tuple[bool, list[Any]], state: State, events: list[Event]) -> TxnResponse:
        responses: list[Any] = []
        for step in path[1]:
            if isinstance(step, tuple):
                responses.append(self.run(step, state, events))
            elif isinstance(step, RangeRequest):
                responses.append(self.range(step, state, self.revision + bool(events)))
            elif isinstance(step, PutRequest):
                responses.append(self.put(step, state, events))
            else:
                deleted = self.delete(select(state, step.key, step.range_end), state, events)
                kvs = tuple(deleted) if step.prev_kv else ()
                responses.append(DeleteRangeResponse(self.revision + bool(events), len(deleted), kvs))
        return TxnResponse(0, path[0], tuple(responses))

    def range(self, request: RangeRequest, latest: State, revision: int) -> RangeResponse:
        past = 0 < request.revision < revision
        state = self.states[request.revision] if past else latest
        kvs = [state[key] for key in select(state, request.key, request.range_end)]
        if request.count_only:
            return RangeResponse(revision, count=len(kvs))
        shown = kvs[: request.limit] if request.limit else kvs
        if request.keys_only:
            shown = [KeyValue(v.key, b"", v.create_revision, v.mod_revision, v.version, v.lease) for v in shown]
        return RangeResponse(revision, tuple(shown), len(shown) < len(kvs), len(kvs))

    def put(self, request: PutRequest, state: State, events: list[Event]) -> PutResponse:
        old, revision = state.get(request.key), self.revision + 1
        value = old.value if old and request.ignore_value else request.value
        lease = old.lease if old and request.ignore_lease else request.lease
        created, version = (old.create_revision, old.version + 1) if old else (revision, 1)
        state[request.key] = KeyValue(request.key, value, created, revision, version, lease)
        events.append(Event(EventType.PUT, state[request.key], old))
        return PutResponse(revision, old if request.prev_kv else None)

    def delete(self, keys: Sequence[bytes], state: State, events: list[Event]) -> list[KeyValue]:
        for key in keys:
            gone = KeyValue(key, b"", 0, self.revision + 1, 0)
            events.append(Event(EventType.DELETE, gone, self.states[-1].get(key)))
        return [state.pop(key) for key in keys]

    def end_lease(self, lease_id: int) -> None:
        del self.leases[lease_id]
        state, events = dict(self.states[-1]), list[Event]()
        self.delete([key for key in sorted(state) if state[key].lease == lease_id], state, events)
        if events:
            self.states.append(state)
            self.events.append(events)

    def compact(self, revision: int) -> None:
        if revision <= self.compacted:
            raise CompactedError
        if revision > self.revision:
            raise FutureRevisionError
        self.compacted = revision

    def seen_by(self, request: WatchRequest, start: int) -> list[Event]:
        """What a watch must report from `start` on."""
        return [
            Event(event.type, event.kv, event.prev_kv if request.prev_kv else None)
            for events in self.events[start:]
            for event in events
            if event.type not in request.filters and select([event.kv.key], request.key, request.range_end)
        ]


def changes_of(operations: Sequence[Operation]) -> list[PutRequest]:
    """All puts of a branch; DuplicateKeyError if two things that may both run meet, one of them a put.

    The model knows transactions without a nested delete, for which order does not matter.
    """
    deletes = [op for op in operations if isinstance(op, DeleteRangeRequest)]
    alternatives = [[op] for op in operations if isinstance(op, PutRequest)]
    nested = [op for op in operations if isinstance(op, TxnRequest)]
    alternatives += [changes_of(op.success) + changes_of(op.failure) for op in nested]
    names = [{put.key for put in puts} for puts in alternatives]
    if sum(map(len, names)) > len(set().union(*names)):
        raise DuplicateKeyError
    if any(select(set().union(*names), delete.key, delete.range_end) for delete in deletes):
        raise DuplicateKeyError
    return [put for puts in alternatives for put in puts]


# Pools of ready requests: to draw one costs Hypothesis a single choice, so that runs can be long.
KEYS = (b"/a", b"/a/1", b"/a/2", b"/b", b"/b/1", b"/c")
SPANS = [(b"/a", prefix_end(b"/a")), (b"/b/", prefix_end(b"/b/")), (b"\0", b"\0"), (b"/b", b"\0"), (b"/a/1", b"/b/1")]
RANGES = [*((key, b"") for key in KEYS), *SPANS]
PUTS = [
    *(PutRequest(*fields) for fields in product(KEYS, (b"x", b"y"), (0, 0, 0, 0, 1, 2), (True, False))),
    *(PutRequest(key, b"", lease, ignore_value=True) for key, lease in product(KEYS, (0, 1))),
    *(PutRequest(key, b"z", ignore_lease=True) for key in KEYS),
]
DELETES = [DeleteRangeRequest(*span, flag) for span, flag in product(RANGES, (True, False))]
READS = [
    RangeRequest(*span, limit, revision, *flags)
    for span, limit, revision in product([*RANGES, (b"/b", b"/a")], (0, 2), (0, 3, 9, 20))
    for flags in ((False, False), (True, False), (False, True))
]
COMPARES = [
    Compare(key, target, result, operand, end)
    for (key, end), target, result in product(RANGES, CompareTarget, CompareResult)
    for operand in ((b"x", b"y") if target is CompareTarget.VALUE else (0, 1, 2, 6))
]
WATCHES = [
    WatchRequest(*span, prev_kv=flag, filters=filters)
    for span, flag in product([*RANGES, *SPANS], (True, False))
    for filters in ((), (), (), (EventType.PUT,), (EventType.DELETE,))
]


def one_of(pool: list[Any]) -> st.SearchStrategy[Any]:
    """One request of a pool. (`sampled_from` would write the whole pool into its name.)"""
    return st.integers(0, len(pool) - 1).map(lambda place: pool[place])


def txns(*operations: st.SearchStrategy[Any]) -> st.SearchStrategy[TxnRequest]:
    """Transactions with up to two conditions and up to three operations in each branch."""
    branch = st.lists(st.one_of(*operations), min_size=1, max_size=3).map(tuple)
    return st.builds(TxnRequest, st.lists(one_of(COMPARES), max_size=2).map(tuple), branch, branch)


TXNS = txns(one_of(PUTS), one_of(DELETES), one_of(READS), txns(one_of(PUTS), one_of(READS)))
WRITES = st.one_of(one_of(PUTS), one_of(PUTS), one_of(DELETES), TXNS)
STARTS = st.sampled_from(["now", "compacted", -2, -1, 0, 1, 2, 4, 6, 9, 13])


class Reader:
    """A watch under test: what it asked for, the next revision that it must report, whether it came too late."""

    def __init__(self, request: WatchRequest, watch: Watch, next_revision: int, over: bool) -> None:
        self.request, self.watch, self.next_revision, self.over = request, watch, next_revision, over


class MemberAgainstModel(RuleBasedStateMachine):
    """Does the same to both and compares every answer, every event and, at the end, every past state."""

    readers = Bundle("readers")

    def __init__(self) -> None:
        super().__init__()
        self.events_max, watch_module.EVENTS_MAX = watch_module.EVENTS_MAX, EVENTS_MAX
        self.loop = SimLoop()
        self.model = Model()
        self.member: Member = self.loop.run_until_complete(self.boot())
        self.open: dict[Reader, None] = {}

    async def boot(self) -> Member:
        return Member(Simulation(seed=1))

    def teardown(self) -> None:
        for reader in self.open:
            self.read(reader)
        for revision in range(max(self.model.compacted, 1), self.model.revision + 1):
            self.agree(RangeRequest(b"\0", b"\0", revision=revision), self.member.range)
        self.member.close()
        self.loop.close()
        watch_module.EVENTS_MAX = self.events_max

    def call(self, work: Coroutine[Any, Any, Any]) -> Any:
        """The outcome of a call to the member: its result, or the type of the error."""
        try:
            return self.loop.run_until_complete(work)
        except EtcdError as error:
            return type(error)

    def agree(self, operation: Any, method: Any) -> None:
        actual = self.call(method(operation))
        try:
            expected = self.model.do(operation)
        except EtcdError as error:
            expected = type(error)
        assert actual == expected

    @rule(requests=st.lists(WRITES, min_size=2, max_size=8))
    def write(self, requests: list[Operation]) -> None:
        methods = {PutRequest: self.member.put, DeleteRangeRequest: self.member.delete_range}
        for request in requests:
            self.agree(request, methods.get(type(request), self.member.txn))

    @rule(request=one_of(READS), back=st.integers(-1, 12))
    def range(self, request: RangeRequest, back: int) -> None:
        revision = max(self.model.revision - back, 0)
        self.agree(msgspec.structs.replace(request, revision=revision), self.member.range)

    @rule(further=st.sampled_from([-1, 1, 1, 2, 2, 3, 5]))
    def compact(self, further: int) -> None:
        revision = self.model.compacted + further
        try:
            expected = self.model.compact(revision)
        except EtcdError as error:
            expected = type(error)
        assert self.call(self.member.compact(revision)) is expected

    @rule(lease_id=st.integers(1, 3), ttl_seconds=st.integers(2, 9))
    def grant(self, lease_id: int, ttl_seconds: int) -> None:
        self.let_time_pass(0.001)  # So that no two leases end in the same instant.
        if lease_id not in self.model.leases:
            assert self.call(self.member.lease_grant(ttl_seconds, lease_id)) == lease_id
            self.model.leases[lease_id] = (ttl_seconds, self.loop.now_ns + ttl_seconds * 10**9)

    @rule(lease_id=st.integers(1, 3))
    def keep_alive(self, lease_id: int) -> None:
        self.let_time_pass(0.001)
        ttl_seconds = self.model.leases.get(lease_id, (LeaseNotFoundError, 0))[0]
        assert self.call(self.member.lease_keep_alive(lease_id)) == ttl_seconds
        if lease_id in self.model.leases:
            self.model.leases[lease_id] = (ttl_seconds, self.loop.now_ns + ttl_seconds * 10**9)

    @rule(lease_id=st.integers(1, 3))
    def revoke(self, lease_id: int) -> None:
        expected = None if lease_id in self.model.leases else LeaseNotFoundError
        assert self.call(self.member.lease_revoke(lease_id)) is expected
        if expected is None:
            self.model.end_lease(lease_id)

    @rule(seconds=st.integers(1, 4))
    def let_time_pass(self, seconds: float) -> None:
        self.call(asyncio.sleep(seconds))
        due = sorted((end, lease_id) for lease_id, (_, end) in self.model.leases.items() if end <= self.loop.now_ns)
        for _, lease_id in due:
            self.model.end_lease(lease_id)

    @rule(target=readers, request=one_of(WATCHES), back=STARTS)
    def watch(self, request: WatchRequest, back: int | str) -> Reader:
        now = self.model.revision
        start = self.model.compacted if back == "compacted" else now + 1 if isinstance(back, str) else now - back
        start = max(start, 1)
        request = msgspec.structs.replace(request, start_revision=0 if back == "now" else start)
        reader = Reader(request, self.member.watch(request), start, start < self.model.compacted)
        self.open[reader] = None
        return reader

    @rule(reader=readers)
    def read(self, reader: Reader) -> None:
        """Everything up to now, told apart from `nothing yet` by asking for progress."""
        if reader.request.start_revision > self.model.revision:
            return  # It would not report progress.
        expected = self.model.seen_by(reader.request, reader.next_revision)
        seen: list[Event] = []
        reader.watch.request_progress()
        while (response := self.call(reader.watch.next())).events:
            last = seen[-1].kv.mod_revision if seen else 0
            assert last < response.events[0].kv.mod_revision, "a revision was split"
            seen.extend(response.events)
        self.compare(expected[: len(seen)], seen)
        if response.canceled:
            reached = seen[-1].kv.mod_revision + 1 if seen else reader.next_revision
            assert reached < response.compact_revision <= self.model.compacted
            assert reader.over or len(seen) >= EVENTS_MAX, "only who fell behind loses history"
            reader.over = True
        else:
            assert (len(seen), reader.over) == (len(expected), False)
            assert response.revision == self.model.revision
            reader.next_revision = self.model.revision + 1

    def compare(self, expected: list[Event], seen: list[Event]) -> None:
        for want, got in zip(expected, seen, strict=True):
            if got.prev_kv is None and want.kv.mod_revision <= self.model.compacted:
                want = Event(want.type, want.kv)  # What was before is compacted away.
            assert got == want

    @rule(reader=consumes(readers))
    def cancel(self, reader: Reader) -> None:
        del self.open[reader]
        reader.watch.cancel()
        assert self.call(reader.watch.next()).canceled


MemberAgainstModel.TestCase.settings = settings(
    derandomize=True,
    deadline=None,
    max_examples=45,
    stateful_step_count=60,
    phases=[Phase.generate],  # Add Phase.shrink to find the shortest counterexample; it takes minutes.
    suppress_health_check=list(HealthCheck),
)
TestMemberAgainstModel = MemberAgainstModel.TestCase
