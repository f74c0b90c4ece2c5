"""WATCH: from where a client wants to be told, and how what it has missed is found.

Without a resourceVersion, or with "0", the watch begins with an ADDED event for every object that is there.
With one, it begins with what happened since: from the cache's window if that reaches back far enough, else
from etcd's history, else the client is told that its revision is too old (410) and has to list again.

Upstream: Watch in k8s.io/apiserver/pkg/storage/cacher (which answers 410 already beyond its window).
"""

from __future__ import annotations

from kubesim.api.errors import ApiError, ExpiredError, invalid
from kubesim.api.stored import Stored
from kubesim.api.wire import ADDED, DELETED, MODIFIED, Options, WatchEvent
from kubesim.apiserver.context import RequestContext
from kubesim.apiserver.registry.listing import LIST_OPTIONS, MATCH, NOT_OLDER_THAN, catch_up, parse_version, too_large
from kubesim.apiserver.registry.registry import Registry
from kubesim.apiserver.selection import Selection
from kubesim.apiserver.storage import at_revision, decode
from kubesim.apiserver.validation.field import forbidden
from kubesim.apiserver.watcher import Change, Watcher
from kubesim.etcd.client import EtcdClient
from kubesim.etcd.messages import Event, EventType, WatchRequest, prefix_end

INITIAL_EVENTS_END = {"k8s.io/initial-events-end": "true"}


async def watch(registry: Registry, context: RequestContext, etcd: EtcdClient) -> Watcher:
    """Begins a watch."""
    options, cache = context.request.options, registry.cache
    selection = Selection(registry.resource, context.request.namespace, options)
    _check(options)
    version = parse_version(options.resource_version)
    watcher = Watcher(
        selection.full_match(),
        namespace=selection.namespace,
        bookmarks=options.allow_watch_bookmarks,
        on_close=cache.remove,
    )
    watcher.key = selection.index_key
    try:
        if version and not options.send_initial_events:
            await _resume(registry, watcher, version, etcd)
        else:
            await catch_up(registry, options.resource_version)
            cache.add(watcher)
            watcher.put_first(_initial_events(registry, selection, options))
    except ApiError as error:
        watcher.end(error)
    if options.timeout_seconds is not None:
        context.sim.loop.call_later(options.timeout_seconds, watcher.end)
    return watcher


def _check(options: Options) -> None:
    match, problem = options.resource_version_match, ""
    if match and not options.send_initial_events:
        problem = f"{MATCH} is forbidden for watch unless sendInitialEvents is provided"
    elif options.send_initial_events and match != NOT_OLDER_THAN:
        problem = f"sendInitialEvents requires setting {MATCH} to {NOT_OLDER_THAN}"
    if problem:
        raise invalid(LIST_OPTIONS, "", [forbidden(MATCH, problem)])


def _initial_events(registry: Registry, selection: Selection, options: Options) -> list[WatchEvent]:
    """What is there now, as if it had just been created; at the end, if asked for, word that this was all."""
    matches = selection.matches
    events = [
        WatchEvent(ADDED, stored)
        for stored in registry.cache.ordered(selection.namespace)
        if matches is None or matches(stored.object)
    ]
    if options.send_initial_events and options.allow_watch_bookmarks:
        events.append(registry.cache.bookmark(INITIAL_EVENTS_END))
    return events


async def _resume(registry: Registry, watcher: Watcher, version: int, etcd: EtcdClient) -> None:
    """Tells the watcher first of all what happened after `version`."""
    cache = registry.cache
    if version > cache.revision:
        latest = await registry.storage.revision()
        if version > latest:
            raise too_large(version, latest)
        await cache.wait_for(version)
    changes = cache.changes_after(version)
    cache.add(watcher)
    if changes is None:
        # From here on the watcher gathers what happens; what happened before is put in front of it.
        changes = await _history(registry, version, cache.revision, etcd)
    events = (change.seen_through(watcher.matches) for change in changes)
    namespace = watcher.namespace
    watcher.put_first([event for event in events if event is not None and namespace in ("", event.stored.namespace)])


async def _history(registry: Registry, version: int, until: int, etcd: EtcdClient) -> list[Change]:
    """The changes in (version, until] from etcd itself; ExpiredError if they are compacted away."""
    prefix = registry.storage.prefix_bytes
    past = etcd.watch(WatchRequest(prefix, prefix_end(prefix), start_revision=version + 1, prev_kv=True))
    past.request_progress()  # The last change before `until` may be long ago: ask to be told when all is said.
    changes: list[Change] = []
    reached = version
    try:
        while reached < until:
            response = await past.next()
            if response.compact_revision or response.canceled:
                raise ExpiredError(f"too old resource version: {version} ({response.compact_revision})")
            changes += [_change(event) for event in response.events if event.kv.mod_revision <= until]
            reached = response.events[-1].kv.mod_revision if response.events else response.revision
    finally:
        past.cancel()
    return changes


def _change(event: Event) -> Change:
    previous: Stored | None = decode(event.prev_kv) if event.prev_kv is not None else None
    if event.type is EventType.DELETE:
        assert previous is not None, "this watch asks for previous values"
        return Change(DELETED, at_revision(previous, event.kv.mod_revision), previous)
    return Change(ADDED if previous is None else MODIFIED, decode(event.kv), previous)
