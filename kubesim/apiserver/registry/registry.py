"""Everything the server has for one resource: its strategy, its storage, its watch cache, its admission chain.

The verbs are functions over it, one module each: creation, change (update and patch), deletion, listing,
watching. Upstream: genericregistry.Store in k8s.io/apiserver/pkg/registry/generic/registry.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from kubesim.api.resources import Resource
from kubesim.api.stored import Object, Stored
from kubesim.apiserver.admission.chain import AdmissionChain
from kubesim.apiserver.context import RequestContext
from kubesim.apiserver.decoding import Decoder
from kubesim.apiserver.managed_fields.tracking import FieldTracker
from kubesim.apiserver.registry.strategy import Strategy
from kubesim.apiserver.storage import Storage
from kubesim.apiserver.watch_cache import WatchCache
from kubesim.etcd.client import EtcdClient
from kubesim.sim import Simulation


class Peers(Protocol):
    """The other resources of the same server, for what looks at them or changes them on its way."""

    def latest(self, resource: Resource, name: str, namespace: str = "") -> Stored | None:
        """The newest revision of an object that the server knows of."""
        ...

    def all_latest(self, resource: Resource) -> Iterable[Stored]:
        """The same of all objects of a resource."""
        ...

    async def replace(self, context: RequestContext, resource: Resource, current: Stored, obj: Object) -> Stored:
        """Writes an object; ConflictError if `current` is not the newest any more."""
        ...

    async def catch_up(self) -> None:
        """Waits until what admission looks at is as new as etcd."""
        ...


class Registry:
    """One resource as the server sees it."""

    def __init__(
        self,
        sim: Simulation,
        etcd: EtcdClient,
        strategy: Strategy,
        decoder: Decoder,
        admission: AdmissionChain,
        peers: Peers,
        shares: Registry | None = None,
    ) -> None:
        self.sim = sim
        self.strategy = strategy
        self.resource: Resource = strategy.resource
        self.decoder = decoder
        self.admission = admission
        self.peers = peers
        self.catch_up = peers.catch_up
        # Of a custom resource: a registry for each version. They share storage and cache.
        self.versions: dict[str, Registry] | None = None
        self.is_terminating = False  # Its definition is being deleted: nothing new may be made.
        self.tracker = FieldTracker(self.resource, lambda: decoder.node)
        if shares is None:
            self.storage = Storage(sim, etcd, self.resource, strategy.lifetime_seconds)
            self.cache = WatchCache(self.resource, self.storage, etcd)
        else:
            self.storage, self.cache = shares.storage, shares.cache

    def latest(self, name: str, namespace: str = "") -> Stored | None:
        """The newest revision that this server knows of: for admission, which must not wait."""
        return self.storage.latest.get(f"{namespace}/{name}" if namespace else name)

    def key(self, context: RequestContext) -> str:
        """The storage key of the object that a request names."""
        request = context.request
        return f"{request.namespace}/{request.name}" if self.resource.namespaced else request.name


def key_of(resource: Resource, obj: Object) -> str:
    """The storage key of an object."""
    metadata = obj["metadata"]
    name: str = metadata["name"]
    return f"{metadata['namespace']}/{name}" if resource.namespaced else name


def unsaved(obj: Object, revision: int = 0) -> Stored:
    """The answer to a dry run: an object that was not written."""
    return Stored(revision, obj)
