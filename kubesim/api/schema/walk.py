"""The thorough pass over an object: every complaint with its path, and the canonical copy.

It does what decoding into Go structs and encoding again does: unknown fields are noted and left out, nulls and
empty optional fields vanish, quantities, times and bytes take their canonical form; a value of a wrong type
ends it, in the words of Go's decoder. What the quick predicates accept is shared, not copied.
Upstream: sigs.k8s.io/json.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from kubesim.api.quantity import FORMAT_WRONG, canonical, canonical_resource
from kubesim.api.schema.node import (
    ANY,
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
)
from kubesim.api.schema.quick import INT32_LIMIT, INT64_LIMIT, is_fine
from kubesim.api.schema.scalars import canonical_bytes, canonical_micro_time, canonical_time

LIMITS = {INT32: INT32_LIMIT, INT64: INT64_LIMIT}


class DecodeError(ValueError):
    """An object cannot be decoded as its kind; the text is that of the upstream JSON decoder.

    `conversion` is what upstream says instead when the object comes out of a strategic merge patch.
    """

    def __init__(self, message: str, conversion: str = "") -> None:
        super().__init__(message)
        self.conversion = conversion or message


class Place(NamedTuple):
    """Where the walk is: as Go's decoder says it (struct and field names only) and as a path with indexes."""

    struct: str = ""
    go_path: str = ""
    path: str = ""

    def at(self, struct: str, name: str) -> Place:
        """A field of this struct."""
        go_path = f"{self.go_path}.{name}" if self.go_path else name
        return Place(struct, go_path, f"{self.path}.{name}" if self.path else name)

    def item(self, text: str) -> Place:
        """An item of this list (`[0]`) or value of this map (`.key`)."""
        return Place(self.struct, self.go_path, self.path + text)


class Walk:
    """One thorough pass. `unknown` collects the paths of unknown fields, in the order met."""

    def __init__(self) -> None:
        self.unknown: list[str] = []
        self._by_kind: dict[str, Callable[[Node, Any, Place], Any]] = {
            OBJECT: self._object,
            MAP: self._map,
            LIST: self._list,
            ANY: _keep,
            SCHEMA_OR_OTHER: self._schema_or_other,
        }

    def value(self, node: Node, value: Any, place: Place = Place()) -> Any:  # noqa: B008 (immutable)
        """The canonical form of a value that is not null."""
        walk = self._by_kind.get(node.kind)
        return walk(node, value, place) if walk else _scalar(node, value, place)

    def _object(self, node: Node, value: Any, place: Place) -> Any:
        if type(value) is not dict:
            raise _mismatch(node, value, place)
        result: dict[str, Any] = {}
        for name, part in value.items():
            child = node.fields.get(name)
            at = place.at(node.struct, name)
            if child is None:
                self.unknown.append(at.path)
            elif part is None:
                if child.keeps_null:
                    result[name] = None
            elif is_fine(child, part):
                result[name] = part
            else:
                made = self.value(child, part, at)
                if made or not child.drops_zero:
                    result[name] = made
        return result

    def _map(self, node: Node, value: Any, place: Place) -> Any:
        if type(value) is not dict:
            raise _mismatch(node, value, place)
        item = node.item
        assert item is not None
        result: dict[str, Any] = {}
        for name, part in value.items():
            if item.kind == QUANTITY:
                result[name] = _quantity(part, canonical_resource)
            else:
                result[name] = _zero(item) if part is None else self.value(item, part, place.item(f".{name}"))
        return result

    def _list(self, node: Node, value: Any, place: Place) -> Any:
        if type(value) is not list:
            raise _mismatch(node, value, place)
        item = node.item
        assert item is not None
        return [
            _zero(item) if part is None else self.value(item, part, place.item(f"[{index}]"))
            for index, part in enumerate(value)
        ]

    def _schema_or_other(self, node: Node, value: Any, place: Place) -> Any:
        if type(value) is list:
            return [
                self._object(node, part, place.item(f"[{index}]")) if type(part) is dict else part
                for index, part in enumerate(value)
            ]
        return value if type(value) is bool else self._object(node, value, place)


def _keep(_node: Node, value: Any, _place: Place) -> Any:
    return value


def _scalar(node: Node, value: Any, place: Place) -> Any:
    kind = node.kind
    if kind in LIMITS:
        if type(value) is not int or not -LIMITS[kind] <= value < LIMITS[kind]:
            raise _mismatch(node, value, place, number=value)
        return value
    if kind == QUANTITY:
        return _quantity(value, canonical)
    if kind == INT_OR_STRING:
        if type(value) is str or (type(value) is int and -INT32_LIMIT <= value < INT32_LIMIT):
            return value
        raise DecodeError(f"json: cannot unmarshal {_json_type(value, value)} into Go value of type int32")
    if kind in (BOOL, FLOAT):
        if type(value) in ((bool,) if kind == BOOL else (int, float)):
            return value
        raise _mismatch(node, value, place)
    if type(value) is not str:
        if kind in (TIME, MICRO_TIME):
            place = Place()  # Their own decoder does not know where it is.
        raise _mismatch(node, value, place)
    return _text(kind, value)


def _text(kind: str, value: str) -> str:
    if kind == STRING:
        return value
    canonical_form = {TIME: canonical_time, MICRO_TIME: canonical_micro_time, BYTES: canonical_bytes}[kind]
    try:
        return canonical_form(value)
    except ValueError as error:
        raise DecodeError(str(error)) from error


def _quantity(value: Any, canonical_form: Callable[[Any], str]) -> str:
    if value is None:
        return "0"
    if type(value) not in (str, int, float):
        raise DecodeError(FORMAT_WRONG)
    try:
        return canonical_form(value)
    except ValueError as error:
        raise DecodeError(str(error)) from error


def _mismatch(node: Node, value: Any, place: Place, number: Any = None) -> DecodeError:
    """Go's complaint about a value of a wrong type."""
    into = f"struct field {place.struct}.{place.go_path}" if place.struct else "value"
    message = f"json: cannot unmarshal {_json_type(value, number)} into Go {into} of type {node.go_type}"
    return DecodeError(message, _conversion(node, value))


def _conversion(node: Node, value: Any) -> str:
    """The complaint of the converter from maps to structs about the same."""
    kinds = {dict: "map", list: "slice", str: "string", bool: "bool", int: "int64", float: "float64"}
    found = kinds.get(type(value), "invalid")
    wanted = {OBJECT: "struct from:", MAP: "map from", LIST: "slice from"}.get(node.kind)
    if wanted:
        return f"cannot restore {wanted} {found}"
    types = {"map": "map[string]interface {}", "slice": "[]interface {}"}
    return f"cannot convert {types.get(found, found)} to {node.go_type}"


def _json_type(value: Any, number: Any = None) -> str:
    """What Go's decoder calls it; a number that a whole-number field cannot hold is quoted."""
    if type(value) in (int, float):
        return "number" if number is None else f"number {number}"
    return {str: "string", bool: "bool", list: "array", dict: "object"}.get(type(value), "null")


def _zero(node: Node) -> Any:
    """What a null item of a list or map becomes: Go's zero value."""
    zeros: dict[str, Any] = {OBJECT: {}, MAP: None, LIST: None, STRING: "", BOOL: False, QUANTITY: "0"}
    return zeros.get(node.kind, 0 if node.kind in (INT32, INT64, FLOAT) else None)
