"""POST: from what a client sends to a new object.

Decode and default → mutating admission → system fields (uid, creation date, generated name) → the strategy's
preparation → validation → validating admission (at last quotas are charged) → the pools (addresses, ports) → the
write, which fails if the name is taken; a generated name is then drawn again.

Upstream: Store.Create in k8s.io/apiserver/pkg/registry/generic/registry, rest.BeforeCreate.
"""

from __future__ import annotations

import re
from typing import Any

from kubesim.api.errors import ApiError, BadRequestError, already_exists, invalid
from kubesim.api.resources import Resource
from kubesim.api.stored import Object
from kubesim.api.wire import Response
from kubesim.apiserver.context import RequestContext
from kubesim.apiserver.registry.registry import Registry, key_of, unsaved
from kubesim.apiserver.storage import OutdatedError
from kubesim.apiserver.validation.metadata import validate_metadata

REVISION = re.compile("[0-9]*[1-9][0-9]*")
GENERATE_ATTEMPTS_MAX = 8
GENERATED_PREFIX_LENGTH_MAX = 58  # A label's 63 characters without the five of the suffix.
# What only the server sets.
SYSTEM_FIELDS = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation",
                 "selfLink", "managedFields")  # fmt: skip


async def create(registry: Registry, context: RequestContext) -> Response:
    """Stores a new object."""
    obj = _decode(registry, context, context.request.body)
    registry.tracker.created(context, obj)
    return await store(registry, context, obj)


async def create_applied(registry: Registry, context: RequestContext, applied: Object) -> Response:
    """Stores what server-side apply has made; its managedFields are part of it."""
    entries = applied["metadata"].get("managedFields")
    obj = _decode(registry, context, applied)
    if entries:
        obj["metadata"]["managedFields"] = entries
    return await store(registry, context, obj)


async def store(registry: Registry, context: RequestContext, obj: Object) -> Response:
    """Completes, checks and writes a new object that is decoded."""
    try:
        obj = registry.admission.mutate(context, obj, None)
    except ApiError:  # Perhaps another server has just written what was missing.
        await registry.catch_up()
        obj = registry.admission.mutate(context, obj, None)
    obj = await registry.admission.mutate_remotely(context, obj, None)
    generated = _fill_metadata(registry.resource.kind, context, obj)
    registry.strategy.prepare_for_create(obj)
    _validate(registry, obj)
    context.warnings.extend(registry.strategy.warnings_on_create(obj))
    registry.strategy.canonicalize(obj)
    registry.admission.validate(context, obj, None)
    await registry.admission.reserve(context, obj, None)
    registry.strategy.allocate(obj, None)
    warnings = tuple(context.warnings)
    if context.request.options.dry_run:
        registry.strategy.release(obj, None)
        return Response(201, unsaved(obj), warnings=warnings)
    try:
        for attempts_left in reversed(range(GENERATE_ATTEMPTS_MAX if generated else 1)):
            try:
                stored = await registry.storage.create(key_of(registry.resource, obj), obj, context)
                return Response(201, stored, warnings=warnings)
            except OutdatedError as error:
                if not attempts_left:
                    raise _taken(registry.resource, obj, error) from None
                obj["metadata"]["name"] = _generate_name(registry.resource.kind, context, obj["metadata"])
    except BaseException:
        registry.strategy.release(obj, None)
        raise
    raise AssertionError("the loop ends by returning or raising")


def _decode(registry: Registry, context: RequestContext, body: Any) -> Object:
    """The request's own copy of the body, two levels deep, with types checked and defaults set."""
    request, resource = context.request, registry.resource
    strategy = registry.strategy
    if strategy.has_status and not strategy.accepts_status and isinstance(body, dict) and "status" in body:
        body = {name: value for name, value in body.items() if name != "status"}
    obj = registry.decoder.decode(body, context)
    metadata = obj["metadata"] = dict(obj.get("metadata") or {})
    version = metadata.pop("resourceVersion", None)
    if version and REVISION.fullmatch(str(version)):  # What is no number is ignored.
        raise ApiError("resourceVersion should not be set on objects to be created")
    check_namespace(resource, metadata, request.namespace)
    for name in SYSTEM_FIELDS:
        metadata.pop(name, None)
    return obj


def check_namespace(resource: Resource, metadata: Object, namespace: str) -> None:
    """An object goes into the namespace of the request's path, and may not claim another."""
    if not resource.namespaced:
        return
    claimed = metadata.setdefault("namespace", namespace) or namespace
    if claimed != namespace:
        raise BadRequestError("the namespace of the provided object does not match the namespace sent on the request")
    if not namespace:
        raise BadRequestError("an empty namespace may not be set during creation")
    metadata["namespace"] = namespace


def _fill_metadata(kind: str, context: RequestContext, obj: Object) -> bool:
    """Sets what identifies the new object; True if its name was generated."""
    metadata = obj["metadata"]
    generated = not metadata.get("name") and bool(metadata.get("generateName"))
    if generated:
        metadata["name"] = _generate_name(kind, context, metadata)
    metadata["uid"] = context.sim.chance.uid(f"{kind}/{metadata.get('namespace', '')}/{metadata.get('name', '')}")
    metadata["creationTimestamp"] = context.sim.clock.timestamp()
    return generated


def _generate_name(kind: str, context: RequestContext, metadata: Object) -> str:
    prefix = metadata["generateName"][:GENERATED_PREFIX_LENGTH_MAX]
    return context.sim.chance.generated_name(kind, metadata.get("namespace", ""), prefix)


def _validate(registry: Registry, obj: Object) -> None:
    resource, strategy = registry.resource, registry.strategy
    metadata = obj["metadata"]
    problems = validate_metadata(metadata, strategy.name_problems, namespaced=resource.namespaced)
    problems += strategy.validate(obj) + strategy.validate_create(obj)
    if problems:
        raise invalid(resource, metadata.get("name", ""), problems)


def _taken(resource: Resource, obj: Object, error: OutdatedError) -> ApiError:
    refusal = already_exists(resource, obj["metadata"]["name"])
    if error.actual is not None and error.actual.object["metadata"].get("deletionTimestamp"):
        refusal.message = f"object is being deleted: {refusal.message}"
        refusal.args = (refusal.message,)
    return refusal
