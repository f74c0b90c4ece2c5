"""Scopes narrow a quota down to some objects: `spec.scopes` and `spec.scopeSelector`, both as selectors.

Upstream: getScopeSelectorsFromQuota in k8s.io/apiserver/pkg/quota/v1/generic/evaluator.go.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from kubesim.api.stored import Object

TERMINATING, NOT_TERMINATING = "Terminating", "NotTerminating"
BEST_EFFORT, NOT_BEST_EFFORT = "BestEffort", "NotBestEffort"
PRIORITY_CLASS = "PriorityClass"
CROSS_NAMESPACE_POD_AFFINITY = "CrossNamespacePodAffinity"
VOLUME_ATTRIBUTES_CLASS = "VolumeAttributesClass"
SCOPES = (
    BEST_EFFORT, CROSS_NAMESPACE_POD_AFFINITY, NOT_BEST_EFFORT, NOT_TERMINATING, PRIORITY_CLASS, TERMINATING,
    VOLUME_ATTRIBUTES_CLASS,
)  # fmt: skip
IN, NOT_IN, EXISTS, DOES_NOT_EXIST = "In", "NotIn", "Exists", "DoesNotExist"


class Scope(NamedTuple):
    """One requirement: a name, In, NotIn, Exists or DoesNotExist, and values."""

    name: str
    operator: str = EXISTS
    values: tuple[str, ...] = ()

    def admits(self, names: Collection[str]) -> bool:
        """Whether an object that goes by these names (of classes) fulfils it."""
        if self.operator == EXISTS:
            return bool(names)
        if self.operator == DOES_NOT_EXIST:
            return not names
        is_named = any(name in self.values for name in names)
        return is_named == (self.operator == IN)


def selectors_of(spec: Object) -> list[Scope]:
    """All requirements of a quota's spec; an object must fulfil each."""
    found = [Scope(name) for name in spec.get("scopes") or ()]
    for expression in (spec.get("scopeSelector") or {}).get("matchExpressions") or ():
        values = tuple(expression.get("values") or ())
        found.append(Scope(expression.get("scopeName", ""), expression.get("operator", EXISTS), values))
    return found
