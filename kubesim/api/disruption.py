"""The condition DisruptionAllowed of a PodDisruptionBudget, which controller and apiserver both write.

Upstream: k8s.io/component-helpers/apps/poddisruptionbudget.
"""

from __future__ import annotations

from kubesim.api.stored import Object

ALLOWED = "DisruptionAllowed"
SUFFICIENT_PODS, INSUFFICIENT_PODS, SYNC_FAILED = "SufficientPods", "InsufficientPods", "SyncFailed"


def with_allowed_condition(status: Object, timestamp: str) -> Object:
    """The status with a condition that fits its number of disruptions."""
    is_allowed = status.get("disruptionsAllowed", 0) > 0
    reason = SUFFICIENT_PODS if is_allowed else INSUFFICIENT_PODS
    return with_condition(status, "True" if is_allowed else "False", reason, "", timestamp)


def with_condition(status: Object, value: str, reason: str, message: str, timestamp: str) -> Object:
    """The status with this condition; the date moves only when the value does."""
    conditions = list(status.get("conditions") or ())
    place = next((i for i, each in enumerate(conditions) if each.get("type") == ALLOWED), len(conditions))
    before = conditions[place] if place < len(conditions) else {}
    since = before.get("lastTransitionTime") if before.get("status") == value else timestamp
    condition: Object = {"type": ALLOWED, "status": value}
    if status.get("observedGeneration"):
        condition["observedGeneration"] = status["observedGeneration"]
    condition |= {"lastTransitionTime": since, "reason": reason, "message": message}
    conditions[place : place + 1] = [condition]
    return {**status, "conditions": conditions}


def condition_of(status: Object) -> Object:
    """The condition, {} if there is none."""
    return next((each for each in status.get("conditions") or () if each.get("type") == ALLOWED), {})
