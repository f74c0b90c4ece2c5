"""Changing one condition of a Pod, and the patch that does it.

Upstream: pkg/api/v1/pod (UpdatePodCondition) and pkg/util/pod (PatchPodStatus).
"""

from __future__ import annotations

from kubesim.api.meta import with_fields
from kubesim.api.stored import Object

DISRUPTION_TARGET = "DisruptionTarget"


def with_pod_condition(pod: Object, condition: Object, timestamp: str) -> Object:
    """The Pod with `condition` in place of its like, or at the end.

    `lastTransitionTime` is now if the status changed, else as it was. The same Pod if nothing changes.
    """
    conditions: list[Object] = list(pod["status"].get("conditions") or ())
    index = next((i for i, old in enumerate(conditions) if old["type"] == condition["type"]), None)
    if index is None:
        conditions.append(condition | {"lastTransitionTime": timestamp})
    else:
        old = conditions[index]
        changed = condition["status"] != old["status"]
        new = condition | {"lastTransitionTime": timestamp if changed else old.get("lastTransitionTime")}
        if new == old:
            return pod
        conditions[index] = new
    return with_fields(pod, {"conditions": conditions}, "status")


def disruption_target(pod: Object, reason: str, message: str) -> Object:
    """The condition that says that the Pod is about to be deleted, by whom and why."""
    return {
        "type": DISRUPTION_TARGET,
        "observedGeneration": pod["metadata"].get("generation", 0),
        "status": "True",
        "reason": reason,
        "message": message,
    }


def status_patch(before: Object, after: Object) -> Object:
    """The strategic merge patch of a Pod's status: changed fields, and those conditions that differ.

    The uid in it makes the write fail if a Pod of the same name took the place of this one.
    """
    old, new = before["status"], after["status"]
    status: Object = {
        name: value for name, value in new.items() if name != "conditions" and old.get(name) != value
    }  # fmt: skip
    known: list[Object] = old.get("conditions") or []
    conditions: list[Object] = new.get("conditions") or []
    changed = [condition for condition in conditions if condition not in known]
    if changed:
        status["$setElementOrder/conditions"] = [{"type": condition["type"]} for condition in conditions]
        status["conditions"] = changed
    return {"metadata": {"uid": before["metadata"]["uid"]}, "status": status}
