"""`scale`: the number of replicas of anything that has one, without knowing what it is.

`kubectl scale` and the horizontal autoscaler read and write the same small object, autoscaling/v1 Scale, for
Deployments, ReplicaSets, StatefulSets and ReplicationControllers.
Upstream: ScaleREST in pkg/registry/{apps,core}/KIND/storage.
"""

from __future__ import annotations

import msgspec

from kubesim.api.errors import BadRequestError, invalid, not_found
from kubesim.api.meta import with_fields
from kubesim.api.patch import apply_json_patch, apply_merge_patch, apply_strategic_merge_patch
from kubesim.api.resources import Resource
from kubesim.api.schema import DecodeError
from kubesim.api.schema.schema import cannot_be_handled
from kubesim.api.selectors import equality_selector, label_selector
from kubesim.api.stored import Object, Stored
from kubesim.api.wire import APPLY_PATCH, JSON_PATCH, MERGE_PATCH, Response
from kubesim.apiserver.context import RequestContext
from kubesim.apiserver.managed_fields.scale import apply_scale
from kubesim.apiserver.managed_fields.tracking import FieldTracker
from kubesim.apiserver.registry.change import Make, always, change, finish_update
from kubesim.apiserver.registry.patching import check_patch_type, configuration
from kubesim.apiserver.registry.registry import Registry
from kubesim.apiserver.validation.field import NOT_NEGATIVE
from kubesim.apiserver.validation.field import invalid as invalid_field
from kubesim.apiserver.wrong_kind import check_kind

SCALE = Resource("autoscaling", "v1", "Scale", "scales")
COPIED = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


async def get_scale(registry: Registry, context: RequestContext) -> Response:
    """The Scale of an object."""
    stored = await registry.storage.get(registry.key(context))
    if stored is None:
        resource = registry.resource
        group = resource.group or SCALE.group  # Of ReplicationControllers: the scale is another group's.
        named = msgspec.structs.replace(resource, group=group, plural=f"{resource.plural}/scale")
        raise not_found(named, context.request.name)
    return Response(200, _handle(stored))


async def update_scale(registry: Registry, context: RequestContext) -> Response:
    """PUT: sets the number."""
    body = context.request.body
    if not isinstance(body, dict):
        raise BadRequestError("the object provided is unrecognized (must be of type Scale)")
    check_kind(SCALE, body)
    return await _change(registry, context, always(body))


async def patch_scale(registry: Registry, context: RequestContext) -> Response:
    """PATCH: changes the number."""
    body, patch_type = context.request.body, context.request.patch_type
    check_patch_type(patch_type)
    if patch_type == APPLY_PATCH:
        configuration(context)
        context.owners_are_known = True

    def make(current: Stored) -> Object:
        scale = scale_of(current)
        if patch_type == APPLY_PATCH:
            return apply_scale(registry.tracker, scale_type(registry), context, current.object, scale, "spec.replicas")
        if patch_type == JSON_PATCH:
            return apply_json_patch(scale, body)
        if patch_type == MERGE_PATCH:
            return apply_merge_patch(scale, body)
        return apply_strategic_merge_patch(scale, body, registry.decoder.schema, SCALE.gvk)

    return await _change(registry, context, make)


def scale_of(stored: Stored) -> Object:
    """An object seen as a Scale."""
    obj = stored.object
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    scale: Object = {
        "kind": SCALE.kind,
        "apiVersion": SCALE.api_version,
        "metadata": {name: obj["metadata"][name] for name in COPIED if name in obj["metadata"]},
        "spec": {"replicas": replicas} if (replicas := spec.get("replicas", 1)) else {},
        "status": {"replicas": status.get("replicas", 0)},
    }
    if selector := _selector_text(spec.get("selector")):
        scale["status"]["selector"] = selector
    return scale


async def _change(registry: Registry, context: RequestContext, make_scale: Make) -> Response:
    def make(current: Stored) -> Object:
        scale = _typed(registry, make_scale(current))
        metadata = scale.get("metadata") or {}
        replicas = (scale.get("spec") or {}).get("replicas", 0)
        if replicas < 0:
            raise invalid(SCALE, context.request.name, [invalid_field("spec.replicas", replicas, NOT_NEGATIVE)])
        wanted = with_fields(current.object, {"replicas": replicas}, "spec")
        # A resourceVersion in the Scale is a precondition on the object that it stands for.
        return with_fields(wanted, given_metadata(context, metadata), "metadata")

    response = await change(registry, context, make, finish_update)
    assert response.stored is not None, "a change answers with the object"
    return Response(200, _handle(response.stored), warnings=response.warnings)


def _typed(registry: Registry, scale: Object) -> Object:
    """The same, if its values have the types that they should have."""
    try:
        return registry.decoder.schema.decode(SCALE.api_version, SCALE.kind, scale, "Ignore").object
    except DecodeError as error:
        raise cannot_be_handled(SCALE, error) from None


def scale_type(registry: Registry) -> FieldTracker:
    """The type of Scales, for applying one."""
    return FieldTracker(SCALE, lambda: registry.decoder.schema.node(SCALE), registry.resource.api_version)


def given_metadata(context: RequestContext, metadata: Object) -> Object:
    """What of a Scale's metadata counts for its object: the precondition, and owners where they are settled."""
    names = ("resourceVersion", "managedFields") if context.owners_are_known else ("resourceVersion",)
    return {name: metadata.get(name) for name in names}


def _handle(stored: Stored) -> Stored:
    return Stored(stored.revision, scale_of(stored))


def _selector_text(selector: Object | None) -> str:
    if not selector:
        return ""
    if "matchLabels" in selector or "matchExpressions" in selector:
        return str(label_selector(selector))
    return str(equality_selector(selector))
