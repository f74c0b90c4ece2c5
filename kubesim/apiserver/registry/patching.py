"""PATCH: applies a JSON patch, a merge patch or a strategic merge patch to the object as it is.

A patch carries only what shall change, so nothing is lost if somebody else changes another field at the same
time: when the write comes too late, the patch is applied again to the newer object.

Left out until server-side apply comes: `application/apply-patch+yaml`.
Upstream: k8s.io/apiserver/pkg/endpoints/handlers/patch.go.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.errors import ApiError, BadRequestError, InvalidError, UnsupportedMediaTypeError
from kubesim.api.patch import PatchError, apply_json_patch, apply_merge_patch, apply_strategic_merge_patch
from kubesim.api.stored import Object, Stored
from kubesim.api.wire import JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH, Response
from kubesim.apiserver.context import RequestContext
from kubesim.apiserver.registry.change import Finish, change
from kubesim.apiserver.registry.registry import Registry

REJECTED = "the server rejected our request due to an error in our request"


async def patch(registry: Registry, context: RequestContext, finish: Finish) -> Response:
    """Applies the patch; `finish` says which part of the object it may change."""
    body, patch_type = context.request.body, context.request.patch_type
    _check_shape(registry, body, patch_type)
    return await change(registry, context, lambda current: apply(registry, current, body, patch_type), finish)


def apply(registry: Registry, current: Stored, body: Any, patch_type: str) -> Object:
    """The object that the patch makes of `current`; nothing of `current` is changed."""
    try:
        if patch_type == JSON_PATCH:
            return apply_json_patch(current.object, body)
        if patch_type == MERGE_PATCH:
            return apply_merge_patch(current.object, body)
        return apply_strategic_merge_patch(
            current.object, body, registry.decoder.schema, registry.decoder.group_version_kind
        )
    except PatchError as error:
        raise _refusal(patch_type, error) from None


def _refusal(patch_type: str, error: PatchError) -> ApiError:
    return InvalidError(REJECTED) if patch_type == JSON_PATCH else BadRequestError(str(error))


def _check_shape(registry: Registry, body: Any, patch_type: str) -> None:
    if patch_type == JSON_PATCH:
        if not isinstance(body, list):
            raise BadRequestError(
                f"error decoding patch: json: cannot unmarshal {_go_type(body)} into Go value of type "
                "[]handlers.jsonPatchOp"
            )
    elif patch_type not in (MERGE_PATCH, STRATEGIC_MERGE_PATCH):
        accepted = ", ".join((JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH))
        raise UnsupportedMediaTypeError(
            f"the body of the request was in an unknown format - accepted media types include: {accepted}"
        )
    elif not isinstance(body, dict):
        raise BadRequestError(
            f"json: cannot unmarshal {_go_type(body)} into Go value of type map[string]interface {{}}"
        )


def _go_type(value: Any) -> str:
    if isinstance(value, dict):
        return "object"
    if isinstance(value, list):
        return "array"
    return "string" if isinstance(value, str) else "number"
