"""PodTopologySpread: Pods that belong together are spread evenly over nodes, zones or other domains.

A constraint with DoNotSchedule is a filter: the domain may not have `maxSkew` more than the emptiest one. One with
ScheduleAnyway gives points: the fewer Pods in the node's domains, the better, domains of which there are many
weighing more. A Pod without constraints has those of the system, or of the profile (`defaultConstraints`).
`kubesim.scheduler.wide_columns` is the quick form. Upstream: pkg/scheduler/framework/plugins/podtopologyspread.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from kubesim.api.views import Node
from kubesim.api.views.core_affinity import TopologySpreadConstraint
from kubesim.scheduler.framework.cluster_event import ClusterEvent, EventWithHint
from kubesim.scheduler.framework.cycle_state import CycleState
from kubesim.scheduler.framework.handle import Handle
from kubesim.scheduler.framework.interface import (
    ALL_NODES,
    NODE_SCORE_MAX,
    FilterPlugin,
    PreFilterPlugin,
    PreFilterResult,
    PreScorePlugin,
    Scale,
    ScorePlugin,
)
from kubesim.scheduler.framework.status import SKIP, SUCCESS, Status, unresolvable, unschedulable
from kubesim.scheduler.node_info import NodeInfo
from kubesim.scheduler.plugins.spread_constraints import (
    DO_NOT_SCHEDULE,
    HOSTNAME,
    SCHEDULE_ANYWAY,
    SYSTEM_DEFAULTING,
    Constraint,
    DefaultConstraints,
    constraints_of,
    has_all_keys,
)
from kubesim.scheduler.pod_info import PodInfo
from kubesim.scheduler.snapshot import Snapshot

DID_NOT_MATCH = unschedulable("node(s) didn't match pod topology spread constraints")
MISSING_LABEL = unresolvable("node(s) didn't match pod topology spread constraints (missing required label)")
PRE_SCORE = "PreScorePodTopologySpread"


class Notes:
    """What PreFilter counted: for each constraint the Pods by domain, and the fewest."""

    def __init__(self, counts: list[dict[str, int]]) -> None:
        self.counts = counts
        self._fewest: list[int] | None = None

    def fewest(self, number: int, constraint: Constraint) -> int:
        """The Pods in the emptiest domain; 0 as long as there are fewer domains than asked for."""
        if len(self.counts[number]) < constraint.min_domains:
            return 0
        if self._fewest is None:
            self._fewest = [min(counts.values(), default=0) for counts in self.counts]
        return self._fewest[number]

    def add(self, number: int, domain: str, amount: int) -> None:
        """Pods came or left."""
        counts = self.counts[number]
        counts[domain] = counts.get(domain, 0) + amount
        self._fewest = None

    def clone(self) -> Notes:
        """A copy to try changes on."""
        return Notes([dict(counts) for counts in self.counts])


class ScoreNotes:
    """What PreScore counted. `counts` holds the domains of feasible nodes; those of nodes are counted in Score."""

    def __init__(self, constraints: Sequence[Constraint], needs_all_keys: bool) -> None:
        self.constraints = constraints
        self.needs_all_keys = needs_all_keys
        self.ignored: set[str] = set()  # Nodes that lack a label. Only asked for membership.
        self.order: list[str] = []  # The feasible nodes, as they will be scored.
        self.counts: list[dict[str, int]] = [{} for _ in constraints]
        self.weights: list[float] = []


class PodTopologySpread(PreFilterPlugin, FilterPlugin, PreScorePlugin, ScorePlugin):
    """Counts Pods by topology domain."""

    name = "PodTopologySpread"
    scale = Scale.OWN

    def __init__(
        self, handle: Handle, *, default_constraints: Sequence[TopologySpreadConstraint] = (),
        defaulting_type: str = SYSTEM_DEFAULTING,
    ) -> None:  # fmt: skip
        super().__init__(handle)
        self._is_systems = defaulting_type == SYSTEM_DEFAULTING
        self.defaults = DefaultConstraints(handle, None if self._is_systems else default_constraints)

    # -- Filter ---------------------------------------------------------------------------------------

    def hard_constraints(self, pod: PodInfo) -> Sequence[Constraint]:
        """The Pod's own, or the profile's if it states none of either kind; the system's are all soft."""
        if self._is_systems or pod.shape.spec.topology_spread_constraints:
            return constraints_of(pod, DO_NOT_SCHEDULE)
        return self.defaults.of(pod, DO_NOT_SCHEDULE)

    def pre_filter(self, state: CycleState, pod: PodInfo, snapshot: Snapshot) -> tuple[PreFilterResult, Status]:
        """SKIP without hard constraints."""
        constraints = self.hard_constraints(pod)
        if not constraints:
            return ALL_NODES, SKIP
        notes = Notes([{} for _ in constraints])
        for node in snapshot.nodes:
            labels = node.known.metadata.labels
            if not has_all_keys(labels, constraints):
                continue
            for number, constraint in enumerate(constraints):
                if constraint.includes(pod, node.known):
                    notes.add(number, labels[constraint.topology_key], constraint.count(node, pod.namespace))
        state.write(self.name, notes)
        return ALL_NODES, SUCCESS

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status:
        """SUCCESS when no constraint would be violated."""
        notes: Notes = state.read(self.name)
        labels = node.known.metadata.labels
        for number, constraint in enumerate(self.hard_constraints(pod)):
            domain = labels.get(constraint.topology_key)
            if domain is None:
                return MISSING_LABEL
            itself = constraint.selector.matches(pod.group.labels)
            skew = notes.counts[number].get(domain, 0) + itself - notes.fewest(number, constraint)
            if skew > constraint.max_skew:
                return DID_NOT_MATCH
        return SUCCESS

    def add_pod(self, state: CycleState, pod: PodInfo, added: PodInfo, node: NodeInfo) -> None:
        """What if `added` were on `node`, too?"""
        self._try(state.read(self.name), pod, added, node, 1)

    def remove_pod(self, state: CycleState, pod: PodInfo, removed: PodInfo, node: NodeInfo) -> None:
        """What if `removed` were not on `node`?"""
        self._try(state.read(self.name), pod, removed, node, -1)

    def _try(self, notes: Notes, pod: PodInfo, other: PodInfo, node: NodeInfo, amount: int) -> None:
        constraints = self.hard_constraints(pod)
        labels = node.known.metadata.labels
        if other.namespace != pod.namespace or not has_all_keys(labels, constraints):
            return
        for number, constraint in enumerate(constraints):
            if constraint.selector.matches(other.group.labels) and constraint.includes(pod, node.known):
                notes.add(number, labels[constraint.topology_key], amount)

    # -- Score ----------------------------------------------------------------------------------------

    def soft_constraints(self, pod: PodInfo) -> Sequence[Constraint]:
        """The Pod's own, or the default ones if it states none of either kind."""
        if pod.shape.spec.topology_spread_constraints:
            return constraints_of(pod, SCHEDULE_ANYWAY)
        return self.defaults.of(pod)

    def needs_all_keys(self, pod: PodInfo) -> bool:
        """By the system's constraints a node without a zone is still spread over by its name; not by others."""
        return not self._is_systems or bool(pod.shape.spec.topology_spread_constraints)

    def pre_score(self, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo]) -> Status:
        """SKIP without soft constraints."""
        constraints = self.soft_constraints(pod)
        if not constraints:
            return SKIP
        notes = ScoreNotes(constraints, needs_all_keys=self.needs_all_keys(pod))
        notes.order = [node.name for node in nodes]
        self._find_domains(notes, nodes)
        if any(constraint.topology_key != HOSTNAME for constraint in constraints):
            self._count(notes, pod)
        state.write(PRE_SCORE, notes)
        return SUCCESS

    def _find_domains(self, notes: ScoreNotes, nodes: Sequence[NodeInfo]) -> None:
        """The domains that feasible nodes are in, and what a Pod in them weighs: more, the more there are."""
        for node in nodes:
            labels = node.known.metadata.labels
            if notes.needs_all_keys and not has_all_keys(labels, notes.constraints):
                notes.ignored.add(node.name)
                continue
            for counts, constraint in zip(notes.counts, notes.constraints, strict=True):
                if constraint.topology_key != HOSTNAME:
                    counts.setdefault(labels.get(constraint.topology_key, ""), 0)
        for counts, constraint in zip(notes.counts, notes.constraints, strict=True):
            by_node = constraint.topology_key == HOSTNAME
            notes.weights.append(math.log((len(nodes) - len(notes.ignored) if by_node else len(counts)) + 2))

    def _count(self, notes: ScoreNotes, pod: PodInfo) -> None:
        """The Pods in these domains, on all nodes that count."""
        for node in self.handle.snapshot.nodes:
            labels = node.known.metadata.labels
            if notes.needs_all_keys and not has_all_keys(labels, notes.constraints):
                continue
            for counts, constraint in zip(notes.counts, notes.constraints, strict=True):
                domain = labels.get(constraint.topology_key, "")
                if domain in counts and constraint.includes(pod, node.known):
                    counts[domain] += constraint.count(node, pod.namespace)

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        """The weighted number of Pods in the node's domains. `maxSkew` waters differences down."""
        notes: ScoreNotes = state.read(PRE_SCORE)
        if node.name in notes.ignored:
            return 0
        labels, total = node.known.metadata.labels, 0.0
        for constraint, counts, weight in zip(notes.constraints, notes.counts, notes.weights, strict=True):
            domain = labels.get(constraint.topology_key)
            if domain is None:
                continue
            by_node = constraint.topology_key == HOSTNAME
            count = constraint.count(node, pod.namespace) if by_node else counts[domain]
            total += count * weight + (constraint.max_skew - 1)
        return round_half_away(total)

    def normalize(self, state: CycleState, pod: PodInfo, scores: list[int]) -> list[int]:
        """The fewest become 100; a node that lacks a label gets 0."""
        notes: ScoreNotes = state.read(PRE_SCORE)
        is_ignored = [name in notes.ignored for name in notes.order]
        eligible = [score for score, ignored in zip(scores, is_ignored, strict=True) if not ignored]
        highest, lowest = max(eligible, default=0), min(eligible, default=0)

        def scaled(score: int) -> int:
            return NODE_SCORE_MAX * (highest + lowest - score) // highest if highest else NODE_SCORE_MAX

        return [0 if ignored else scaled(score) for score, ignored in zip(scores, is_ignored, strict=True)]

    # -- the queue ------------------------------------------------------------------------------------

    def events(self) -> Sequence[EventWithHint]:
        """Pods that are counted came, went or changed; nodes came, went or changed labels or taints."""
        on_pod, on_node = self.is_schedulable_after_pod_change, self.is_schedulable_after_node_change
        return (
            EventWithHint(ClusterEvent.ASSIGNED_POD_ADD, on_pod),
            EventWithHint(ClusterEvent.ASSIGNED_POD_LABEL, on_pod),
            EventWithHint(ClusterEvent.ASSIGNED_POD_DELETE, on_pod),
            EventWithHint(ClusterEvent.POD_LABEL, on_pod),
            EventWithHint(ClusterEvent.POD_TOLERATION, self.is_schedulable_after_toleration),
            EventWithHint(ClusterEvent.NODE_ADD, on_node),
            EventWithHint(ClusterEvent.NODE_DELETE, on_node),
            EventWithHint(ClusterEvent.NODE_LABEL, on_node),
            EventWithHint(ClusterEvent.NODE_TAINT, on_node),
        )

    def is_schedulable_after_pod_change(self, pod: PodInfo, old: Any, new: Any) -> bool:
        """A Pod that is counted came or went, or became or ceased to be one; or the Pod itself is not any more."""
        other: PodInfo = old if new is None else new
        constraints = self.hard_constraints(pod)

        def is_counted(one: PodInfo) -> bool:
            return any(constraint.selector.matches(one.group.labels) for constraint in constraints)

        if other.uid == pod.uid:
            return not is_counted(new) or not is_counted(old)
        if other.namespace != pod.namespace:
            return False
        return is_counted(other) if old is None or new is None else is_counted(old) != is_counted(new)

    def is_schedulable_after_node_change(self, pod: PodInfo, old: Any, new: Any) -> bool:
        """A node that counts came or went, or moved to another domain."""
        constraints = self.hard_constraints(pod)

        def counts(node: Node | None) -> bool:
            return node is not None and has_all_keys(node.metadata.labels, constraints)

        if counts(old) and counts(new):
            keys = [constraint.topology_key for constraint in constraints]
            moved = any(old.metadata.labels[key] != new.metadata.labels[key] for key in keys)
            return moved or old.spec.taints != new.spec.taints
        return counts(old) or counts(new)

    def is_schedulable_after_toleration(self, pod: PodInfo, old: Any, new: Any) -> bool:
        """The Pod bears more taints now, so that more nodes may count."""
        honors = any(constraint.honors_taints for constraint in self.hard_constraints(pod))
        return isinstance(new, PodInfo) and new.uid == pod.uid and honors


def round_half_away(number: float) -> int:
    """As Go's math.Round: halves away from zero. The number is not negative."""
    whole = math.floor(number)
    return whole + (number - whole >= 0.5)
