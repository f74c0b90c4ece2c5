"""Roles, bindings and Pods on their way into the authorizer's indices; the bootstrap policy on its way into the store.

Upstream: the post-start hook rbac/bootstrap-roles in pkg/registry/rbac/rest, which also repairs what was changed.
Left out: that repair; what is missing is made again at the next start, what is there is kept.
"""

from __future__ import annotations

from kubesim.api.stored import Stored
from kubesim.apiserver.auth.node_pods import NodePods
from kubesim.apiserver.auth.policy import bootstrap_objects
from kubesim.apiserver.auth.rbac import RbacIndex
from kubesim.apiserver.boot import write_missing
from kubesim.apiserver.host import Host
from kubesim.apiserver.watch_cache import WatchCache


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


def follow_pods(cache: WatchCache, pods: NodePods) -> None:
    """The same for the Pods of nodes."""

    def filled() -> None:
        for key in pods.known():
            if key not in cache.state:
                pods.set(key, None)
        for key, stored in cache.state.items():
            pods.set(key, stored)

    cache.on_change, cache.on_fill = pods.set, filled


async def write_policy(server: Host) -> None:
    """Stores what is missing of the bootstrap policy."""
    index = server.authorizer.index
    for resource, obj in bootstrap_objects():
        stored = await write_missing(server, resource, obj)
        if stored is not None:
            index.set(resource, stored.key, stored.object)
