"""One look at a Job: its Pods counted, and whether it is to end, and why. Pure.

A Pod is counted once, and only while it carries the finalizer `batch.kubernetes.io/job-tracking`: it is first named in
`status.uncountedTerminatedPods`, then loses the finalizer, and then its number goes into the counts.
Upstream: syncJob in pkg/controller/job/job_controller.go.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from kubesim.api.stored import Object, Stored
from kubesim.api.views import Pod
from kubesim.controllers import job_backoff
from kubesim.controllers.job_backoff import BackOff
from kubesim.controllers.job_conditions import FAILURE_TARGET, SUCCESS_CRITERIA_MET, Ending, true_condition
from kubesim.controllers.job_indexes import (
    Intervals,
    completion_index,
    failure_counts,
    has_index,
    is_indexed,
    parse_indexes,
    total,
    with_indexes,
)
from kubesim.controllers.job_policies import judge_failure, success_message
from kubesim.controllers.pods import is_active, is_ready, is_terminating
from kubesim.sim import parse_timestamp

FINALIZER = "batch.kubernetes.io/job-tracking"


class JobState:
    """A Job and its Pods. `removing` are the uids of Pods whose finalizer is gone though the cache still shows it."""

    def __init__(self, job: Stored, pods: Sequence[Stored], removing: Collection[str], known: BackOff) -> None:
        self.job = job
        self.spec: Object = job.object["spec"]
        self.status: Object = dict(job.object.get("status") or {})
        self.pods = pods
        self.removing = removing
        self.active = [pod for pod in pods if is_active(pod.view(Pod))]
        self.ready = sum(is_ready(pod.view(Pod)) for pod in self.active)
        self.terminating = sum(is_terminating(pod.view(Pod)) for pod in pods)
        uncounted: Object = self.status.get("uncountedTerminatedPods") or {}
        self.uncounted_succeeded: list[str] = list(uncounted.get("succeeded") or ())
        self.uncounted_failed: list[str] = list(uncounted.get("failed") or ())
        self.indexed = is_indexed(self.spec)
        self.completions: int | None = self.spec.get("completions")
        self.per_index_limit: int | None = self.spec.get("backoffLimitPerIndex")
        self.policy: Object | None = self.spec.get("podFailurePolicy")
        new_succeeded = [p for p in self._new(self.uncounted_succeeded) if p.view(Pod).status.phase == "Succeeded"]
        new_failed = [p for p in self._new(self.uncounted_failed) if self.is_failed(p)]
        self.back_off = job_backoff.after(known, views(new_succeeded), views(new_failed))
        self.succeeded: int = self.status.get("succeeded", 0) + len(new_succeeded) + len(self.uncounted_succeeded)
        counted = sum(judge_failure(self.policy, pod.view(Pod)).counts for pod in new_failed)
        self.failed = self.status.get("failed", 0) + counted + len(self.uncounted_failed)
        self.previous_indexes: Intervals = []
        self.succeeded_indexes: Intervals = []
        self.failed_indexes: Intervals | None = None
        self.delayed: dict[int, Stored] = {}  # The last failed Pod of each index that is to be tried again.
        if self.indexed:
            self._read_indexes()
        self.ending: Ending | None = None

    # -- deciding -------------------------------------------------------------------------------------

    def decide(self, now: float) -> None:
        """Sets `ending` if the Job is to end whatever its Pods do now; `now` is since 1970."""
        met = true_condition(self.status, SUCCESS_CRITERIA_MET)
        target = true_condition(self.status, FAILURE_TARGET)
        if met:
            self.ending = Ending(SUCCESS_CRITERIA_MET, met["reason"], met["message"])
        elif target:
            self.ending = Ending(FAILURE_TARGET, target["reason"], target["message"])
        else:
            self.ending = self._failure(now) or self._index_failure() or self._success_by_policy()

    def is_complete(self, active: int) -> bool:
        """Whether as many Pods have succeeded as were asked for."""
        if active:
            return False
        return self.succeeded > 0 if self.completions is None else self.succeeded >= self.completions

    @property
    def is_suspended(self) -> bool:
        """Whether its author has halted it."""
        return bool(self.spec.get("suspend"))

    @property
    def replaces_only_failed(self) -> bool:
        """Whether a terminating Pod keeps its place until it has ended."""
        return self.policy is not None or str(self.spec.get("podReplacementPolicy")) == "Failed"

    def seconds_to_deadline(self, now: float) -> float | None:
        """When the Job will have been active for too long; None if it has no deadline or has not begun."""
        limit, started = self.spec.get("activeDeadlineSeconds"), self.status.get("startTime")
        if limit is None or not started or self.is_suspended:
            return None
        return float(parse_timestamp(started) + limit - now)

    def _failure(self, now: float) -> Ending | None:
        for pod in self.pods:
            if self.is_failed(pod) and (message := judge_failure(self.policy, pod.view(Pod)).message):
                return Ending(FAILURE_TARGET, "PodFailurePolicy", message)
        if self.failed > self.spec.get("backoffLimit", 6) or self._restarted_too_often():
            return Ending(FAILURE_TARGET, "BackoffLimitExceeded", "Job has reached the specified backoff limit")
        left = self.seconds_to_deadline(now)
        if left is not None and left <= 0:
            return Ending(FAILURE_TARGET, "DeadlineExceeded", "Job was active longer than specified deadline")
        return None

    def _restarted_too_often(self) -> bool:
        if self.spec["template"]["spec"].get("restartPolicy") != "OnFailure":
            return False
        limit = self.spec.get("backoffLimit", 6)
        alive = [pod for pod in views(self.pods) if pod.status.phase in ("Pending", "Running")]
        restarts = sum(
            status.restart_count
            for pod in alive
            for status in (*pod.status.init_container_statuses, *pod.status.container_statuses)
        )
        return restarts > 0 and restarts >= limit

    def _index_failure(self) -> Ending | None:
        if self.failed_indexes is None or self.completions is None:
            return None
        failed, limit = total(self.failed_indexes), self.spec.get("maxFailedIndexes")
        if limit is not None and failed > limit:
            message = "Job has exceeded the specified maximal number of failed indexes"
            return Ending(FAILURE_TARGET, "MaxFailedIndexesExceeded", message)
        if failed and failed + total(self.succeeded_indexes) >= self.completions:
            return Ending(FAILURE_TARGET, "FailedIndexes", "Job has failed indexes")
        return None

    def _success_by_policy(self) -> Ending | None:
        if not self.indexed:
            return None
        message = success_message(self.spec.get("successPolicy"), self.completions or 0, self.succeeded_indexes)
        return Ending(SUCCESS_CRITERIA_MET, "SuccessPolicy", message) if message else None

    # -- reading --------------------------------------------------------------------------------------

    def is_tracked(self, pod: Stored) -> bool:
        """Whether a Pod has yet to be counted, or is in the list of those that are."""
        return FINALIZER in (pod.object["metadata"].get("finalizers") or ()) and pod.uid not in self.removing

    def is_failed(self, pod: Stored) -> bool:
        """It ended in failure, or is on its way out and may never say how it ended."""
        view = pod.view(Pod)
        if view.status.phase == "Failed" or self.replaces_only_failed:
            return view.status.phase == "Failed"
        return bool(view.metadata.deletion_timestamp) and view.status.phase != "Succeeded"

    def has_valid_index(self, pod: Stored) -> bool:
        """Whether a Pod of an Indexed Job is for an index that the Job has."""
        index = completion_index(pod)
        return not self.indexed or (index is not None and index < (self.completions or 0))

    def _new(self, uncounted: Collection[str]) -> list[Stored]:
        return [
            pod
            for pod in self.pods
            if self.is_tracked(pod) and pod.uid not in uncounted and self.has_valid_index(pod)
        ]  # fmt: skip

    def _read_indexes(self) -> None:
        completions = self.completions or 0
        self.previous_indexes = parse_indexes(self.status.get("completedIndexes", ""), completions)
        done = (
            index
            for pod in self.pods
            if pod.view(Pod).status.phase == "Succeeded" and self.is_tracked(pod) and self.has_valid_index(pod)
            if (index := completion_index(pod)) is not None
        )
        self.succeeded_indexes = with_indexes(self.previous_indexes, done)
        self.succeeded = total(self.succeeded_indexes)
        if self.per_index_limit is None:
            return
        failed = [pod for pod in self._new(()) if self.is_failed(pod)]
        given_up = (index for pod in failed if self._gives_up(pod) if (index := completion_index(pod)) is not None)
        known = parse_indexes(self.status.get("failedIndexes", ""), completions)
        self.failed_indexes = with_indexes(known, given_up)
        self.delayed = self._delayed(failed)

    def _gives_up(self, pod: Stored) -> bool:
        """Whether with this failure its index has failed for good."""
        verdict = judge_failure(self.policy, pod.view(Pod))
        if verdict.action == "FailIndex":
            return True
        return verdict.counts and failure_counts(pod)[0] >= (self.per_index_limit or 0)

    def _delayed(self, failed: Sequence[Stored]) -> dict[int, Stored]:
        """They keep their finalizer until the next Pod of their index carries the count of failures on."""
        working = {completion_index(pod) for pod in self.active}
        delayed: dict[int, Stored] = {}
        for pod in failed:
            index = completion_index(pod)
            if index is None or index in working or has_index(self.succeeded_indexes, index):
                continue
            if self.failed_indexes is not None and has_index(self.failed_indexes, index):
                continue
            known = delayed.get(index)
            if known is None or sum(failure_counts(known)) <= sum(failure_counts(pod)):
                delayed[index] = pod
        return delayed


def views(pods: Sequence[Stored]) -> list[Pod]:
    """The Pods, typed."""
    return [pod.view(Pod) for pod in pods]
