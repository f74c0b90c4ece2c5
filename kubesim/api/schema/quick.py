"""Quick predicates: is a value fine as it is, with nothing to complain about and nothing to change?

Nearly every object that reaches the server is, so this pass decides alone; only for the others does
`kubesim.api.schema.walk` go through the object again, with paths, and make the canonical copy. A predicate is a
plain type where comparing types is enough, else a closure.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from kubesim.api.quantity import CACHE_SIZE, canonical, canonical_resource
from kubesim.api.schema.node import (
    BOOL,
    BYTES,
    FLOAT,
    INT32,
    INT64,
    INT_OR_STRING,
    LIST,
    MAP,
    MICRO_TIME,
    OBJECT,
    QUANTITY,
    SCHEMA_OR_OTHER,
    STRING,
    TIME,
    Node,
    Quick,
)
from kubesim.api.schema.scalars import is_canonical_bytes, is_canonical_micro_time, is_canonical_time

INT32_LIMIT = 2**31
INT64_LIMIT = 2**63
Predicate = Callable[[Any], bool]


def quick_of(node: Node) -> Quick:
    """The predicate of a node that is no object; its item and its place's attributes are known."""
    quick: Quick
    if node.kind == LIST:
        assert node.item is not None
        quick = _list(node.item.quick, node.drops_zero)
    elif node.kind == MAP:
        assert node.item is not None
        quick = _map(node.item, node.drops_zero)
    elif node.kind == SCHEMA_OR_OTHER:
        quick = _schema_or_other(node)
    elif node.kind == INT32 and node.drops_zero:
        quick = _int32_but_zero
    else:
        quick = _SCALARS.get(node.kind, _anything)
    return _or_null(quick) if node.keeps_null and not isinstance(quick, type) else quick


def quick_object(fields: dict[str, Node]) -> Predicate:
    """The predicate of an object with these fields."""
    # The tables fill at the first call, when the kind is compiled: a type may contain itself.
    types: dict[str, Quick] = {}
    checks: dict[str, Predicate] = {}
    drops: set[str] = set()

    def fill() -> None:
        for name, node in fields.items():
            types[name] = node.quick
            if not isinstance(node.quick, type):
                checks[name] = node.quick
            if node.drops_zero:
                drops.add(name)

    def check(value: Any) -> bool:
        if type(value) is not dict:
            return False
        if not types:
            fill()
        try:
            for name, part in value.items():
                if types[name] is type(part):
                    if part or name not in drops:
                        continue
                    return False
                if not checks[name](part):
                    return False
        except KeyError:  # An unknown field, or a scalar of a wrong type.
            return False
        return True

    return check


def _list(item: Quick, drops_empty: bool) -> Predicate:
    if isinstance(item, type):

        def check_types(value: Any) -> bool:
            return type(value) is list and (bool(value) or not drops_empty) and all(type(i) is item for i in value)

        return check_types

    def check(value: Any) -> bool:
        if type(value) is not list or (drops_empty and not value):
            return False
        return all(map(item, value))

    return check


def _map(item_node: Node, drops_empty: bool) -> Predicate:
    item: Any = _canonical_resource if item_node.kind == QUANTITY else item_node.quick
    if isinstance(item, type):

        def check_types(value: Any) -> bool:
            if type(value) is not dict or (drops_empty and not value):
                return False
            return all(type(part) is item for part in value.values())

        return check_types

    def check(value: Any) -> bool:
        if type(value) is not dict or (drops_empty and not value):
            return False
        return all(map(item, value.values()))

    return check


def is_fine(node: Node, value: Any, trusted: Any = None) -> bool:
    """Whether the value of a field is fine.

    `trusted` is an earlier value of the same field that is: the fields of an object and the items of a list that
    both share by identity are not looked at again.
    """
    quick = node.quick
    if isinstance(quick, type):
        return type(value) is quick and (bool(value) or not node.drops_zero)
    if type(trusted) is dict and type(value) is dict and node.kind == OBJECT:
        return _is_fine_since(node, value, trusted)
    if node.kind == LIST and trusted and value and type(trusted) is list and type(value) is list:
        known = {id(item) for item in trusted}
        assert node.item is not None
        return all(id(item) in known or is_fine(node.item, item) for item in value)
    return quick(value) and (bool(value) or not node.drops_zero)


def _is_fine_since(node: Node, value: dict[str, Any], trusted: dict[str, Any]) -> bool:
    for name, part in value.items():
        if part is trusted.get(name, value):
            continue
        child = node.fields.get(name)
        if child is None or not is_fine(child, part, trusted.get(name)):
            return False
    return True


def _schema_or_other(node: Node) -> Predicate:
    check = quick_object(node.fields)

    def check_schema(value: Any) -> bool:
        if type(value) is list:
            return all(type(item) is str or check(item) for item in value)
        return type(value) is bool or check(value)

    return check_schema


def _or_null(check: Predicate) -> Predicate:
    def check_nullable(value: Any) -> bool:
        return value is None or check(value)

    return check_nullable


def _int32(value: Any) -> bool:
    return type(value) is int and -INT32_LIMIT <= value < INT32_LIMIT


def _int32_but_zero(value: Any) -> bool:
    return value != 0 and _int32(value)


def _float(value: Any) -> bool:
    return type(value) is float or type(value) is int


def _int_or_string(value: Any) -> bool:
    return type(value) is str or _int32(value)


def _time(value: Any) -> bool:
    return type(value) is str and is_canonical_time(value) is not None


def _micro_time(value: Any) -> bool:
    return type(value) is str and is_canonical_micro_time(value) is not None


def _quantity(value: Any) -> bool:
    return type(value) is str and _is_canonical(value)


def _canonical_resource(value: Any) -> bool:
    return type(value) is str and _is_canonical_resource(value)


@lru_cache(CACHE_SIZE)
def _is_canonical(value: str) -> bool:
    try:
        return canonical(value) == value
    except ValueError:
        return False


@lru_cache(CACHE_SIZE)
def _is_canonical_resource(value: str) -> bool:
    try:
        return canonical_resource(value) == value
    except ValueError:
        return False


def _anything(_value: Any) -> bool:
    return True


_SCALARS: dict[str, Quick] = {
    STRING: str,
    BOOL: bool,
    INT32: _int32,
    INT64: int,
    FLOAT: _float,
    BYTES: is_canonical_bytes,
    TIME: _time,
    MICRO_TIME: _micro_time,
    QUANTITY: _quantity,
    INT_OR_STRING: _int_or_string,
}
