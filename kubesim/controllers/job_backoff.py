"""How long a Job waits before it replaces a Pod that failed: 10 s, doubled by each failure since the last success.

It counts from the end of the last one that failed, at most 10 minutes. Pure.
Upstream: pkg/controller/job/backoff_utils.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kubesim.api.views import Pod
from kubesim.sim import parse_timestamp

BASE_SECONDS = 10.0
MAX_SECONDS = 600.0
EXPONENT_MAX = 16  # Far above the maximum.


class BackOff(NamedTuple):
    """Failures since the last success, and the end of the last of them, in seconds since 1970."""

    failures: int = 0
    last_failure: float | None = None

    def remaining(self, now: float) -> float:
        """How many seconds are left at `now`; 0 if it may go on."""
        return remaining(self.failures, self.last_failure, now)


def remaining(failures: int, last_failure: float | None, now: float) -> float:
    """What is left of the back-off after so many failures."""
    if failures == 0 or last_failure is None:
        return 0.0
    delay = min(BASE_SECONDS * 2.0 ** min(failures - 1, EXPONENT_MAX), MAX_SECONDS)
    return max(0.0, last_failure + delay - now)


def after(known: BackOff, succeeded: Sequence[Pod], failed: Sequence[Pod]) -> BackOff:
    """The back-off once these Pods have ended as well."""
    failures = sorted(finished_at(pod) for pod in failed)
    if not succeeded:
        return BackOff(known.failures + len(failures), failures[-1]) if failures else known
    last_success = max(finished_at(pod) for pod in succeeded)
    later = [time for time in failures if time > last_success]
    return BackOff(len(later), later[-1]) if later else BackOff()


def finished_at(pod: Pod) -> float:
    """When a Pod ended: its last container, else the moment it stopped being ready, else that of its deletion."""
    ends = [
        status.state.terminated.finished_at
        for status in pod.status.container_statuses
        if status.state is not None and status.state.terminated is not None and status.state.terminated.finished_at
    ]
    if ends and len(ends) == len(pod.status.container_statuses):
        return max(parse_timestamp(end) for end in ends)
    for condition in pod.status.conditions:
        if condition.type == "Ready" and condition.status == "False" and condition.last_transition_time:
            return parse_timestamp(condition.last_transition_time)
    if pod.metadata.deletion_timestamp:
        return parse_timestamp(pod.metadata.deletion_timestamp) - (pod.metadata.deletion_grace_period_seconds or 0)
    return parse_timestamp(pod.metadata.creation_timestamp)
