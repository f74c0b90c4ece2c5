"""A compiled expression."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from kubesim.apiserver.cel.errors import EvaluationError
from kubesim.apiserver.cel.escaping import unescape
from kubesim.apiserver.cel.functions import overloads
from kubesim.apiserver.cel.functions.times import parse_duration, parse_timestamp
from kubesim.apiserver.cel.scope import Budget, Evaluate, Scope
from kubesim.apiserver.cel.types import BYTES, DURATION, TIMESTAMP, Type

COST_MAX = 1_000_000  # Upstream's PerCallLimit.


class Program:
    """An expression that compiled: `result_type` is what it gives, as far as that is known."""

    __slots__ = ("_converters", "_evaluate", "expression", "result_type")

    def __init__(self, expression: str, result_type: Type, evaluate: Evaluate, variables: Mapping[str, Type]) -> None:
        self.expression = expression
        self.result_type = result_type
        self._evaluate = evaluate
        # Variables with times or bytes in them, which JSON carries as text.
        self._converters = {name: type_ for name, type_ in variables.items() if _needs_conversion(type_)}

    def evaluate(self, bindings: Mapping[str, Any], budget: Budget | None = None) -> Any:
        """The value; EvaluationError if there is none. A budget is shared by several evaluations."""
        if self._converters:
            bindings = {
                name: _converted(value, self._converters[name]) if name in self._converters else value
                for name, value in bindings.items()
            }
        scope = Scope(bindings, Budget(COST_MAX) if budget is None else budget)
        try:
            return self._evaluate(scope)
        except RecursionError:
            raise EvaluationError("the expression is nested too deeply") from None


def compile(  # noqa: A001 (what cel-go calls it)
    expression: str, variables: Mapping[str, Type], structs: Mapping[str, Type] | None = None
) -> Program:
    """Compiles an expression over declared variables; CompileError if it makes no sense.

    `structs` are the types that may be written as `Name{field: value}`.
    """
    # Most clusters have no expressions, and need not wait for what compiles them.
    from kubesim.apiserver.cel.checker import Checker
    from kubesim.apiserver.cel.evaluator import Planner
    from kubesim.apiserver.cel.parser import parse

    tree, source = parse(expression)
    result = Checker(source, variables, overloads(), structs or {}).check(tree)
    return Program(expression, result, Planner(variables, overloads()).plan(tree), variables)


def _needs_conversion(type_: Type) -> bool:
    if type_ in (TIMESTAMP, DURATION, BYTES):
        return True
    return any(map(_needs_conversion, type_.params)) or any(map(_needs_conversion, (type_.fields or {}).values()))


def _converted(value: Any, type_: Type) -> Any:
    """JSON as the type says: a date-time becomes a timestamp. What does not fit stays as it is."""
    if isinstance(value, str) and type_ in (TIMESTAMP, DURATION, BYTES):
        return _from_text(value, type_)
    if isinstance(value, list) and type_.name == "list":
        return [_converted(one, type_.params[0]) for one in value]
    if isinstance(value, dict) and type_.name == "map":
        return {key: _converted(one, type_.params[1]) for key, one in value.items()}
    if isinstance(value, dict) and type_.fields is not None:
        by_name = {unescape(name): field for name, field in type_.fields.items()}
        return {key: _converted(one, by_name[key]) if key in by_name else one for key, one in value.items()}
    return value


def _from_text(text: str, type_: Type) -> Any:
    try:
        if type_ == BYTES:
            return base64.b64decode(text)
        if type_ == DURATION:
            return parse_duration(text)
        return parse_timestamp(text if "T" in text.upper() else f"{text}T00:00:00Z")
    except (EvaluationError, binascii.Error):
        return text
