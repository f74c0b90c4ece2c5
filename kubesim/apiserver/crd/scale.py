"""`scale` of custom objects: the definition says where the numbers lie.

Upstream: ScaleREST in pkg/registry/customresource/etcd.go of k8s.io/apiextensions-apiserver.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.errors import BadRequestError, InternalError, invalid, not_found
from kubesim.api.meta import with_fields
from kubesim.api.patch import apply_json_patch, apply_merge_patch, apply_strategic_merge_patch
from kubesim.api.stored import Object, Stored
from kubesim.api.wire import APPLY_PATCH, JSON_PATCH, MERGE_PATCH, Response
from kubesim.apiserver.context import RequestContext
from kubesim.apiserver.crd.strategy import CustomStrategy, value_at
from kubesim.apiserver.managed_fields.scale import apply_scale
from kubesim.apiserver.registry.change import Make, always, change, finish_update
from kubesim.apiserver.registry.patching import check_patch_type, configuration
from kubesim.apiserver.registry.registry import Registry
from kubesim.apiserver.subresources.scale import COPIED, SCALE, given_metadata, scale_type
from kubesim.apiserver.validation.field import invalid as invalid_field

NOT_NEGATIVE = "must be greater than or equal to 0"


async def get_custom_scale(registry: Registry, context: RequestContext) -> Response:
    """The Scale of an object."""
    stored = await registry.storage.get(registry.key(context))
    if stored is None:
        raise not_found(registry.resource, context.request.name)
    scale = scale_of(registry, stored)
    if "replicas" not in scale["spec"]:
        raise InternalError(
            f'Internal error occurred: the spec replicas field "{_paths(registry)["specReplicasPath"]}" does not exist'
        )
    return Response(200, _shown(stored, scale))


async def update_custom_scale(registry: Registry, context: RequestContext) -> Response:
    """PUT: sets the number."""
    body = context.request.body
    if not isinstance(body, dict):
        raise BadRequestError("the object provided is unrecognized (must be of type Scale)")
    return await _change(registry, context, always(body))


async def patch_custom_scale(registry: Registry, context: RequestContext) -> Response:
    """PATCH: changes the number. A Scale is built in, so any patch will do."""
    body, patch_type = context.request.body, context.request.patch_type
    check_patch_type(patch_type)
    if patch_type == APPLY_PATCH:
        configuration(context)
        context.owners_are_known = True

    def make(current: Stored) -> Object:
        scale = scale_of(registry, current)
        if patch_type == APPLY_PATCH:
            where = _paths(registry)["specReplicasPath"].removeprefix(".")
            return apply_scale(registry.tracker, scale_type(registry), context, current.object, scale, where)
        if patch_type == JSON_PATCH:
            return apply_json_patch(scale, body)
        if patch_type == MERGE_PATCH:
            return apply_merge_patch(scale, body)
        return apply_strategic_merge_patch(scale, body, registry.decoder.schema, SCALE.gvk)

    return await _change(registry, context, make)


def scale_of(registry: Registry, stored: Stored) -> Object:
    """An object seen as a Scale."""
    obj, paths = stored.object, _paths(registry)
    metadata = obj["metadata"]
    replicas = value_at(obj, paths["specReplicasPath"])
    status: Object = {"replicas": value_at(obj, paths["statusReplicasPath"]) or 0}
    if (where := paths.get("labelSelectorPath")) and (selector := value_at(obj, where)):
        status["selector"] = selector
    return {
        "kind": SCALE.kind,
        "apiVersion": SCALE.api_version,
        "metadata": {name: metadata[name] for name in COPIED if name in metadata},
        "spec": {} if replicas is None else {"replicas": replicas},
        "status": status,
    }


async def _change(registry: Registry, context: RequestContext, make_scale: Make) -> Response:
    path = _paths(registry)["specReplicasPath"]

    def make(current: Stored) -> Object:
        scale = make_scale(current)
        spec, metadata = (_mapping(scale.get(name)) for name in ("spec", "metadata"))
        replicas: Any = spec.get("replicas", 0)
        if type(replicas) is not int or replicas < 0:
            raise invalid(SCALE, context.request.name, [invalid_field("spec.replicas", replicas, NOT_NEGATIVE)])
        *parents, last = path.removeprefix(".").split(".")
        wanted = with_fields(current.object, {last: replicas}, *parents)
        # A resourceVersion in the Scale is a precondition on the object that it stands for.
        return with_fields(wanted, given_metadata(context, metadata), "metadata")

    response = await change(registry, context, make, finish_update)
    assert response.stored is not None, "a change answers with the object"
    return Response(200, _shown(response.stored, scale_of(registry, response.stored)), warnings=response.warnings)


def _mapping(part: Any) -> Object:
    """A part of a Scale; BadRequestError if it is no object."""
    if part is None or isinstance(part, dict):
        return part or {}
    raise BadRequestError('Scale in version "v1" cannot be handled as a Scale: json: cannot unmarshal into Go value')


def _paths(registry: Registry) -> Object:
    strategy = registry.strategy
    assert isinstance(strategy, CustomStrategy), "only custom resources come here"
    return strategy.version.scale or {}


def _shown(stored: Stored, scale: Object) -> Stored:
    return Stored(stored.revision, scale)
