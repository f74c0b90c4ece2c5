"""What becomes of a Job's status as its Pods end: each is counted exactly once. Pure.

Upstream: trackJobStatusAndRemoveFinalizers in pkg/controller/job/job_controller.go.
"""

from __future__ import annotations

from collections.abc import Collection

from kubesim.api.stored import Object, Stored
from kubesim.api.views import Pod
from kubesim.controllers.job_conditions import (
    COMPLETE,
    FAILURE_TARGET,
    SUCCESS_CRITERIA_MET,
    condition,
    true_condition,
    with_condition,
)
from kubesim.controllers.job_indexes import completion_index, has_index, indexes_text, total, with_indexes
from kubesim.controllers.job_policies import judge_failure
from kubesim.controllers.job_state import JobState

UNCOUNTED_MAX = 500  # More Pods than these wait for the next sync, lest a status grows too big.
COUNTS = ("active", "succeeded", "failed")  # Left out of the status while they are 0.


class Tracker:
    """Carries one Job's status from what it was to what it is to be."""

    def __init__(self, state: JobState) -> None:
        self.state = state
        self.to_release: list[Stored] = []  # Pods that are counted and may lose the finalizer.
        self.is_overfull = False
        self.is_changed = False  # Something is to be written.

    def count(self, now: str) -> None:
        """Notes the Pods that have ended, and announces the end of the Job if there is one to come."""
        state = self.state
        waiting = {pod.uid for pod in state.pods if state.is_tracked(pod)}
        self.settle(waiting)
        new_indexes: dict[int, None] = {}
        pods = state.pods
        if state.indexed:
            pods = sorted(pods, key=lambda pod: -1 if (index := completion_index(pod)) is None else index)
        for pod in pods:
            if pod.uid not in waiting or not self._may_release(pod):
                continue
            self.to_release.append(pod)
            self._count_pod(pod, new_indexes)
            counted = len(new_indexes) + len(state.uncounted_succeeded) + len(state.uncounted_failed)
            if counted >= UNCOUNTED_MAX:
                self.is_overfull = True
                break
        if state.indexed:
            self._note_indexes(new_indexes)
        self._announce(now)

    def settle(self, waiting: Collection[str]) -> None:
        """Moves Pods that have lost the finalizer from the list of the uncounted into the counts."""
        state = self.state
        for name, uids in (("succeeded", state.uncounted_succeeded), ("failed", state.uncounted_failed)):
            left = [uid for uid in uids if uid in waiting]
            if len(left) < len(uids):
                state.status[name] = state.status.get(name, 0) + len(uids) - len(left)
                uids[:] = left
                self.is_changed = True

    def finish(self, now: str) -> bool:
        """Puts the last condition in, once nothing is left to count and no Pod is still on its way out."""
        state = self.state
        ending = state.ending
        unsettled = self.is_overfull or state.uncounted_succeeded or state.uncounted_failed or state.terminating > 0
        if ending is None or unsettled:
            return False
        conditions, _ = with_condition(
            state.status.get("conditions") or (), ending.final, "True", ending.reason, ending.message, now
        )
        state.status["conditions"] = conditions
        if ending.final == COMPLETE:
            state.status["completionTime"] = now
        self.is_changed = True
        return True

    def written(self) -> Object:
        """The status as it is to be written."""
        state = self.state
        uncounted = {"succeeded": state.uncounted_succeeded, "failed": state.uncounted_failed}
        status = {
            **state.status,
            "uncountedTerminatedPods": {name: list(uids) for name, uids in uncounted.items() if uids},
        }
        for name in COUNTS:
            if not status.get(name):
                status.pop(name, None)
        return status

    # -- details --------------------------------------------------------------------------------------

    def _may_release(self, pod: Stored) -> bool:
        state = self.state
        is_over = "deletionTimestamp" in state.job.object["metadata"] or state.ending is not None
        if is_over or pod.view(Pod).status.phase == "Succeeded":
            return True
        if not state.is_failed(pod):
            return False
        index = completion_index(pod)
        delayed = state.delayed.get(index) if index is not None else None
        return delayed is None or delayed.uid != pod.uid

    def _count_pod(self, pod: Stored, new_indexes: dict[int, None]) -> None:
        state = self.state
        if pod.view(Pod).status.phase == "Succeeded" and pod.uid not in state.uncounted_failed:
            index = completion_index(pod)
            if not state.indexed:
                if pod.uid not in state.uncounted_succeeded:
                    state.uncounted_succeeded.append(pod.uid)
                    self.is_changed = True
            elif index is not None and state.has_valid_index(pod) and not has_index(state.previous_indexes, index):
                new_indexes[index] = None
                self.is_changed = True
            return
        fails_with_job = state.ending is not None and state.ending.type == FAILURE_TARGET
        if not (state.is_failed(pod) or fails_with_job):
            return
        if pod.uid in state.uncounted_failed or not state.has_valid_index(pod):
            return
        if judge_failure(state.policy, pod.view(Pod)).counts:
            state.uncounted_failed.append(pod.uid)
            self.is_changed = True

    def _note_indexes(self, new_indexes: dict[int, None]) -> None:
        state = self.state
        succeeded = with_indexes(state.previous_indexes, new_indexes)
        texts = {"completedIndexes": indexes_text(succeeded)}
        if state.failed_indexes is not None:
            texts["failedIndexes"] = indexes_text(state.failed_indexes)
        for name, text in texts.items():
            if text != state.status.get(name, "") or (name == "failedIndexes" and name not in state.status):
                self.is_changed = True
            if text or name == "failedIndexes":
                state.status[name] = text
            else:
                state.status.pop(name, None)
        state.status["succeeded"] = total(succeeded)

    def _announce(self, now: str) -> None:
        ending = self.state.ending
        if ending is None or true_condition(self.state.status, ending.type):
            return
        assert ending.type in (SUCCESS_CRITERIA_MET, FAILURE_TARGET), "a Job announces its end first"
        made = condition(ending.type, "True", ending.reason, ending.message, now)
        self.state.status["conditions"] = [*(self.state.status.get("conditions") or ()), made]
        self.is_changed = True
