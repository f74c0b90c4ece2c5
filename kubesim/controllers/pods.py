"""What controllers ask about a Pod: is it active, ready, available, on its way out.

Upstream: pkg/api/v1/pod and IsPodActive, IsPodTerminating in pkg/controller/controller_utils.go.
"""

from __future__ import annotations

from kubesim.api.views import Pod, PodCondition
from kubesim.sim import parse_timestamp


def is_terminal(pod: Pod) -> bool:
    """Its containers have ended for good."""
    return pod.status.phase in ("Succeeded", "Failed")


def is_active(pod: Pod) -> bool:
    """It counts as a replica: neither ended nor being deleted."""
    return not pod.metadata.deletion_timestamp and pod.status.phase not in ("Succeeded", "Failed")


def is_terminating(pod: Pod) -> bool:
    """It is being deleted and its containers have not ended yet."""
    return bool(pod.metadata.deletion_timestamp) and pod.status.phase not in ("Succeeded", "Failed")


def ready_condition(pod: Pod) -> PodCondition | None:
    """The condition Ready, whatever it says."""
    for condition in pod.status.conditions:
        if condition.type == "Ready":
            return condition
    return None


def is_ready(pod: Pod) -> bool:
    """It may serve."""
    condition = ready_condition(pod)
    return condition is not None and condition.status == "True"


def seconds_until_available(pod: Pod, min_ready_seconds: int, now: float) -> float | None:
    """0 or less once it has been ready for `min_ready_seconds`; None while it is not ready. `now` is since 1970."""
    condition = ready_condition(pod)
    if condition is None or condition.status != "True":
        return None
    if min_ready_seconds == 0:
        return 0.0
    if not condition.last_transition_time:
        return float(min_ready_seconds)
    return parse_timestamp(condition.last_transition_time) + min_ready_seconds - now
