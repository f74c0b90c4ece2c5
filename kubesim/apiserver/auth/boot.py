"""Roles and bindings on their way into the authorizer's index, and the bootstrap policy on its way into the store.

Upstream: the post-start hook rbac/bootstrap-roles in pkg/registry/rbac/rest, which also repairs what was changed.
Left out: that repair; what is missing is made again at the next start, what is there is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubesim.api.stored import Stored
from kubesim.api.wire import Request
from kubesim.apiserver.auth.policy import bootstrap_objects
from kubesim.apiserver.auth.rbac import RbacIndex, key_of
from kubesim.apiserver.authn import API_SERVER
from kubesim.apiserver.context import RequestContext
from kubesim.apiserver.storage import OutdatedError
from kubesim.apiserver.watch_cache import WatchCache

if TYPE_CHECKING:
    from kubesim.apiserver.server import ApiServer


def follow(cache: WatchCache, index: RbacIndex) -> None:
    """Keeps the index as new as the watch cache."""
    resource = cache.resource

    def changed(key: str, stored: Stored | None) -> None:
        index.set(resource, key, None if stored is None else stored.object)

    def filled() -> None:
        for key in index.keys(resource):
            if key not in cache.state:
                index.set(resource, key, None)
        for key, stored in cache.state.items():
            index.set(resource, key, stored.object)

    cache.on_change, cache.on_fill = changed, filled


async def write_policy(server: ApiServer) -> None:
    """Stores what is missing of the bootstrap policy: as it is, for nothing of it needs defaults or admission."""
    sim, index = server.sim, server.authorizer.index
    for resource, obj in bootstrap_objects():
        registry = server.registries.get((resource.group, resource.plural))
        if registry is None or key_of(obj) in registry.storage.latest:
            continue
        metadata = {**obj["metadata"], "uid": sim.chance.uid(), "creationTimestamp": sim.clock.timestamp()}
        request = Request("create", resource, metadata.get("namespace", ""), user_agent=server.name)
        context = RequestContext(sim, request, API_SERVER)
        try:
            stored = await registry.storage.create(key_of(obj), {**obj, "metadata": metadata}, context)
        except OutdatedError:
            continue  # Another server was faster.
        index.set(resource, stored.key, stored.object)
