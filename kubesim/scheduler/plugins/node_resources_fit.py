"""NodeResourcesFit: does the node have what the Pod asks for, and how much would be left?

Filter compares requests with what is not promised yet. What a node could not offer even if it were empty is
unresolvable: no preemption helps. Score prefers the node with the most left, cpu and memory counting alike, unless
another strategy is configured (`kubesim.scheduler.plugins.resource_strategies`); Pods that ask for nothing count with
small defaults, so that they spread too. Extended resources can be left to somebody else (`ignoredResources`).
Upstream: pkg/scheduler/framework/plugins/noderesources/fit.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kubesim.api.views import Node
from kubesim.scheduler.framework.cluster_event import ClusterEvent, EventWithHint
from kubesim.scheduler.framework.cycle_state import CycleState
from kubesim.scheduler.framework.handle import Handle
from kubesim.scheduler.framework.interface import FilterPlugin, ScorePlugin
from kubesim.scheduler.framework.status import SUCCESS, Code, Status
from kubesim.scheduler.node_info import NodeInfo
from kubesim.scheduler.plugins.resource_strategies import (
    DEFAULT_STRATEGY,
    ScoringStrategy,
    least_requested,
    strategy_scorer,
)
from kubesim.scheduler.pod_info import PodInfo
from kubesim.scheduler.resources import CPU, MEMORY, PODS_RESOURCE, amounts, is_extended

TOO_MANY_PODS = "Too many pods"


class NodeResourcesFit(FilterPlugin, ScorePlugin):
    """Compares what is asked for with what is left."""

    name = "NodeResourcesFit"
    node_local = True

    def __init__(
        self, handle: Handle, *, scoring_strategy: ScoringStrategy = DEFAULT_STRATEGY,
        ignored_resources: Sequence[str] = (), ignored_resource_groups: Sequence[str] = (),
    ) -> None:  # fmt: skip
        super().__init__(handle)
        self.strategy = scoring_strategy
        self._score = None if scoring_strategy == DEFAULT_STRATEGY else strategy_scorer(scoring_strategy)
        self._ignored_resources = frozenset(ignored_resources)
        self._ignored_groups = frozenset(ignored_resource_groups)
        self.ignores_some = bool(self._ignored_resources or self._ignored_groups)

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status:
        """SUCCESS, or every resource that is short."""
        reasons: list[str] = []
        code = Code.UNSCHEDULABLE
        if len(node.pods) + 1 > node.allowed_pods:
            reasons.append(TOO_MANY_PODS)
        allocatable, requested = node.allocatable, node.requested
        for resource, asked in pod.shape.requests.items():
            capacity = allocatable.get(resource, 0)
            if asked and asked > capacity - requested.get(resource, 0) and not self.is_ignored(resource):
                reasons.append(f"Insufficient {resource}")
                if asked > capacity:
                    code = Code.UNSCHEDULABLE_AND_UNRESOLVABLE
        return Status(code, tuple(reasons)) if reasons else SUCCESS

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        """The share of cpu and of memory that would be left, in percent, averaged; or what the strategy says."""
        if self._score is not None:
            return self._score(pod.shape, node)
        total = weights = 0
        cpu, memory = node.allocatable.get(CPU, 0), node.allocatable.get(MEMORY, 0)
        if cpu:
            total += least_requested(node.non_zero_cpu + pod.shape.non_zero_cpu, cpu)
            weights += 1
        if memory:
            total += least_requested(node.non_zero_memory + pod.shape.non_zero_memory, memory)
            weights += 1
        return total // weights if weights else 0

    def is_ignored(self, resource: str) -> bool:
        """Whether the configuration leaves this resource to somebody else; only extended ones can be left."""
        if not self.ignores_some or not is_extended(resource):
            return False
        return resource in self._ignored_resources or resource.split("/")[0] in self._ignored_groups

    def events(self) -> Sequence[EventWithHint]:
        """A Pod left or asks for less now, a node was added or offers more."""
        return (
            EventWithHint(ClusterEvent.ASSIGNED_POD_DELETE),
            EventWithHint(ClusterEvent.ASSIGNED_POD_SCALE_DOWN, self.is_schedulable_after_scale_down),
            EventWithHint(ClusterEvent.POD_SCALE_DOWN, self.is_schedulable_after_scale_down),
            EventWithHint(ClusterEvent.NODE_ADD, self.is_schedulable_after_node_change),
            EventWithHint(ClusterEvent.NODE_ALLOCATABLE, self.is_schedulable_after_node_change),
        )

    def is_schedulable_after_scale_down(self, pod: PodInfo, old: Any, new: Any) -> bool:
        """The Pod itself asks for less, or another one released something that this one wants."""
        assert isinstance(old, PodInfo)
        assert isinstance(new, PodInfo)
        if new.uid == pod.uid:
            return True
        before, after = old.shape.requests, new.shape.requests
        return any(before.get(name, 0) > after.get(name, 0) for name, asked in pod.shape.requests.items() if asked)

    def is_schedulable_after_node_change(self, pod: PodInfo, old: Any, new: Any) -> bool:
        """The node, were it empty, would do, and it offers more of something wanted than before."""
        assert isinstance(new, Node)
        offered = amounts(new.status.allocatable)
        wanted = {name: asked for name, asked in pod.shape.requests.items() if asked and not self.is_ignored(name)}
        if offered.get(PODS_RESOURCE, 0) < 1 or any(asked > offered.get(name, 0) for name, asked in wanted.items()):
            return False
        if old is None:
            return True
        before = amounts(old.status.allocatable)
        return any(offered.get(name, 0) > before.get(name, 0) for name in (*wanted, PODS_RESOURCE))
