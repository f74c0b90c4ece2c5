"""Taking one disruption from a budget: a pure decision. Upstream: checkAndDecrement in eviction.go."""

from __future__ import annotations

from kubesim.api.disruption import SYNC_FAILED, condition_of, with_allowed_condition
from kubesim.api.errors import ForbiddenError, TooManyRequestsError, forbidden
from kubesim.api.resources import POD_DISRUPTION_BUDGETS, Resource
from kubesim.api.stored import Object

DISRUPTED_PODS_MAX = 2000
WOULD_VIOLATE = "Cannot evict pod as it would violate the pod's disruption budget."
BUDGET = Resource(POD_DISRUPTION_BUDGETS.group, "v1", "PodDisruptionBudget", "poddisruptionbudget")


def decremented(budget: Object, pod_name: str, timestamp: str) -> Object:
    """The budget after one more disruption; raises what it says if it has none left."""
    metadata, status = budget["metadata"], budget.get("status") or {}
    name = metadata["name"]
    if status.get("observedGeneration", 0) < metadata.get("generation", 0):
        raise refused(f"The disruption budget {name} is still being processed by the server.", retry_after_seconds=10)
    allowed, disrupted = status.get("disruptionsAllowed", 0), status.get("disruptedPods") or {}
    if allowed < 0:
        raise _forbidden(name, "pdb disruptions allowed is negative")
    if len(disrupted) > DISRUPTED_PODS_MAX:
        raise _forbidden(name, "DisruptedPods map too big - too many evictions not confirmed by PDB controller")
    if allowed == 0:
        raise refused(_why(name, status))
    changed = {**status, "disruptionsAllowed": allowed - 1, "disruptedPods": {**disrupted, pod_name: timestamp}}
    if allowed == 1:
        changed = with_allowed_condition(changed, timestamp)
    return {**budget, "status": changed}


def refused(why: str, *, retry_after_seconds: int = 0) -> TooManyRequestsError:
    """429, and in the details why."""
    details: Object = {"causes": [{"reason": "DisruptionBudget", "message": why}]}
    if retry_after_seconds:
        details["retryAfterSeconds"] = retry_after_seconds
    return TooManyRequestsError(WOULD_VIOLATE, details)


def _why(name: str, status: Object) -> str:
    condition = condition_of(status)
    if condition.get("reason") == SYNC_FAILED:
        begin = f"The disruption budget {name} does not allow evicting pods currently because it failed sync: "
        return begin + str(condition.get("message", ""))
    healthy, desired = status.get("currentHealthy", 0), status.get("desiredHealthy", 0)
    return f"The disruption budget {name} needs {desired} healthy pods and has {healthy} currently"


def _forbidden(name: str, why: str) -> ForbiddenError:
    return forbidden(BUDGET, name, why)
