"""What a Pod takes: itself, what it requests, what it is limited to.

A Pod that has ended, or that should have been gone by now, takes nothing but its place in the store.
Upstream: evaluator/core/pods.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kubesim.api.quantity import Amount
from kubesim.api.quota.amounts import ONE, Amounts, amounts
from kubesim.api.quota.evaluator import Evaluator
from kubesim.api.quota.pod_resources import is_best_effort, pod_limits, pod_requests
from kubesim.api.quota.scopes import (
    BEST_EFFORT,
    CROSS_NAMESPACE_POD_AFFINITY,
    NOT_BEST_EFFORT,
    NOT_TERMINATING,
    PRIORITY_CLASS,
    TERMINATING,
    Scope,
)
from kubesim.api.resources import PODS
from kubesim.api.stored import Object
from kubesim.sim import parse_timestamp

COMPUTE = ("cpu", "memory", "ephemeral-storage")
NAMES = (
    "count/pods", "pods", *COMPUTE, *(f"requests.{name}" for name in COMPUTE), *(f"limits.{name}" for name in COMPUTE),
)  # fmt: skip
# What every container must state where a quota has it.
VALIDATED = ("cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory")
HUGE_PAGES = ("hugepages-", "requests.hugepages-")
TERMINAL = ("Succeeded", "Failed")


class PodEvaluator(Evaluator):
    """Charges creation and resizing."""

    def __init__(self) -> None:
        super().__init__(PODS)
        self.names = NAMES

    def matching(self, names: Iterable[str]) -> list[str]:
        """Also huge pages and extended resources."""
        return [name for name in names if name in NAMES or name.startswith(HUGE_PAGES) or _is_extended_request(name)]

    def usage(self, obj: Object, now: float) -> Amounts:
        """Its place in the store, and what it computes with while it lives."""
        if not is_charged(obj, now):
            return {self.count_name: ONE}
        return {self.count_name: ONE, **_compute(pod_requests(obj), pod_limits(obj))}

    def in_scope(self, scope: Scope, obj: Object) -> bool:
        """By deadline, quality of service, priority class or affinity."""
        spec = obj.get("spec") or {}
        if scope.name in (TERMINATING, NOT_TERMINATING):
            return (spec.get("activeDeadlineSeconds") is not None) == (scope.name == TERMINATING)
        if scope.name in (BEST_EFFORT, NOT_BEST_EFFORT):
            return is_best_effort(spec) == (scope.name == BEST_EFFORT)
        if scope.name == PRIORITY_CLASS:
            name = spec.get("priorityClassName")
            return scope.admits([name] if name else [])
        return scope.name == CROSS_NAMESPACE_POD_AFFINITY and _looks_into_other_namespaces(spec)

    def missing(self, required: Iterable[str], obj: Object) -> str:
        """`must specify limits.cpu for: a,b; requests.cpu for: b`."""
        wanted = [name for name in required if name in VALIDATED]
        if not wanted:
            return ""
        spec = obj.get("spec") or {}
        whole = _stated(spec)
        silent: dict[str, set[str]] = {}
        for container in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ())):
            stated = _stated(container)
            for name in wanted:
                if name not in stated and name not in whole:
                    silent.setdefault(name, set()).add(container.get("name", ""))
        parts = [f"{name} for: {','.join(sorted(silent[name]))}" for name in sorted(silent)]
        return f"must specify {'; '.join(parts)}" if parts else ""


def is_charged(pod: Object, now: float) -> bool:
    """Whether a Pod still takes what it computes with."""
    if (pod.get("status") or {}).get("phase") in TERMINAL:
        return False
    metadata = pod.get("metadata") or {}
    deleted, grace = metadata.get("deletionTimestamp"), metadata.get("deletionGracePeriodSeconds")
    return not deleted or grace is None or now <= parse_timestamp(deleted) + grace


def _stated(container: Object) -> Amounts:
    resources = container.get("resources") or {}
    return _compute(amounts(resources.get("requests")), amounts(resources.get("limits")))


def _compute(requests: Mapping[str, Amount], limits: Mapping[str, Amount]) -> Amounts:
    used = {"pods": ONE}
    for name in COMPUTE:
        if name in requests:
            used[name] = used[f"requests.{name}"] = requests[name]
        if name in limits:
            used[f"limits.{name}"] = limits[name]
    for name, amount in requests.items():
        if name.startswith("hugepages-"):
            used[name] = used[f"requests.{name}"] = amount
        elif "/" in name and "kubernetes.io/" not in name:
            used[f"requests.{name}"] = amount
    return used


def _is_extended_request(name: str) -> bool:
    return name.startswith("requests.") and "/" in name and "kubernetes.io/" not in name


def _looks_into_other_namespaces(spec: Object) -> bool:
    affinity = spec.get("affinity") or {}
    for kind in ("podAffinity", "podAntiAffinity"):
        rules = affinity.get(kind) or {}
        terms = list(rules.get("requiredDuringSchedulingIgnoredDuringExecution") or ())
        preferred = rules.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
        terms += [weighted.get("podAffinityTerm") or {} for weighted in preferred]
        if any(term.get("namespaces") or term.get("namespaceSelector") is not None for term in terms):
            return True
    return False
