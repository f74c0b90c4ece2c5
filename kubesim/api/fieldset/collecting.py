"""All fields that an applied configuration mentions: what its manager wants to own.

Unlike a comparison this takes the configuration as it stands: a struct is nobody's, only its leaves are, and an
empty list of items that have names is not mentioned at all.
Upstream: sigs.k8s.io/structured-merge-diff/v6/typed/tofieldset.go.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.fieldset.atoms import (
    TypeNode,
    child_of,
    is_associative_list,
    is_declared,
    is_granular_map,
    item_element,
    item_of,
)
from kubesim.api.fieldset.elements import field_element
from kubesim.api.fieldset.sets import LEAF, SELF, FieldSet
from kubesim.api.schema.node import LIST, MAP, OBJECT, Node


def field_set(node: TypeNode, config: dict[str, Any]) -> FieldSet:
    """The set of a whole configuration."""
    return _fields(node, config)


def with_named_members(node: TypeNode, fields: FieldSet) -> FieldSet:
    """The set with the structs that lead to its members: then a struct whose last field goes can go too."""
    result: FieldSet = {}
    for element, part in fields.items():
        inner, named = _below(node, element)
        made = with_named_members(inner, part) if part else part
        if named and made and SELF not in made:
            made = {SELF: LEAF, **made}
        result[element] = made
    return result


def _below(node: TypeNode, element: str) -> tuple[TypeNode, bool]:
    """The type at an element, and whether it is a named field of a struct."""
    if node is None or element == SELF:
        return None, False
    if element[0] == "f" and node.kind in (OBJECT, MAP):
        name = element[2:]
        return child_of(node, name), is_declared(node, name)
    return (item_of(node), False) if element[0] == "k" and node.kind == LIST else (None, False)


def _fields(node: TypeNode, value: dict[str, Any]) -> FieldSet:
    result: FieldSet = {}
    for name, part in value.items():
        inside = _inside(child_of(node, name), part)
        if part is None or part == {} or not is_declared(node, name):
            inside = {SELF: LEAF, **inside} if inside else LEAF
        if inside is not None:
            result[field_element(name)] = inside
    return result


def _inside(node: TypeNode, value: Any) -> FieldSet | None:
    """What of a part is mentioned: LEAF for the part as a whole, None for nothing."""
    if is_associative_list(node) and (value is None or type(value) is list):
        assert node is not None
        return _items(node, value) if value else None
    if (node is not None or type(value) is dict) and is_granular_map(node) and (value is None or type(value) is dict):
        return _fields(node, value) or None if value else None
    return LEAF


def _items(node: Node, items: list[Any]) -> FieldSet:
    result: FieldSet = {}
    item = item_of(node)
    for index, part in enumerate(items):
        element = item_element(node, index, part)
        if element in result:
            result[element] = LEAF  # Duplicates are one whole.
            continue
        inside = _inside(item, part)
        result[element] = {SELF: LEAF, **inside} if inside else LEAF
    return result
