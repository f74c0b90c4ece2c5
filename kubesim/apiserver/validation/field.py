"""The kinds of complaint about a field, each in upstream's words.

Upstream: k8s.io/apimachinery/pkg/util/validation/field.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from kubesim.api.errors import FieldError

IMMUTABLE = "field is immutable"


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


def show(value: Any) -> str:
    """A value as messages quote it: text in quotation marks, everything else as JSON."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _with_detail(what: str, detail: str) -> str:
    return f"{what}: {detail}" if detail else what
