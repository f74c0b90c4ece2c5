"""Lists and sets: sum, min, indexOf, sets.contains, sort, slice.

Upstream: k8s.io/apiserver/pkg/cel/library/lists.go, cel-go ext/{lists,sets}.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import cmp_to_key, reduce
from itertools import pairwise
from typing import Any

from kubesim.apiserver.cel.errors import EvaluationError
from kubesim.apiserver.cel.functions.operators import add
from kubesim.apiserver.cel.functions.overload import Implementation
from kubesim.apiserver.cel.values import UInt, equal, less

RANGE_MAX = 100_000
_ORDERED = ("bool", "int", "uint", "double", "string", "bytes", "timestamp", "duration")
_ZEROS = {"int": 0, "uint": UInt(0), "double": 0.0, "duration": timedelta()}


def _extreme(name: str, sign: int) -> Implementation:
    def find(elements: Sequence[Any]) -> Any:
        if not elements:
            raise EvaluationError(f"{name} called on empty list")
        best = elements[0]
        for element in elements[1:]:
            if less(element, best, "_<_") if sign < 0 else less(best, element, "_<_"):
                best = element
        return best

    return find


def _is_sorted(elements: Sequence[Any]) -> bool:
    return not any(less(after, before, "_<_") for before, after in pairwise(elements))


def _index_of(elements: Sequence[Any], wanted: Any) -> int:
    return next((at for at, element in enumerate(elements) if equal(element, wanted)), -1)


def _last_index_of(elements: Sequence[Any], wanted: Any) -> int:
    return next((at for at in reversed(range(len(elements))) if equal(elements[at], wanted)), -1)


def _has_all(those: Sequence[Any], these: Sequence[Any]) -> bool:
    return all(_index_of(those, one) >= 0 for one in these)


def _slice(elements: Sequence[Any], start: int, end: int) -> list[Any]:
    if start < 0 or end < 0:
        raise EvaluationError(f"cannot slice({start}, {end}), negative indexes not supported")
    if start > end:
        raise EvaluationError(f"cannot slice({start}, {end}), start index must be less than or equal to end index")
    if end > len(elements):
        raise EvaluationError(f"cannot slice({start}, {end}), list is length {len(elements)}")
    return list(elements[start:end])


def _flatten(elements: Sequence[Any], depth: int = 1) -> list[Any]:
    flat: list[Any] = []
    for element in elements:
        flat += _flatten(element, depth - 1) if isinstance(element, list | tuple) and depth > 0 else [element]
    return flat


def _distinct(elements: Sequence[Any]) -> list[Any]:
    found: list[Any] = []
    for element in elements:
        if _index_of(found, element) < 0:
            found.append(element)
    return found


def sort(elements: Sequence[Any], keys: Sequence[Any] | None = None) -> list[Any]:
    """In order of the elements, or of keys beside them."""
    by = elements if keys is None else keys

    def compare(one: int, other: int) -> int:
        return int(less(by[other], by[one], "_<_")) - int(less(by[one], by[other], "_<_"))

    return [elements[at] for at in sorted(range(len(elements)), key=cmp_to_key(compare))]


def _range(size: int) -> list[int]:
    if size > RANGE_MAX:
        raise EvaluationError(f"lists.range({size}): at most {RANGE_MAX}")
    return list(range(size))


FUNCTIONS: tuple[tuple[str, Implementation], ...] = (
    *(
        (f"list({one})::sum(): {one}", lambda list_, zero=zero: reduce(add, list_, zero))
        for one, zero in _ZEROS.items()
    ),
    *((f"list({one})::min(): {one}", _extreme("min", -1)) for one in _ORDERED),
    *((f"list({one})::max(): {one}", _extreme("max", 1)) for one in _ORDERED),
    *((f"list({one})::isSorted(): bool", _is_sorted) for one in _ORDERED),
    ("list(A)::indexOf(A): int", _index_of),
    ("list(A)::lastIndexOf(A): int", _last_index_of),
    ("sets.contains(list(A), list(A)): bool", _has_all),
    ("sets.equivalent(list(A), list(A)): bool", lambda one, other: _has_all(one, other) and _has_all(other, one)),
    ("sets.intersects(list(A), list(A)): bool", lambda one, other: any(_index_of(other, x) >= 0 for x in one)),
    ("list(A)::slice(int, int): list(A)", _slice),
    ("list(A)::flatten(): list(dyn)", _flatten),
    ("list(A)::flatten(int): list(dyn)", _flatten),
    ("list(A)::distinct(): list(A)", _distinct),
    ("list(A)::reverse(): list(A)", lambda elements: list(reversed(elements))),
    ("list(A)::sort(): list(A)", sort),
    ("lists.range(int): list(int)", _range),
)
