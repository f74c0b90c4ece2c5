"""NodeName: a Pod that names its node can go nowhere else.

Such a Pod is normally no business of a scheduler's: its kubelet takes it as it is. The filter matters to
those who run the plugins on their own. Upstream: pkg/scheduler/framework/plugins/nodename.
"""

from __future__ import annotations

from collections.abc import Sequence

from kubesim.scheduler.framework.cluster_event import ClusterEvent, EventWithHint
from kubesim.scheduler.framework.cycle_state import CycleState
from kubesim.scheduler.framework.interface import FilterPlugin
from kubesim.scheduler.framework.status import SUCCESS, Status, unresolvable
from kubesim.scheduler.node_info import NodeInfo
from kubesim.scheduler.pod_info import PodInfo

DID_NOT_MATCH = unresolvable("node(s) didn't match the requested node name")


class NodeName(FilterPlugin):
    """Compares spec.nodeName with the node's name."""

    name = "NodeName"
    node_local = True

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status:
        """SUCCESS when no node or this one is named."""
        wanted = pod.pod.spec.node_name
        return SUCCESS if not wanted or wanted == node.name else DID_NOT_MATCH

    def events(self) -> Sequence[EventWithHint]:
        """Only a new node can help."""
        return (EventWithHint(ClusterEvent.NODE_ADD),)
