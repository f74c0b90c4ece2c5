"""What is wrong with expressions about nodes.

Upstream: ValidateNodeSelector in pkg/apis/core/validation.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.errors import FieldError
from kubesim.apiserver.validation.field import each, forbidden, invalid, required
from kubesim.apiserver.validation.names import dns_subdomain, label_value, qualified_name
from kubesim.apiserver.validation.selectors import (
    NEEDS_NO_VALUES,
    NEEDS_VALUES,
    OPERATOR_WRONG,
    WITH_VALUES,
    WITHOUT_VALUES,
)

NEEDS_ONE_VALUE = "must be specified single value when `operator` is 'Lt' or 'Gt'"
NEEDS_ONE_NAME = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
NAME_FIELD = "metadata.name"

Object = dict[str, Any]


def validate_node_selector(selector: Object, path: str) -> list[FieldError]:
    """What is wrong with a choice of nodes."""
    terms = selector.get("nodeSelectorTerms") or ()
    at = f"{path}.nodeSelectorTerms"
    if not terms:
        return [required(at, "must have at least one node selector term")]
    problems: list[FieldError] = []
    for index, term in enumerate(terms):
        problems += validate_node_selector_term(term, f"{at}[{index}]", check_values=True)
    return problems


def validate_node_selector_term(term: Object, path: str, *, check_values: bool) -> list[FieldError]:
    """What is wrong with one alternative; a preference may name values that no label can have."""
    problems: list[FieldError] = []
    for index, requirement in enumerate(term.get("matchExpressions") or ()):
        problems += _expression(requirement, f"{path}.matchExpressions[{index}]", check_values=check_values)
    for index, requirement in enumerate(term.get("matchFields") or ()):
        problems += _field(requirement, f"{path}.matchFields[{index}]")
    return problems


def _expression(requirement: Object, path: str, *, check_values: bool) -> list[FieldError]:
    operator, values, key = requirement.get("operator", ""), requirement.get("values") or (), requirement.get("key", "")
    problems: list[FieldError] = []
    if operator in WITH_VALUES:
        problems += [] if values else [required(f"{path}.values", NEEDS_VALUES)]
    elif operator in WITHOUT_VALUES:
        problems += [forbidden(f"{path}.values", NEEDS_NO_VALUES)] if values else []
    elif operator in ("Gt", "Lt"):
        problems += [] if len(values) == 1 else [required(f"{path}.values", NEEDS_ONE_VALUE)]
    else:
        problems.append(invalid(f"{path}.operator", operator, OPERATOR_WRONG))
    problems += each(f"{path}.key", key, qualified_name(key))
    for index, value in enumerate(values if check_values else ()):
        problems += each(f"{path}.values[{index}]", value, label_value(value))
    return problems


def _field(requirement: Object, path: str) -> list[FieldError]:
    operator, values, key = requirement.get("operator", ""), requirement.get("values") or (), requirement.get("key", "")
    problems: list[FieldError] = []
    if operator not in WITH_VALUES:
        problems.append(invalid(f"{path}.operator", operator, OPERATOR_WRONG))
    elif len(values) != 1:
        problems.append(required(f"{path}.values", NEEDS_ONE_NAME))
    if key != NAME_FIELD:
        return [*problems, invalid(f"{path}.key", key, "not a valid field selector key")]
    for index, value in enumerate(values):
        problems += each(f"{path}.values[{index}]", value, dns_subdomain(value))
    return problems
