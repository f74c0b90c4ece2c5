"""Arithmetic, comparison, indexing, membership. `&&`, `||`, `?:` are the evaluator's own: they may skip operands.

Upstream: cel-go common/stdlib.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from kubesim.apiserver.cel.errors import EvaluationError
from kubesim.apiserver.cel.functions.overload import Implementation
from kubesim.apiserver.cel.values import Optional, UInt, equal, in_range, is_number, less

_ADDERS = (str, bytes, list, timedelta)
YEAR_MIN, YEAR_MAX = 1, 9999


def add(left: Any, right: Any) -> Any:
    """`+` on numbers, text, lists, times."""
    if _same_numbers(left, right):
        return left + right if isinstance(left, float) else in_range(left + right, left)
    try:
        if type(left) in _ADDERS and type(left) is type(right):
            return left + right
        if {type(left), type(right)} == {datetime, timedelta}:
            return left + right
    except OverflowError:
        raise EvaluationError("timestamp overflow") from None
    raise _unsuited("_+_", left, (*_ADDERS, datetime))


def subtract(left: Any, right: Any) -> Any:
    """`-` on numbers and times."""
    if _same_numbers(left, right):
        return left - right if isinstance(left, float) else in_range(left - right, left)
    try:
        if isinstance(left, datetime) and isinstance(right, datetime | timedelta):
            return left - right
        if isinstance(left, timedelta) and isinstance(right, timedelta):
            return left - right
    except OverflowError:
        raise EvaluationError("timestamp overflow") from None
    raise _unsuited("_-_", left, (datetime, timedelta))


def multiply(left: Any, right: Any) -> Any:
    """`*` on numbers."""
    if not _same_numbers(left, right):
        raise _unsuited("_*_", left)
    return left * right if isinstance(left, float) else in_range(left * right, left)


def divide(left: Any, right: Any) -> Any:
    """`/`: integers are cut towards zero."""
    if not _same_numbers(left, right):
        raise _unsuited("_/_", left)
    if isinstance(left, float):
        if right:
            return left / right
        return math.nan if not left or math.isnan(left) else math.copysign(math.inf, left) * math.copysign(1, right)
    if right == 0:
        raise EvaluationError("division by zero")
    quotient = abs(left) // abs(right)
    return in_range(quotient if (left < 0) == (right < 0) else -quotient, left)


def modulo(left: Any, right: Any) -> Any:
    """`%`: the sign is the left one's."""
    if not _same_numbers(left, right) or isinstance(left, float):
        raise _unsuited("_%_", left)
    if right == 0:
        raise EvaluationError("modulus by zero")
    rest = abs(left) % abs(right)
    return in_range(rest if left >= 0 else -rest, left)


def negate(value: Any) -> Any:
    """`-` before a number."""
    if not is_number(value) or isinstance(value, UInt):
        raise EvaluationError("no such overload: -_")
    return -value if isinstance(value, float) else in_range(-value, value)


def index(container: Any, key: Any) -> Any:
    """`container[key]`."""
    if isinstance(container, Optional):
        return Optional(True, index(container.value, key)) if container.present else container
    if isinstance(container, Mapping):
        found = find_key(container, key)
        if found is None:
            raise EvaluationError(f"no such key: {key}")
        return container[found[0]]
    if isinstance(container, list | tuple):
        if not is_number(key) or int(key) != key:
            raise EvaluationError(f"unsupported index type '{type(key).__name__}' in list")
        if not 0 <= key < len(container):
            raise EvaluationError(f"index out of bounds: {int(key)}")
        return container[int(key)]
    raise EvaluationError("no such overload: _[_]")


def find_key(container: Mapping[Any, Any], key: Any) -> tuple[Any] | None:
    """The key of the map that equals `key`, in brackets; None if there is none."""
    if isinstance(key, float) and key.is_integer():
        key = int(key)
    if isinstance(key, bool) != any(isinstance(have, bool) for have in container if have == key):
        return None
    return (key,) if key in container else None


def contains(element: Any, container: Any) -> bool:
    """`element in container`."""
    if isinstance(container, Mapping):
        return find_key(container, element) is not None
    if isinstance(container, list | tuple):
        return any(equal(element, one) for one in container)
    raise EvaluationError("no such overload: @in")


def _same_numbers(left: Any, right: Any) -> bool:
    return is_number(left) and type(left) is type(right)


def _unsuited(name: str, left: Any, kinds: tuple[type, ...] = ()) -> EvaluationError:
    """What knows the operator says only that the other side is wrong; what does not, names it."""
    knows = is_number(left) or isinstance(left, kinds)
    return EvaluationError("no such overload" if knows else f"no such overload: {name}")


def _comparison(name: str, decide: Callable[[Any, Any], bool]) -> Implementation:
    def compare(left: Any, right: Any) -> bool:
        return decide(left, right)

    compare.__name__ = name
    return compare


COMPARISONS: dict[str, Implementation] = {
    "_<_": _comparison("less", lambda left, right: less(left, right, "_<_")),
    "_>_": _comparison("greater", lambda left, right: less(right, left, "_>_")),
    "_<=_": _comparison("less_equals", lambda left, right: less(left, right, "_<=_") or equal(left, right)),
    "_>=_": _comparison("greater_equals", lambda left, right: less(right, left, "_>=_") or equal(left, right)),
}
_ORDERED = ("bool", "int", "uint", "double", "string", "bytes", "timestamp", "duration")
_NUMBERS = ("int", "uint", "double")
_PAIRS = [(one, one) for one in _ORDERED] + [(a, b) for a in _NUMBERS for b in _NUMBERS if a != b]

FUNCTIONS: tuple[tuple[str, Implementation], ...] = (
    *((f"{name}({a}, {b}): bool", decide) for name, decide in COMPARISONS.items() for a, b in _PAIRS),
    *((f"_+_({one}, {one}): {one}", add) for one in (*_NUMBERS, "string", "bytes", "list(A)", "duration")),
    ("_+_(timestamp, duration): timestamp", add),
    ("_+_(duration, timestamp): timestamp", add),
    *((f"_-_({one}, {one}): {one}", subtract) for one in (*_NUMBERS, "duration")),
    ("_-_(timestamp, timestamp): duration", subtract),
    ("_-_(timestamp, duration): timestamp", subtract),
    *((f"_*_({one}, {one}): {one}", multiply) for one in _NUMBERS),
    *((f"_/_({one}, {one}): {one}", divide) for one in _NUMBERS),
    *((f"_%_({one}, {one}): {one}", modulo) for one in ("int", "uint")),
    *((f"-_({one}): {one}", negate) for one in ("int", "double")),
    ("_[_](list(A), int): A", index),
    ("_[_](map(A, B), A): B", index),
    ("_[_](optional_type(list(A)), int): optional_type(A)", index),
    ("_[_](optional_type(map(A, B)), A): optional_type(B)", index),
    ("@in(A, list(A)): bool", contains),
    ("@in(A, map(A, B)): bool", contains),
    ("_==_(A, A): bool", equal),
    ("_!=_(A, A): bool", lambda left, right: not equal(left, right)),
    ("!_(bool): bool", operator.not_),
    ("_&&_(bool, bool): bool", operator.and_),
    ("_||_(bool, bool): bool", operator.or_),
    ("_?_:_(bool, A, A): A", lambda test, yes, no: yes if test else no),
    ("@not_strictly_false(bool): bool", bool),
)
