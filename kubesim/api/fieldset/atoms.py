"""What a value is to server-side apply: a map with fields of its own, a list of items with names, or one whole.

The answer comes from the schema (`x-kubernetes-list-type`, `-list-map-keys`, `-map-type`). A node of None stands
for "nobody says": then maps have fields, and lists are wholes. So it is for custom resources without a schema,
below unknown fields that are preserved, and for the few fields of built-in kinds that may be anything.
Upstream: k8s.io/kube-openapi/pkg/schemaconv, sigs.k8s.io/structured-merge-diff/v6/typed/helpers.go.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.fieldset.elements import key_element, keys_element, value_element
from kubesim.api.schema.node import (
    ANY,
    INT_OR_STRING,
    LEFT_OUT,
    LIST,
    MAP,
    OBJECT,
    QUANTITY,
    SCHEMA_OR_OTHER,
    Node,
)

UNTYPED = frozenset((ANY, SCHEMA_OR_OTHER, INT_OR_STRING, QUANTITY))
ATOMIC = "atomic"
ASSOCIATIVE = ("set", "map")
TypeNode = Node | None


class TypedError(ValueError):
    """A value does not fit its type; the text is upstream's, with the path before it."""


def resolved(node: TypeNode) -> TypeNode:
    """None in place of a node that allows anything."""
    return None if node is None or node.kind in UNTYPED else node


def is_granular_map(node: TypeNode) -> bool:
    """Whether the fields of a map or struct have owners of their own."""
    return node is None or (node.kind in (OBJECT, MAP) and node.map_type != ATOMIC)


def is_associative_list(node: TypeNode) -> bool:
    """Whether the items of a list have owners of their own."""
    return node is not None and node.kind == LIST and node.list_type in ASSOCIATIVE


def child_of(node: TypeNode, name: str) -> TypeNode:
    """The type of a field or of a value of a map."""
    if node is None:
        return None
    return resolved(node.fields.get(name) or node.item)


def is_declared(node: TypeNode, name: str) -> bool:
    """Whether a name is a field of a struct, not a key of a map."""
    return node is not None and name in node.fields


def item_of(node: Node) -> TypeNode:
    """The type of the items of a list."""
    return resolved(node.item)


def item_element(node: Node, index: int, item: Any) -> str:
    """How an item of an associative list is called; TypedError if it cannot be."""
    keys = node.list_map_keys if node.list_type == "map" else ()
    if not keys:
        return _set_element(index, item)
    if type(item) is not dict:
        what = "a null element" if item is None else "non-map elements"
        raise TypedError(f": element {index}: associative list with keys may not have {what}")
    try:
        if len(keys) == 1:
            name = keys[0]
            return key_element(name, item[name])
        return keys_element({name: item[name] if name in item else _default(node, name, index) for name in keys})
    except KeyError:
        name = keys[0]
        return key_element(name, _default(node, name, index))
    except TypeError:  # The key is no scalar.
        return keys_element({name: item.get(name) for name in keys})


def _default(node: Node, name: str, index: int) -> Any:
    field = node.item.fields.get(name) if node.item is not None else None
    if field is None or field.default is LEFT_OUT:
        raise TypedError(
            f": element {index}: associative list with keys has an element that omits key field "
            f'"{name}" (and doesn\'t have default value)'
        )
    return field.default


def _set_element(index: int, item: Any) -> str:
    if type(item) is dict:
        raise TypedError(f": element {index}: associative list without keys has an element that's a map type")
    if type(item) is list:
        raise TypedError(f": element {index}: not supported: associative list with lists as elements")
    if item is None:
        raise TypedError(f": element {index}: associative list without keys has an element that's an explicit null")
    return value_element(item)
