"""PATCH: applies a JSON patch, a merge patch or a strategic merge patch to the object as it is, or a configuration.

A patch carries only what shall change, so nothing is lost if somebody else changes another field at the same
time: when the write comes too late, the patch is applied again to the newer object. Server-side apply
(`kubesim.apiserver.managed_fields.applying`) also creates the object if there is none.

Left out: who applies what does not exist is not asked whether he may create.
Upstream: k8s.io/apiserver/pkg/endpoints/handlers/patch.go.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.errors import (
    AlreadyExistsError,
    ApiError,
    BadRequestError,
    UnsupportedMediaTypeError,
    conflict,
    invalid,
)
from kubesim.api.patch import apply_json_patch, apply_merge_patch, apply_strategic_merge_patch
from kubesim.api.patch.go_text import json_type
from kubesim.api.resources import Resource
from kubesim.api.schema import DecodeError
from kubesim.api.stored import Object, Stored
from kubesim.api.wire import APPLY_PATCH, JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH, Response
from kubesim.apiserver.context import RequestContext
from kubesim.apiserver.managed_fields.applying import apply as apply_configuration
from kubesim.apiserver.managed_fields.applying import described
from kubesim.apiserver.registry.change import Finish, change, finish_status_update, finish_update
from kubesim.apiserver.registry.creation import create_applied
from kubesim.apiserver.registry.registry import Registry
from kubesim.apiserver.validation.field import required

PATCH_TYPES = (JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH, APPLY_PATCH)
CUSTOM_PATCH_TYPES = (JSON_PATCH, MERGE_PATCH, APPLY_PATCH)
PATCH_OPTIONS = Resource("meta.k8s.io", "v1", "PatchOptions", "")


async def patch(registry: Registry, context: RequestContext) -> Response:
    """PATCH of the main resource."""
    if context.request.patch_type == APPLY_PATCH:
        return await _apply(registry, context)
    return await patch_with(registry, context, finish_update)


async def patch_status(registry: Registry, context: RequestContext) -> Response:
    """PATCH of `/status`: what it says of anything else is dropped."""
    return await patch_with(registry, context, finish_status_update)


async def patch_with(registry: Registry, context: RequestContext, finish: Finish) -> Response:
    """PATCH of whatever `finish` makes of the patched object."""
    body, patch_type = context.request.body, context.request.patch_type
    check_patch_type(patch_type, custom=registry.resource.custom)
    if patch_type == APPLY_PATCH:
        context.owners_are_known = True
        return await change(registry, context, lambda current: applied(registry, context, current.object), finish)
    return await change(registry, context, lambda current: apply(registry, current, body, patch_type), finish)


async def _apply(registry: Registry, context: RequestContext) -> Response:
    """Server-side apply: changes the object, or creates it."""
    storage, key = registry.storage, registry.key(context)
    if key not in storage.latest and await storage.get(key) is None:
        obj = applied(registry, context, {})
        if uid := obj["metadata"].get("uid"):
            why = f"uid mismatch: the provided object specified uid {uid}, and no existing object was found"
            raise conflict(registry.resource, context.request.name, why)
        obj["metadata"].pop("resourceVersion", None)
        try:
            return await create_applied(registry, context, obj)
        except AlreadyExistsError:
            if await storage.get(key) is None:
                raise
    return await patch_with(registry, context, finish_update)


def applied(registry: Registry, context: RequestContext, live: Object) -> Object:
    """What the request's configuration makes of the live object, {} if there is none."""
    config = configuration(context)
    obj = apply_configuration(registry.tracker, context, live, config)
    resource = registry.resource
    try:
        if not resource.custom:
            registry.decoder.schema.decode(*resource.gvk, obj, "Ignore")
    except DecodeError as error:
        words = f"failed to convert new object ({described(config)}) to proper version ({resource.api_version})"
        raise ApiError(f"{words}: {error.conversion}") from None
    _check_name(context, obj["metadata"])
    return obj


def configuration(context: RequestContext) -> Object:
    """The body of an apply, which must name its manager."""
    body: Any = context.request.body
    if not context.request.options.field_manager:
        raise invalid(PATCH_OPTIONS, "", [required("fieldManager", "is required for apply patch")])
    if not isinstance(body, dict):
        words = f"json: cannot unmarshal {json_type(body)} into Go value of type map[string]interface {{}}"
        raise BadRequestError(f"error decoding YAML: {words}")
    return body


def _check_name(context: RequestContext, metadata: Object) -> None:
    request = context.request
    name = metadata.setdefault("name", request.name)
    if name != request.name:
        raise BadRequestError(f"the name of the object ({name}) does not match the name on the URL ({request.name})")
    if metadata.get("namespace", request.namespace) != request.namespace:
        raise BadRequestError("the namespace of the provided object does not match the namespace sent on the request")


def apply(registry: Registry, current: Stored, body: Any, patch_type: str) -> Object:
    """The object that the patch makes of `current`; nothing of `current` is changed."""
    if patch_type == JSON_PATCH:
        return apply_json_patch(current.object, body)
    if patch_type == MERGE_PATCH:
        return apply_merge_patch(current.object, body)
    patched = apply_strategic_merge_patch(current.object, body, registry.decoder.schema, registry.resource.gvk)
    if "kind" in body or "apiVersion" in body:
        # The type is the path's: what the patch says of it is not even looked at.
        patched |= {"kind": registry.resource.kind, "apiVersion": registry.resource.api_version}
    return patched


def check_patch_type(patch_type: str, *, custom: bool = False) -> None:
    """UnsupportedMediaTypeError for a kind of patch that nobody here knows; a custom object has no merge keys."""
    accepted = CUSTOM_PATCH_TYPES if custom else PATCH_TYPES
    if patch_type not in accepted:
        raise UnsupportedMediaTypeError(
            "the body of the request was in an unknown format - accepted media types include: " + ", ".join(accepted)
        )
