"""Invariants of a cluster in which nothing moves: caches equal the store, and nobody outlives its owner.

Called at the end of a run (or after `settle`); they read the store's own history beside what watchers saw.
"""

from __future__ import annotations

from collections.abc import Iterable

from kubesim.api.meta import Object
from kubesim.api.stored import Stored
from kubesim.checks.violation import Violation
from kubesim.client.informer import Informer
from kubesim.cluster import SimCluster
from kubesim.etcd import EventType, WatchRequest, prefix_end

REGISTRY = b"/registry/"


async def check_settled(cluster: SimCluster) -> list[Violation]:
    """Everything that must hold once nothing moves any more."""
    found: list[Violation] = []
    now = cluster.sim.clock.now()
    for owner, informer in cluster.live_informers():
        found += [
            Violation(now, "an informer's cache equals the store when nothing moves", owner, text)
            for text in await compare_with_store(cluster, informer)
        ]
    found += [
        Violation(now, "dependants end with their owner", f"{stored.object.get('kind')} {stored.key}", text)
        for stored, text in ownerless(cluster)
    ]
    found += [
        Violation(now, "no event is lost or repeated between list and watch", about, text)
        for about, text in await compare_with_history(cluster)
    ]
    return found


async def compare_with_store(cluster: SimCluster, informer: Informer) -> list[str]:
    """How one informer's cache differs from a fresh list."""
    result = await cluster.client.list(informer.resource, informer.namespace, informer.options)
    fresh = {stored.key: stored.revision for stored in result.items}
    cached = {stored.key: stored.revision for stored in informer.list()}
    if fresh == cached:
        return []
    keys = sorted({*fresh, *cached})
    different = [key for key in keys if fresh.get(key) != cached.get(key)]
    return [
        f"{informer.resource.plural} {key}: cached at {cached.get(key)}, stored at {fresh.get(key)}"
        for key in different[:5]
    ]


def ownerless(cluster: SimCluster) -> Iterable[tuple[Stored, str]]:
    """Objects whose owners are all gone, and that are not on their way out."""
    everything = [stored for known in cluster.observer.latest.values() for stored in known.values()]
    uids = {stored.uid for stored in everything}
    kinds = set(cluster.observer.latest)
    for stored in sorted(everything, key=lambda item: item.revision):
        owners: list[Object] = stored.object["metadata"].get("ownerReferences") or []
        known = [owner for owner in owners if owner["kind"] in kinds]
        is_leaving = bool(stored.object["metadata"].get("deletionTimestamp"))
        if known and not is_leaving and not any(owner["uid"] in uids for owner in owners):
            yield stored, f"its owner {known[0]['kind']} {known[0]['name']} is gone"


async def compare_with_history(cluster: SimCluster) -> list[tuple[str, str]]:
    """Every revision that the store wrote since the observer's list must have been seen, once, in order."""
    start = cluster.observed_from + 1
    watch = cluster.etcd.watch(WatchRequest(REGISTRY, prefix_end(REGISTRY), start_revision=start))
    watch.request_progress()
    written: dict[int, str] = {}
    while True:
        response = await watch.next()
        for event in response.events:
            written[event.kv.mod_revision] = f"{event.kv.key.decode()} {event.type.value}"
        if not response.events:
            break
    watch.cancel()
    seen = cluster.observed_revisions
    kinds = cluster.observed_prefixes()
    found = []
    for revision, about in written.items():
        if about.split(" ")[0].startswith(kinds) and seen.get(revision, 0) != 1:
            found.append((about, f"revision {revision} was seen {seen.get(revision, 0)} times"))
    return found[:5]


assert EventType.PUT.value == "PUT"
