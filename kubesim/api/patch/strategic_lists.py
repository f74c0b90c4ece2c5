"""How a strategic merge patch merges lists, and in which order the items come out.

Items of the patch keep the patch's order, the others that of the original; where both know no better, items
that are new in the patch come first. Upstream: mergeSlice, normalizeElementOrder and mergeSortedSlice in
k8s.io/apimachinery/pkg/util/strategicpatch/patch.go.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import Any

from kubesim.api.errors import ApiError
from kubesim.api.patch.go_text import go_text
from kubesim.api.stored import Object

DIRECTIVE = "$patch"
ListOfMaps = list[Any]
Merge = Callable[[Object, Object], Object]


def merge_scalars(original: list[Any], patch: list[Any]) -> list[Any]:
    """The union of two lists of scalars."""
    union = list(dict.fromkeys((*original, *patch)))
    return order_items(union, patch, original, "")


def merge_maps(original: ListOfMaps, patch: ListOfMaps, key: str, merge: Merge) -> ListOfMaps:
    """Merges objects that have the same value at `key`, adds new ones, and obeys `$patch` in items."""
    if (merged := _merged_in_place(original, patch, key, merge)) is not None:
        return merged
    remaining, changes = _special_items(original, patch, key)
    merged = list(remaining)
    for change in changes:
        wanted = _key_of(change, key)
        at = _find(merged, key, wanted)
        if at is None:
            merged.append(without_directives(change))
        else:
            merged[at] = merge(merged[at], change)
    return order_items(merged, changes, remaining, key)


def order_items(items: list[Any], patch_order: list[Any], server_order: list[Any], key: str) -> list[Any]:
    """The items that are in `patch_order` in that order, the others put between them by the server's order."""
    patch_places = _places(patch_order, key)
    ours, others = [], []
    for item in items:
        place = patch_places.get(_identity(item, key))
        if place is None:
            others.append(item)
        else:
            ours.append((place, item))
    ours.sort(key=itemgetter(0))
    if not others:
        return [item for _, item in ours]
    server_places = _places(server_order, key)
    others.sort(key=lambda item: server_places.get(_identity(item, key), len(server_places)))
    result: list[Any] = []
    at = 0
    for _, item in ours:
        place = server_places.get(_identity(item, key))
        while place is not None and at < len(others):
            other = server_places.get(_identity(others[at], key))
            if other is None or other > place:
                break
            result.append(others[at])
            at += 1
        result.append(item)
    return result + others[at:]


def check_set_order(patch: list[Any], order: list[Any], key: str) -> None:
    """Refuses a patch list whose items are not all, and in the same order, in the `$setElementOrder` list."""
    if not patch or not order:
        return
    items = [item for item in patch if not (isinstance(item, dict) and DIRECTIVE in item)]
    remaining = iter([_identity(item, key) for item in order])
    for item in items:
        identity = _identity(item, key)
        if identity not in remaining:  # Consumes it up to there.
            texts = go_text(patch), go_text(order)
            raise ApiError(f"The order in patch list:\n{texts[0]}\n doesn't match $setElementOrder list:\n{texts[1]}\n")


def without_directives(value: Any) -> Any:
    """A value that is new in the object: the patch's, without its directives and nulls."""
    if isinstance(value, dict):
        if _is_plain(value):
            return value
        return {
            name: without_directives(part) if isinstance(part, (dict, list)) else part
            for name, part in value.items()
            if part is not None and not name.startswith("$")
        }
    if isinstance(value, list):
        return [without_directives(item) for item in value if not _deletes(item)]
    return value


def _is_plain(value: Object) -> bool:
    """Whether an object has only scalars and nothing to leave out, as a condition has."""
    for name, part in value.items():
        if part is None or isinstance(part, (dict, list)) or name.startswith("$"):
            return False
    return True


def _merged_in_place(original: ListOfMaps, patch: ListOfMaps, key: str, merge: Merge) -> ListOfMaps | None:
    """The common case: the patch changes items that are there, in their order, and so the order stays as it is.

    None if it is not the common case, or if something is wrong with the items.
    """
    places: dict[Any, int] = {}
    for place, item in enumerate(original):
        if not isinstance(item, dict) or key not in item or isinstance(item[key], dict | list):
            return None
        places[item[key]] = place
    if len(places) != len(original):
        return None
    merged, last = list(original), -1
    for change in patch:
        if not isinstance(change, dict) or DIRECTIVE in change or isinstance(value := change.get(key), dict | list):
            return None
        if (at := places.get(value, -1)) <= last:
            return None
        merged[at], last = merge(original[at], change), at
    return merged


def _places(items: list[Any], key: str) -> dict[Any, int]:
    """Where the first item of each identity is."""
    places: dict[Any, int] = {}
    for place, item in enumerate(items):
        places.setdefault(_identity(item, key), place)
    return places


def _deletes(item: Any) -> bool:
    return isinstance(item, dict) and item.get(DIRECTIVE) == "delete"


def _special_items(original: ListOfMaps, patch: ListOfMaps, key: str) -> tuple[ListOfMaps, ListOfMaps]:
    """Carries out the items that only bear `$patch`; returns what is left of both lists."""
    remaining, changes, replace = list(original), [], False
    for item in patch:
        directive = item.get(DIRECTIVE) if isinstance(item, dict) else None
        if directive is None:
            changes.append(item)
        elif directive == "delete":
            wanted = _key_of(item, key)
            remaining = [found for found in remaining if found.get(key) != wanted]
        elif directive == "replace":
            replace = True
        elif directive == "merge":
            raise ApiError("merging lists cannot yet be specified in the patch")
        else:
            raise ApiError(f"unknown patch type: {go_text(directive)} in map: {go_text(item)}")
    return (without_directives(changes), []) if replace else (remaining, changes)


def _find(items: ListOfMaps, key: str, wanted: Any) -> int | None:
    for at, item in enumerate(items):
        if item.get(key) == wanted:
            return at
    return None


def _key_of(item: Any, key: str) -> Any:
    if not isinstance(item, dict):
        raise ApiError(f"expected a map, but got: {go_text(item)}")
    if key not in item:
        raise ApiError(f"map: {go_text(item)} does not contain declared merge key: {key}")
    return item[key]


def _identity(item: Any, key: str) -> Any:
    """What makes an item the same in two lists: its key, or for scalars itself; containers count as their text."""
    found = _key_of(item, key) if key else item
    return go_text(found) if isinstance(found, dict | list) else found
