"""`'%s has %d'.format([name, count])`. Upstream: cel-go ext/formatting.go."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from kubesim.apiserver.cel.errors import EvaluationError
from kubesim.apiserver.cel.functions.times import duration_text, timestamp_text
from kubesim.apiserver.cel.types import Type
from kubesim.apiserver.cel.values import type_of

_CLAUSE = re.compile(r"%(?:\.(\d+))?(.?)", re.DOTALL)
_PRECISION_DEFAULT = 6


def format_text(template: str, arguments: Sequence[Any]) -> str:
    """The template with its clauses filled in."""
    used = 0

    def fill(found: re.Match[str]) -> str:
        nonlocal used
        verb = found[2]
        if verb == "%":
            return "%"
        if verb not in _VERBS:
            raise EvaluationError(f'could not parse formatting clause: unrecognized formatting clause "{verb}"')
        if used >= len(arguments):
            raise EvaluationError(f"index {used} out of range")
        used += 1
        return _VERBS[verb](arguments[used - 1], int(found[1] or _PRECISION_DEFAULT))

    return _CLAUSE.sub(fill, template)


def show(value: Any) -> str:
    """A value as %s writes it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, datetime):
        return timestamp_text(value)
    if isinstance(value, timedelta):
        return duration_text(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(show, value))}]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(sorted(f"{show(key)}: {show(one)}" for key, one in value.items())) + "}"
    if isinstance(value, str | int | Type):
        return str(value)
    raise EvaluationError(
        f"error during formatting: string clause can only be used on strings, bools, bytes, ints, "
        f"doubles, maps, lists, types, durations, and timestamps, was given {type_of(value)}"
    )


def _decimal(value: Any, _precision: int) -> str:
    if not isinstance(value, int) or isinstance(value, bool):
        given = type_of(value)
        raise EvaluationError(
            f"error during formatting: decimal clause can only be used on integers, was given {given}"
        )
    return str(value)


def _number(value: Any, clause: str) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        given = type_of(value)
        raise EvaluationError(
            f"error during formatting: {clause} clause can only be used on doubles, was given {given}"
        )
    return float(value)


def _in_base(verb: str) -> Any:
    def write(value: Any, _precision: int) -> str:
        if isinstance(value, bool) and verb == "b":
            return str(int(value))
        if isinstance(value, int):
            return format(value, verb)
        if verb in "xX" and isinstance(value, str | bytes):
            text = (value.encode() if isinstance(value, str) else value).hex()
            return text.upper() if verb == "X" else text
        raise EvaluationError(f"error during formatting: {verb} clause cannot be used on {type_of(value)}")

    return write


_VERBS: dict[str, Callable[[Any, int], str]] = {
    "s": lambda value, _precision: show(value),
    "d": _decimal,
    "f": lambda value, precision: f"{_number(value, 'fixed-point'):.{precision}f}",
    "e": lambda value, precision: f"{_number(value, 'scientific'):.{precision}e}",
    **{verb: _in_base(verb) for verb in "bxXo"},
}
