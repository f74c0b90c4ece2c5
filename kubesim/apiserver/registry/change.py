"""PUT and PATCH: from the object as it is to the object as somebody wants it.

A change is computed from the newest revision known and written only if that still is the newest; else it is
computed again from what is there now (`GuaranteedUpdate` upstream). A client that sends a resourceVersion
asks for the opposite: to be refused, with a conflict, if anybody has written since.

What a change leaves as it was is not validated again. A change that changes nothing is not written.

Upstream: Store.Update in k8s.io/apiserver/pkg/registry/generic/registry, rest.BeforeUpdate.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubesim.api.errors import ApiError, BadRequestError, FieldError, conflict, invalid, not_found
from kubesim.api.resources import Resource
from kubesim.api.stored import Object, Stored
from kubesim.api.wire import Response
from kubesim.apiserver.admission.webhooks import WebhooksNeededError
from kubesim.apiserver.context import RequestContext
from kubesim.apiserver.managed_fields.entries import is_same_but_for_times
from kubesim.apiserver.registry.creation import create
from kubesim.apiserver.registry.registry import Registry, unsaved
from kubesim.apiserver.storage import OutdatedError, Storage
from kubesim.apiserver.validation.field import invalid as invalid_field
from kubesim.apiserver.validation.metadata import validate_metadata_update

ATTEMPTS_MAX = 5
KEPT_WHEN_ABSENT = ("name", "namespace", "uid", "creationTimestamp")

# From the object as it is (and a context that can gather warnings) to the object that is wanted.
Make = Callable[[Stored], Object]
# From what is wanted and what is, to what is to be written; raises what is wrong.
Finish = Callable[[Registry, RequestContext, Object, Object], Object]


async def update(registry: Registry, context: RequestContext) -> Response:
    """PUT: replaces all that a client may change."""
    body = own_body(registry, context)
    storage, key = registry.storage, registry.key(context)
    if registry.strategy.allow_create_on_update and key not in storage.latest and await storage.get(key) is None:
        return await create(registry, context)
    return await change(registry, context, always(body), finish_update)


async def update_status(registry: Registry, context: RequestContext) -> Response:
    """PUT to `/status`: replaces only the status."""
    return await change(registry, context, always(own_body(registry, context)), finish_status_update)


def always(body: Object) -> Make:
    """A PUT wants the same, whatever is there."""
    return lambda _current: body


async def change(registry: Registry, context: RequestContext, make: Make, finish: Finish) -> Response:
    """Computes and writes, and again if somebody else was faster."""
    storage, key = registry.storage, registry.key(context)
    current = storage.latest.get(key)
    is_fresh = current is None  # Only what etcd has just said may be the ground of a refusal.
    if current is None:
        current = await storage.get(key)
    for _ in range(ATTEMPTS_MAX):
        if current is None:
            raise not_found(registry.resource, context.request.name)
        try:
            try:
                obj = finish(registry, context, make(current), current.object)
            except WebhooksNeededError as needed:
                obj = await _with_answers(needed, registry, context, make, finish, current)
            await registry.admission.reserve(context, obj, current.object)
            stored = await _write(registry, context, current, obj)
            return Response(200, stored, warnings=tuple(context.warnings))
        except OutdatedError as error:
            current, is_fresh = error.actual, True
        except ApiError:
            if is_fresh or (actual := await storage.get(key)) is current:
                raise
            current, is_fresh = actual, True
    raise conflict(registry.resource, context.request.name)


async def _with_answers(
    needed: WebhooksNeededError,
    registry: Registry,
    context: RequestContext,
    make: Make,
    finish: Finish,
    current: Stored,
) -> Object:
    """Computes again with what mutating webhooks answer, until nothing more is asked."""
    while True:
        await needed.answer()
        try:
            return finish(registry, context, make(current), current.object)
        except WebhooksNeededError as again:
            needed = again


async def _write(registry: Registry, context: RequestContext, current: Stored, obj: Object) -> Stored:
    strategy, storage = registry.strategy, registry.storage
    if obj == current.object or is_same_but_for_times(obj, current.object):
        return current
    if context.request.options.dry_run:
        return unsaved(obj, current.revision)
    if strategy.deletion_completes(obj, current.object):
        stored = await storage.delete(current, context)
        strategy.release(current.object, None)
        return stored
    if not strategy.uses_pools:
        return await storage.update(current, obj, context)
    strategy.allocate(obj, current.object)
    try:
        stored = await storage.update(current, obj, context)
    except BaseException:
        strategy.release(obj, current.object)
        raise
    strategy.release(current.object, obj)
    return stored


def finish_update(registry: Registry, context: RequestContext, wanted: Object, old: Object) -> Object:
    """What a PUT or PATCH of the main resource makes of the old object."""
    strategy = registry.strategy
    decoded = registry.decoder.decode_change(wanted, old, context)
    prepare, validate = strategy.prepare_for_update, strategy.validate_update
    obj = _finish(registry, context, wanted, decoded, old, prepare, validate)
    context.warnings.extend(strategy.warnings_on_update(obj, old))
    return obj


def finish_status_update(registry: Registry, context: RequestContext, wanted: Object, old: Object) -> Object:
    """What a PUT or PATCH of `/status` makes of the old object."""
    strategy = registry.strategy
    decoded = registry.decoder.decode_status(wanted, old, context)
    prepare, validate = strategy.prepare_for_status_update, strategy.validate_status_update
    return _finish(registry, context, wanted, decoded, old, prepare, validate)


def _finish(
    registry: Registry,
    context: RequestContext,
    wanted: Object,
    decoded: Object,
    old: Object,
    prepare: Callable[[Object, Object], None],
    validate: Callable[[Object, Object], list[FieldError]],
) -> Object:
    same_metadata = decoded.get("metadata") is old["metadata"]
    obj = begin(registry, decoded, old)
    if not context.owners_are_known:
        registry.tracker.updated(context, obj, old, same_metadata=same_metadata)
    obj = registry.admission.mutate(context, obj, old)
    prepare(obj, old)
    problems = validate(obj, old)
    if wanted.get("metadata") is not old["metadata"] or problems:
        problems = validate_metadata_update(obj["metadata"], old["metadata"]) + problems
    if problems:
        raise invalid(registry.resource, context.request.name, problems)
    registry.admission.validate(context, obj, old)
    return obj


def own_body(registry: Registry, context: RequestContext) -> Object:
    """The body of a PUT, which must be the object that the path names."""
    request = context.request
    body: Object = request.body
    if not isinstance(body, dict):
        raise BadRequestError(f"the object provided is unrecognized (must be of type {registry.resource.kind})")
    metadata: Any = body.get("metadata") or {}
    if not isinstance(metadata, dict):
        registry.decoder.decode(body, context)  # Says what is wrong with it.
        raise BadRequestError(f"the object provided is unrecognized (must be of type {registry.resource.kind})")
    name = metadata.get("name", request.name)
    if name != request.name:
        raise BadRequestError(f"the name of the object ({name}) does not match the name on the URL ({request.name})")
    if registry.resource.namespaced and metadata.get("namespace", request.namespace) != request.namespace:
        raise BadRequestError("the namespace of the provided object does not match the namespace sent on the request")
    return body


def begin(registry: Registry, obj: Object, old: Object) -> Object:
    """Gives what is wanted a metadata of its own, with the fields that only the server changes as they were."""
    if "kind" not in obj or "apiVersion" not in obj:
        obj["kind"], obj["apiVersion"] = registry.resource.kind, registry.resource.api_version
    old_metadata = old["metadata"]
    given: Object | None = obj.get("metadata")
    metadata = obj["metadata"] = dict(given or {})
    if given is old_metadata:
        return obj
    _check_version(registry.resource, registry.strategy.allow_unconditional_update, metadata, old_metadata)
    if (uid := metadata.get("uid")) and uid != old_metadata["uid"]:
        raise uid_conflict(registry.storage, registry.resource, old_metadata, uid)
    for name in KEPT_WHEN_ABSENT:
        if not metadata.get(name) and name in old_metadata:
            metadata[name] = old_metadata[name]
    for name in ("resourceVersion", "generation"):
        if name in old_metadata:
            metadata[name] = old_metadata[name]
        else:
            metadata.pop(name, None)
    if "deletionTimestamp" in old_metadata:
        metadata["deletionTimestamp"] = old_metadata["deletionTimestamp"]
        if "deletionGracePeriodSeconds" in old_metadata:
            metadata.setdefault("deletionGracePeriodSeconds", old_metadata["deletionGracePeriodSeconds"])
    return obj


def _check_version(resource: Resource, allow_unconditional: bool, metadata: Object, old_metadata: Object) -> None:
    version = metadata.get("resourceVersion") or "0"
    if version == old_metadata["resourceVersion"]:
        return
    if not (version.isascii() and version.isdigit()):
        raise ApiError(f'strconv.ParseUint: parsing "{version}": invalid syntax')
    name = old_metadata["name"]
    if version == "0":
        if allow_unconditional:
            return
        problem = invalid_field("metadata.resourceVersion", 0, "must be specified for an update")
        raise invalid(resource, name, [problem._replace(message=problem.message.replace("value: 0:", "value: 0x0:"))])
    raise conflict(resource, name)


def uid_conflict(storage: Storage, resource: Resource, metadata: Object, uid: str) -> ApiError:
    """Somebody means an object of the same name that is gone."""
    key = storage.prefix + (f"{metadata['namespace']}/{metadata['name']}" if resource.namespaced else metadata["name"])
    return conflict(
        resource,
        metadata["name"],
        f"StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, AdditionalErrorMsg: "
        f"Precondition failed: UID in precondition: {uid}, UID in object meta: {metadata['uid']}",
    )
