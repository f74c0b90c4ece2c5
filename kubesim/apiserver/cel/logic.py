"""`&&`, `||`, `?:`, `!`: operators that may leave an operand alone, or forgive one that fails.

Upstream: cel-go interpreter/interpretable.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubesim.apiserver.cel.errors import CostExceededError, EvaluationError
from kubesim.apiserver.cel.scope import Evaluate, Scope


def _and(left: Evaluate, right: Evaluate) -> Evaluate:
    return _logic(left, right, decided_by=False, name="_&&_")


def _or(left: Evaluate, right: Evaluate) -> Evaluate:
    return _logic(left, right, decided_by=True, name="_||_")


def _logic(left: Evaluate, right: Evaluate, *, decided_by: bool, name: str) -> Evaluate:
    """One side may decide although the other fails, whichever comes first."""

    def evaluate(scope: Scope) -> bool:
        scope.step()
        failure: EvaluationError | None = None
        for side in (left, right):
            try:
                value: object = side(scope)
            except CostExceededError:
                raise
            except EvaluationError as error:
                failure = failure or error
                continue
            if value is decided_by:
                return decided_by
            if not isinstance(value, bool):
                failure = failure or EvaluationError(f"no such overload: {name}")
        if failure is not None:
            raise failure
        return not decided_by

    return evaluate


def _conditional(test: Evaluate, yes: Evaluate, no: Evaluate) -> Evaluate:
    def evaluate(scope: Scope) -> Any:
        decision = test(scope)
        if not isinstance(decision, bool):
            raise EvaluationError("no such overload")
        return yes(scope) if decision else no(scope)

    return evaluate


def _not(operand: Evaluate) -> Evaluate:
    def evaluate(scope: Scope) -> bool:
        value = operand(scope)
        if not isinstance(value, bool):
            raise EvaluationError("no such overload: !_")
        return not value

    return evaluate


def _not_strictly_false(operand: Evaluate) -> Evaluate:
    """A loop goes on while nothing has decided: an error decides nothing."""

    def evaluate(scope: Scope) -> bool:
        try:
            return operand(scope) is not False
        except CostExceededError:
            raise
        except EvaluationError:
            return True

    return evaluate


LAZY: dict[str, Callable[..., Evaluate]] = {
    "_&&_": _and,
    "_||_": _or,
    "_?_:_": _conditional,
    "!_": _not,
    "@not_strictly_false": _not_strictly_false,
}
