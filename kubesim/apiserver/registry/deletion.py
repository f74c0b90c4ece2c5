"""DELETE, of one object or of all that match.

The decision is in deletion_plan.py; here it is carried out, and taken again if the object changed meanwhile.
Upstream: Store.Delete and Store.DeleteCollection in k8s.io/apiserver/pkg/registry/generic/registry.
"""

from __future__ import annotations

from typing import Any

import msgspec

from kubesim.api.errors import ApiError, BadRequestError, NotFoundError, conflict, invalid, not_found
from kubesim.api.resources import Resource
from kubesim.api.stored import Stored
from kubesim.api.wire import Response
from kubesim.apiserver.context import RequestContext
from kubesim.apiserver.registry.deletion_plan import DeleteOptions
from kubesim.apiserver.registry.listing import list_objects
from kubesim.apiserver.registry.registry import Registry, unsaved
from kubesim.apiserver.storage import OutdatedError
from kubesim.apiserver.validation.field import invalid as invalid_field
from kubesim.apiserver.validation.field import not_supported

ATTEMPTS_MAX = 5
DELETE_OPTIONS = Resource("meta.k8s.io", "v1", "DeleteOptions", "")
POLICIES = ("Background", "Foreground", "Orphan")
# Who is deleted at once is answered with the object as it last was, not with a Status (upstream: ReturnDeletedObject).
RETURNED = frozenset(
    (
        ("", "persistentvolumeclaims"), ("", "persistentvolumes"), ("", "pods"), ("", "podtemplates"),
        ("", "resourcequotas"), ("", "serviceaccounts"), ("", "services"), ("resource.k8s.io", "deviceclasses"),
        ("resource.k8s.io", "resourceclaims"), ("resource.k8s.io", "resourceclaimtemplates"),
        ("resource.k8s.io", "resourceslices"), ("storage.k8s.io", "csidrivers"), ("storage.k8s.io", "csinodes"),
        ("storage.k8s.io", "storageclasses"), ("storage.k8s.io", "volumeattachments"),
        ("storage.k8s.io", "volumeattributesclasses"),
    )
)  # fmt: skip


async def delete(registry: Registry, context: RequestContext) -> Response:
    """Deletes one object, or begins to. Answers with the object while it exists, else with a Status."""
    return await delete_with(registry, context, context.request.body)


async def delete_with(registry: Registry, context: RequestContext, options: Any) -> Response:
    """The same with options from elsewhere than the request's body."""
    return await _delete_key(registry, context, registry.key(context), _options(options))


async def delete_collection(registry: Registry, context: RequestContext) -> Response:
    """Deletes everything that the selectors mean, one object after another."""
    options = _options(context.request.body)
    listed = await list_objects(registry, context)
    for stored in listed.items:
        try:
            await _delete_key(registry, context, stored.key, options)
        except NotFoundError:
            continue  # Somebody else was faster.
    return listed


async def _delete_key(registry: Registry, context: RequestContext, key: str, options: DeleteOptions) -> Response:
    storage = registry.storage
    current = storage.latest.get(key)
    is_fresh = current is None
    if current is None:
        current = await storage.get(key)
    for _ in range(ATTEMPTS_MAX):
        if current is None:
            raise not_found(registry.resource, key.rpartition("/")[2])
        try:
            return await _carry_out(registry, context, current, options)
        except OutdatedError as error:
            current, is_fresh = error.actual, True
        except ApiError:
            if is_fresh or (actual := await storage.get(key)) is current:
                raise
            current, is_fresh = actual, True
    raise conflict(registry.resource, key.rpartition("/")[2])


async def _carry_out(registry: Registry, context: RequestContext, current: Stored, options: DeleteOptions) -> Response:
    registry.admission.validate_deletion(context, current)
    await registry.admission.validate_deletion_remotely(context, current)
    plan = registry.strategy.plan_deletion(current.object, options, context.sim.clock)
    is_dry = context.request.options.dry_run or "All" in options.dry_run
    if plan.update is not None:
        update = {**plan.update, "metadata": dict(plan.update["metadata"])}
        current = unsaved(update) if is_dry else await registry.storage.update(current, update, context)
    if not plan.removes:
        return Response(200, current)
    if not is_dry:
        current = await registry.storage.delete(current, context)
        registry.strategy.release(current.object, None)
    if returns_deleted(registry.resource):
        return Response(200, current)
    return Response(200, status=_success(registry.resource, current))


def returns_deleted(resource: Resource) -> bool:
    """Whether the answer to a deletion is always the object."""
    return (resource.group, resource.plural) in RETURNED


def _success(resource: Resource, stored: Stored) -> dict[str, Any]:
    details = {"name": stored.name, "group": resource.group, "kind": resource.plural, "uid": stored.uid}
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {key: value for key, value in details.items() if value},
    }


def _options(body: Any) -> DeleteOptions:
    if not body:
        return DeleteOptions()
    try:
        options = msgspec.convert(body, DeleteOptions)
    except msgspec.ValidationError as error:
        raise BadRequestError(f'DeleteOptions in version "v1" cannot be handled as a DeleteOptions: {error}') from None
    policy = options.propagation_policy
    if policy and policy not in POLICIES:
        raise invalid(DELETE_OPTIONS, "", [not_supported("propagationPolicy", policy, (*POLICIES, "nil"))])
    if policy and options.orphan_dependents is not None:
        words = "orphanDependents and deletionPropagation cannot be both set"
        raise invalid(DELETE_OPTIONS, "", [invalid_field("propagationPolicy", policy, words)])
    return options
