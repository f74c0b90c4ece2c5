"""Sets of field paths, and their algebra.

A set is a tree in the very form that FieldsV1 has on the wire, a dict of dicts by path element:

    {"f:metadata": {"f:labels": {".": {}, "f:app": {}}}, "f:spec": {"f:replicas": {}}}

holds `.metadata.labels`, `.metadata.labels.app` and `.spec.replicas`. A node below the root is a member if it is
empty or has a "."; `.metadata` is none, it only leads on. The empty root is the empty set.

Sets never change. Every operation returns what it was given when there is nothing to do, so that a set which
stays as it was stays the same object, through any number of revisions.
Upstream: sigs.k8s.io/structured-merge-diff/v6/fieldpath/set.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from kubesim.api.fieldset.elements import FIELD, ElementError, canonical, field_element, sort_key

FieldSet = dict[str, Any]  # Of FieldSets; mypy has no recursive alias that is as plain.
Path = tuple[str, ...]

SELF = "."
LEAF: FieldSet = {}
EMPTY: FieldSet = {}


class FieldSetError(ValueError):
    """Something is no FieldsV1."""


def field_set_of(*paths: str) -> FieldSet:
    """A set of dotted paths of plain fields, such as "metadata.labels"."""
    result: FieldSet = EMPTY
    for path in paths:
        node: FieldSet = LEAF
        for name in reversed(path.split(".")):
            node = {field_element(name): node}
        result = union(result, node)
    return result


def union(one: FieldSet, other: FieldSet) -> FieldSet:
    """What is in either."""
    if not one or one is other:
        return other
    return _plus(one, other) if other else one


def difference(one: FieldSet, other: FieldSet) -> FieldSet:
    """What is in one and not in the other; whether a parent or child is in the other does not matter."""
    if not one or not other:
        return one
    return _minus(one, other) or EMPTY


def recursive_difference(one: FieldSet, other: FieldSet) -> FieldSet:
    """The same, but a member of the other takes everything below it along."""
    if not one or not other:
        return one
    return _minus_trees(one, other) or EMPTY


def intersection(one: FieldSet, other: FieldSet) -> FieldSet:
    """What is in both."""
    result: FieldSet = {}
    if len(other) < len(one):
        one, other = other, one
    for element, node in one.items():
        twin = other.get(element)
        if element != SELF and twin is not None and (common := _common(node, twin)) is not None:
            result[element] = common
    return result


def has(fields: FieldSet, path: Path) -> bool:
    """Whether the path is a member."""
    node: FieldSet | None = fields
    for element in path:
        if node is None:
            return False
        node = node.get(element)
    return node is not None and bool(path) and is_member(node)


def is_member(node: FieldSet) -> bool:
    """Whether the path that led to this node (not the root) is in the set."""
    return not node or SELF in node


def paths(fields: FieldSet) -> Iterator[Path]:
    """All members in upstream's order: on each level first the members, then what is below."""
    return _paths(fields, ())


def ordered(fields: FieldSet) -> FieldSet:
    """The same set with its elements in order."""
    elements = list(fields)
    in_order = sorted(elements)  # "." comes first, and fields are in order as plain texts.
    if in_order and not in_order[-1].startswith(FIELD):
        in_order.sort(key=lambda element: sort_key(element) if element != SELF else ())
    result: FieldSet = {}
    changed = in_order != elements
    for element in in_order:
        node = fields[element]
        made = result[element] = ordered(node) if node else LEAF
        changed = changed or made is not node
    return result if changed else fields


def decode(fields: Any) -> FieldSet:
    """A set out of what somebody has sent; FieldSetError if it is none. Unknown kinds of elements are left out."""
    children, _ = _decode(fields)
    return ordered(children or EMPTY)


def node_of(member: bool, children: FieldSet) -> FieldSet | None:
    """A node below the root; None if there is nothing to it."""
    if not member:
        return children or None
    return {SELF: LEAF, **children} if children else LEAF


def merged(sets: Iterable[FieldSet]) -> FieldSet:
    """The union of many."""
    result = EMPTY
    for fields in sets:
        result = union(result, fields)
    return result


def _plus(one: FieldSet, other: FieldSet) -> FieldSet:
    """Of two nodes, or two roots that are not empty."""
    if one is other:
        return one
    if not one or not other:
        rest = other or one
        return rest if is_member(rest) else {SELF: LEAF, **rest}
    result = one
    for element, node in other.items():
        mine = one.get(element)
        if mine is None:
            made = node
        elif element == SELF or (made := _plus(mine, node)) is mine:
            continue
        if result is one:
            result = dict(one)
        result[element] = made
    return result


def _minus(one: FieldSet, other: FieldSet) -> FieldSet | None:
    """Of two nodes, or two roots that are not empty. None: nothing remains."""
    if not one:
        return None if is_member(other) else one
    if not other:
        if SELF not in one:
            return one
        return {element: node for element, node in one.items() if element != SELF} or None
    result = one
    for element, node in other.items():
        mine = one.get(element)
        if mine is None:
            continue
        rest = None if element == SELF else _minus(mine, node)
        if rest is not mine:
            result = _replaced(one, result, element, rest)
    return _normal(result)


def _minus_trees(one: FieldSet, other: FieldSet) -> FieldSet | None:
    result = one
    for element, node in other.items():
        mine = one.get(element)
        if mine is None or element == SELF:
            continue
        rest = None if is_member(node) else _minus_trees(mine, node)
        if rest is not mine:
            result = _replaced(one, result, element, rest)
    return one if result is one else _normal(result)


def _replaced(one: FieldSet, result: FieldSet, element: str, node: FieldSet | None) -> FieldSet:
    if result is one:
        result = dict(one)
    if node is None:
        del result[element]
    else:
        result[element] = node
    return result


def _normal(node: FieldSet) -> FieldSet | None:
    """An empty node stands for a member, so one that has lost everything is none."""
    if not node:
        return None
    return LEAF if len(node) == 1 and SELF in node else node


def _common(one: FieldSet, other: FieldSet) -> FieldSet | None:
    return node_of(is_member(one) and is_member(other), intersection(one, other))


def _paths(fields: FieldSet, prefix: Path) -> Iterator[Path]:
    elements = sorted((element for element in fields if element != SELF), key=sort_key)
    for element in elements:
        if is_member(fields[element]):
            yield (*prefix, element)
    for element in elements:
        yield from _paths(fields[element], (*prefix, element))


def _decode(fields: Any) -> tuple[FieldSet | None, bool]:
    """The children (None: there are none), and whether the node is a member."""
    if not isinstance(fields, dict):
        raise FieldSetError("a set of fields must be an object")
    children: FieldSet = {}
    member = False
    for name, part in fields.items():
        if name == SELF:
            member = True
            continue
        try:
            element = canonical(name)
        except ElementError as error:
            raise FieldSetError(f"parsing key as path element: {error}") from None
        if not element:
            continue
        grandchildren, is_in = _decode(part)
        node = node_of(is_in, grandchildren or EMPTY)
        if node is not None:
            children[element] = _plus(children[element], node) if element in children else node
    return (children, member) if children else (None, True)
