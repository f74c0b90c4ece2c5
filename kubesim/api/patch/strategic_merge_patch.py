"""Strategic merge patch: a merge patch that knows, from the schema, which lists merge and by which key.

Beside plain values a patch may hold directives: `$patch: replace | delete` in an object, `$patch: delete |
replace` in a list item, `$retainKeys`, `$deleteFromPrimitiveList/FIELD` and `$setElementOrder/FIELD`. An object
that the patch does not touch is shared with the original. Making such a patch (`kubectl apply`) is the client's
work and not here. Upstream: k8s.io/apimachinery/pkg/util/strategicpatch/patch.go.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.errors import ApiError, BadRequestError
from kubesim.api.patch.go_text import go_text, json_type
from kubesim.api.patch.strategic_lists import (
    DIRECTIVE,
    check_set_order,
    merge_maps,
    merge_scalars,
    order_items,
    without_directives,
)
from kubesim.api.schema import Node, Schema
from kubesim.api.stored import Object

RETAIN_KEYS = "$retainKeys"
DELETE_PREFIX = "$deleteFromPrimitiveList/"
ORDER_PREFIX = "$setElementOrder/"

BAD_RETAIN_KEYS = "invalid patch format of retainKeys"
BAD_DELETE_LIST = "invalid patch format of primitive list"
BAD_ORDER_LIST = "invalid patch format of setElementOrder list"


def apply_strategic_merge_patch(obj: Object, patch: Any, schema: Schema, gvk: tuple[str, str]) -> Object:
    """The patched object. `gvk` is (apiVersion, kind), which must be built in: see `Schema.kind`."""
    if not isinstance(patch, dict):
        into = "Go value of type map[string]interface {}"
        raise BadRequestError(f"json: cannot unmarshal {json_type(patch)} into {into}")
    node = schema.kind(*gvk)
    assert node is not None, "a strategic merge patch needs a built-in kind"
    return merge_map(obj, patch, node)


def merge_map(original: Object, patch: Object, node: Node | None) -> Object:
    """The original object with a patch merged in; `node` is None inside of what has no schema."""
    if DIRECTIVE in patch:
        return _directive(patch)
    result = dict(original)
    directives = [name for name in patch if name.startswith("$")]
    if directives:
        patch = _retain_keys(result, patch)
        for name in directives:
            if name.startswith(ORDER_PREFIX):
                patch = _merge_ordered(result, patch, name, node)
    for name, value in patch.items():
        if directives and name.startswith(DELETE_PREFIX):
            _delete_scalars(result, name, value)
        elif value is None:
            result.pop(name, None)
        else:
            result[name] = _merge_value(result.get(name), name, value, node)
    return result


def _merge_value(original: Any, name: str, value: Any, node: Node | None) -> Any:
    """One field; where the types differ, the patch's value replaces."""
    if isinstance(value, dict) and isinstance(original, dict):
        child = _child(node, name)
        replaces = child is not None and "replace" in child.patch_strategies
        return value if replaces else merge_map(original, value, child)
    if isinstance(value, list) and isinstance(original, list):
        child = _child(node, name)
        return _merge_list(original, value, child) if child is not None and child.merges_list else value
    return without_directives(value)


def _merge_list(original: list[Any], patch: list[Any], node: Node | None) -> list[Any]:
    if not original and not patch:
        return original
    if not any(isinstance(item, dict) for item in (*original, *patch)):
        return merge_scalars(original, patch)
    key = node.merge_key if node is not None else ""
    if not key:
        raise ApiError("cannot merge lists without merge key for type struct")
    item = node.item if node is not None else None
    return merge_maps(original, patch, key, lambda found, change: merge_map(found, change, item))


def _merge_ordered(result: Object, patch: Object, directive: str, node: Node | None) -> Object:
    """Merges one list and puts it into the order that a directive asks for; returns the rest of the patch."""
    name = directive.removeprefix(ORDER_PREFIX)
    rest = {key: value for key, value in patch.items() if key not in (directive, name)}
    order, items, original = patch[directive], patch.get(name), result.get(name)
    if not isinstance(order, list):
        raise BadRequestError(BAD_ORDER_LIST)
    if not isinstance(items or [], list) or not isinstance(original or [], list):
        raise BadRequestError(BAD_ORDER_LIST)
    child = _child(node, name)
    key = child.merge_key if child is not None else ""
    check_set_order(items or [], order, key)
    if name not in result and name not in patch:
        return rest
    if name not in patch:
        merged = original or []
    elif name not in result:
        merged = without_directives(items or [])
    else:
        merged = _merge_list(original or [], items or [], child)
    result[name] = order_items(merged, order, original or [], key)
    return rest


def _retain_keys(result: Object, patch: Object) -> Object:
    """Clears the fields of `result` that the directive does not name; returns the patch without it."""
    if RETAIN_KEYS not in patch:
        return patch
    retained = patch[RETAIN_KEYS]
    if not isinstance(retained, list):
        raise BadRequestError(BAD_RETAIN_KEYS)
    rest = {name: value for name, value in patch.items() if name != RETAIN_KEYS}
    for name, value in rest.items():
        if value is not None and not name.startswith((DELETE_PREFIX, ORDER_PREFIX)) and name not in retained:
            raise BadRequestError(BAD_RETAIN_KEYS)
    for name in [name for name in result if name not in retained]:
        del result[name]
    return rest


def _delete_scalars(result: Object, directive: str, items: Any) -> None:
    """Takes items out of a list of scalars."""
    name = directive.removeprefix(DELETE_PREFIX)
    if not name or not isinstance(items, list):
        raise BadRequestError(BAD_DELETE_LIST)
    if isinstance(result.get(name), list):
        result[name] = [item for item in result[name] if item not in items]


def _directive(patch: Object) -> Object:
    directive = patch[DIRECTIVE]
    if directive == "replace":
        return {name: value for name, value in patch.items() if name != DIRECTIVE}
    if directive == "delete":
        return {}
    raise ApiError(f"unknown patch type: {go_text(directive)} in map: {go_text(patch)}")


def _child(node: Node | None, name: str) -> Node | None:
    """The node of a field; a field that the kind does not have is an error, as upstream."""
    if node is None or node.kind not in ("object", "map"):
        return None
    child = node.child(name)
    if child is None:
        raise ApiError(f'unable to find api field in struct {node.struct} for the json field "{name}"')
    return child
