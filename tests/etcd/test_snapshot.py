"""A store comes back as it was."""

from __future__ import annotations

import pytest

from kubesim.etcd import Member
from kubesim.etcd.errors import CompactedError
from kubesim.etcd.messages import DeleteRangeRequest, PutRequest, RangeRequest, WatchRequest
from kubesim.etcd.snapshot import SnapshotError, load, restore, save
from kubesim.sim import Simulation

ALL = RangeRequest(b"\0", b"\0")


async def test_keys_keep_their_revisions_and_versions(sim: Simulation) -> None:
    """Teaches: a resourceVersion that a client remembers means the same after a restart."""
    old = Member(sim)
    for key, value in ((b"b", b"1"), (b"a", b"1"), (b"b", b"2"), (b"gone", b"1")):
        await old.put(PutRequest(key, value))
    await old.delete_range(DeleteRangeRequest(b"gone"))
    new = Member(sim)
    await restore(new, load(await save(old, 7)))
    assert await new.range(ALL) == await old.range(ALL)
    put = await new.put(PutRequest(b"b", b"3"))
    assert put.revision == old.store.revision + 1
    kv = (await new.range(RangeRequest(b"b"))).kvs[0]
    assert (kv.create_revision, kv.version) == (2, 3)


async def test_history_ends_at_the_snapshot(sim: Simulation) -> None:
    """Teaches: a watch from before is told that it missed something, and lists again."""
    old = Member(sim)
    for value in (b"1", b"2", b"3"):
        await old.put(PutRequest(b"a", value))
    new = Member(sim)
    await restore(new, load(await save(old, 7)))
    with pytest.raises(CompactedError):
        await new.range(RangeRequest(b"a", revision=2))
    watch = new.watch(WatchRequest(b"a", start_revision=2))
    assert (await watch.next()).compact_revision == old.store.revision
    watch = new.watch(WatchRequest(b"a", start_revision=old.store.revision + 1))
    await new.put(PutRequest(b"a", b"4"))
    assert [event.kv.value for event in (await watch.next()).events] == [b"4"]
    await new.delete_range(DeleteRangeRequest(b"a"))
    await new.compact(new.store.revision)
    assert (await new.range(ALL)).count == 0


async def test_what_lives_for_a_while_lives_for_the_rest_of_it(sim: Simulation) -> None:
    """Teaches: Events are gone an hour after they were written, however often one restarts."""
    import asyncio

    old = Member(sim)
    lease = await old.lease_grant(60)
    await old.put(PutRequest(b"event", b"1", lease=lease))
    await asyncio.sleep(20)
    new = Member(sim)
    await restore(new, load(await save(old, 7)))
    await asyncio.sleep(39)
    assert (await new.range(ALL)).count == 1
    await asyncio.sleep(2)
    assert (await new.range(ALL)).count == 0


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\x80"])
def test_what_is_no_snapshot_is_refused(content: bytes) -> None:
    """Teaches: a damaged file is told, not guessed at."""
    with pytest.raises(SnapshotError):
        load(content)
