"""Loops: what `all`, `exists`, `map`, `filter` have become, and the macros with two variables.

Upstream: cel-go interpreter (evalFold), ext/comprehensions.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kubesim.apiserver.cel.errors import CostExceededError, EvaluationError
from kubesim.apiserver.cel.scope import Evaluate, Scope
from kubesim.apiserver.cel.tree import Fold


def fold(
    node: Fold, elements: Evaluate, start: Evaluate, condition: Evaluate, step: Evaluate, result: Evaluate,
    append: tuple[Evaluate | None, Evaluate] | None,
) -> Evaluate:  # fmt: skip
    """The loop; `append`, if given, is (test, element) of one that only gathers."""
    variable, accumulator = node.variable, node.accumulator

    def gather(scope: Scope) -> Any:
        assert append is not None, "asked before"
        test, element = append
        inner, names = _inner(scope)
        gathered = []
        for one in _elements(elements(scope)):
            scope.step()
            names[variable] = one
            if test is None or test(inner):
                gathered.append(element(inner))
        names[accumulator] = gathered
        return result(inner)

    def loop(scope: Scope) -> Any:
        inner, names = _inner(scope)
        values = _elements(elements(scope))
        names[accumulator] = start(scope)
        for one in values:
            scope.step()
            names[variable] = one
            if not condition(inner):
                break
            try:
                names[accumulator] = step(inner)
            except CostExceededError:
                raise
            except EvaluationError as error:
                names[accumulator] = _Failed(error)
        return _value(result(inner))

    return loop if append is None else gather


class _Failed:
    """An accumulator without a value: a later element may still decide."""

    __slots__ = ("error",)

    def __init__(self, error: EvaluationError) -> None:
        self.error = error


def _value(found: Any) -> Any:
    if isinstance(found, _Failed):
        raise found.error
    return found


def _inner(scope: Scope) -> tuple[Scope, dict[str, Any]]:
    names: dict[str, Any] = _Names(scope.names)
    return Scope(names, scope.budget), names


class _Names(dict[str, Any]):
    """Names of a loop in front of those around it. Reading an accumulator that failed fails."""

    __slots__ = ("_outer",)

    def __init__(self, outer: Mapping[str, Any]) -> None:
        super().__init__()
        self._outer = outer

    def __getitem__(self, name: str) -> Any:
        if name in self:
            return _value(super().__getitem__(name))
        return self._outer[name]

    def get(self, name: str, default: Any = None) -> Any:
        try:
            return self[name]
        except KeyError:
            return default


def _elements(container: Any) -> list[Any]:
    if isinstance(container, Mapping):
        return list(container)
    if isinstance(container, list | tuple):
        return list(container)
    raise EvaluationError("no such overload")


def _pairs(container: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(container, Mapping):
        return iter(list(container.items()))
    return enumerate(_elements(container))


def pairs(macro: str, elements: Evaluate, names: tuple[str, str], test: Evaluate | None, body: Evaluate) -> Evaluate:
    """A macro with two variables."""
    key_name, value_name = names

    def turns(scope: Scope) -> Iterator[tuple[Any, Callable[[Evaluate], Any]]]:
        inner, bound = _inner(scope)
        for key, value in _pairs(elements(scope)):
            scope.step()
            bound[key_name], bound[value_name] = key, value
            if test is None or test(inner):
                yield key, lambda what: what(inner)

    def quantify(scope: Scope) -> bool:
        decided_by = macro == "exists"
        failure: EvaluationError | None = None
        for _, value_of in turns(scope):
            try:
                if value_of(body) is decided_by:
                    return macro == "exists"
            except CostExceededError:
                raise
            except EvaluationError as error:
                failure = error
        if failure is not None:
            raise failure
        return not decided_by

    def transform(scope: Scope) -> Any:
        if macro == "transformList":
            return [value_of(body) for _, value_of in turns(scope)]
        if macro == "transformMap":
            return {key: value_of(body) for key, value_of in turns(scope)}
        made: dict[Any, Any] = {}
        for _, value_of in turns(scope):
            for key, value in value_of(body).items():
                if key in made:
                    raise EvaluationError(f"insert failed: key '{key}' already exists")
                made[key] = value
        return made

    if macro in ("existsOne", "exists_one"):
        return lambda scope: sum(1 for _, value_of in turns(scope) if value_of(body) is True) == 1
    return quantify if macro in ("all", "exists") else transform
