"""A scheduler plugin of one's own: it keeps Pods off nodes that are reserved, and prefers those that run fewest Pods.

One method makes a plugin: `filter` says whether a Pod can run on a node, `score` how well (0 to 100). Both see one node
at a time. The configuration beside this file enables the two; start a cluster with it:

    kubesim start --scheduler-config examples/scheduler/quiet-nodes.yaml
"""

from __future__ import annotations

from kubesim.scheduler.framework.cycle_state import CycleState
from kubesim.scheduler.framework.interface import NODE_SCORE_MAX, FilterPlugin, ScorePlugin
from kubesim.scheduler.framework.status import SUCCESS, Status, unresolvable
from kubesim.scheduler.node_info import NodeInfo
from kubesim.scheduler.pod_info import PodInfo

RESERVED_FOR = "example.com/reserved-for"


class ReservedNodes(FilterPlugin):
    """A node with the label `example.com/reserved-for: NAMESPACE` takes Pods of that namespace only."""

    name = "ReservedNodes"

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status:  # noqa: ARG002
        """The text appears in `kubectl describe pod`, counted over the nodes."""
        namespace = node.known.metadata.labels.get(RESERVED_FOR, pod.namespace)
        return SUCCESS if namespace == pod.namespace else unresolvable("node(s) were reserved for another namespace")


class FewestPods(ScorePlugin):
    """Prefers the node that runs the fewest Pods, whatever these ask for."""

    name = "FewestPods"

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:  # noqa: ARG002
        """100 for an empty node, 0 for a full one."""
        return NODE_SCORE_MAX * (node.allowed_pods - len(node.pods)) // node.allowed_pods
