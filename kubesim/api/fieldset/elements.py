"""Path elements: one step from a value to a part of it, in the text that FieldsV1 writes.

    f:spec                                          the field `spec` of a struct or map
    k:{"containerPort":80,"protocol":"TCP"}         the item of a list that has these keys
    v:"example.com/finalizer"                       the item of a set that is this value
    i:0                                             the item at an index (only in what others have written)

The text itself is the element: it is hashable, shared, and what goes over the wire. Order and human form are
derived from it. Upstream: sigs.k8s.io/structured-merge-diff/v6/fieldpath, element.go and serialize-pe.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import orjson

CACHE_SIZE = 1 << 16
FIELD, KEY, VALUE, INDEX = "f:", "k:", "v:", "i:"
# Go's JSON encoder does this for the sake of HTML.
_HTML = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026", 0x2028: "\\u2028", 0x2029: "\\u2029"}
# The order among kinds of elements, and of values: numbers, strings, booleans, lists, maps, null.
_ORDER = {FIELD: 0, KEY: 1, VALUE: 2, INDEX: 3}
_VALUE_ORDER: dict[type, int] = {int: 0, float: 0, str: 1, bool: 2, list: 3, dict: 4}


class ElementError(ValueError):
    """A text is no path element."""


@lru_cache(CACHE_SIZE)
def field_element(name: str) -> str:
    """The element of a field or map key."""
    return FIELD + name


@lru_cache(CACHE_SIZE, typed=True)
def key_element(name: str, value: Any) -> str:
    """The element of an item with one key."""
    return f"{KEY}{{{_json(name)}:{_json(value)}}}"


def keys_element(keys: Mapping[str, Any]) -> str:
    """The element of an item with several keys, which are sorted by name."""
    pairs = (f"{_json(name)}:{_json(keys[name])}" for name in sorted(keys))
    return f"{KEY}{{{','.join(pairs)}}}"


@lru_cache(CACHE_SIZE, typed=True)
def value_element(value: Any) -> str:
    """The element of an item of a set."""
    return VALUE + _json(value)


@lru_cache(CACHE_SIZE)
def sort_key(element: str) -> tuple[Any, ...]:
    """Elements compare as these do."""
    prefix, text = element[:2], element[2:]
    if prefix == FIELD:
        return 0, text
    if prefix == INDEX:
        return 3, int(text)
    value = orjson.loads(text)
    if prefix == VALUE:
        return 2, _value_key(value)
    return 1, tuple((name, _value_key(value[name])) for name in sorted(value))


@lru_cache(CACHE_SIZE)
def canonical(element: str) -> str:
    """An element that somebody has sent, in the form of ours; "" for one of an unknown kind."""
    if len(element) < 2:
        raise ElementError("key must be 2 characters long:")
    if element[1] != ":":
        raise ElementError(f"missing colon: {element}")
    prefix, text = element[:2], element[2:]
    if prefix not in _ORDER:
        return ""
    if prefix == FIELD:
        return element
    try:
        if prefix == INDEX:
            return f"{INDEX}{int(text)}"
        value = orjson.loads(text)
    except ValueError as error:
        raise ElementError(str(error)) from None
    if prefix == VALUE:
        return VALUE + _json(value)
    if not isinstance(value, dict):
        raise ElementError(f"expected an object: {element}")
    return keys_element(value)


def path_text(path: Iterable[str]) -> str:
    """A path as messages show it: `.spec.containers[name="c"].image`."""
    return "".join(map(element_text, path))


def element_text(element: str) -> str:
    """One element as messages show it."""
    prefix, text = element[:2], element[2:]
    if prefix == FIELD:
        return f".{text}"
    if prefix == INDEX:
        return f"[{text}]"
    value = orjson.loads(text)
    if prefix == VALUE:
        return f"[={_shown(value)}]"
    return f"[{','.join(f'{name}={_shown(value[name])}' for name in sorted(value))}]"


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return orjson.dumps(value).decode()
    if isinstance(value, bool):
        return "true" if value else "false"
    return orjson.dumps(value).decode()


def _json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode().translate(_HTML)


def _value_key(value: Any) -> tuple[int, Any]:
    order = _VALUE_ORDER.get(type(value), 5)
    if order <= 2:
        return order, value
    return order, orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
