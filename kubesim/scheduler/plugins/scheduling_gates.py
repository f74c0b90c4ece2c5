"""SchedulingGates: a Pod with gates is not even tried.

Whoever put a gate into spec.schedulingGates takes it out when all is ready for the Pod.
Upstream: pkg/scheduler/framework/plugins/schedulinggates.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kubesim.scheduler.framework.cluster_event import ClusterEvent, EventWithHint
from kubesim.scheduler.framework.interface import PreEnqueuePlugin
from kubesim.scheduler.framework.status import SUCCESS, Status, unresolvable
from kubesim.scheduler.pod_info import PodInfo


class SchedulingGates(PreEnqueuePlugin):
    """Keeps Pods with gates out of the active queue."""

    name = "SchedulingGates"

    def pre_enqueue(self, pod: PodInfo) -> Status:
        """SUCCESS without gates, else their names."""
        gates = pod.pod.spec.scheduling_gates
        if not gates:
            return SUCCESS
        return unresolvable(f"waiting for scheduling gates: [{' '.join(gate.name for gate in gates)}]")

    def events(self) -> Sequence[EventWithHint]:
        """The last gate went."""
        return (EventWithHint(ClusterEvent.POD_GATES_ELIMINATED, self.is_schedulable_after_update),)

    def is_schedulable_after_update(self, pod: PodInfo, old: Any, new: Any) -> bool:
        """Only the Pod's own update counts."""
        return isinstance(new, PodInfo) and new.uid == pod.uid
