"""quantity() and counting with quantities. Upstream: k8s.io/apiserver/pkg/cel/library/quantity.go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubesim.api.quantity import NANO, parse
from kubesim.apiserver.cel.errors import EvaluationError
from kubesim.apiserver.cel.functions.overload import Implementation
from kubesim.apiserver.cel.values import INT_MAX, INT_MIN, Opaque

KIND = "kubernetes.Quantity"


def _quantity(text: str) -> Opaque:
    try:
        return Opaque(KIND, parse(text).nano)
    except ValueError as error:
        raise EvaluationError(str(error)) from None


def _is_quantity(text: str) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True


def _nano(other: Any) -> int:
    return int(other.value if isinstance(other, Opaque) else other * NANO)


def _is_integer(quantity: Opaque) -> bool:
    return bool(quantity.value % NANO == 0 and INT_MIN <= quantity.value // NANO <= INT_MAX)


def _as_integer(quantity: Opaque) -> int:
    if not _is_integer(quantity):
        raise EvaluationError("cannot convert value to integer")
    return int(quantity.value // NANO)


def _compare(one: Opaque, other: Opaque) -> int:
    return int(one.value > other.value) - int(one.value < other.value)


def _counted(count: Callable[[int, int], int]) -> Implementation:
    return lambda one, other: Opaque(KIND, count(one.value, _nano(other)))


FUNCTIONS: tuple[tuple[str, Implementation], ...] = (
    ("quantity(string): kubernetes.Quantity", _quantity),
    ("isQuantity(string): bool", _is_quantity),
    ("kubernetes.Quantity::sign(): int", lambda quantity: (quantity.value > 0) - (quantity.value < 0)),
    ("kubernetes.Quantity::isInteger(): bool", _is_integer),
    ("kubernetes.Quantity::asInteger(): int", _as_integer),
    ("kubernetes.Quantity::asApproximateFloat(): double", lambda quantity: quantity.value / NANO),
    ("kubernetes.Quantity::isLessThan(kubernetes.Quantity): bool", lambda a, b: _compare(a, b) < 0),
    ("kubernetes.Quantity::isGreaterThan(kubernetes.Quantity): bool", lambda a, b: _compare(a, b) > 0),
    ("kubernetes.Quantity::compareTo(kubernetes.Quantity): int", _compare),
    *(
        (f"kubernetes.Quantity::{name}({other}): kubernetes.Quantity", _counted(count))
        for name, count in (("add", lambda a, b: a + b), ("sub", lambda a, b: a - b))
        for other in (KIND, "int")
    ),
)
