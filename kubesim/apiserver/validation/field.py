"""The kinds of complaint about a field, each in upstream's words.

Upstream: k8s.io/apimachinery/pkg/util/validation/field.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from kubesim.api.errors import FieldError

IMMUTABLE = "field is immutable"
NOT_NEGATIVE = "must be greater than or equal to 0"


class Struct(dict[str, Any]):
    """A value that is a struct in Go: shown with its fields in this order, not sorted as the keys of a map."""


def required(field: str, detail: str = "") -> FieldError:
    """`spec.containers: Required value`."""
    return FieldError("FieldValueRequired", field, _with_detail("Required value", detail))


def invalid(field: str, value: Any, detail: str) -> FieldError:
    """`metadata.name: Invalid value: "Bad_": …`."""
    return FieldError("FieldValueInvalid", field, _with_detail(f"Invalid value: {show(value)}", detail))


def forbidden(field: str, detail: str) -> FieldError:
    """`spec.strategy.rollingUpdate: Forbidden: …`."""
    return FieldError("FieldValueForbidden", field, _with_detail("Forbidden", detail))


def duplicate(field: str, value: Any) -> FieldError:
    """`spec.containers[1].name: Duplicate value: "c"`."""
    return FieldError("FieldValueDuplicate", field, f"Duplicate value: {show(value)}")


def missing(field: str, value: Any) -> FieldError:
    """`spec.containers[0].volumeMounts[0].name: Not found: "v"`."""
    return FieldError("FieldValueNotFound", field, f"Not found: {show(value)}")


def not_supported(field: str, value: Any, supported: Iterable[str]) -> FieldError:
    """`spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", …`."""
    choices = ", ".join(f'"{choice}"' for choice in supported)
    return FieldError("FieldValueNotSupported", field, f"Unsupported value: {show(value)}: supported values: {choices}")


def too_long(field: str, bytes_max: int) -> FieldError:
    """`data: Too long: may not be more than 1048576 bytes`."""
    return FieldError("FieldValueTooLong", field, f"Too long: may not be more than {bytes_max} bytes")


def not_negative(field: str, value: int | None) -> list[FieldError]:
    """A number that may be absent, but not below zero."""
    return [invalid(field, value, NOT_NEGATIVE)] if value is not None and value < 0 else []


def each(field: str, value: Any, problems: Iterable[str]) -> list[FieldError]:
    """One complaint for everything that a rule finds wrong with a value."""
    return [invalid(field, value, problem) for problem in problems]


def show(value: Any) -> str:
    """A value as messages quote it: text in quotation marks, everything else as Go writes JSON."""
    if isinstance(value, str):
        return orjson.dumps(value).decode()
    option = None if isinstance(value, Struct | list) and _has_struct(value) else orjson.OPT_SORT_KEYS
    text = orjson.dumps(value, option=option).decode()
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _has_struct(value: Any) -> bool:
    return isinstance(value, Struct) or any(isinstance(item, Struct) for item in value)


def _with_detail(what: str, detail: str) -> str:
    return f"{what}: {detail}" if detail else what
