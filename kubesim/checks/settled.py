"""Invariants of a cluster in which nothing moves: caches equal the store, and nobody outlives its owner.

Called at the end of a run (or after `settle`); they read the store's own history beside what watchers saw.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kubesim.api.meta import Object
from kubesim.api.stored import Stored
from kubesim.api.wire import Options
from kubesim.apiserver.storage import etcd_prefix
from kubesim.checks.proxies import check_proxies
from kubesim.checks.violation import Violation
from kubesim.checks.workloads import check_endpoints, check_replica_sets
from kubesim.client.informer import Informer, Selection
from kubesim.cluster import SimCluster
from kubesim.etcd import Event, EventType, WatchRequest, prefix_end

REGISTRY = b"/registry/"
SHOWN_MAX = 5


async def check_settled(cluster: SimCluster) -> list[Violation]:
    """Everything that must hold once nothing moves any more."""
    found: list[Violation] = []
    now = cluster.sim.clock.now()
    for owner, selection, informer in cluster.live_informers():
        found += [
            Violation(now, "an informer's cache equals the store when nothing moves", owner, text)
            for text in await compare_with_store(cluster, selection, informer)
        ]
    found += [
        Violation(now, "dependants end with their owner", f"{stored.object.get('kind')} {stored.key}", text)
        for stored, text in ownerless(cluster)
    ]
    broken = (*check_replica_sets(cluster), *check_endpoints(cluster), *check_proxies(cluster))
    found += [Violation(now, *each) for each in broken]
    found += [
        Violation(now, "no event is lost or repeated between list and watch", about, text)
        for about, text in await compare_with_history(cluster)
    ]
    return found


async def compare_with_store(cluster: SimCluster, selection: Selection, informer: Informer) -> list[str]:
    """How one informer's cache differs from a fresh list."""
    options = Options(label_selector=selection.label_selector, field_selector=selection.field_selector)
    result = await cluster.client.list(selection.resource, selection.namespace, options)
    fresh = {stored.key: stored.revision for stored in result.items}
    cached = {stored.key: stored.revision for stored in informer.list()}
    if fresh == cached:
        return []
    keys = sorted({*fresh, *cached})
    different = [key for key in keys if fresh.get(key) != cached.get(key)]
    return [
        f"{informer.resource.plural} {key}: cached at {cached.get(key)}, stored at {fresh.get(key)}"
        for key in different[:SHOWN_MAX]
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
    """Every revision that the store wrote since the observer's list must have arrived at it, and once.

    Only of what came between a broken watch and the list after it the outcome alone is enough.
    """
    observer = cluster.observer
    informers = {etcd_prefix(resource): observer.informers.of(resource) for resource in observer.resources}
    written: dict[tuple[int, bool], list[str]] = {}  # (revision, whether it deletes) -> keys that are observed.
    excused: set[int] = set()
    for event in await events_since(cluster, observer.began_at):
        key, revision = event.kv.key.decode(), event.kv.mod_revision
        informer = next((known for prefix, known in informers.items() if key.startswith(prefix)), None)
        if informer is not None:
            written.setdefault((revision, event.type is EventType.DELETE), []).append(key)
            if is_within(informer.gaps, revision):
                excused.add(revision)
    found: list[tuple[str, str]] = []
    for (revision, is_deletion), keys in written.items():
        times = (observer.deleted if is_deletion else observer.seen).get(revision, 0)
        if times > len(keys) or (times < len(keys) and revision not in excused):
            what = f"revision {revision} ({'DELETE' if is_deletion else 'PUT'})"
            found.append((keys[0], f"{what} arrived {times} times instead of {len(keys)}"))
    return found[:SHOWN_MAX]


async def events_since(cluster: SimCluster, revision: int) -> list[Event]:
    """What etcd wrote after `revision`, as far as it is not compacted."""
    if revision >= cluster.etcd.store.revision:
        return []  # A watch would wait for the future.
    watch = cluster.etcd.watch(WatchRequest(REGISTRY, prefix_end(REGISTRY), start_revision=revision + 1))
    watch.request_progress()
    events: list[Event] = []
    while (response := await watch.next()).events:
        events += response.events
    watch.cancel()
    return events


def is_within(gaps: Sequence[tuple[int, int]], revision: int) -> bool:
    """Whether a revision lies in one of these ranges, whose beginnings are not part of them."""
    return any(after < revision <= until for after, until in gaps)
