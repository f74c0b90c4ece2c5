"""A member on the network: calls that cost nothing, until something is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from kubesim.etcd import (
    CompactedError,
    Compare,
    CompareResult,
    CompareTarget,
    DeleteRangeRequest,
    EmptyKeyError,
    Member,
    PutRequest,
    RangeRequest,
    RequestTimedOutError,
    TxnRequest,
    WatchRequest,
    WatchResponse,
)
from kubesim.sim import Simulation

LATE_SECONDS = 0.25


def values(response: WatchResponse) -> list[bytes]:
    return [event.kv.value for event in response.events]


def run_without_suspending(work: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine returns that never waits."""
    with pytest.raises(StopIteration) as stopped:
        work.send(None)
    return stopped.value.value


async def test_on_a_free_network_no_call_suspends(sim: Simulation) -> None:
    """Teaches: in process a call to etcd is a call; the client's transport is what yields."""
    member = Member(sim)
    condition = Compare(b"a", CompareTarget.MOD, CompareResult.EQUAL, 2)
    assert run_without_suspending(member.put(PutRequest(b"a", b"1"))).revision == 2
    assert run_without_suspending(member.txn(TxnRequest((condition,), (PutRequest(b"b", b""),)))).succeeded
    assert run_without_suspending(member.range(RangeRequest(b"a", b"\0"))).count == 2
    assert run_without_suspending(member.delete_range(DeleteRangeRequest(b"b"))).deleted == 1
    lease = run_without_suspending(member.lease_grant(10))
    assert run_without_suspending(member.lease_keep_alive(lease)) == 10
    run_without_suspending(member.lease_revoke(lease))
    run_without_suspending(member.compact(4))
    watch = member.watch(WatchRequest(b"a", start_revision=4))
    watch.request_progress()
    assert run_without_suspending(watch.next()) == WatchResponse(4)


async def test_a_waiting_watch_wakes_in_the_instant_of_the_write_and_gets_all_of_it(sim: Simulation) -> None:
    """Teaches: what is written before the reader runs comes as one batch, at the same virtual time."""
    member = Member(sim)
    watch = member.watch(WatchRequest(b"a"))
    reader = sim.loop.create_task(watch.next())
    await asyncio.sleep(3)
    for number in range(3):
        await member.put(PutRequest(b"a", b"%d" % number))
    assert values(await reader) == [b"0", b"1", b"2"]
    assert sim.clock.now() == 3.0


async def test_cancelling_a_watch_wakes_its_reader(sim: Simulation) -> None:
    """Teaches: `canceled` ends a watch, now and at every later call."""
    member = Member(sim)
    watch = member.watch(WatchRequest(b"a"))
    reader = sim.loop.create_task(watch.next())
    await asyncio.sleep(0)
    watch.cancel()
    assert (await reader).canceled
    assert (await watch.next()).canceled


async def test_an_interrupted_read_loses_nothing(sim: Simulation) -> None:
    """Teaches: a timeout around `next` is safe, also while the response is on the way."""
    member = Member(sim)
    watch = member.watch(WatchRequest(b"a"))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(5):
            await watch.next()
    await member.put(PutRequest(b"a", b"1"))
    sim.network.link("etcd-0", "apiserver").latency_seconds = LATE_SECONDS
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(LATE_SECONDS / 2):
            await watch.next()
    assert values(await watch.next()) == [b"1"]


async def test_compaction_does_not_end_a_watch_that_is_up_to_date(sim: Simulation) -> None:
    """Teaches: 410 is for those who are late."""
    member = Member(sim)
    watch = member.watch(WatchRequest(b"a", start_revision=1))
    await member.put(PutRequest(b"a", b"1"))
    await member.put(PutRequest(b"a", b"2"))
    await member.compact(3)
    assert values(await watch.next()) == [b"1", b"2"]
    late = await member.watch(WatchRequest(b"a", start_revision=2)).next()
    assert (late.canceled, late.compact_revision) == (True, 3)


async def test_a_quiet_watch_reports_progress_every_ten_minutes_if_asked(sim: Simulation) -> None:
    """Teaches: how a client of a rarely written prefix stays able to resume."""
    member = Member(sim)
    watch = member.watch(WatchRequest(b"quiet", progress_notify=True))
    await member.put(PutRequest(b"other", b""))
    assert await watch.next() == WatchResponse(2)
    assert sim.clock.now() == 600.0
    await asyncio.sleep(10)
    await member.put(PutRequest(b"quiet", b""))
    assert len((await watch.next()).events) == 1
    assert await watch.next() == WatchResponse(3)
    assert sim.clock.now() == 1800.0, "not at 1200: an event had just come"
    watch.cancel()
    await asyncio.sleep(1200)
    assert (await watch.next()).canceled


async def test_a_closed_member_ends_its_watches(sim: Simulation) -> None:
    """Teaches: an orderly shutdown is heard of."""
    member = Member(sim)
    watches = [member.watch(WatchRequest(b"a")) for _ in range(3)]
    member.close()
    assert all([(await watch.next()).canceled for watch in watches])


async def test_a_slow_network_delays_request_and_answer(sim: Simulation) -> None:
    """Teaches: latency counts once each way, for errors too."""
    member = Member(sim)
    sim.network.link("apiserver", "etcd-0").latency_seconds = LATE_SECONDS
    sim.network.link("etcd-0", "apiserver").latency_seconds = LATE_SECONDS
    assert (await member.put(PutRequest(b"a", b"1"))).revision == 2
    assert sim.clock.now() == 0.5
    with pytest.raises(EmptyKeyError):
        await member.range(RangeRequest(b""))
    assert sim.clock.now() == 1.0
    await member.compact(2)
    with pytest.raises(CompactedError):
        await member.compact(2)
    assert sim.clock.now() == 2.0


async def test_a_lost_request_and_a_lost_answer_look_the_same(sim: Simulation) -> None:
    """Teaches: after a timeout nobody knows whether the write happened: the error is not definite."""
    member = Member(sim)
    for source, target, revision in (("apiserver", "etcd-0", 1), ("etcd-0", "apiserver", 2)):
        sim.network.link(source, target).partitioned = True
        with pytest.raises(RequestTimedOutError, match="etcdserver: request timed out") as caught:
            await member.txn(TxnRequest(success=(PutRequest(b"a", b""),)))
        assert not caught.value.definite
        assert member.store.revision == revision
        sim.network.link(source, target).partitioned = False
    assert sim.clock.now() == 60.0


async def test_a_partition_holds_up_a_watch_but_loses_nothing(sim: Simulation) -> None:
    """Teaches: a watch is a TCP connection: what was lost is sent again once the way is free."""
    member = Member(sim, "etcd-1", source="apiserver-1")
    watch = member.watch(WatchRequest(b"a"))
    sim.network.link("etcd-1", "apiserver-1").partitioned = True
    member.store.put(PutRequest(b"a", b"1"))
    reader = sim.loop.create_task(watch.next())
    await asyncio.sleep(4.5)
    member.store.put(PutRequest(b"a", b"2"))
    assert not reader.done()
    sim.network.link("etcd-1", "apiserver-1").partitioned = False
    assert values(await reader) == [b"1"]
    assert sim.clock.now() == 5.0
    assert values(await watch.next()) == [b"2"]
