"""From text to tree, by the parser of Google's C++ CEL (the optional package `cel-expr-python`).

The package parses with the same ANTLR grammar as cel-go, so what it says of a syntax error is what Kubernetes
says. Its checker and evaluator are not used (docs/adr says why): it hands the tree over in serialised form, a
protobuf `ParsedExpr`, which is read here.

Upstream: cel.expr.ParsedExpr in proto/cel/expr/syntax.proto.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any

from kubesim.api.errors import InternalError
from kubesim.apiserver.cel.errors import CompileError
from kubesim.apiserver.cel.tree import Call, Constant, Entry, Fold, Ident, ListNode, Node, Select, Source, Struct
from kubesim.apiserver.cel.values import UInt

CODE_POINTS_MAX = 100_000
NOT_INSTALLED = "CEL expressions need an optional package: pip install 'kubesim[cel]'"
_PREFIX, _SUFFIX = "INVALID_ARGUMENT: ", " [INVALID_ARGUMENT]"
_SIGN_BIT, _WORD = 1 << 63, 1 << 64


def parse(text: str) -> tuple[Node, Source]:
    """The tree of an expression; CompileError with the parser's words."""
    if len(text) > CODE_POINTS_MAX:
        raise CompileError(f"expression code point size exceeds limit: size: {len(text)}, limit {CODE_POINTS_MAX}")
    try:
        serialized = _environment().compile(text, disable_check=True).serialize()
    except RuntimeError as error:
        raise CompileError(str(error).removeprefix(_PREFIX).removesuffix(_SUFFIX)) from None
    parsed = dict(_fields(dict(_fields(serialized))[2]))
    positions: dict[int, int] = {}
    for number, value in _fields(parsed.get(3, b"")):
        if number == 4:
            entry = dict(_fields(value))
            positions[entry.get(1, 0)] = entry.get(2, 0)
    return _node(parsed[2]), Source(text, positions)


def _environment() -> Any:
    """A fresh environment: half a millisecond, and no state that two clusters share."""
    try:
        from cel_expr_python import cel  # type: ignore[import-untyped]
        from cel_expr_python.ext import ext_optional  # type: ignore[import-untyped]
    except ImportError:
        raise InternalError(NOT_INSTALLED) from None
    return cel.NewEnv(extensions=[ext_optional.ExtOptional()])


def _node(data: bytes) -> Node:
    fields = dict(_fields(data))
    node_id = fields.pop(2, 0)
    if not fields:
        raise CompileError("the expression is empty")
    ((number, value),) = fields.items()
    return _BUILDERS[number](node_id, value)


def _constant(node_id: int, data: bytes) -> Node:
    ((number, value),) = _fields(data)
    kinds: dict[int, Callable[[Any], Any]] = {
        1: lambda _: None,
        2: bool,
        3: lambda word: word - _WORD if word & _SIGN_BIT else word,
        4: UInt,
        5: lambda eight: struct.unpack("<d", eight)[0],
        6: bytes.decode,
        7: bytes,
    }
    return Constant(node_id, kinds[number](value))


def _ident(node_id: int, data: bytes) -> Node:
    return Ident(node_id, dict(_fields(data))[1].decode())


def _select(node_id: int, data: bytes) -> Node:
    fields = dict(_fields(data))
    return Select(node_id, _node(fields[1]), fields[2].decode(), bool(fields.get(3)))


def _call(node_id: int, data: bytes) -> Node:
    fields = list(_fields(data))
    target = next((_node(value) for number, value in fields if number == 1), None)
    function = next(value.decode() for number, value in fields if number == 2)
    return Call(node_id, target, function, tuple(_node(value) for number, value in fields if number == 3))


def _list(node_id: int, data: bytes) -> Node:
    fields = list(_fields(data))
    optional = [index for number, value in fields if number == 2 for index in _packed(value)]
    return ListNode(node_id, tuple(_node(value) for number, value in fields if number == 1), frozenset(optional))


def _struct(node_id: int, data: bytes) -> Node:
    fields = list(_fields(data))
    name = next((value.decode() for number, value in fields if number == 1), "")
    return Struct(node_id, name, tuple(_entry(value) for number, value in fields if number == 2))


def _entry(data: bytes) -> Entry:
    fields = dict(_fields(data))
    key = fields[2].decode() if 2 in fields else _node(fields[3])
    return Entry(fields.get(1, 0), key, _node(fields[4]), bool(fields.get(5)))


def _fold(node_id: int, data: bytes) -> Node:
    fields = dict(_fields(data))
    start, condition, step, result = (_node(fields[number]) for number in (4, 5, 6, 7))
    return Fold(node_id, fields[1].decode(), _node(fields[2]), fields[3].decode(), start, condition, step, result)


_BUILDERS = {3: _constant, 4: _ident, 5: _select, 6: _call, 7: _list, 8: _struct, 9: _fold}


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """The fields of a protobuf message: (number, integer or bytes)."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield number, value
            continue
        size = 8
        if kind == 2:
            size, at = _varint(data, at)
        yield number, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _packed(data: bytes | int) -> list[int]:
    if isinstance(data, int):
        return [data]
    values, at = [], 0
    while at < len(data):
        value, at = _varint(data, at)
        values.append(value)
    return values
