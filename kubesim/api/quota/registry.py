"""Which evaluator a kind has, and how much of a quota a namespace uses.

Upstream: pkg/quota/v1/install, CalculateUsage in k8s.io/apiserver/pkg/quota/v1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from kubesim.api.quota.amounts import ZERO, Amounts, mask, plus
from kubesim.api.quota.claims import ClaimEvaluator
from kubesim.api.quota.evaluator import IGNORED, Evaluator
from kubesim.api.quota.pods import PodEvaluator
from kubesim.api.quota.scopes import selectors_of
from kubesim.api.quota.services import ServiceEvaluator
from kubesim.api.resources import PERSISTENT_VOLUME_CLAIMS, PODS, SERVICES, Resource
from kubesim.api.stored import Object


def evaluator_for(resource: Resource) -> Evaluator | None:
    """The evaluator of a kind; None if quotas know nothing of it."""
    if not resource.namespaced or (resource.group, resource.plural) in IGNORED:
        return None
    if resource == PODS:
        return PodEvaluator()
    if resource == SERVICES:
        return ServiceEvaluator()
    if resource == PERSISTENT_VOLUME_CLAIMS:
        return ClaimEvaluator()
    return Evaluator(resource)


def calculate_usage(
    spec: Object, evaluators: Iterable[Evaluator], objects: Callable[[Resource], Sequence[Object]], now: float
) -> Amounts:
    """How much of what `spec.hard` names is used by what `objects` finds of each kind."""
    hard, scopes = list(spec.get("hard") or {}), selectors_of(spec)
    total: Amounts = {}
    for evaluator in evaluators:
        names = evaluator.matching(hard)
        if not names:
            continue
        used = dict.fromkeys(names, ZERO)
        for obj in objects(evaluator.resource):
            if all(evaluator.in_scope(scope, obj) for scope in scopes):
                used = plus(used, mask(evaluator.usage(obj, now), names))
        total.update(used)
    return total
