"""Leases on virtual time, through a member."""

from __future__ import annotations

import asyncio

import pytest

from kubesim.etcd import (
    DeleteRangeRequest,
    LeaseExistsError,
    LeaseNotFoundError,
    LeaseTimeToLiveResponse,
    LeaseTtlTooLargeError,
    Member,
    PutRequest,
    RangeRequest,
    WatchRequest,
)
from kubesim.sim import Simulation


def keys(member: Member) -> list[bytes]:
    return [kv.key for kv in member.store.range(RangeRequest(b"\0", b"\0")).kvs]


async def test_the_keys_of_a_lease_vanish_when_it_expires(sim: Simulation) -> None:
    """Teaches: one revision for all keys of a lease, in the order of their names, exactly on time."""
    member = Member(sim)
    lease = await member.lease_grant(10)
    for key in (b"b", b"a", b"c"):
        await member.put(PutRequest(key, b"", lease=lease))
    await member.put(PutRequest(b"stays", b""))
    watch = member.watch(WatchRequest(b"\0", b"\0"))
    response = await watch.next()
    assert sim.clock.now() == 10.0
    assert [(event.type.value, event.kv.key, event.kv.mod_revision) for event in response.events] == [
        ("DELETE", b"a", 6),
        ("DELETE", b"b", 6),
        ("DELETE", b"c", 6),
    ]
    assert keys(member) == [b"stays"]


async def test_a_keep_alive_starts_the_time_anew(sim: Simulation) -> None:
    """Teaches: whoever stops renewing loses its keys one TTL later."""
    member = Member(sim)
    lease = await member.lease_grant(10)
    await member.put(PutRequest(b"a", b"", lease=lease))
    await asyncio.sleep(9)
    assert await member.lease_keep_alive(lease) == 10
    await asyncio.sleep(9.5)
    assert keys(member) == [b"a"]
    await asyncio.sleep(0.5)
    assert keys(member) == []
    assert sim.clock.now() == 19.0
    with pytest.raises(LeaseNotFoundError, match="etcdserver: requested lease not found"):
        await member.lease_keep_alive(lease)


async def test_a_revoked_lease_takes_its_keys_along(sim: Simulation) -> None:
    """Teaches: revoke is expiry now; without keys it makes no revision."""
    member = Member(sim)
    lease, empty = await member.lease_grant(10), await member.lease_grant(10)
    await member.put(PutRequest(b"a", b"", lease=lease))
    await member.lease_revoke(lease)
    assert (keys(member), member.store.revision) == ([], 3)
    await member.lease_revoke(empty)
    assert member.store.revision == 3
    with pytest.raises(LeaseNotFoundError):
        await member.lease_revoke(lease)
    with pytest.raises(LeaseNotFoundError):
        await member.put(PutRequest(b"a", b"", lease=lease))


async def test_a_key_belongs_to_the_lease_of_its_last_write(sim: Simulation) -> None:
    """Teaches: writing without a lease, with another one, or deleting detaches a key."""
    member = Member(sim)
    first, second = await member.lease_grant(5), await member.lease_grant(10)
    for key in (b"kept", b"moved", b"deleted", b"ages"):
        await member.put(PutRequest(key, b"", lease=first))
    await member.put(PutRequest(b"kept", b""))
    await member.put(PutRequest(b"moved", b"", lease=second))
    await member.delete_range(DeleteRangeRequest(b"deleted"))
    await member.put(PutRequest(b"deleted", b""))
    await asyncio.sleep(5)
    assert keys(member) == [b"deleted", b"kept", b"moved"]
    await asyncio.sleep(5)
    assert keys(member) == [b"deleted", b"kept"]


async def test_time_to_live_tells_what_is_left(sim: Simulation) -> None:
    """Teaches: whole seconds, rounded down; -1 for a lease that is gone."""
    member = Member(sim)
    lease = await member.lease_grant(10, lease_id=77)
    assert lease == 77
    await member.put(PutRequest(b"b", b"", lease=lease))
    await member.put(PutRequest(b"a", b"", lease=lease))
    await asyncio.sleep(2.5)
    assert await member.lease_time_to_live(77) == LeaseTimeToLiveResponse(77, 7, 10)
    assert (await member.lease_time_to_live(77, keys=True)).keys == (b"a", b"b")
    await asyncio.sleep(7.5)
    assert await member.lease_time_to_live(77) == LeaseTimeToLiveResponse(77, -1)


async def test_a_lease_lives_at_least_two_seconds(sim: Simulation) -> None:
    """Teaches: etcd raises a TTL that is shorter than an election takes."""
    member = Member(sim)
    lease = await member.lease_grant(1)
    assert await member.lease_time_to_live(lease) == LeaseTimeToLiveResponse(lease, 2, 2)


async def test_a_lease_id_is_unique_and_a_ttl_bounded(sim: Simulation) -> None:
    """Teaches: etcd's words when it refuses a grant."""
    member = Member(sim)
    await member.lease_grant(10, lease_id=5)
    with pytest.raises(LeaseExistsError, match="etcdserver: lease already exists"):
        await member.lease_grant(10, lease_id=5)
    with pytest.raises(LeaseTtlTooLargeError, match="etcdserver: too large lease TTL"):
        await member.lease_grant(9_000_000_001)


async def test_leases_of_one_instant_end_in_the_order_of_their_grant(sim: Simulation) -> None:
    """Teaches: one revision each, and always the same order."""
    member = Member(sim)
    for lease_id, key in ((9, b"a"), (3, b"b"), (6, b"c")):
        await member.lease_grant(10, lease_id)
        await member.put(PutRequest(key, b"", lease=lease_id))
    await asyncio.sleep(10)
    ended = [(kv.key, kv.mod_revision) for kv in member.store.history(b"\0", b"\0", 5)]
    assert ended == [(b"a", 5), (b"b", 6), (b"c", 7)]


async def test_a_closed_member_lets_no_lease_expire(sim: Simulation) -> None:
    """Teaches: time counts only while there is somebody who counts it."""
    member = Member(sim)
    lease = await member.lease_grant(10)
    await member.put(PutRequest(b"a", b"", lease=lease))
    member.close()
    await asyncio.sleep(60)
    assert keys(member) == [b"a"]
