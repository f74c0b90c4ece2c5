"""NodeResourcesBalancedAllocation: prefers nodes whose resources (cpu and memory) would be used to the same degree.

The balance of a node is 100 less the standard deviation of the used fractions. Since v1.36 the score is not
that balance itself but how the Pod changes it: 75 when it does not, more when it improves.
Upstream: pkg/scheduler/framework/plugins/noderesources/balanced_allocation.go.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from kubesim.scheduler.framework.cycle_state import CycleState
from kubesim.scheduler.framework.handle import Handle
from kubesim.scheduler.framework.interface import NODE_SCORE_MAX, PreScorePlugin, ScorePlugin
from kubesim.scheduler.framework.status import SKIP, SUCCESS, Status
from kubesim.scheduler.node_info import NodeInfo
from kubesim.scheduler.plugins.resource_strategies import use_with
from kubesim.scheduler.pod_info import PodInfo
from kubesim.scheduler.resources import CPU, MEMORY

CPU_AND_MEMORY = (CPU, MEMORY)


class NodeResourcesBalancedAllocation(PreScorePlugin, ScorePlugin):
    """Compares the balance of a node with and without the Pod."""

    name = "NodeResourcesBalancedAllocation"
    node_local = True

    def __init__(self, handle: Handle, *, resources: Sequence[str] = CPU_AND_MEMORY) -> None:
        super().__init__(handle)
        self.resources = tuple(resources)
        self._is_default = self.resources == CPU_AND_MEMORY

    def pre_score(self, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo]) -> Status:
        """SKIP for a Pod that asks for none of the resources: it changes no balance."""
        requests = pod.shape.requests
        return SUCCESS if any(requests.get(name) for name in self.resources) else SKIP

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        """75 plus half the change of balance."""
        used, asked = node.requested, pod.shape.requests
        if self._is_default:
            cpu, memory = used.get(CPU, 0), used.get(MEMORY, 0)
            before = balance(node, cpu, memory)
            after = balance(node, cpu + asked.get(CPU, 0), memory + asked.get(MEMORY, 0))
        else:
            uses = [(name, use_with(node, name, asked.get(name, 0))) for name in self.resources]
            counted = [(used_, capacity, asked.get(name, 0)) for name, (used_, capacity) in uses if capacity]
            after = balance_of([used_ / capacity for used_, capacity, _ in counted])
            before = balance_of([(used_ - more) / capacity for used_, capacity, more in counted])
        return (3 * NODE_SCORE_MAX // 2 + after - before) // 2


def balance(node: NodeInfo, cpu: int, memory: int) -> int:
    """100 when cpu and memory are used to the same degree, 50 when one is full and the other empty."""
    cpu_capacity, memory_capacity = node.allocatable.get(CPU, 0), node.allocatable.get(MEMORY, 0)
    if not cpu_capacity or not memory_capacity:
        return NODE_SCORE_MAX
    difference = min(cpu / cpu_capacity, 1.0) - min(memory / memory_capacity, 1.0)
    return int((1 - abs(difference / 2)) * NODE_SCORE_MAX)


def balance_of(used: Sequence[float]) -> int:
    """The same for any number of resources: 100 less the standard deviation of what is used of them."""
    fractions = [min(each, 1.0) for each in used]
    deviation = 0.0
    if len(fractions) == 2:
        deviation = abs((fractions[0] - fractions[1]) / 2)
    elif len(fractions) > 2:
        mean = total(fractions) / len(fractions)
        deviation = math.sqrt(total((each - mean) * (each - mean) for each in fractions) / len(fractions))
    return int((1 - deviation) * NODE_SCORE_MAX)


def total(numbers: Iterable[float]) -> float:
    """The sum from left to right, as Go adds up; Python's `sum` compensates for rounding since 3.12."""
    result = 0.0
    for number in numbers:
        result += number
    return result
