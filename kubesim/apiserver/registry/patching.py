"""PATCH: applies a JSON patch, a merge patch or a strategic merge patch to the object as it is.

A patch carries only what shall change, so nothing is lost if somebody else changes another field at the same
time: when the write comes too late, the patch is applied again to the newer object.

Left out until server-side apply comes: `application/apply-patch+yaml`.
Upstream: k8s.io/apiserver/pkg/endpoints/handlers/patch.go.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.errors import UnsupportedMediaTypeError
from kubesim.api.patch import apply_json_patch, apply_merge_patch, apply_strategic_merge_patch
from kubesim.api.stored import Object, Stored
from kubesim.api.wire import APPLY_PATCH, JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH, Response
from kubesim.apiserver.context import RequestContext
from kubesim.apiserver.registry.change import Finish, change, finish_status_update, finish_update
from kubesim.apiserver.registry.registry import Registry

PATCH_TYPES = (JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH)
CUSTOM_PATCH_TYPES = (JSON_PATCH, MERGE_PATCH, APPLY_PATCH)


async def patch(registry: Registry, context: RequestContext) -> Response:
    """PATCH of the main resource."""
    return await patch_with(registry, context, finish_update)


async def patch_status(registry: Registry, context: RequestContext) -> Response:
    """PATCH of `/status`: what it says of anything else is dropped."""
    return await patch_with(registry, context, finish_status_update)


async def patch_with(registry: Registry, context: RequestContext, finish: Finish) -> Response:
    """PATCH of whatever `finish` makes of the patched object."""
    body, patch_type = context.request.body, context.request.patch_type
    check_patch_type(patch_type, custom=registry.resource.custom)
    return await change(registry, context, lambda current: apply(registry, current, body, patch_type), finish)


def apply(registry: Registry, current: Stored, body: Any, patch_type: str) -> Object:
    """The object that the patch makes of `current`; nothing of `current` is changed."""
    if patch_type == JSON_PATCH:
        return apply_json_patch(current.object, body)
    if patch_type == MERGE_PATCH:
        return apply_merge_patch(current.object, body)
    return apply_strategic_merge_patch(current.object, body, registry.decoder.schema, registry.resource.gvk)


def check_patch_type(patch_type: str, *, custom: bool = False) -> None:
    """UnsupportedMediaTypeError for a kind of patch that nobody here knows; a custom object has no merge keys."""
    accepted = CUSTOM_PATCH_TYPES if custom else PATCH_TYPES
    if patch_type not in accepted or patch_type == APPLY_PATCH:
        raise UnsupportedMediaTypeError(
            "the body of the request was in an unknown format - accepted media types include: " + ", ".join(accepted)
        )
