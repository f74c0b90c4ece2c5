"""Values that may be missing: optional.of, orValue and their kin. Upstream: cel-go cel/library.go (OptionalTypes)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from kubesim.apiserver.cel.errors import EvaluationError
from kubesim.apiserver.cel.escaping import unescape
from kubesim.apiserver.cel.functions.operators import find_key
from kubesim.apiserver.cel.functions.overload import Implementation
from kubesim.apiserver.cel.values import Optional


def optional_select(container: Any, field: str) -> Optional:
    """`container.?field`."""
    if isinstance(container, Optional):
        return optional_select(container.value, field) if container.present else container
    if isinstance(container, Mapping):
        name = field if field in container else unescape(field)
        return Optional(True, container[name]) if name in container else Optional()
    raise EvaluationError("no such overload: _?._")


def optional_index(container: Any, key: Any) -> Optional:
    """`container[?key]`."""
    if isinstance(container, Optional):
        return optional_index(container.value, key) if container.present else container
    if isinstance(container, Mapping):
        found = find_key(container, key)
        return Optional() if found is None else Optional(True, container[found[0]])
    if isinstance(container, list | tuple):
        inside = isinstance(key, int) and 0 <= key < len(container)
        return Optional(True, container[key]) if inside else Optional()
    raise EvaluationError("no such overload: _[?_]")


def _value(optional: Optional) -> Any:
    if not optional.present:
        raise EvaluationError("optional.none() dereference")
    return optional.value


def _of_non_zero(value: Any) -> Optional:
    is_zero = value is None or value == timedelta() or (not isinstance(value, timedelta) and not value)
    return Optional() if is_zero else Optional(True, value)


FUNCTIONS: tuple[tuple[str, Implementation], ...] = (
    ("_[?_](list(A), int): optional_type(A)", optional_index),
    ("_[?_](map(A, B), A): optional_type(B)", optional_index),
    ("_[?_](optional_type(list(A)), int): optional_type(A)", optional_index),
    ("_[?_](optional_type(map(A, B)), A): optional_type(B)", optional_index),
    ("optional.of(A): optional_type(A)", lambda value: Optional(True, value)),
    ("optional.ofNonZeroValue(A): optional_type(A)", _of_non_zero),
    ("optional.none(): optional_type(A)", Optional),
    ("optional_type(A)::hasValue(): bool", lambda optional: optional.present),
    ("optional_type(A)::value(): A", _value),
    ("optional_type(A)::or(optional_type(A)): optional_type(A)", lambda one, other: one if one.present else other),
    ("optional_type(A)::orValue(A): A", lambda one, other: one.value if one.present else other),
)
