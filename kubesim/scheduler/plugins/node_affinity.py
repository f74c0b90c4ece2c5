"""NodeAffinity: spec.nodeSelector and spec.affinity.nodeAffinity.

Required terms are a filter (one term must hold, and the nodeSelector too), preferred terms add their weights.
A required affinity that can only be met by nodes given by name looks at no others. A profile may add an affinity of
its own to that of each of its Pods (`addedAffinity`).
Upstream: pkg/scheduler/framework/plugins/nodeaffinity.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kubesim.api.node_selector import NodePredicate, compile_term, compile_terms
from kubesim.api.views import Node, NodeSelector, NodeSelectorTerm
from kubesim.api.views import NodeAffinity as NodeAffinityView
from kubesim.scheduler.framework.cluster_event import ClusterEvent, EventWithHint
from kubesim.scheduler.framework.cycle_state import CycleState
from kubesim.scheduler.framework.handle import Handle
from kubesim.scheduler.framework.interface import (
    ALL_NODES,
    FilterPlugin,
    PreFilterPlugin,
    PreFilterResult,
    PreScorePlugin,
    Scale,
    ScorePlugin,
)
from kubesim.scheduler.framework.status import SKIP, SUCCESS, Status, unresolvable
from kubesim.scheduler.node_info import NodeInfo
from kubesim.scheduler.pod_info import PodInfo, PodShape
from kubesim.scheduler.snapshot import Snapshot

DID_NOT_MATCH = unresolvable("node(s) didn't match Pod's node affinity/selector")
ENFORCED = unresolvable("node(s) didn't match scheduler-enforced node affinity")
CONFLICTING_TERMS = unresolvable("pod affinity terms conflict")


class CompiledAffinity:
    """The affinity of one shape. `names` is None when the required terms do not name nodes."""

    def __init__(self, shape: PodShape) -> None:
        affinity = shape.spec.affinity.node_affinity if shape.spec.affinity else None
        required = affinity.required_during_scheduling_ignored_during_execution if affinity else None
        preferred = affinity.preferred_during_scheduling_ignored_during_execution if affinity else ()
        self.selector = shape.spec.node_selector
        self.required: NodePredicate | None = compile_terms(required.node_selector_terms) if required else None
        self.names = _named_nodes(required) if required else None
        self.preferred = [(compile_term(p.preference), p.weight) for p in preferred if p.weight]

    def matches(self, node: Node) -> bool:
        """Whether nodeSelector and the required terms hold."""
        labels = node.metadata.labels
        for key, value in self.selector.items():
            if labels.get(key) != value:
                return False
        return self.required is None or self.required(node)


class NodeAffinity(PreFilterPlugin, FilterPlugin, PreScorePlugin, ScorePlugin):
    """Looks at the node's labels and name."""

    name = "NodeAffinity"
    node_local = True
    scale = Scale.BY_MAXIMUM

    def __init__(self, handle: Handle, *, added_affinity: NodeAffinityView | None = None) -> None:
        super().__init__(handle)
        required = added_affinity.required_during_scheduling_ignored_during_execution if added_affinity else None
        preferred = added_affinity.preferred_during_scheduling_ignored_during_execution if added_affinity else ()
        self._added_required = compile_terms(required.node_selector_terms) if required is not None else None
        self._added_preferred = [(compile_term(wish.preference), wish.weight) for wish in preferred if wish.weight]

    def pre_filter(self, state: CycleState, pod: PodInfo, snapshot: Snapshot) -> tuple[PreFilterResult, Status]:
        """SKIP without any requirement; else the named nodes, if the terms name any."""
        affinity = self.compiled(pod)
        if affinity.required is None and not affinity.selector and self._added_required is None:
            return ALL_NODES, SKIP
        if affinity.names is None:
            return ALL_NODES, SUCCESS
        if not affinity.names:
            return ALL_NODES, CONFLICTING_TERMS
        return PreFilterResult(affinity.names), SUCCESS

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status:
        """SUCCESS when nodeSelector and required terms hold, and what the profile adds."""
        if self._added_required is not None and not self._added_required(node.known):
            return ENFORCED
        return SUCCESS if self.compiled(pod).matches(node.known) else DID_NOT_MATCH

    def pre_score(self, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo]) -> Status:
        """SKIP without preferences."""
        affinity = pod.pod.spec.affinity
        node_affinity = affinity.node_affinity if affinity else None
        wishes = node_affinity and node_affinity.preferred_during_scheduling_ignored_during_execution
        return SUCCESS if wishes or self._added_preferred else SKIP

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        """The weights of the preferred terms that hold."""
        wishes = [*self._added_preferred, *self.compiled(pod).preferred]
        return sum(weight for matches, weight in wishes if matches(node.known))

    def events(self) -> Sequence[EventWithHint]:
        """A node with other labels, or a new one."""
        return (
            EventWithHint(ClusterEvent.NODE_ADD, self.is_schedulable_after_node_change),
            EventWithHint(ClusterEvent.NODE_LABEL, self.is_schedulable_after_node_change),
        )

    def is_schedulable_after_node_change(self, pod: PodInfo, old: Any, new: Any) -> bool:
        """The node matches now and did not before."""
        if self._added_required is not None and not self._added_required(new):
            return False
        affinity = self.compiled(pod)
        return affinity.matches(new) and (old is None or not affinity.matches(old))

    def compiled(self, pod: PodInfo) -> CompiledAffinity:
        """The affinity of the Pod's shape, compiled at the first call."""
        return compiled_affinity(pod)


def compiled_affinity(pod: PodInfo) -> CompiledAffinity:
    """The affinity of the Pod's shape, compiled at the first call: what nodes it can be on, for all who ask."""
    compiled = pod.shape.memo.get(NodeAffinity.name)
    if compiled is None:
        compiled = pod.shape.memo[NodeAffinity.name] = CompiledAffinity(pod.shape)
    assert isinstance(compiled, CompiledAffinity)
    return compiled


def _named_nodes(selector: NodeSelector) -> frozenset[str] | None:
    """The nodes that the terms name by metadata.name; None as soon as one term names none."""
    names: set[str] = set()
    for term in selector.node_selector_terms:
        of_term = _names_of(term)
        if of_term is None:
            return None
        names |= of_term
    return frozenset(names) if selector.node_selector_terms else None


def _names_of(term: NodeSelectorTerm) -> set[str] | None:
    names: set[str] | None = None
    for field in term.match_fields:
        if field.key == "metadata.name" and field.operator == "In":
            names = set(field.values) if names is None else names & set(field.values)
    return names
