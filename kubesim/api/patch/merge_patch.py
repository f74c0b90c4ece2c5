"""JSON merge patch (RFC 7386): a null removes, an object merges, anything else replaces. Lists are replaced whole.

Upstream: gopkg.in/evanphx/json-patch, as k8s.io/apiserver/pkg/endpoints/handlers/patch.go uses it.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.errors import BadRequestError
from kubesim.api.patch.go_text import json_type
from kubesim.api.stored import Object


def apply_merge_patch(obj: Object, patch: Any) -> Object:
    """The patched object; what the patch does not touch is shared with `obj`."""
    if not isinstance(patch, dict):
        into = "Go value of type map[string]interface {}"
        raise BadRequestError(f"error decoding patch: json: cannot unmarshal {json_type(patch)} into {into}")
    return merge(obj, patch)


def merge(target: Any, patch: Object) -> Object:
    """The target with the patch merged into it; a target that is no object counts as an empty one."""
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict):
            result[name] = merge(result.get(name), value)
        else:
            result[name] = value
    return result
