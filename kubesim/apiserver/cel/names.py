"""Names that mean something by themselves: types, qualified names, and the macros with two variables."""

from __future__ import annotations

from typing import NamedTuple

from kubesim.apiserver.cel.tree import Ident, Node, Select
from kubesim.apiserver.cel.types import DYN, Type, type_of_type

_TYPE_NAMES = ("bool", "int", "uint", "double", "string", "bytes", "list", "map", "null_type", "type", "duration",
               "timestamp", "optional_type")  # fmt: skip
_LONG_NAMES = {"google.protobuf.Timestamp": "timestamp", "google.protobuf.Duration": "duration"}


class PairMacro(NamedTuple):
    """A macro such as `list.all(index, value, test)`. `is_test`: its last argument is true or false."""

    is_test: bool


PAIR_MACROS = {
    "all": PairMacro(True),
    "exists": PairMacro(True),
    "existsOne": PairMacro(True),
    "exists_one": PairMacro(True),
    "transformList": PairMacro(False),
    "transformMap": PairMacro(False),
    "transformMapEntry": PairMacro(False),
}


def type_names() -> dict[str, Type]:
    """The identifiers that stand for types: `type(x) == string`."""
    found = {name: type_of_type(Type(name)) for name in _TYPE_NAMES if name not in ("type", "duration", "timestamp")}
    found.update({name: type_of_type(Type(short)) for name, short in _LONG_NAMES.items()})
    return {**found, "type": type_of_type(DYN)}


def qualified_name(node: Node) -> str:
    """`a.b.c` if the node is such a chain of names; else ""."""
    if isinstance(node, Ident):
        return node.name
    if isinstance(node, Select) and not node.test_only:
        prefix = qualified_name(node.operand)
        return f"{prefix}.{node.field}" if prefix else ""
    return ""
