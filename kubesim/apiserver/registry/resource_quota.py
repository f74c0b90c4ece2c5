"""The strategy of ResourceQuotas.

Upstream: ValidateResourceQuota in pkg/apis/core/validation, pkg/registry/core/resourcequota.
"""

from __future__ import annotations

from collections.abc import Iterable

from kubesim.api.errors import FieldError
from kubesim.api.quota.scopes import (
    BEST_EFFORT,
    CROSS_NAMESPACE_POD_AFFINITY,
    DOES_NOT_EXIST,
    EXISTS,
    IN,
    NOT_BEST_EFFORT,
    NOT_IN,
    NOT_TERMINATING,
    PRIORITY_CLASS,
    SCOPES,
    TERMINATING,
    VOLUME_ATTRIBUTES_CLASS,
)
from kubesim.api.stored import Object
from kubesim.apiserver.registry.strategy import Strategy
from kubesim.apiserver.validation.field import IMMUTABLE, invalid, required
from kubesim.apiserver.validation.resource_names import is_quota_resource, quantity_problems, quota_name_problems

POD_RESOURCES = ("pods", "cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory")
ALLOWED = {
    TERMINATING: POD_RESOURCES,
    NOT_TERMINATING: POD_RESOURCES,
    NOT_BEST_EFFORT: POD_RESOURCES,
    PRIORITY_CLASS: POD_RESOURCES,
    CROSS_NAMESPACE_POD_AFFINITY: POD_RESOURCES,
    BEST_EFFORT: ("pods",),
    VOLUME_ATTRIBUTES_CLASS: ("persistentvolumeclaims", "requests.storage"),
}
ONLY_EXISTS = (BEST_EFFORT, NOT_BEST_EFFORT, TERMINATING, NOT_TERMINATING, CROSS_NAMESPACE_POD_AFFINITY)
OPPOSITES = ((BEST_EFFORT, NOT_BEST_EFFORT), (TERMINATING, NOT_TERMINATING))
NOT_FOR = "unsupported scope applied to resource"
MUST_EXIST = (
    "must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, "
    "ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity"
)


class ResourceQuotaStrategy(Strategy):
    """What is granted, and of what."""

    def validate(self, obj: Object) -> list[FieldError]:
        """Known resources, sensible amounts, scopes that fit."""
        spec: Object = obj.get("spec") or {}
        hard: Object = spec.get("hard") or {}
        problems: list[FieldError] = []
        for name in sorted(hard):
            path = f"spec.hard[{name}]"
            problems += quota_name_problems(name, path) + quantity_problems(name, hard[name], path)
        return problems + _scopes(spec, sorted(hard)) + _selector(spec, sorted(hard))

    def validate_update(self, obj: Object, old: Object) -> list[FieldError]:
        """Scopes are for life."""
        problems = super().validate_update(obj, old)
        scopes, before = ((o.get("spec") or {}).get("scopes") or [] for o in (obj, old))
        if set(scopes) != set(before):
            problems.append(invalid("spec.scopes", scopes or None, IMMUTABLE))
        return problems

    def validate_status_update(self, obj: Object, old: Object) -> list[FieldError]:  # noqa: ARG002
        """Known resources and sensible amounts."""
        problems: list[FieldError] = []
        for part in ("hard", "used"):
            stated: Object = (obj.get("status") or {}).get(part) or {}
            for name in sorted(stated):
                path = f"status.{part}[{name}]"
                problems += quota_name_problems(name, path) + quantity_problems(name, stated[name], path)
        return problems


def _scopes(spec: Object, hard: list[str]) -> list[FieldError]:
    scopes, path = list(spec.get("scopes") or ()), "spec.scopes"
    problems = []
    for scope in scopes:
        if scope not in SCOPES:
            problems.append(invalid(path, scopes, "unsupported scope"))
        problems += [invalid(path, scopes, NOT_FOR) for _ in _misfits(scope, hard)]
    return problems + _conflicts(scopes, path, scopes)


def _selector(spec: Object, hard: list[str]) -> list[FieldError]:
    selector, path = spec.get("scopeSelector"), "spec.scopeSelector.matchExpressions"
    if selector is None:
        return []
    expressions: list[Object] = selector.get("matchExpressions") or []
    problems: list[FieldError] = []
    for expression in expressions:
        scope = expression.get("scopeName", "")
        if scope not in SCOPES:
            problems.append(invalid(f"{path}.scopeName", scope, "unsupported scope"))
        problems += [invalid(path, selector, NOT_FOR) for _ in _misfits(scope, hard)]
        problems += _operator(scope, expression, path)
    names = [expression.get("scopeName", "") for expression in expressions]
    return problems + _conflicts(names, path, spec.get("scopes"))


def _operator(scope: str, expression: Object, path: str) -> list[FieldError]:
    operator, values = expression.get("operator", ""), expression.get("values") or []
    problems = []
    if scope in ONLY_EXISTS and operator != EXISTS:
        problems.append(invalid(f"{path}.operator", operator, MUST_EXIST))
    if operator in (IN, NOT_IN):
        if not values:
            words = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
            problems.append(required(f"{path}.values", words))
    elif operator in (EXISTS, DOES_NOT_EXIST):
        if values:
            words = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"
            problems.append(invalid(f"{path}.values", values, words))
    else:
        problems.append(invalid(f"{path}.operator", operator, "not a valid selector operator"))
    return problems


def _misfits(scope: str, hard: list[str]) -> list[str]:
    """Resources that a scope says nothing about."""
    allowed = ALLOWED.get(scope)
    return [] if allowed is None else [name for name in hard if is_quota_resource(name) and name not in allowed]


def _conflicts(scopes: Iterable[str], path: str, shown: object) -> list[FieldError]:
    present = set(scopes)
    return [invalid(path, shown, "conflicting scopes") for pair in OPPOSITES if present.issuperset(pair)]
