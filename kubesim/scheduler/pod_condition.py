"""The condition PodScheduled=False: how a Pod itself says why it waits.

Upstream: `updatePod` in pkg/scheduler/schedule_one.go, pkg/api/v1/pod.
"""

from __future__ import annotations

from typing import Any

from kubesim.scheduler.pod_info import PodInfo

POD_SCHEDULED = "PodScheduled"
REASON_UNSCHEDULABLE = "Unschedulable"
REASON_SCHEDULER_ERROR = "SchedulerError"


def condition_patch(pod: PodInfo, reason: str, message: str, now: str) -> dict[str, Any] | None:
    """A strategic merge patch of the status; None when the Pod says the same already."""
    since = now
    generation = pod.pod.metadata.generation
    for known in pod.pod.status.conditions:
        if known.type == POD_SCHEDULED and known.status == "False":
            if (known.reason, known.message, known.observed_generation) == (reason, message, generation):
                return None
            since = known.last_transition_time or now
    condition: dict[str, Any] = {"type": POD_SCHEDULED}
    if generation:
        condition["observedGeneration"] = generation
    condition |= {
        "status": "False",
        "lastProbeTime": None,
        "lastTransitionTime": since,
        "reason": reason,
        "message": message,
    }
    return {"status": {"$setElementOrder/conditions": [{"type": POD_SCHEDULED}], "conditions": [condition]}}
