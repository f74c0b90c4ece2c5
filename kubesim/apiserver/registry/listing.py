"""GET: one object, or a list at a revision, page by page.

Which revision a list shows is the client's choice. Without a resourceVersion: the latest, so the watch cache
first catches up with etcd. "0": whatever the cache has. "Not older than N": the cache, once it has seen N.
Exactly N, or a later page of a list that began at N: etcd's history, as long as it is not compacted.

Upstream: GetList in k8s.io/apiserver/pkg/storage/cacher and .../etcd3, continuing.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from kubesim.api.errors import ApiError, BadRequestError, ExpiredError, ServerTimeoutError, invalid, not_found
from kubesim.api.resources import Resource
from kubesim.api.stored import Stored
from kubesim.api.wire import Options, Response
from kubesim.apiserver.context import RequestContext
from kubesim.apiserver.registry.continuing import continue_from, continue_token
from kubesim.apiserver.registry.registry import Registry
from kubesim.apiserver.selection import Selection
from kubesim.apiserver.validation.field import forbidden, not_supported
from kubesim.etcd.errors import CompactedError, FutureRevisionError
from kubesim.sim import next_turn

EXACT, NOT_OLDER_THAN = "Exact", "NotOlderThan"
MATCH = "resourceVersionMatch"
LIST_OPTIONS = Resource("meta.k8s.io", "v1", "ListOptions", "")
VERSION_MAX, VERSION_DIGITS_MAX = (1 << 64) - 1, 20
PAGE_KEYS_MIN = 100
FRESHNESS_WAIT_SECONDS = 3.0
TURNS_MAX = 100
CONTINUE_EXPIRED = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
    "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or "
    "deleted between the time the first chunk was returned and now may show up in the list."
)
LIST_EXPIRED = "The resourceVersion for the provided list is too old."


async def get(registry: Registry, context: RequestContext) -> Response:
    """One object; resourceVersion "0" is content with what the cache has."""
    key = registry.key(context)
    if context.request.options.resource_version == "0":
        stored = registry.cache.state.get(key)
    else:
        stored = await registry.storage.get(key)
    if stored is None:
        raise not_found(registry.resource, context.request.name)
    return Response(200, stored)


async def list_objects(registry: Registry, context: RequestContext) -> Response:
    """All objects that match, in the order of their keys."""
    request, options = context.request, context.request.options
    selection = Selection(registry.resource, request.namespace, options)
    _check(options)
    if options.continue_:
        return await _next_page(registry, selection, options)
    version = parse_version(options.resource_version, "invalid resource version: ")
    match = options.resource_version_match
    if version and (match == EXACT or (options.limit > 0 and not match)):
        return await _history_page(registry, selection, options, version, "")
    await catch_up(registry, options.resource_version)
    return _cached_page(registry, selection, options.limit)


async def catch_up(registry: Registry, resource_version: str) -> None:
    """Waits until the cache is as new as the client asks."""
    cache, version = registry.cache, parse_version(resource_version)
    if resource_version == "":
        version = await registry.storage.revision()
    if version <= cache.revision:
        return
    try:
        async with asyncio.timeout(FRESHNESS_WAIT_SECONDS):
            await cache.wait_for(version)
    except TimeoutError:
        if not await _has_come(registry, version):
            raise too_large(version, cache.revision) from None


async def _has_come(registry: Registry, version: int) -> bool:
    """Whether the cache is as new as that after all.

    On a clock that runs 10,000 times as fast as the wall's, three seconds are a third of a millisecond: less than
    the loop takes to pass the news on. So it gets some turns more, which take no time.
    """
    for _ in range(TURNS_MAX):
        if version <= registry.cache.revision:
            return True
        await next_turn()
    return False


def too_large(version: int, current: int) -> ServerTimeoutError:
    """The client speaks of a revision that has not happened."""
    message = f"Too large resource version: {version}, current: {current}"
    causes = [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]
    return ServerTimeoutError(message, {"causes": causes, "retryAfterSeconds": 1})


def parse_version(resource_version: str, prefix: str = "") -> int:
    """A resourceVersion as a number, 0 when none is given."""
    if not resource_version:
        return 0
    problem = ""
    if not (resource_version.isascii() and resource_version.isdigit()):
        problem = "invalid syntax"
    elif len(resource_version) > VERSION_DIGITS_MAX or int(resource_version) > VERSION_MAX:
        problem = "value out of range"
    if problem:
        words = f'Invalid value: "{resource_version}": strconv.ParseUint: parsing "{resource_version}": {problem}'
        raise BadRequestError(f"{prefix}resourceVersion: {words}")
    return int(resource_version)


def _check(options: Options) -> None:
    match, version = options.resource_version_match, options.resource_version
    problems = []
    if match and not version:
        problems.append(forbidden(MATCH, f"{MATCH} is forbidden unless resourceVersion is provided"))
    if match and options.continue_:
        problems.append(forbidden(MATCH, f"{MATCH} is forbidden when continue is provided"))
    if match not in ("", EXACT, NOT_OLDER_THAN):
        problems.append(not_supported(MATCH, match, (EXACT, NOT_OLDER_THAN, "")))
    if match == EXACT and version == "0":
        problems.append(forbidden(MATCH, f'{MATCH} "exact" is forbidden for resourceVersion "0"'))
    if options.send_initial_events:
        problems.append(forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"))
    if problems:
        raise invalid(LIST_OPTIONS, "", problems)
    if options.continue_ and options.resource_version not in ("", "0"):
        raise BadRequestError("specifying resource version is not allowed when using continue")


def _cached_page(registry: Registry, selection: Selection, limit: int) -> Response:
    cache, matches = registry.cache, selection.matches
    items: Sequence[Stored] = ()
    if (key := selection.only_key()) is None:
        items = cache.ordered(selection.namespace)
    elif key in cache.state:
        items = [cache.state[key]]
    if matches is not None:
        items = [stored for stored in items if matches(stored.object)]
    if limit <= 0 or len(items) <= limit:
        return Response(200, items=items, revision=cache.revision)
    page = items[:limit]
    remaining = len(items) - limit if matches is None else None
    token = continue_token(cache.revision, _after(page[-1].key, selection.namespace))
    return Response(200, items=page, revision=cache.revision, continue_=token, remaining_item_count=remaining)


async def _next_page(registry: Registry, selection: Selection, options: Options) -> Response:
    try:
        version, start = continue_from(options.continue_)
    except ValueError as error:
        raise BadRequestError(f"invalid continue token: {error}") from None
    if version < 0:  # The client accepts that the rest is newer than the beginning.
        version = await registry.storage.revision()
    return await _history_page(registry, selection, options, version, start)


async def _history_page(
    registry: Registry, selection: Selection, options: Options, version: int, start: str
) -> Response:
    """A page of the list as it was at `version`: etcd still knows, unless that was compacted."""
    storage, matches, limit = registry.storage, selection.matches, max(0, options.limit)
    items: list[Stored] = []
    page_keys = 0 if not limit else limit if matches is None else max(limit, PAGE_KEYS_MIN)
    while True:
        try:
            response = await storage.page(selection.namespace, start, page_keys, version)
        except CompactedError:
            raise _expired(options) from None
        except FutureRevisionError:
            raise too_large(version, await storage.revision()) from None
        for index, kv in enumerate(response.kvs):
            stored = storage.handle(storage.key_of(kv.key), kv)
            if matches is not None and not matches(stored.object):
                continue
            items.append(stored)
            rest = len(response.kvs) - index - 1
            if limit and len(items) == limit and (rest or response.more):
                remaining = response.count - index - 1 if matches is None else None
                token = continue_token(version, _after(stored.key, selection.namespace))
                return Response(200, items=items, revision=version, continue_=token, remaining_item_count=remaining)
        if not response.more:
            return Response(200, items=items, revision=version)
        start = _after(storage.key_of(response.kvs[-1].key), selection.namespace)


def _expired(options: Options) -> ApiError:
    return ExpiredError(CONTINUE_EXPIRED if options.continue_ else LIST_EXPIRED)


def _after(key: str, namespace: str) -> str:
    """The smallest key that follows `key`, without the namespace that the request names anyway."""
    return key[len(namespace) + 1 if namespace else 0 :] + "\0"
