"""How Go prints a plain value with %v: error messages of patches quote objects that way."""

from __future__ import annotations

from typing import Any


def go_text(value: Any) -> str:
    """`{"a": 1, "b": ["x", None]}` → `map[a:1 b:[x <nil>]]`; keys in order."""
    if isinstance(value, dict):
        return f"map[{' '.join(f'{name}:{go_text(value[name])}' for name in sorted(value))}]"
    if isinstance(value, list):
        return f"[{' '.join(map(go_text, value))}]"
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def json_type(value: Any) -> str:
    """What Go's JSON decoder calls the type of a value."""
    names = {dict: "object", list: "array", str: "string", bool: "bool", int: "number", float: "number"}
    return names.get(type(value), "null")
