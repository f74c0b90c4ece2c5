"""TaintToleration: taints keep Pods away (NoSchedule, NoExecute) or make them hesitate (PreferNoSchedule).

The score counts PreferNoSchedule taints that the Pod does not bear: fewer is better.
Upstream: pkg/scheduler/framework/plugins/tainttoleration.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kubesim.api.views import Node
from kubesim.scheduler.framework.cluster_event import ClusterEvent, EventWithHint
from kubesim.scheduler.framework.cycle_state import CycleState
from kubesim.scheduler.framework.interface import FilterPlugin, Scale, ScorePlugin
from kubesim.scheduler.framework.status import SUCCESS, Status, unresolvable
from kubesim.scheduler.node_info import NodeInfo
from kubesim.scheduler.plugins.taints import PREFER_NO_SCHEDULE, keeps_out, tolerates_any, untolerated
from kubesim.scheduler.pod_info import PodInfo

UNTOLERATED = unresolvable("node(s) had untolerated taint(s)")


class TaintToleration(FilterPlugin, ScorePlugin):
    """Compares spec.taints of the node with spec.tolerations of the Pod."""

    name = "TaintToleration"
    node_local = True
    scale = Scale.BY_MAXIMUM_REVERSED

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status:
        """SUCCESS when the Pod bears every taint that keeps Pods out."""
        taints = node.known.spec.taints
        if not taints:
            return SUCCESS
        return SUCCESS if untolerated(taints, pod.pod.spec.tolerations, keeps_out) is None else UNTOLERATED

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        """How many soft taints the Pod does not bear."""
        taints = node.known.spec.taints
        if not taints:
            return 0
        soft = [t for t in pod.pod.spec.tolerations if t.effect in ("", PREFER_NO_SCHEDULE)]
        return sum(taint.effect == PREFER_NO_SCHEDULE and not tolerates_any(soft, taint) for taint in taints)

    def events(self) -> Sequence[EventWithHint]:
        """A new node, other taints, or a toleration added to the Pod."""
        return (
            EventWithHint(ClusterEvent.NODE_ADD, self.is_schedulable_after_node_change),
            EventWithHint(ClusterEvent.NODE_TAINT, self.is_schedulable_after_node_change),
            EventWithHint(ClusterEvent.POD_TOLERATION, self.is_schedulable_after_toleration),
        )

    def is_schedulable_after_node_change(self, pod: PodInfo, old: Any, new: Any) -> bool:
        """The Pod bears the node's taints now and did not before."""
        assert isinstance(new, Node)
        return _is_tolerated(pod, new) and (old is None or not _is_tolerated(pod, old))

    def is_schedulable_after_toleration(self, pod: PodInfo, old: Any, new: Any) -> bool:
        """Tolerations can only be added, so the Pod's own change is reason enough."""
        return isinstance(new, PodInfo) and new.uid == pod.uid


def _is_tolerated(pod: PodInfo, node: Node) -> bool:
    return untolerated(node.spec.taints, pod.pod.spec.tolerations, keeps_out) is None
