"""What has changed between two revisions of an object, as sets of fields.

`taken` is what was added or modified, which belongs to the writer from now on; `removed` is what nobody can own
any more. What both revisions share by identity is not walked, so the cost is that of the change.

A built-in kind is compared as the Go struct that the real server has: a struct that is no pointer is always
there, if only empty, and so is a field without "omitempty" (`Node.zero`). That is why `f:spec` is nobody's own,
and `f:labels` is.
Upstream: sigs.k8s.io/structured-merge-diff/v6/typed/compare.go.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from kubesim.api.fieldset.atoms import (
    TypedError,
    TypeNode,
    child_of,
    is_associative_list,
    is_granular_map,
    item_element,
    item_of,
)
from kubesim.api.fieldset.elements import field_element
from kubesim.api.fieldset.sets import LEAF, SELF, FieldSet
from kubesim.api.schema.node import LEFT_OUT, OBJECT, Node


class Comparison(NamedTuple):
    """`taken`: added or modified. No field is in both sets."""

    taken: FieldSet
    removed: FieldSet

    @property
    def is_same(self) -> bool:
        """Nothing has changed."""
        return not self.taken and not self.removed


def compare(node: TypeNode, old: dict[str, Any], new: dict[str, Any]) -> Comparison:
    """What `new` changes of `old`; TypedError if an item of a list has no key."""
    taken: FieldSet = {}
    removed: FieldSet = {}
    _maps(node, old, new, taken, removed)
    return Comparison(taken, removed)


class Part(NamedTuple):
    """What comparing needs to know of a field. Of a whole, only whether it is another value counts."""

    element: str
    node: TypeNode
    zero: Any
    is_whole: bool


def _parts(node: TypeNode) -> dict[str, Part]:
    """The fields of a struct by name, each looked up once."""
    if node is None:
        return _NO_PARTS
    parts = node.typed_parts
    if parts is None:
        parts = node.typed_parts = {name: _part(node, name) for name in node.fields}
    return parts


_NO_PARTS: dict[str, Part] = {}


def _part(node: TypeNode, name: str) -> Part:
    child = child_of(node, name)
    zero = LEFT_OUT if child is None else child.zero
    is_whole = child is not None and not is_granular_map(child) and not is_associative_list(child)
    return Part(field_element(name), child, zero, is_whole)


def _maps(node: TypeNode, old: dict[str, Any], new: dict[str, Any], taken: FieldSet, removed: FieldSet) -> None:
    parts = _parts(node)
    for name, after in new.items():
        before = old.get(name, LEFT_OUT)
        if before is after:
            continue
        element, child, zero, is_whole = parts.get(name) or _part(node, name)
        if before is LEFT_OUT:
            before = zero
        if is_whole and before is not LEFT_OUT:
            if before != after:
                taken[element] = LEAF
        else:
            _values(element, child, before, after, taken, removed)
    if old.keys() <= new.keys():
        return
    for name, before in old.items():
        if name not in new:
            element, child, zero, _ = parts.get(name) or _part(node, name)
            _values(element, child, before, zero, taken, removed)


def _values(element: str, node: TypeNode, before: Any, after: Any, taken: FieldSet, removed: FieldSet) -> None:
    """One part, on one or both sides."""
    if before is LEFT_OUT:
        taken[element] = everything(node, after)
    elif after is LEFT_OUT:
        removed[element] = everything(node, before)
    elif not (before or after) or not _is_walked(node, before, after):
        if before != after:
            taken[element] = LEAF
    else:
        _inner(element, node, before, after, taken, removed)


def _is_walked(node: TypeNode, before: Any, after: Any) -> bool:
    if type(after) is dict or type(before) is dict:
        return is_granular_map(node)
    return (type(after) is list or type(before) is list) and is_associative_list(node)


def _inner(element: str, node: TypeNode, before: Any, after: Any, taken: FieldSet, removed: FieldSet) -> None:
    taken_inside: FieldSet = {}
    removed_inside: FieldSet = {}
    if is_associative_list(node):
        assert node is not None
        _lists(node, before or [], after or [], taken_inside, removed_inside)
    else:
        old = before if type(before) is dict else {}
        new = after if type(after) is dict else {}
        _maps(node, old, new, taken_inside, removed_inside)
        if node is None and (type(before) is not dict or type(after) is not dict) and None not in (before, after):
            taken_inside = {SELF: LEAF, **taken_inside} if taken_inside else LEAF  # One kind of value for another.
            taken[element] = taken_inside
    if taken_inside:
        taken[element] = taken_inside
    if removed_inside:
        removed[element] = removed_inside


def _lists(node: Node, old: list[Any], new: list[Any], taken: FieldSet, removed: FieldSet) -> None:
    if _are_paired(node, old, new):
        item = item_of(node)
        for index, (before, after) in enumerate(zip(old, new, strict=True)):
            if before is not after:
                _values(item_element(node, index, after), item, before, after, taken, removed)
        return
    befores, afters = _by_element(node, old), _by_element(node, new)
    item = item_of(node)
    for element, after in afters.items():
        before = befores.get(element)
        if before is None and len(after) == 1:
            taken[element] = everything(item, after[0])
        elif before is not None and len(before) == len(after) == 1:
            if before[0] is not after[0]:
                _values(element, item, before[0], after[0], taken, removed)
        else:
            _duplicates(element, item, before or [], after, taken, removed)
    for element, before in befores.items():
        if element not in afters:
            removed[element] = everything(item, before[0]) if len(before) == 1 else LEAF


def _are_paired(node: Node, old: list[Any], new: list[Any]) -> bool:
    """Whether the same items stand at the same places, which is what most writes leave them like."""
    if len(old) != len(new) or len(node.list_map_keys) != 1:
        return False
    key = node.list_map_keys[0]
    try:
        names = [item[key] for item in new]
        return len(set(names)) == len(names) and names == [item[key] for item in old]
    except (KeyError, TypeError):
        return False


def _duplicates(
    element: str, item: TypeNode, before: list[Any], after: list[Any], taken: FieldSet, removed: FieldSet
) -> None:
    """Items that share their keys are one whole."""
    if len(before) > 1 and len(after) > 1:
        if before != after:
            taken[element] = LEAF
    elif len(after) > 1:
        if before:
            removed[element] = everything(item, before[0])
        taken[element] = LEAF
    else:
        taken[element] = everything(item, after[0])
        removed[element] = LEAF


def _by_element(node: Node, items: list[Any]) -> dict[str, list[Any]]:
    if type(items) is not list:  # A custom object is compared before its schema is asked.
        raise TypedError(f": expected list, got {items!r}")
    result: dict[str, list[Any]] = {}
    for index, item in enumerate(items):
        result.setdefault(item_element(node, index, item), []).append(item)
    return result


def everything(node: TypeNode, value: Any) -> FieldSet:
    """A part that is only on one side, and all that is in it; its own node is a member."""
    if type(value) is dict and is_granular_map(node):
        result: FieldSet = {SELF: LEAF}
        for name, part in value.items():
            result[field_element(name)] = everything(child_of(node, name), part)
        if node is not None and node.kind == OBJECT:
            for name, zero in node.always.items():
                if name not in value:
                    result[field_element(name)] = everything(child_of(node, name), zero)
        return result if len(result) > 1 else LEAF
    if type(value) is list and value and is_associative_list(node):
        assert node is not None
        result = {SELF: LEAF}
        item = item_of(node)
        for element, items in _by_element(node, value).items():
            result[element] = everything(item, items[0]) if len(items) == 1 else LEAF
        return result
    return LEAF
