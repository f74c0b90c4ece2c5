"""How many Pods a Job wants now: which to delete, or for which indexes to create some. Pure.

Never more at once than `parallelism`, never more than successes are missing, and none while a failure is too fresh.
Upstream: manageJob in pkg/controller/job/job_controller.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kubesim.api.stored import Stored
from kubesim.api.views import Pod
from kubesim.controllers import job_backoff
from kubesim.controllers.job_indexes import (
    completion_index,
    duplicates,
    failure_counts,
    first_pending,
    with_indexes,
)
from kubesim.controllers.job_policies import judge_failure
from kubesim.controllers.job_state import JobState
from kubesim.controllers.pod_ranking import pods_to_delete

BURST_PODS = 500  # A Job creates or deletes at most so many Pods, then looks again.


class JobPlan(NamedTuple):
    """What to do now: delete, or create (an index each, None without), or wait so many seconds and look again."""

    delete: Sequence[Stored] = ()
    create: Sequence[int | None] = ()
    wait_seconds: float = 0.0


def plan_pods(state: JobState, now: float) -> JobPlan:
    """Closes the gap between the Pods that work and those that should; `now` is since 1970."""
    active = len(state.active)
    wanted = 0 if state.is_suspended else wanted_active(state)
    surplus = pods_for_removal(state, active if state.is_suspended else max(0, active - wanted), now)
    if surplus or state.is_suspended:
        return JobPlan(delete=surplus if state.is_suspended else surplus[:BURST_PODS])
    missing = wanted - active - (state.terminating if state.replaces_only_failed else 0)
    if missing <= 0:
        return JobPlan()
    if state.per_index_limit is None and (wait := state.back_off.remaining(now)) > 0:
        return JobPlan(wait_seconds=wait)
    missing = min(missing, BURST_PODS)
    return indexes_to_create(state, missing, now) if state.indexed else JobPlan(create=[None] * missing)


def wanted_active(state: JobState) -> int:
    """How many Pods should work at the same time."""
    parallelism: int = state.spec.get("parallelism", 1)
    if state.completions is None:
        return len(state.active) if state.succeeded > 0 else parallelism
    missing: int = state.completions - state.succeeded
    return max(0, min(missing, parallelism))


def pods_for_removal(state: JobState, count: int, now: float) -> list[Stored]:
    """At least `count` active Pods: first those of indexes that have one already, then the least useful."""
    surplus: list[Stored] = []
    rest: Sequence[Stored] = state.active
    if state.indexed:
        surplus, rest = duplicates(state.active, state.completions or 0)
    if len(surplus) < count:
        surplus += pods_to_delete(rest, count - len(surplus), (), now)
    return surplus


def indexes_to_create(state: JobState, count: int, now: float) -> JobPlan:
    """The next indexes; with a limit of failures for each, those whose own back-off is over."""
    working = [index for pod in state.active if (index := completion_index(pod)) is not None]
    if state.replaces_only_failed:
        working += [
            index
            for pod in state.pods
            if "deletionTimestamp" in pod.object["metadata"] and not state.is_failed(pod)
            if (index := completion_index(pod)) is not None
        ]
    taken = with_indexes([*state.succeeded_indexes, *(state.failed_indexes or ())], ())
    indexes = first_pending(taken, working, count, state.completions or 0)
    if state.per_index_limit is None:
        return JobPlan(create=indexes)
    waits = {index: wait_for_index(state, index, now) for index in indexes}
    ready = [index for index in indexes if waits[index] <= 0]
    if ready or not indexes:
        return JobPlan(create=ready)
    return JobPlan(wait_seconds=min(waits.values()))


def wait_for_index(state: JobState, index: int, now: float) -> float:
    """What is left of the back-off of one index."""
    failed = state.delayed.get(index)
    if failed is None:
        return 0.0
    failures = sum(failure_counts(failed)) + 1
    return job_backoff.remaining(failures, job_backoff.finished_at(failed.view(Pod)), now)


def counts_for_index(state: JobState, index: int) -> tuple[int, int] | None:
    """How often an index has failed so far, as its next Pod will tell; None if nobody counts."""
    if state.per_index_limit is None:
        return None
    failed = state.delayed.get(index)
    if failed is None:
        return 0, 0
    counted, ignored = failure_counts(failed)
    if judge_failure(state.policy, failed.view(Pod)).counts:
        return counted + 1, ignored
    return counted, ignored + 1
