"""What the scheduler writes into a Pod's status: why it waits, which node it is promised, that it has to leave.

Upstream: `updatePod` in pkg/scheduler/schedule_one.go, `PreemptPod` in pkg/scheduler/framework/preemption,
pkg/api/v1/pod.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.views import Pod
from kubesim.scheduler.pod_info import PodInfo

POD_SCHEDULED = "PodScheduled"
DISRUPTION_TARGET = "DisruptionTarget"
REASON_PREEMPTION = "PreemptionByScheduler"
REASON_UNSCHEDULABLE = "Unschedulable"
REASON_SCHEDULER_ERROR = "SchedulerError"


def condition_patch(
    pod: PodInfo, reason: str, message: str, now: str, nominated: str | None = None
) -> dict[str, Any] | None:
    """A strategic merge patch of the status; None when the Pod says the same already.

    `nominated` is the node that it is promised, "" to take a promise back, None to leave that as it is.
    """
    status = _scheduled_patch(pod, reason, message, now) or {}
    if nominated is not None and nominated != pod.promised_node:
        status["nominatedNodeName"] = nominated or None
    return {"status": status} if status else None


def disruption_patch(victim: PodInfo, scheduler: str, now: str) -> dict[str, Any] | None:
    """A patch that says why the Pod is about to be deleted; None when it says so already."""
    message = f"{scheduler}: preempting to accommodate a higher priority pod"
    generation = victim.pod.metadata.generation
    known = victim.pod.status.conditions
    since = now
    for condition in known:
        if condition.type == DISRUPTION_TARGET and condition.status == "True":
            said = (condition.reason, condition.message, condition.observed_generation)
            if said == (REASON_PREEMPTION, message, generation):
                return None
            since = condition.last_transition_time or now
    types = list(dict.fromkeys([*(condition.type for condition in known), DISRUPTION_TARGET]))
    return {
        "status": _condition_fields(types, DISRUPTION_TARGET, "True", REASON_PREEMPTION, message, since, generation)
    }


def is_terminating_by_preemption(pod: Pod) -> bool:
    """Whether the Pod is on its way out to make room."""
    if not pod.metadata.deletion_timestamp:
        return False
    for condition in pod.status.conditions:
        if condition.type == DISRUPTION_TARGET:
            return condition.status == "True" and condition.reason == REASON_PREEMPTION
    return False


def _scheduled_patch(pod: PodInfo, reason: str, message: str, now: str) -> dict[str, Any] | None:
    since = now
    generation = pod.pod.metadata.generation
    for known in pod.pod.status.conditions:
        if known.type == POD_SCHEDULED and known.status == "False":
            if (known.reason, known.message, known.observed_generation) == (reason, message, generation):
                return None
            since = known.last_transition_time or now
    return _condition_fields([POD_SCHEDULED], POD_SCHEDULED, "False", reason, message, since, generation)


def _condition_fields(
    order: list[str], type_: str, status: str, reason: str, message: str, since: str, generation: int
) -> dict[str, Any]:
    condition: dict[str, Any] = {"type": type_}
    if generation:
        condition["observedGeneration"] = generation
    condition |= {
        "status": status,
        "lastProbeTime": None,
        "lastTransitionTime": since,
        "reason": reason,
        "message": message,
    }
    return {"$setElementOrder/conditions": [{"type": each} for each in order], "conditions": [condition]}
