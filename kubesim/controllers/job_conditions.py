"""The conditions of a Job, and how one is put among the others. Pure.

A Job that ends first says that it will (SuccessCriteriaMet, FailureTarget), so that everybody knows the outcome while
its Pods are still ending, and then that it has (Complete, Failed).
Upstream: ensureJobConditionStatus and newCondition in pkg/controller/job/job_controller.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kubesim.api.stored import Object

COMPLETE = "Complete"
FAILED = "Failed"
SUSPENDED = "Suspended"
SUCCESS_CRITERIA_MET = "SuccessCriteriaMet"
FAILURE_TARGET = "FailureTarget"
FINISHED_BY = {SUCCESS_CRITERIA_MET: COMPLETE, FAILURE_TARGET: FAILED}


class Ending(NamedTuple):
    """Why a Job ends: the type of the condition that announces it, its reason and its message."""

    type: str
    reason: str
    message: str

    @property
    def final(self) -> str:
        """The type of the condition that it ends with."""
        return FINISHED_BY[self.type]


def condition(type_: str, status: str, reason: str, message: str, now: str) -> Object:
    """A condition of a Job, in the order of its fields."""
    return {
        "type": type_, "status": status, "lastProbeTime": now, "lastTransitionTime": now, "reason": reason,
        "message": message,
    }  # fmt: skip


def with_condition(
    conditions: Sequence[Object], type_: str, status: str, reason: str, message: str, now: str
) -> tuple[list[Object], bool]:
    """The conditions with this one as it should be, and whether anything changed. A first False is not worth saying."""
    made = condition(type_, status, reason, message, now)
    changed = list(conditions)
    for number, known in enumerate(changed):
        if known["type"] != type_:
            continue
        if (known["status"], known.get("reason"), known.get("message")) == (status, reason, message):
            return changed, False
        changed[number] = made
        return changed, True
    if status != "False":
        changed.append(made)
    return changed, status != "False"


def true_condition(status: Object, type_: str) -> Object | None:
    """The condition of that type if it holds."""
    for known in status.get("conditions") or ():
        if known["type"] == type_ and known["status"] == "True":
            found: Object = known
            return found
    return None


def finished_condition(job: Object) -> Object | None:
    """What a Job ended with; None while it has not."""
    status: Object = job.get("status") or {}
    return true_condition(status, COMPLETE) or true_condition(status, FAILED)
