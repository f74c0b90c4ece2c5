"""What x-kubernetes-validations must satisfy when they are written down. Pure.

Upstream: pkg/apis/apiextensions/validation in k8s.io/apiextensions-apiserver.
"""

from __future__ import annotations

from collections.abc import Iterator

from kubesim.api.errors import FieldError
from kubesim.api.stored import Object
from kubesim.apiserver.validation.field import invalid, not_supported, required

VALIDATIONS = "x-kubernetes-validations"
REASONS = ("FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired")


def rules_of(schema: Object, path: str = "") -> Iterator[tuple[Object, str]]:
    """Every schema that has rules, with its path; outer ones first."""
    if schema.get(VALIDATIONS):
        yield schema, path
    for name, field in (schema.get("properties") or {}).items():
        yield from rules_of(field, f"{path}.properties[{name}]")
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            yield from rules_of(schema[name], f"{path}.{name}")


def has_rules(schema: Object) -> bool:
    """Whether there is a rule anywhere in a schema."""
    return next(rules_of(schema), None) is not None


def validate_rules(schema: Object, path: str) -> list[FieldError]:
    """What is wrong with the rules in a schema, apart from their language."""
    return [problem for part, where in rules_of(schema, path) for index, rule in enumerate(part[VALIDATIONS])
            for problem in _rule(rule, f"{where}.{VALIDATIONS}[{index}]")]  # fmt: skip


def _rule(rule: Object, path: str) -> list[FieldError]:
    problems = []
    text, message, expression = (rule.get(name) or "" for name in ("rule", "message", "messageExpression"))
    if not text.strip():
        problems.append(required(f"{path}.rule", "rule is not specified"))
    elif message and not message.strip():
        problems.append(invalid(f"{path}.message", message, "message must be non-empty if specified"))
    elif _has_newlines(message.strip()):
        problems.append(invalid(f"{path}.message", message, "message must not contain line breaks"))
    elif _has_newlines(text.strip()) and not message.strip():
        problems.append(required(f"{path}.message", "message must be specified if rule contains line breaks"))
    if expression and not expression.strip():
        words = "messageExpression must be non-empty if specified"
        problems.append(required(f"{path}.messageExpression", words))
    if (reason := rule.get("reason")) is not None and reason not in REASONS:
        problems.append(not_supported(f"{path}.reason", reason, REASONS))
    field = rule.get("fieldPath") or ""
    if field and not field.strip():
        problems.append(invalid(f"{path}.fieldPath", field, "fieldPath must be non-empty if specified"))
    if _has_newlines(field):
        problems.append(invalid(f"{path}.fieldPath", field, "fieldPath must not contain line breaks"))
    return problems


def _has_newlines(text: str) -> bool:
    return "\n" in text or "\r" in text
