"""Putting an applied configuration into an object, and taking out what is applied no longer.

Upstream: sigs.k8s.io/structured-merge-diff/v6/typed, merge.go and remove.go.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.fieldset.atoms import (
    TypeNode,
    child_of,
    is_associative_list,
    is_granular_map,
    item_element,
    item_of,
)
from kubesim.api.fieldset.elements import field_element
from kubesim.api.fieldset.sets import FieldSet, is_member
from kubesim.api.schema.node import Node

_ABSENT = object()


def merge(node: TypeNode, live: Any, config: Any) -> Any:
    """`live` with everything that `config` says. Nothing is removed; what does not change is shared."""
    if is_associative_list(node) and (live or config) and type(live or config) is list:
        assert node is not None
        return _merge_lists(node, live or [], config or [])
    if is_granular_map(node) and type(live) is dict and (type(config) is dict or config is None) and live:
        return _merge_maps(node, live, config or {})
    return config


def remove_items(node: TypeNode, value: Any, fields: FieldSet) -> Any:
    """The value without the members of a set. An atomic part that has members below it goes as a whole."""
    if type(value) is list and node is not None:
        if not value or not is_associative_list(node):
            return None
        return _remove_from_list(node, value, fields)
    if type(value) is list:
        return None
    if type(value) is dict:
        if not value or not is_granular_map(node):
            return None
        return _remove_from_map(node, value, fields)
    return value


def _merge_maps(node: TypeNode, live: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    result = live
    for name, part in config.items():
        before = live.get(name, _ABSENT)
        made = part if before is _ABSENT else merge(child_of(node, name), before, part)
        if made is before:
            continue
        if result is live:
            result = dict(live)
        result[name] = made
    return result


def _merge_lists(node: Node, live: list[Any], config: list[Any]) -> list[Any]:
    """Items that both have come in the order of the configuration, others where they are."""
    befores = [item_element(node, index, item) for index, item in enumerate(live)]
    afters = [item_element(node, index, item) for index, item in enumerate(config)]
    wanted = dict(zip(afters, config, strict=True))
    there: dict[str, Any] = {}
    for element, item in zip(befores, live, strict=True):
        there[element] = None if element in there else item  # Duplicates are not merged into.
    item_type = item_of(node)
    shared = [element for element in afters if element in there]
    result: list[Any] = []
    done: set[str] = set()
    left = right = turn = 0

    def take(element: str) -> None:
        done.add(element)
        before = there.get(element)
        result.append(wanted[element] if before is None else merge(item_type, before, wanted[element]))

    while left < len(befores) or right < len(afters):
        following = shared[turn] if turn < len(shared) else None
        if left < len(befores) and right < len(afters):
            if befores[left] == afters[right]:
                take(befores[left])
                left, right, turn = left + 1, right + 1, turn + 1
                continue
            if befores[left] in wanted and following is not None and following != befores[left]:
                left += 1
                continue
        if left < len(befores):
            if befores[left] not in wanted:
                result.append(live[left])
                left += 1
                continue
            if befores[left] in done:
                left += 1
        if right < len(afters):
            take(afters[right])
            turn += following == afters[right]
            right += 1
    return live if len(result) == len(live) and all(map(_is, result, live)) else result


def _is(one: Any, other: Any) -> bool:
    return one is other


def _remove_from_list(node: Node, items: list[Any], fields: FieldSet) -> list[Any] | None:
    result: list[Any] = []
    item_type = item_of(node)
    for index, item in enumerate(items):
        below = fields.get(item_element(node, index, item))
        if below is None:
            result.append(item)
        elif not is_member(below):
            result.append(remove_items(item_type, item, below))
    return result or None


def _remove_from_map(node: TypeNode, value: dict[str, Any], fields: FieldSet) -> dict[str, Any] | None:
    result: dict[str, Any] = {}
    for name, part in value.items():
        below = fields.get(field_element(name))
        if below is None:
            result[name] = part
        elif not is_member(below):
            result[name] = remove_items(child_of(node, name), part, below)
    return result or None
