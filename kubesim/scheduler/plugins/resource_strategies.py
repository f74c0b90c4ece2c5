"""How full should a node be? The scoring strategies of NodeResourcesFit, and what they score.

LeastAllocated spreads, MostAllocated packs, RequestedToCapacityRatio follows a line that the user draws: points of
(utilization from 0 to 100, score from 0 to 10). Each resource of the strategy gets points, and the weighted mean of
those that the node has is the score. An extended resource counts only for Pods that ask for it.
Upstream: pkg/scheduler/framework/plugins/noderesources/resource_allocation.go, least_allocated.go, most_allocated.go,
requested_to_capacity_ratio.go. Left out: devices that stand for extended resources (DRA).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec

from kubesim.scheduler.framework.interface import NODE_SCORE_MAX
from kubesim.scheduler.node_info import NodeInfo
from kubesim.scheduler.pod_info import PodShape
from kubesim.scheduler.resources import CPU, MEMORY, NATIVE

LEAST_ALLOCATED = "LeastAllocated"
MOST_ALLOCATED = "MostAllocated"
REQUESTED_TO_CAPACITY_RATIO = "RequestedToCapacityRatio"
STRATEGIES = (LEAST_ALLOCATED, MOST_ALLOCATED, REQUESTED_TO_CAPACITY_RATIO)
SHAPE_SCORE_MAX = 10
CPU_AND_MEMORY = ((CPU, 1), (MEMORY, 1))


class ScoringStrategy(msgspec.Struct, frozen=True):
    """The argument `scoringStrategy`: resources with weights, and the points of the line, if there is one."""

    type: str = LEAST_ALLOCATED
    resources: tuple[tuple[str, int], ...] = CPU_AND_MEMORY
    shape: tuple[tuple[int, int], ...] = ()


DEFAULT_STRATEGY = ScoringStrategy()
Used = tuple[int, int]  # (requested, allocatable); (0, 0) for a resource that does not count here.


def strategy_scorer(strategy: ScoringStrategy) -> Callable[[PodShape, NodeInfo], int]:
    """The score of a node for Pods of a shape, from 0 to 100."""
    names = tuple(name for name, _ in strategy.resources)
    weights = tuple(weight for _, weight in strategy.resources)

    def of_line(shape: PodShape, node: NodeInfo) -> int:
        return ratio_score(list(non_zero_use(shape, node, names)), weights, strategy.shape)

    def of_share(shape: PodShape, node: NodeInfo) -> int:
        total = of_weights = 0
        for (requested, capacity), weight in zip(non_zero_use(shape, node, names), weights, strict=True):
            if capacity:
                total += weight * one_resource(requested, capacity)
                of_weights += weight
        return total // of_weights if of_weights else 0

    one_resource = most_requested if strategy.type == MOST_ALLOCATED else least_requested
    return of_line if strategy.type == REQUESTED_TO_CAPACITY_RATIO else of_share


def non_zero_use(shape: PodShape, node: NodeInfo, names: Sequence[str]) -> Iterator[Used]:
    """What would be used with the Pod; cpu and memory that nobody asked for count with upstream's defaults."""
    for name in names:
        if name == CPU:
            yield node.non_zero_cpu + shape.non_zero_cpu, node.allocatable.get(CPU, 0)
        elif name == MEMORY:
            yield node.non_zero_memory + shape.non_zero_memory, node.allocatable.get(MEMORY, 0)
        else:
            yield use_with(node, name, shape.requests.get(name, 0))


def use_with(node: NodeInfo, name: str, asked: int) -> Used:
    """What would be used of one resource, as it was asked for."""
    capacity = node.allocatable.get(name, 0)
    if not capacity or (not asked and name not in NATIVE):
        return 0, 0
    return node.requested.get(name, 0) + asked, capacity


def least_requested(requested: int, capacity: int) -> int:
    """The share left, in percent, rounded down."""
    return 0 if requested > capacity else (capacity - requested) * NODE_SCORE_MAX // capacity


def most_requested(requested: int, capacity: int) -> int:
    """The share used, in percent, rounded down. Pods that ask for nothing may count for more than there is."""
    return min(requested, capacity) * NODE_SCORE_MAX // capacity


def ratio_score(uses: Sequence[Used], weights: Sequence[int], shape: Sequence[tuple[int, int]]) -> int:
    """The weighted mean of the line's values; a resource of value 0 has no say at all."""
    total = of_weights = 0
    for (requested, capacity), weight in zip(uses, weights, strict=True):
        if capacity:
            utilization = 100 if requested > capacity else requested * 100 // capacity
            score = on_line(shape, utilization)
            if score > 0:
                total += score * weight
                of_weights += weight
    # Rounded half up; both are positive, so that whole numbers do.
    return (2 * total + of_weights) // (2 * of_weights) if of_weights else 0


def on_line(shape: Sequence[tuple[int, int]], utilization: int) -> int:
    """The value of the line through the points, level before the first and after the last; scores become percents."""
    percent = NODE_SCORE_MAX // SHAPE_SCORE_MAX
    before: tuple[int, int] | None = None
    for at, score in shape:
        if utilization <= at:
            if before is None:
                return score * percent
            rise, run = (score - before[1]) * percent, at - before[0]
            step = abs(rise) * (utilization - before[0]) // run  # Go rounds towards zero.
            return before[1] * percent + (step if rise >= 0 else -step)
        before = (at, score)
    return before[1] * percent if before is not None else 0
