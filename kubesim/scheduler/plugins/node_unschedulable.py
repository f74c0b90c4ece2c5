"""NodeUnschedulable: a cordoned node takes no new Pods, except those that bear its taint.

`kubectl cordon` sets spec.unschedulable; the node controller adds the taint a moment later.
Upstream: pkg/scheduler/framework/plugins/nodeunschedulable.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kubesim.api.views import Node
from kubesim.scheduler.framework.cluster_event import ClusterEvent, EventWithHint
from kubesim.scheduler.framework.cycle_state import CycleState
from kubesim.scheduler.framework.interface import FilterPlugin
from kubesim.scheduler.framework.status import SUCCESS, Status, unresolvable
from kubesim.scheduler.node_info import NodeInfo
from kubesim.scheduler.plugins.taints import UNSCHEDULABLE_TAINT, tolerates_any
from kubesim.scheduler.pod_info import PodInfo

UNSCHEDULABLE = unresolvable("node(s) were unschedulable")


class NodeUnschedulable(FilterPlugin):
    """Looks at spec.unschedulable."""

    name = "NodeUnschedulable"
    node_local = True

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status:
        """SUCCESS unless the node is cordoned and the Pod does not bear that."""
        return SUCCESS if _is_open(pod, node.known) else UNSCHEDULABLE

    def events(self) -> Sequence[EventWithHint]:
        """A new node, an uncordoned one, or a toleration added to the Pod."""
        return (
            EventWithHint(ClusterEvent.NODE_ADD, self.is_schedulable_after_node_change),
            EventWithHint(ClusterEvent.NODE_TAINT, self.is_schedulable_after_node_change),
            EventWithHint(ClusterEvent.POD_TOLERATION, self.is_schedulable_after_toleration),
        )

    def is_schedulable_after_node_change(self, pod: PodInfo, old: Any, new: Any) -> bool:
        """The node is open to the Pod now and was not before."""
        assert isinstance(new, Node)
        return _is_open(pod, new) and (old is None or not _is_open(pod, old))

    def is_schedulable_after_toleration(self, pod: PodInfo, old: Any, new: Any) -> bool:
        """The Pod itself bears a cordon now."""
        return (
            isinstance(new, PodInfo)
            and new.uid == pod.uid
            and tolerates_any(new.pod.spec.tolerations, UNSCHEDULABLE_TAINT)
        )


def _is_open(pod: PodInfo, node: Node) -> bool:
    return not node.spec.unschedulable or tolerates_any(pod.pod.spec.tolerations, UNSCHEDULABLE_TAINT)
