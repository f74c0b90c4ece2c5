"""The tree of a parsed expression, as the parser hands it over: macros such as `all` and `map` are expanded.

Upstream: cel.expr.Expr (proto/cel/expr/syntax.proto). Node ids lead to positions in the text.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias


class Constant(NamedTuple):
    """A literal."""

    id: int
    value: Any


class Ident(NamedTuple):
    """A variable, or the first part of a qualified name."""

    id: int
    name: str


class Select(NamedTuple):
    """`operand.field`, or has(operand.field)."""

    id: int
    operand: Node
    field: str
    test_only: bool


class Call(NamedTuple):
    """A function or an operator; `target` is None unless it is called as a member."""

    id: int
    target: Node | None
    function: str
    arguments: tuple[Node, ...]


class ListNode(NamedTuple):
    """`[a, ?b]`; `optional` holds the indices of the optional elements."""

    id: int
    elements: tuple[Node, ...]
    optional: frozenset[int]


class Entry(NamedTuple):
    """One field or key of a struct or map."""

    id: int
    key: str | Node
    value: Node
    optional: bool


class Struct(NamedTuple):
    """`{"a": 1}` (name is empty) or `Object{spec: …}`."""

    id: int
    name: str
    entries: tuple[Entry, ...]


class Fold(NamedTuple):
    """What every macro over lists and maps becomes: a loop with one accumulator."""

    id: int
    variable: str
    range: Node
    accumulator: str
    start: Node
    condition: Node
    step: Node
    result: Node


Node: TypeAlias = Constant | Ident | Select | Call | ListNode | Struct | Fold


class Source(NamedTuple):
    """The text, and where in it each node stands (in characters)."""

    text: str
    positions: dict[int, int]

    def error(self, node_id: int, message: str) -> tuple[int, str]:
        """(Position, message) as cel-go draws it."""
        offset = self.positions.get(node_id, 0)
        start = self.text.rfind("\n", 0, offset) + 1
        line = self.text.count("\n", 0, start) + 1
        end = self.text.find("\n", start)
        snippet = self.text[start : end if end >= 0 else None].replace("\t", " ")
        column = offset - start
        return offset, f"ERROR: <input>:{line}:{column + 1}: {message}\n | {snippet}\n | {'.' * column}^"
