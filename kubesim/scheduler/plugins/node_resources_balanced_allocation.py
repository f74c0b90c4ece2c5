"""NodeResourcesBalancedAllocation: prefers nodes whose cpu and memory would be used to the same degree.

The balance of a node is 100 less the standard deviation of the used fractions. Since v1.36 the score is not
that balance itself but how the Pod changes it: 75 when it does not, more when it improves.
Upstream: pkg/scheduler/framework/plugins/noderesources/balanced_allocation.go. Left out: other resources
than cpu and memory (the plugin's arguments).
"""

from __future__ import annotations

from collections.abc import Sequence

from kubesim.scheduler.framework.cycle_state import CycleState
from kubesim.scheduler.framework.interface import NODE_SCORE_MAX, PreScorePlugin, ScorePlugin
from kubesim.scheduler.framework.status import SKIP, SUCCESS, Status
from kubesim.scheduler.node_info import NodeInfo
from kubesim.scheduler.pod_info import PodInfo
from kubesim.scheduler.resources import CPU, MEMORY


class NodeResourcesBalancedAllocation(PreScorePlugin, ScorePlugin):
    """Compares the balance of a node with and without the Pod."""

    name = "NodeResourcesBalancedAllocation"
    node_local = True

    def pre_score(self, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo]) -> Status:
        """SKIP for a Pod that asks for neither cpu nor memory: it changes no balance."""
        requests = pod.shape.requests
        return SUCCESS if requests.get(CPU) or requests.get(MEMORY) else SKIP

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        """75 plus half the change of balance."""
        used, asked = node.requested, pod.shape.requests
        cpu, memory = used.get(CPU, 0), used.get(MEMORY, 0)
        before = balance(node, cpu, memory)
        after = balance(node, cpu + asked.get(CPU, 0), memory + asked.get(MEMORY, 0))
        return (3 * NODE_SCORE_MAX // 2 + after - before) // 2


def balance(node: NodeInfo, cpu: int, memory: int) -> int:
    """100 when cpu and memory are used to the same degree, 50 when one is full and the other empty."""
    cpu_capacity, memory_capacity = node.allocatable.get(CPU, 0), node.allocatable.get(MEMORY, 0)
    if not cpu_capacity or not memory_capacity:
        return NODE_SCORE_MAX
    difference = min(cpu / cpu_capacity, 1.0) - min(memory / memory_capacity, 1.0)
    return int((1 - abs(difference / 2)) * NODE_SCORE_MAX)
