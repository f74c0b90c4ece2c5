"""What a disruption budget's status should say: pure decisions. Upstream: pkg/controller/disruption/disruption.go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from kubesim.api.disruption import condition_of, with_allowed_condition
from kubesim.api.stored import Object, Stored
from kubesim.api.views import Pod
from kubesim.controllers.deployment_plan import scaled
from kubesim.controllers.pods import is_ready
from kubesim.sim import parse_timestamp

DELETION_TIMEOUT_SECONDS = 120  # For so long an evicted Pod counts as on its way out.
STALE_SECONDS = 120  # For so long a Pod may say that it is about to be disrupted.


class Expected(NamedTuple):
    """How many Pods there should be, and how many of them have to be healthy."""

    pods: int
    healthy: int


class Disrupted(NamedTuple):
    """Evicted Pods that are still there, with the time of the eviction; those that should have gone; when to look."""

    pods: Mapping[str, str]
    overdue: tuple[Stored, ...]
    recheck_seconds: float | None


def needs_scale(spec: Object) -> bool:
    """Whether the owners of the Pods have to be asked how many there should be."""
    return spec.get("maxUnavailable") is not None or isinstance(spec.get("minAvailable"), str)


def expect(spec: Object, pods: int, scale: int) -> Expected:
    """From `pods` that match, and owners that want `scale` (asked only if `needs_scale`)."""
    maximum, minimum = spec.get("maxUnavailable"), spec.get("minAvailable")
    if maximum is not None:
        return Expected(scale, max(0, scale - scaled(maximum, scale, round_up=True)))
    if isinstance(minimum, str):
        return Expected(scale, scaled(minimum, scale, round_up=True))
    return Expected(pods, minimum) if minimum is not None else Expected(0, 0)


def find_disrupted(pods: Iterable[Stored], recorded: Mapping[str, str], now: float) -> Disrupted:
    """Which of the recorded evictions are still under way."""
    under_way, overdue = {}, []
    recheck: float | None = None
    for pod in pods:
        since = recorded.get(pod.name)
        if since is None or pod.object["metadata"].get("deletionTimestamp"):
            continue
        left = parse_timestamp(since) + DELETION_TIMEOUT_SECONDS - now
        if left < 0:
            overdue.append(pod)
            continue
        under_way[pod.name] = since
        recheck = left if recheck is None else min(left, recheck)
    return Disrupted(under_way, tuple(overdue), recheck)


def count_healthy(pods: Iterable[Stored], disrupted: Mapping[str, str]) -> int:
    """Pods that are ready and stay."""
    return sum(
        pod.name not in disrupted and not pod.object["metadata"].get("deletionTimestamp") and is_ready(pod.view(Pod))
        for pod in pods
    )


def new_status(
    budget: Object, expected: Expected, healthy: int, disrupted: Mapping[str, str], timestamp: str
) -> Object | None:
    """The status; None if it says so already.

    A budget without any Pods allows nothing, so that its first Pods are safe before it has counted them.
    """
    old, generation = budget.get("status") or {}, budget["metadata"].get("generation", 0)
    allowed = max(0, healthy - expected.healthy) if expected.pods > 0 else 0
    status: Object = {"observedGeneration": generation} if generation else {}
    if disrupted:
        status["disruptedPods"] = dict(disrupted)
    status |= {
        "disruptionsAllowed": allowed,
        "currentHealthy": healthy,
        "desiredHealthy": expected.healthy,
        "expectedPods": expected.pods,
    }
    if old.get("conditions"):
        status["conditions"] = old["conditions"]
    before = condition_of(old)
    status = with_allowed_condition(status, timestamp)
    unchanged = {**status, "conditions": None} == {**old, "conditions": None}
    same = ("status", "reason", "observedGeneration")
    if unchanged and all(before.get(name) == condition_of(status).get(name) for name in same):
        return None
    return status


def stale_in_seconds(pod: Stored, now: float) -> float | None:
    """When a Pod's word that it is about to be disrupted is too old to be true; None if it says nothing such."""
    if pod.object["metadata"].get("deletionTimestamp"):
        return None
    status = pod.object.get("status") or {}
    if status.get("phase") in ("Succeeded", "Failed"):
        return None
    for condition in status.get("conditions") or ():
        if condition["type"] == "DisruptionTarget":
            if condition["status"] != "True" or condition.get("reason") == "TerminationByKubelet":
                return None
            return max(0.0, parse_timestamp(condition["lastTransitionTime"]) + STALE_SECONDS - now)
    return None
