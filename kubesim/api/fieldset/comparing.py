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

from kubesim.api.fieldset.atoms import TypedError, TypeNode, item_element
from kubesim.api.fieldset.sets import LEAF, SELF, FieldSet
from kubesim.api.fieldset.walking import Walk, walk_of
from kubesim.api.schema.node import LEFT_OUT

SCALARS = frozenset((str, int, bool, float))
COMPOUND = frozenset((dict, list))


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
    _maps(walk_of(node), old, new, taken, removed)
    return Comparison(taken, removed)


def _maps(walk: Walk, old: dict[str, Any], new: dict[str, Any], taken: FieldSet, removed: FieldSet) -> None:
    known = walk.known
    for name, after in new.items():
        before = old.get(name, LEFT_OUT)
        if before is after:
            continue
        element, child, zero = known.get(name) or walk.step(name)
        if before is LEFT_OUT:
            before = zero
        if type(after) in SCALARS and type(before) in SCALARS:  # The usual case, without a call.
            if before != after:
                taken[element] = LEAF
        else:
            _values(element, child, before, after, taken, removed)
    for name, before in old.items():
        if name not in new:
            element, child, zero = known.get(name) or walk.step(name)
            _values(element, child, before, zero, taken, removed)


def _values(element: str, walk: Walk, before: Any, after: Any, taken: FieldSet, removed: FieldSet) -> None:
    """One part, on one or both sides."""
    if before is LEFT_OUT:
        taken[element] = everything(walk, after)
    elif after is LEFT_OUT:
        removed[element] = everything(walk, before)
    elif not (before or after) or not _is_walked(walk, before, after):
        if before != after:
            taken[element] = LEAF
    else:
        _inner(element, walk, before, after, taken, removed)


def _is_walked(walk: Walk, before: Any, after: Any) -> bool:
    if type(after) is dict or type(before) is dict:
        return walk.is_map
    return (type(after) is list or type(before) is list) and walk.is_list


def _inner(element: str, walk: Walk, before: Any, after: Any, taken: FieldSet, removed: FieldSet) -> None:
    taken_inside: FieldSet = {}
    removed_inside: FieldSet = {}
    if walk.is_list:
        _lists(walk, before or [], after or [], taken_inside, removed_inside)
    else:
        old = before if type(before) is dict else {}
        new = after if type(after) is dict else {}
        _maps(walk, old, new, taken_inside, removed_inside)
        if walk.node is None and (type(before) is not dict or type(after) is not dict) and None not in (before, after):
            taken_inside = {SELF: LEAF, **taken_inside} if taken_inside else LEAF  # One kind of value for another.
            taken[element] = taken_inside
    if taken_inside:
        taken[element] = taken_inside
    if removed_inside:
        removed[element] = removed_inside


def _lists(walk: Walk, old: list[Any], new: list[Any], taken: FieldSet, removed: FieldSet) -> None:
    item, node = walk.item, walk.node
    assert node is not None, "only a type says that the items of a list have names"
    if walk.key and are_pairs(walk.key, old, new):  # The usual case: conditions, containers.
        for index, after in enumerate(new):
            if old[index] is not after:
                _values(item_element(node, index, after), item, old[index], after, taken, removed)
        return
    befores, afters = _by_element(walk, old), _by_element(walk, new)
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


def are_pairs(key: str, old: list[Any], new: list[Any]) -> bool:
    """Whether two lists have the same items, by one key that is a text, in the same order, and none twice."""
    try:
        names = [item[key] for item in new]
        return (
            names == [item[key] for item in old]
            and len(set(names)) == len(names)
            and all(type(name) is str for name in names)
        )
    except (TypeError, KeyError):  # Something is no item, or has no key.
        return False


def _duplicates(
    element: str, item: Walk, before: list[Any], after: list[Any], taken: FieldSet, removed: FieldSet
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


def _by_element(walk: Walk, items: list[Any]) -> dict[str, list[Any]]:
    if type(items) is not list:  # A custom object is compared before its schema is asked.
        raise TypedError(f": expected list, got {items!r}")
    assert walk.node is not None, "only a type says that the items of a list have names"
    result: dict[str, list[Any]] = {}
    for index, item in enumerate(items):
        result.setdefault(item_element(walk.node, index, item), []).append(item)
    return result


def everything(walk: Walk, value: Any) -> FieldSet:
    """A part that is only on one side, and all that is in it; its own node is a member."""
    if type(value) is dict:
        return _all_fields(walk, value) if walk.is_map else LEAF
    if type(value) is list and value and walk.is_list:
        result = {SELF: LEAF}
        item = walk.item
        for element, items in _by_element(walk, value).items():
            result[element] = everything(item, items[0]) if len(items) == 1 else LEAF
        return result
    return LEAF


def _all_fields(walk: Walk, value: dict[str, Any]) -> FieldSet:
    result: FieldSet = {SELF: LEAF}
    known = walk.known
    for name, part in value.items():
        element, child, _ = known.get(name) or walk.step(name)
        result[element] = everything(child, part) if type(part) in COMPOUND else LEAF
    for name in walk.always:
        if name not in value:
            element, child, zero = known.get(name) or walk.step(name)
            result[element] = everything(child, zero)
    return result if len(result) > 1 else LEAF
