"""What controllers ask about a Pod: is it active, ready, available, on its way out.

Upstream: pkg/api/v1/pod and IsPodActive, IsPodTerminating in pkg/controller/controller_utils.go.
"""

from __future__ import annotations

from collections.abc import Mapping

from kubesim.api.selectors import Selector
from kubesim.api.stored import Stored
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


class Replica:
    """What those who own Pods by the thousand ask of each at every look, worked out once per revision."""

    __slots__ = ("_like", "_selected_by", "is_active", "is_terminating", "labels", "ready_since")

    def __init__(self, stored: Stored) -> None:
        pod = stored.view(Pod)
        self.is_active = is_active(pod)
        self.is_terminating = is_terminating(pod)
        self.labels = pod.metadata.labels
        condition = ready_condition(pod)
        is_ready_now = condition is not None and condition.status == "True"
        self.ready_since = condition.last_transition_time if is_ready_now and condition is not None else None
        self._selected_by: Selector | None = None
        self._like: Mapping[str, str] | None = None

    def is_selected_by(self, selector: Selector) -> bool:
        """Whether its labels match; the last selector that did is remembered."""
        if self._selected_by is selector:
            return True
        if selector.matches(self.labels):
            self._selected_by = selector
            return True
        return False

    def has_labels(self, wanted: Mapping[str, str]) -> bool:
        """Whether it has these labels, and perhaps others; the last ones that it had are remembered."""
        if self._like is wanted:
            return True
        if wanted.items() <= self.labels.items():
            self._like = wanted
            return True
        return False

    def seconds_until_available(self, min_ready_seconds: int, now: float) -> float | None:
        """0 or less once it has been ready for so long; None while it is not ready. `now` is since 1970."""
        if self.ready_since is None:
            return None
        if min_ready_seconds == 0:
            return 0.0
        if not self.ready_since:
            return float(min_ready_seconds)
        return parse_timestamp(self.ready_since) + min_ready_seconds - now
