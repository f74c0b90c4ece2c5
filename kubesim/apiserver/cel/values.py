"""Values: JSON values are themselves; what JSON lacks is here. And what `==` and `<` mean between them.

int, float, str, bool, None, list, dict (any Mapping), bytes, datetime and timedelta stand for their CEL types.

Upstream: cel-go common/types.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from kubesim.apiserver.cel.errors import EvaluationError
from kubesim.apiserver.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    NULL,
    STRING,
    TIMESTAMP,
    UINT,
    Type,
    list_of,
    map_of,
    optional_of,
)

INT_MIN, INT_MAX, UINT_MAX = -(1 << 63), (1 << 63) - 1, (1 << 64) - 1


class UInt(int):
    """An unsigned number."""

    __slots__ = ()


class Optional:
    """A value that may be missing."""

    __slots__ = ("present", "value")

    def __init__(self, present: bool = False, value: Any = None) -> None:
        self.present = present
        self.value = value


class Literal(dict[str, Any]):
    """`Object.spec{…}`: fields, and the name that they were given."""

    def __init__(self, name: str, fields: Mapping[str, Any]) -> None:
        super().__init__(fields)
        self.name = name


class Opaque:
    """A value of a type of Kubernetes' own (Quantity, IP …): `kind` names it, `value` is what it is."""

    __slots__ = ("kind", "value")

    def __init__(self, kind: str, value: Any) -> None:
        self.kind = kind
        self.value = value


_TYPES: dict[type, Type] = {
    bool: BOOL, int: INT, UInt: UINT, float: DOUBLE, str: STRING, bytes: BYTES, type(None): NULL,
    list: list_of(DYN), tuple: list_of(DYN), dict: map_of(DYN, DYN), datetime: TIMESTAMP, timedelta: DURATION,
    Optional: optional_of(DYN),
}  # fmt: skip


def type_of(value: Any) -> Type:
    """The type of a value."""
    known = _TYPES.get(type(value))
    if known is not None:
        return known
    if isinstance(value, Opaque):
        return Type(value.kind)
    if isinstance(value, Type):
        return Type("type")
    if isinstance(value, Literal):
        return Type(value.name)
    return map_of(DYN, DYN) if isinstance(value, Mapping) else DYN


def is_number(value: Any) -> bool:
    """int, uint or double; a bool is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def equal(left: Any, right: Any) -> bool:
    """`==`: values of different kinds differ, but numbers compare by value."""
    if isinstance(left, list | tuple):
        return isinstance(right, list | tuple) and len(left) == len(right) and all(map(equal, left, right))
    if isinstance(left, Mapping):
        return (
            isinstance(right, Mapping)
            and len(left) == len(right)
            and all(key in right and equal(value, right[key]) for key, value in left.items())
        )
    if is_number(left):
        return is_number(right) and left == right
    if isinstance(left, Optional):
        if not isinstance(right, Optional) or left.present != right.present:
            return False
        return not left.present or equal(left.value, right.value)
    if isinstance(left, Opaque):
        return isinstance(right, Opaque) and left.kind == right.kind and bool(left.value == right.value)
    return type(left) is type(right) and bool(left == right)


_ORDERED = (str, bytes, datetime, timedelta)


def less(left: Any, right: Any, operator: str) -> bool:
    """`<`, for what has an order."""
    if is_number(left):
        if is_number(right):
            return bool(left < right)
    elif isinstance(left, bool):
        if isinstance(right, bool):
            return left < right
    elif type(left) in _ORDERED:
        if type(left) is type(right):
            return bool(left < right)
    else:
        raise EvaluationError(f"no such overload: {operator}")
    raise EvaluationError("no such overload")


def in_range(value: int, like: Any) -> int:
    """An integer result, if it fits into 64 bits."""
    if isinstance(like, UInt):
        if not 0 <= value <= UINT_MAX:
            raise EvaluationError("unsigned integer overflow")
        return UInt(value)
    if not INT_MIN <= value <= INT_MAX:
        raise EvaluationError("integer overflow")
    return value
