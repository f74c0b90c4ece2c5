"""PrioritySort: the higher priority first, then who waits longest.

Upstream: pkg/scheduler/framework/plugins/queuesort.
"""

from __future__ import annotations

from kubesim.scheduler.framework.interface import QueueSortPlugin
from kubesim.scheduler.pod_info import PodInfo


class PrioritySort(QueueSortPlugin):
    """Orders the active queue."""

    name = "PrioritySort"

    def key(self, pod: PodInfo, timestamp_ns: int) -> tuple[int, ...]:
        """Smaller comes first; the queue itself breaks ties by order of arrival."""
        return (-pod.priority, timestamp_ns)
