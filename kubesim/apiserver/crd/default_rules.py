"""Defaults must themselves be valid, and have no unknown fields. Pure.

Upstream: pkg/apiserver/schema/defaulting/validation.go in k8s.io/apiextensions-apiserver.
"""

from __future__ import annotations

from kubesim.api.errors import FieldError
from kubesim.api.stored import Object
from kubesim.apiserver.crd.structural import EMBEDDED, default, prune
from kubesim.apiserver.crd.values import validate
from kubesim.apiserver.validation.field import invalid


def validate_defaults(schema: Object, path: str) -> list[FieldError]:
    """What is wrong with the defaults in a schema."""
    problems = []
    if schema.get("default") is not None:
        problems += _default(schema, f"{path}.default")
    if isinstance(schema.get("items"), dict):
        problems += validate_defaults(schema["items"], f"{path}.items")
    for name, field in (schema.get("properties") or {}).items():
        problems += validate_defaults(field, f"{path}.properties[{name}]")
    if isinstance(additional := schema.get("additionalProperties"), dict):
        problems += validate_defaults(additional, f"{path}.additionalProperties")
    return problems


def _default(schema: Object, path: str) -> list[FieldError]:
    value = schema["default"]
    unknown: list[str] = []
    prune(value, schema, unknown, is_resource=bool(schema.get(EMBEDDED)))
    if unknown:
        return [invalid(path, value, "must not have unknown fields")]
    problems = validate(default(value, schema), schema)
    return [problem._replace(field=_at(path, problem.field)) for problem in problems]


def _at(path: str, field: str) -> str:
    if field in ("", "<nil>"):
        return path
    return path + field if field.startswith("[") else f"{path}.{field}"
