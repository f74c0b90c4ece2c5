"""The types of expressions: what the checker knows of a value before there is one.

`DYN` fits everything; nothing is checked below it. Objects have fields: `object_type` makes one from its fields,
`schema_type` from the OpenAPI schema of a custom resource. A type whose name is one capital letter is a
parameter of a generic function.

Upstream: cel-go common/types, k8s.io/apiserver/pkg/cel/types.go and schemas.go (SchemaDeclType).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kubesim.apiserver.cel.escaping import escape


class Type:
    """A type with its parameters. Two are equal if name and parameters are."""

    __slots__ = ("fields", "name", "params")

    def __init__(self, name: str, params: tuple[Type, ...] = (), fields: Mapping[str, Type] | None = None) -> None:
        self.name = name
        self.params = params
        self.fields = fields  # Of objects only.

    @property
    def is_variable(self) -> bool:
        """Whether it is a parameter of a generic function."""
        return len(self.name) == 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Type) and (self.name, self.params) == (other.name, other.params)

    def __hash__(self) -> int:
        return hash((self.name, self.params))

    def __str__(self) -> str:
        name = "null" if self.name == "null_type" else self.name
        return f"{name}({', '.join(map(str, self.params))})" if self.params else name

    __repr__ = __str__


DYN, ERROR, BOOL, INT, UINT, DOUBLE, STRING, BYTES, NULL, TIMESTAMP, DURATION = map(
    Type,
    ("dyn", "!error!", "bool", "int", "uint", "double", "string", "bytes", "null_type", "timestamp", "duration"),
)
ANY = (DYN, ERROR)


def list_of(element: Type) -> Type:
    """list(element)."""
    return Type("list", (element,))


def map_of(key: Type, value: Type) -> Type:
    """map(key, value)."""
    return Type("map", (key, value))


def optional_of(value: Type) -> Type:
    """optional_type(value)."""
    return Type("optional_type", (value,))


def type_of_type(value: Type) -> Type:
    """type(value)."""
    return Type("type", (value,))


def object_type(name: str, fields: Mapping[str, Type]) -> Type:
    """An object with known fields: any other is `undefined field`."""
    return Type(name, (), dict(fields))


def parse_type(text: str) -> Type:
    """The type that `list(A)`, `map(string, dyn)` or `int` means."""
    name, bracket, rest = text.strip().partition("(")
    if not bracket:
        return Type(name)
    parts, depth, start = [], 0, 0
    inner = rest[: rest.rindex(")")]
    for at, sign in enumerate(inner + ","):
        depth += (sign == "(") - (sign == ")")
        if sign == "," and depth == 0:
            parts.append(parse_type(inner[start:at]))
            start = at + 1
    return Type(name, tuple(parts))


_SCALARS = {"integer": INT, "number": DOUBLE, "boolean": BOOL}
_FORMATS = {"date": TIMESTAMP, "date-time": TIMESTAMP, "duration": DURATION, "byte": BYTES}
_METADATA = object_type("metadata", {"name": STRING, "generateName": STRING})


def schema_type(schema: Mapping[str, Any], name: str = "selfType", *, is_resource: bool = False) -> Type:
    """The type of the values that an OpenAPI schema describes. A resource has apiVersion, kind and metadata too."""
    if schema.get("x-kubernetes-int-or-string"):
        return DYN
    if schema.get("x-kubernetes-embedded-resource"):
        is_resource = True
    kind = schema.get("type", "")
    if kind == "array":
        items = schema.get("items")
        return list_of(schema_type(items, f"{name}.@idx")) if isinstance(items, Mapping) else DYN
    if kind == "object":
        return _object(schema, name, is_resource)
    if kind == "string":
        return _FORMATS.get(schema.get("format", ""), STRING)
    return _SCALARS.get(kind, DYN)


def _object(schema: Mapping[str, Any], name: str, is_resource: bool) -> Type:
    additional = schema.get("additionalProperties")
    if isinstance(additional, Mapping):
        return map_of(STRING, schema_type(additional, f"{name}.@elem"))
    properties = schema.get("properties")
    if not properties and not is_resource:
        if schema.get("x-kubernetes-preserve-unknown-fields") or additional:
            return DYN
        return object_type(name, {})
    fields = {}
    for key, value in (properties or {}).items():
        escaped = escape(key)
        if escaped is not None and not (is_resource and key == "metadata"):
            fields[escaped] = schema_type(value, f"{name}.{escaped}")
    if is_resource:
        fields.update(apiVersion=STRING, kind=STRING, metadata=_METADATA)
    return object_type(name, fields)
