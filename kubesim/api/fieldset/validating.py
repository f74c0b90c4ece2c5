"""Whether an applied configuration fits its type, in upstream's words, which are those of Go's %v and %#v.

Upstream: sigs.k8s.io/structured-merge-diff/v6/typed/validate.go.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.fieldset.atoms import (
    TypedError,
    TypeNode,
    child_of,
    is_associative_list,
    is_declared,
    item_element,
    item_of,
)
from kubesim.api.fieldset.elements import element_text, field_element
from kubesim.api.patch.go_text import go_text
from kubesim.api.schema.node import BOOL, BYTES, FLOAT, INT32, INT64, LIST, MAP, MICRO_TIME, OBJECT, STRING, TIME, Node

NUMBERS = (INT32, INT64, FLOAT)
TIMES = (TIME, MICRO_TIME)
_GO_TYPES: dict[type, str] = {
    str: "string", bool: "bool", int: "int64", float: "float64", dict: "map[string]interface {}", list: "[]interface {}"
}  # fmt: skip


def validate(node: TypeNode, value: Any) -> None:
    """TypedError with everything that is wrong."""
    problems = _problems(node, value)
    if len(problems) == 1:
        raise TypedError(_line(problems[0]))
    if problems:
        raise TypedError("\n".join(["errors:", *(f"  {_line(problem)}" for problem in problems)]))


Problem = tuple[str, str]  # Where, and what.


def _line(problem: Problem) -> str:
    where, what = problem
    return f"{where}: {what}" if where else what


def _problems(node: TypeNode, value: Any) -> list[Problem]:
    if node is None or value is None:
        return []
    if node.kind in (OBJECT, MAP):
        if type(value) is not dict:
            return [("", f"expected map, got {_pointer(value)}")]
        return _map_problems(node, value)
    if node.kind == LIST:
        if type(value) is not list:
            return [("", f"expected list, got {_pointer(value)}")]
        return _list_problems(node, value)
    return _scalar_problems(node.kind, value)


def _map_problems(node: Node, value: dict[str, Any]) -> list[Problem]:
    problems: list[Problem] = []
    for name, part in value.items():
        prefix = element_text(field_element(name))
        if not is_declared(node, name) and node.item is None and not node.preserves_unknown:
            return [*problems, (prefix, "field not declared in schema")]
        problems += [(prefix + where, what) for where, what in _problems(child_of(node, name), part)]
    return problems


def _list_problems(node: Node, items: list[Any]) -> list[Problem]:
    problems: list[Problem] = []
    seen: set[str] = set()
    item = item_of(node)
    for index, part in enumerate(items):
        prefix = f"[{index}]"
        if is_associative_list(node):
            try:
                element = item_element(node, index, part)
            except TypedError as error:
                return [*problems, ("", str(error).removeprefix(": "))]
            prefix = element_text(element)
            if element in seen:
                problems.append(("", f"duplicate entries for key {prefix}"))
            seen.add(element)
        problems += [(prefix + where, what) for where, what in _problems(item, part)]
    return problems


def _scalar_problems(kind: str, value: Any) -> list[Problem]:
    if kind in NUMBERS:
        if type(value) in (int, float):
            return []
        return [("", f"expected numeric (int or float), got {_GO_TYPES.get(type(value), '<nil>')}")]
    if kind in (STRING, BYTES):
        return [] if type(value) is str else [("", f"expected string, got {_value_struct(value)}")]
    if kind == BOOL:
        return [] if type(value) is bool else [("", f"expected boolean, got {_pointer(value)}")]
    if kind in TIMES and type(value) in (dict, list):
        return [("", f"expected any scalar, got {_pointer(value)}")]
    return []


def _pointer(value: Any) -> str:
    """`%v` of upstream's value, which is a pointer to a struct with one field."""
    return f"&{{{go_text(value)}}}"


def _value_struct(value: Any) -> str:
    """`%#v` of the same."""
    return f"&value.valueUnstructured{{Value:{_syntax(value)}}}"


def _syntax(value: Any) -> str:
    """`%#v` of a plain value."""
    if isinstance(value, dict):
        pairs = (f'"{name}":{_syntax(value[name])}' for name in sorted(value))
        return f"map[string]interface {{}}{{{', '.join(pairs)}}}"
    if isinstance(value, list):
        return f"[]interface {{}}{{{', '.join(map(_syntax, value))}}}"
    if isinstance(value, str):
        return f'"{value}"'
    return "interface {}(nil)" if value is None else go_text(value)
