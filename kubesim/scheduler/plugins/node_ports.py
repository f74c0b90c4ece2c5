"""NodePorts: two Pods cannot take the same port of one node.

Upstream: pkg/scheduler/framework/plugins/nodeports.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kubesim.scheduler.framework.cluster_event import ClusterEvent, EventWithHint
from kubesim.scheduler.framework.cycle_state import CycleState
from kubesim.scheduler.framework.interface import ALL_NODES, FilterPlugin, PreFilterPlugin, PreFilterResult
from kubesim.scheduler.framework.status import SKIP, SUCCESS, Status, unschedulable
from kubesim.scheduler.node_info import NodeInfo
from kubesim.scheduler.pod_info import ANY_IP, PodInfo
from kubesim.scheduler.snapshot import Snapshot

NO_FREE_PORTS = unschedulable("node(s) didn't have free ports for the requested pod ports")


class NodePorts(PreFilterPlugin, FilterPlugin):
    """Looks at hostPorts."""

    name = "NodePorts"
    node_local = True

    def pre_filter(self, state: CycleState, pod: PodInfo, snapshot: Snapshot) -> tuple[PreFilterResult, Status]:
        """SKIP without host ports."""
        return ALL_NODES, SUCCESS if pod.shape.host_ports else SKIP

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status:
        """SUCCESS when all wanted ports are free."""
        taken = any(node.has_port_conflict(port) for port in pod.shape.host_ports)
        return NO_FREE_PORTS if taken else SUCCESS

    def events(self) -> Sequence[EventWithHint]:
        """A Pod left a node and freed a port, or a node was added."""
        return (
            EventWithHint(ClusterEvent.ASSIGNED_POD_DELETE, self.is_schedulable_after_pod_deleted),
            EventWithHint(ClusterEvent.NODE_ADD),
        )

    def is_schedulable_after_pod_deleted(self, pod: PodInfo, old: Any, new: Any) -> bool:
        """The Pod that left used one of the wanted ports."""
        assert isinstance(old, PodInfo)
        return any(
            freed[1:] == wanted[1:] and (freed[0] == wanted[0] or ANY_IP in (freed[0], wanted[0]))
            for freed in old.shape.host_ports
            for wanted in pod.shape.host_ports
        )
