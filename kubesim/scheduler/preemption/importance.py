"""Which of two Pods is more important: the one of higher priority, then the one that runs longer.

A Pod without `status.startTime` counts as starting now, where every look at the clock is a little later than the one
before. So of two such Pods the one that is asked about first is "more important", and Go's sort, which inserts one
after another into short slices, turns their order round. Who is spared depends on it.
Upstream: `MoreImportantPod` and `GetPodStartTime` in pkg/scheduler/util/utils.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kubesim.scheduler.pod_info import PodInfo

INSERTION_MAX = 12  # Up to here Go's sort inserts one after another.
NOT_STARTED = "9"  # After every date.


def is_more_important(pod: PodInfo, other: PodInfo) -> bool:
    """Whether `pod` should be spared before `other`."""
    if pod.priority != other.priority:
        return pod.priority > other.priority
    since, other_since = pod.pod.status.start_time, other.pod.status.start_time
    if not since:
        return not other_since
    return not other_since or since < other_since


def by_importance(pods: Iterable[PodInfo]) -> list[PodInfo]:
    """The most important first; equals as Go's sort leaves them."""
    ordered = list(pods)
    if len(ordered) > INSERTION_MAX:
        ordered.reverse()
        return sorted(ordered, key=lambda pod: (-pod.priority, pod.pod.status.start_time or NOT_STARTED))
    for end in range(1, len(ordered)):
        place = end
        while place > 0 and is_more_important(ordered[place], ordered[place - 1]):
            ordered[place], ordered[place - 1] = ordered[place - 1], ordered[place]
            place -= 1
    return ordered


def earliest_start(victims: Sequence[PodInfo]) -> str:
    """When the first of the victims of the highest priority started."""
    highest = max(pod.priority for pod in victims)
    return min(pod.pod.status.start_time or NOT_STARTED for pod in victims if pod.priority == highest)
