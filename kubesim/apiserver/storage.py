"""Objects of one resource in etcd: where they lie, how they are encoded, and who may overwrite whom.

An object lies under `/registry/RESOURCE/NAMESPACE/NAME`. Its value is JSON without `metadata.resourceVersion`,
since that *is* the etcd revision which wrote it. Every write is a transaction that compares the key's
mod_revision with the revision that the change was computed from: whoever comes second is told, with the
object as it is now, and computes again (optimistic concurrency).

`Stored` handles are made here once, at the write. The watch cache gets the same handle back when etcd
reports the event, so nothing is decoded but what another server wrote.

Left out: encryption, protobuf. Upstream: k8s.io/apiserver/pkg/storage/etcd3.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import msgspec
import orjson

from kubesim.api.resources import Resource
from kubesim.api.stored import Object, Stored
from kubesim.apiserver.context import RequestContext
from kubesim.apiserver.lease_manager import LeaseManager
from kubesim.etcd.client import EtcdClient
from kubesim.etcd.messages import (
    Compare,
    CompareResult,
    CompareTarget,
    DeleteRangeRequest,
    KeyValue,
    PutRequest,
    RangeRequest,
    RangeResponse,
    TxnRequest,
    TxnResponse,
    prefix_end,
)
from kubesim.sim import Simulation

# Where upstream's key differs from the plural, for reasons of history.
STORAGE_NAMES = {
    "nodes": "minions",
    "services": "services/specs",
    "endpoints": "services/endpoints",
    "replicationcontrollers": "controllers",
    "ingresses": "ingress",
}
BUILT_IN_GROUPS = ("", "apps", "batch", "autoscaling", "policy")
NO_KEY = b"/registry/health"  # Reading it costs least; only the revision in the answer is wanted.


class OutdatedError(Exception):
    """The object is not what the change was computed from. `actual` is what it is now, None if it is gone."""

    def __init__(self, actual: Stored | None) -> None:
        super().__init__("the object has changed since it was read")
        self.actual = actual


class Storage:
    """Reads and writes the objects of one resource. A key is "namespace/name", or "name".

    `lifetime_seconds`: how long etcd keeps an object after its last write; None: for ever.
    """

    def __init__(
        self, sim: Simulation, etcd: EtcdClient, resource: Resource, lifetime_seconds: int | None = None
    ) -> None:
        self.resource = resource
        self.prefix = etcd_prefix(resource)
        self.prefix_bytes = self.prefix.encode()
        self.latest: dict[str, Stored] = {}  # The newest revision known here: the first guess of every change.
        self._written: dict[int, Stored] = {}  # Our writes that etcd's watch has not reported yet, by revision.
        self._encoder, self._buffer = msgspec.json.Encoder(), bytearray()
        self._etcd = etcd
        self._trace = sim.trace
        self._leases = None if lifetime_seconds is None else LeaseManager(etcd, sim.clock, lifetime_seconds)

    async def get(self, key: str) -> Stored | None:
        """The object as it is now: etcd is asked, so nobody's finished write is missed."""
        response = await self._etcd.range(RangeRequest(self.etcd_key(key)))
        return self.handle(key, response.kvs[0]) if response.kvs else None

    async def revision(self) -> int:
        """The store's latest revision."""
        return (await self._etcd.range(RangeRequest(NO_KEY))).revision

    async def page(self, namespace: str, start: str, limit: int, revision: int) -> RangeResponse:
        """Keys of a namespace ("" for all) from `start` in it on, as they were at `revision` (0: now)."""
        scope = f"{self.prefix}{namespace}/" if namespace else self.prefix
        begin = scope + start
        return await self._etcd.range(
            RangeRequest(begin.encode(), prefix_end(scope.encode()), limit=limit, revision=revision)
        )

    def create(self, key: str, obj: Object, context: RequestContext) -> Awaitable[Stored]:
        """Writes a new object; OutdatedError if there is one of that name. Takes over `obj` and its metadata."""
        return self._put(key, 0, obj, context)

    def update(self, current: Stored, obj: Object, context: RequestContext) -> Awaitable[Stored]:
        """Replaces `current`; OutdatedError if it is no longer what is stored. Takes over `obj` and its metadata."""
        return self._put(current.key, current.revision, obj, context)

    async def delete(self, current: Stored, context: RequestContext) -> Stored:
        """Removes `current`; the result is what it was, at the revision of its end."""
        response = await self._txn(current.key, current.revision, None)
        if not response.succeeded:
            raise OutdatedError(self._actual(current.key, response))
        stored = at_revision(current, response.revision)
        self.latest.pop(current.key, None)
        self._remember(stored, context)
        return stored

    def observe(self, key: str, event_kv: KeyValue, previous: Stored | None, *, deleted: bool) -> Stored:
        """The handle of what etcd's watch reports: our own if we wrote it."""
        stored = self._written.pop(event_kv.mod_revision, None)
        if stored is not None:
            return stored
        if deleted:
            assert previous is not None, "etcd reports the deletion only of what was there"
            stored = at_revision(previous, event_kv.mod_revision)
        else:
            stored = decode(event_kv)
        latest = self.latest.get(key)
        if latest is None or latest.revision < stored.revision:
            if deleted:
                self.latest.pop(key, None)
            else:
                self.latest[key] = stored
        return stored

    def handle(self, key: str, kv: KeyValue) -> Stored:
        """The handle for what etcd answered, decoded only if nobody here knows that revision."""
        latest = self.latest.get(key)
        return latest if latest is not None and latest.revision == kv.mod_revision else decode(kv)

    def key_of(self, etcd_key: bytes) -> str:
        """The object's key in an etcd key."""
        return etcd_key[len(self.prefix_bytes) :].decode()

    def etcd_key(self, key: str) -> bytes:
        """Where the object lies."""
        return f"{self.prefix}{key}".encode()

    async def _put(self, key: str, expected: int, obj: Object, context: RequestContext) -> Stored:
        metadata: dict[str, Any] = obj["metadata"]
        metadata.pop("resourceVersion", None)
        lease = 0 if self._leases is None else await self._leases.lease()
        response = await self._txn(key, expected, self._encode(obj), lease)
        if not response.succeeded:
            raise OutdatedError(self._actual(key, response))
        metadata["resourceVersion"] = str(response.revision)
        stored = Stored(response.revision, obj)
        self.latest[key] = stored
        self._remember(stored, context)
        return stored

    def _encode(self, obj: Object) -> bytes:
        """The JSON, in bytes of its own size: encoders keep room to grow, and these are kept for ever."""
        self._encoder.encode_into(obj, self._buffer)
        return bytes(self._buffer)

    def _txn(self, key: str, expected: int, value: bytes | None, lease: int = 0) -> Awaitable[TxnResponse]:
        """Writes (or with no value deletes) the key if `expected` wrote it last, else reads it."""
        etcd_key = self.etcd_key(key)
        condition = Compare(etcd_key, CompareTarget.MOD, CompareResult.EQUAL, expected)
        operation = DeleteRangeRequest(etcd_key) if value is None else PutRequest(etcd_key, value, lease)
        return self._etcd.txn(TxnRequest((condition,), (operation,), (RangeRequest(etcd_key),)))

    def _actual(self, key: str, response: TxnResponse) -> Stored | None:
        found = response.responses[0]
        assert isinstance(found, RangeResponse), "the failure branch of our transactions reads the key"
        return self.handle(key, found.kvs[0]) if found.kvs else None

    def _remember(self, stored: Stored, context: RequestContext) -> None:
        self._written[stored.revision] = stored
        self._trace.wrote(stored.revision, context.by, context.request.causes)


def etcd_prefix(resource: Resource) -> str:
    """`/registry/pods/`; kinds of other people's groups have the group in it."""
    if not resource.custom and (resource.group in BUILT_IN_GROUPS or resource.group.endswith(".k8s.io")):
        return f"/registry/{STORAGE_NAMES.get(resource.plural, resource.plural)}/"
    return f"/registry/{resource.group}/{resource.plural}/"


def decode(kv: KeyValue) -> Stored:
    """A handle made from etcd's bytes."""
    obj: Object = orjson.loads(kv.value)
    obj["metadata"]["resourceVersion"] = str(kv.mod_revision)
    return Stored(kv.mod_revision, obj)


def at_revision(stored: Stored, revision: int) -> Stored:
    """The same object, said to be of another revision: what a DELETED event carries."""
    metadata = {**stored.object["metadata"], "resourceVersion": str(revision)}
    return Stored(revision, {**stored.object, "metadata": metadata})
