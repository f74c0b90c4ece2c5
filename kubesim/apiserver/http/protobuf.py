"""Reading protobuf bodies: what kubectl since 1.32 sends for `create deployment` and its like, whatever we offer.

A Kubernetes protobuf body is four magic bytes and an envelope with apiVersion, kind and the message. Messages
carry numbers where JSON carries names; protobuf_fields.txt says which: a line a message, its field names in the
order of their numbers (`6:name` where numbers jump, `+type` for a message whose fields JSON shows as the
parent's own). The types come from the schema. Answers are never protobuf. Custom resource definitions and fields
newer than the table are not read.

Upstream: k8s.io/apimachinery/pkg/runtime/serializer/protobuf, generated.proto of each group.
"""

from __future__ import annotations

import struct
from base64 import b64encode
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from kubesim.api.errors import BadRequestError, UnsupportedMediaTypeError
from kubesim.api.schema.definitions import INT_OR_STRING, QUANTITY, Definition, read_definitions, reference_of, type_of
from kubesim.api.schema.go_types import KEPT_ZEROS
from kubesim.api.stored import Object
from kubesim.sim.clock import format_seconds

MAGIC = b"k8s\x00"
NESTING_MAX = 100
META = "io.k8s.apimachinery.pkg.apis."
TIME, MICRO_TIME, FIELDS = META + "meta.v1.Time", META + "meta.v1.MicroTime", META + "meta.v1.FieldsV1"
RAW = (FIELDS, "io.k8s.apimachinery.pkg.runtime.RawExtension")
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
TABLE = Path(__file__).with_name("protobuf_fields.txt")


class Field(NamedTuple):
    """One field of a message; `inline` names the message whose fields are the parent's own in JSON."""

    name: str
    inline: str = ""


def decode(body: bytes) -> Object:
    """The object in a protobuf body."""
    if not body.startswith(MAGIC):
        raise BadRequestError("couldn't get version/kind; provided data does not appear to be a protobuf message")
    try:
        envelope = dict(_fields(body[len(MAGIC) :]))
        type_meta = dict(_fields(envelope.get(1, b"")))
        api_version, kind = type_meta.get(1, b"").decode(), type_meta.get(2, b"").decode()
        name = _definition_name(api_version, kind)
        obj = Reader().message(name, envelope.get(2, b""))
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, struct.error, OverflowError) as error:
        raise BadRequestError(f"unable to decode the protobuf message: {error}") from None
    return {"kind": kind, "apiVersion": api_version, **obj}


class Reader:
    """Reads one message and those in it."""

    def __init__(self) -> None:
        self._definitions = read_definitions()
        self._depth = 0

    def message(self, name: str, data: bytes) -> Object:
        """A message as JSON would have it: what is zero and need not be said is left out."""
        self._depth += 1
        if self._depth > NESTING_MAX:
            raise ValueError("exceeded max depth")
        definition = self._definitions[name]
        found: Object = {}
        self._fill(found, _short(name), definition, data)
        self._depth -= 1
        required, kept = definition.get("required", ()), KEPT_ZEROS.get(_short(name), frozenset())
        return {
            field: value
            for field, value in found.items()
            if value is not None
            and (value not in ("", 0, False) or field in kept or (value != "" and field in required))
        }

    def _fill(self, found: Object, message: str, definition: Definition, data: bytes) -> None:
        table, properties = fields_of(message), definition["properties"]
        for number, value in _fields(data):
            field = table.get(number)
            if field is None:
                continue  # Newer than the table.
            if field.inline:
                self._fill(found, field.inline, definition, value)
            elif (schema := properties.get(field.name)) is not None:
                self._add(found, field.name, schema, value)

    def _add(self, found: Object, name: str, schema: Definition, value: Any) -> None:
        type_ = type_of(schema)
        if type_ == "array":
            found.setdefault(name, []).append(self._value(schema["items"], value))
        elif type_ == "object" and isinstance(schema.get("additionalProperties"), dict):
            entry = dict(_fields(value))
            values: Definition = schema["additionalProperties"]
            key = entry.get(1, b"").decode()
            found.setdefault(name, {})[key] = self._map_value(values, entry.get(2, b""))
        else:
            found[name] = self._value(schema, value)

    def _map_value(self, schema: Definition, value: Any) -> Any:
        if type_of(schema) != "array":
            return self._value(schema, value)
        return [
            self._value(schema["items"], item) for _, item in _fields(value)
        ]  # ExtraValue, Verbs: a list's message.

    def _value(self, schema: Definition, value: Any) -> Any:
        reference = reference_of(schema)
        if reference:
            return self._reference(reference, value)
        type_ = type_of(schema)
        if type_ == "boolean":
            return bool(value)
        if type_ == "integer":
            return value - (1 << 64) if value >= 1 << 63 else value
        if type_ == "number":
            return struct.unpack("<d", value)[0]
        if schema.get("format") == "byte":
            return b64encode(value).decode()
        return value.decode() if type_ == "string" else _raw(value)

    def _reference(self, name: str, data: bytes) -> Any:
        if name in (TIME, MICRO_TIME):
            return _time(data, micro=name == MICRO_TIME)
        if name == QUANTITY:
            return dict(_fields(data)).get(1, b"0").decode() or "0"
        if name == INT_OR_STRING:
            parts = dict(_fields(data))
            number = parts.get(2, 0)
            signed = number - (1 << 64) if number >= 1 << 63 else number
            return parts.get(3, b"").decode() if parts.get(1) else signed
        return _raw(data) if name in RAW else self.message(name, data)


def _time(data: bytes, *, micro: bool) -> str | None:
    parts = dict(_fields(data))
    if 1 not in parts:
        return None
    seconds = parts[1] - (1 << 64) if parts[1] >= 1 << 63 else parts[1]
    text = format_seconds(seconds)
    return f"{text[:-1]}.{parts.get(2, 0) // 1000:06d}Z" if micro else text


def _raw(data: bytes) -> Any:
    """JSON inside of protobuf."""
    raw = dict(_fields(data)).get(1, b"")
    return orjson.loads(raw) if raw else None


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """The numbers and values of a message, undecoded."""
    index, end = 0, len(data)
    while index < end:
        key, index = _varint(data, index)
        wire = key & 7
        value: Any
        if wire == VARINT:
            value, index = _varint(data, index)
        elif wire == BYTES:
            length, index = _varint(data, index)
            if index + length > end:
                raise ValueError("unexpected EOF")
            value, index = data[index : index + length], index + length
        elif wire in (FIXED64, FIXED32):
            width = 8 if wire == FIXED64 else 4
            value, index = data[index : index + width], index + width
        else:
            raise ValueError(f"illegal wire type {wire}")
        yield key >> 3, value


def _varint(data: bytes, index: int) -> tuple[int, int]:
    result = shift = 0
    while shift < 70:
        byte = data[index]
        index += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result & ((1 << 64) - 1), index
        shift += 7
    raise ValueError("integer overflow")


def _short(name: str) -> str:
    """`io.k8s.api.core.v1.Pod` → `core.v1.Pod`."""
    return ".".join(name.split(".")[-3:])


@lru_cache(1)
def _tables() -> dict[str, str]:
    lines = (line.partition(" ") for line in TABLE.read_text().splitlines())
    return {name: rest for name, _, rest in lines}


@lru_cache(1024)
def fields_of(message: str) -> dict[int, Field]:
    """The fields of a message by number."""
    fields, number = {}, 0
    for word in _tables()[message].split():
        jump, separator, name = word.rpartition(":")
        number = int(jump) if separator else number + 1
        fields[number] = Field("", name[1:]) if name.startswith("+") else Field(name)
    return fields


@lru_cache(256)
def _definition_name(api_version: str, kind: str) -> str:
    group, _, version = api_version.rpartition("/")
    for name, definition in read_definitions().items():
        if _short(name) not in _tables():
            continue
        for gvk in definition.get("x-kubernetes-group-version-kind", ()):
            if (gvk["group"], gvk["version"], gvk["kind"]) == (group, version, kind):
                return name
    raise UnsupportedMediaTypeError(
        f"kubesim does not read {kind} of {api_version} from protobuf: configure the client for application/json"
    )
