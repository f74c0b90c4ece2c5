"""A store's present state as bytes, and a store from it: what `kubesim stop` keeps.

Every living key with its revisions and version, the store's revision, and what is left of the leases. History is
not kept: the new store is as if compacted at that revision, so a watch from before is told so (and lists again).

Upstream: etcdutl snapshot save and restore, which copy the whole database.
"""

from __future__ import annotations

import msgspec

from kubesim.etcd.key_index import KeyIndex
from kubesim.etcd.member import Member
from kubesim.etcd.messages import KeyValue

FORMAT = 1


class Snapshot(msgspec.Struct, frozen=True):
    """The content. `unix_ns`: the date of the snapshot on the cluster's own clock."""

    format: int
    unix_ns: int
    revision: int
    leases: tuple[tuple[int, int], ...]  # (id, seconds left)
    kvs: tuple[KeyValue, ...]


class SnapshotError(ValueError):
    """These bytes are no snapshot, or one of another version of kubesim."""


async def save(member: Member, unix_ns: int) -> bytes:
    """The state of a member."""
    store = member.store
    kvs = tuple(store._index.latest[key] for key in store._index.keys(b"\0", b"\0"))
    leases = [(lease, (await member.lease_time_to_live(lease)).ttl_seconds) for lease in sorted(store.leases)]
    return msgspec.msgpack.encode(Snapshot(FORMAT, unix_ns, store.revision, tuple(leases), kvs))


def load(content: bytes) -> Snapshot:
    """Reads what `save` wrote."""
    try:
        snapshot = msgspec.msgpack.decode(content, type=Snapshot)
    except msgspec.MsgspecError as error:
        raise SnapshotError(str(error)) from None
    if snapshot.format != FORMAT:
        raise SnapshotError(f"format {snapshot.format}")
    return snapshot


async def restore(member: Member, snapshot: Snapshot) -> None:
    """Puts the state into a member that was never written to."""
    store = member.store
    assert not store._index.latest, "only an empty store can be restored"
    for lease, ttl_seconds in snapshot.leases:
        await member.lease_grant(max(ttl_seconds, 1), lease)
    index = store._index
    for kv in snapshot.kvs:  # Sorted by key, as the index wants its keys.
        index.latest[kv.key] = kv
        index._living.append(kv.key)
        index._histories[kv.key] = KeyIndex(kv)
        if kv.lease in store.leases:
            store.leases[kv.lease][kv.key] = None
    store.revision = store.compacted_revision = snapshot.revision
    store._log.first = snapshot.revision + 1
