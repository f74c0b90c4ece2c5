"""What label selectors may look like.

Upstream: ValidateLabelSelector in k8s.io/apimachinery/pkg/apis/meta/v1/validation.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.errors import FieldError
from kubesim.apiserver.validation.field import Struct, each, forbidden, invalid, required
from kubesim.apiserver.validation.metadata import validate_labels
from kubesim.apiserver.validation.names import label_value, qualified_name

WITH_VALUES, WITHOUT_VALUES = ("In", "NotIn"), ("Exists", "DoesNotExist")
OPERATOR_WRONG = "not a valid selector operator"
NEEDS_VALUES = "must be specified when `operator` is 'In' or 'NotIn'"
NEEDS_NO_VALUES = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"

Object = dict[str, Any]


def validate_label_selector(selector: Object | None, path: str) -> list[FieldError]:
    """What is wrong with a selector; nothing is wrong with none."""
    if not selector:
        return []
    problems = validate_labels(selector.get("matchLabels") or {}, f"{path}.matchLabels")
    for index, requirement in enumerate(selector.get("matchExpressions") or ()):
        problems += _requirement(requirement, f"{path}.matchExpressions[{index}]")
    return problems


def is_empty(selector: Object) -> bool:
    """Whether it selects everything."""
    return not selector.get("matchLabels") and not selector.get("matchExpressions")


def shown_selector(selector: Object | None) -> Struct | None:
    """A selector as messages show it."""
    if selector is None:
        return None
    shown = Struct()
    if selector.get("matchLabels"):
        shown["matchLabels"] = dict(sorted(selector["matchLabels"].items()))
    if selector.get("matchExpressions"):
        fields = ("key", "operator", "values")
        shown["matchExpressions"] = [
            {name: requirement[name] for name in fields if name in requirement}
            for requirement in selector["matchExpressions"]
        ]
    return shown


def _requirement(requirement: Object, path: str) -> list[FieldError]:
    problems: list[FieldError] = []
    operator, values, key = requirement.get("operator", ""), requirement.get("values") or (), requirement.get("key", "")
    if operator in WITH_VALUES:
        if not values:
            problems.append(required(f"{path}.values", NEEDS_VALUES))
    elif operator in WITHOUT_VALUES:
        if values:
            problems.append(forbidden(f"{path}.values", NEEDS_NO_VALUES))
    else:
        problems.append(invalid(f"{path}.operator", operator, OPERATOR_WRONG))
    problems += each(f"{path}.key", key, qualified_name(key))
    for index, value in enumerate(values):
        problems += each(f"{path}.values[{index}]", value, label_value(value))
    return problems
