"""InterPodAffinity: Pods that want to be near to other Pods, or away from them.

"Near" means in the same topology domain: on nodes that have the same value of a label. Required affinity and
anti-affinity are filters; so is the required anti-affinity of Pods that are there already (symmetry). Preferred terms
give points, those of Pods that are there already too, and where such a Pod *requires* to be near to the new one that
gives a point as well (`hardPodAffinityWeight`, 1 unless said otherwise).
`kubesim.scheduler.wide_columns` is the quick form. Upstream: pkg/scheduler/framework/plugins/interpodaffinity.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kubesim.api.resources import NAMESPACES
from kubesim.api.views import Node
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
from kubesim.scheduler.pod_group import AffinityTerm, NamespaceLabels, PodGroup
from kubesim.scheduler.pod_info import PodInfo
from kubesim.scheduler.snapshot import Snapshot

AFFINITY_RULES = unresolvable("node(s) didn't match pod affinity rules")
ANTI_AFFINITY_RULES = unschedulable("node(s) didn't match pod anti-affinity rules")
EXISTING_ANTI_AFFINITY_RULES = unschedulable("node(s) didn't satisfy existing pods anti-affinity rules")
HARD_POD_AFFINITY_WEIGHT = 1
PRE_SCORE = "PreScoreInterPodAffinity"

Pair = tuple[str, str]  # A topology domain: label key and value.
NO_LABELS: Mapping[str, str] = {}


class PairCounts(dict[Pair, int]):
    """How many Pods (or points) each topology domain has. Domains without any are not in it."""

    def count(self, term: AffinityTerm, node: NodeInfo, amount: int) -> None:
        """Adds to the domain that the node is in, if it has the term's label."""
        key = term.topology_key
        value = node.known.metadata.labels.get(key)
        if value is None:
            return
        total = self.get((key, value), 0) + amount
        if total:
            self[key, value] = total
        else:
            self.pop((key, value), None)

    def holds(self, labels: Mapping[str, str], keys: Iterable[str]) -> bool:
        """Whether one of the node's domains has any."""
        return any(self.get((key, labels[key]), 0) > 0 for key in keys if key in labels)


class Points(dict[str, dict[str, int]]):
    """Points by topology key and value."""


class Notes:
    """What PreFilter found: by domain, Pods that keep the new one away, that it needs, and that it avoids."""

    def __init__(self, existing_anti: PairCounts, affinity: PairCounts, anti: PairCounts) -> None:
        self.existing_anti = existing_anti
        self.affinity = affinity
        self.anti = anti

    def clone(self) -> Notes:
        """A copy to try changes on."""
        return Notes(PairCounts(self.existing_anti), PairCounts(self.affinity), PairCounts(self.anti))


class InterPodAffinity(PreFilterPlugin, FilterPlugin, PreScorePlugin, ScorePlugin):
    """Looks at the Pods that are there, by topology domain."""

    name = "InterPodAffinity"
    scale = Scale.OWN

    def __init__(
        self, handle: Handle, *, hard_pod_affinity_weight: int = HARD_POD_AFFINITY_WEIGHT,
        ignore_preferred_terms_of_existing_pods: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(handle)
        self._namespaces = handle.informer(NAMESPACES)
        self._hard_weight = hard_pod_affinity_weight
        self._ignores_others_wishes = ignore_preferred_terms_of_existing_pods

    # -- Filter ---------------------------------------------------------------------------------------

    def pre_filter(self, state: CycleState, pod: PodInfo, snapshot: Snapshot) -> tuple[PreFilterResult, Status]:
        """SKIP when neither the Pod nor any that is there has requirements that concern the other."""
        notes = Notes(PairCounts(), PairCounts(), PairCounts())
        terms = pod.group.terms
        if terms.required or terms.anti_required:
            for node in snapshot.nodes:
                for group, count in node.groups.items():
                    self._note(notes, pod, group, node, count)
        else:
            for node in snapshot.affine_nodes():
                for group, count in node.affine_groups.items():
                    self._note(notes, pod, group, node, count)
        if not (notes.existing_anti or terms.required or terms.anti_required):
            return ALL_NODES, SKIP
        state.write(self.name, notes)
        return ALL_NODES, SUCCESS

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status:
        """SUCCESS, or whose requirement is not met: the Pod's first, then that of others."""
        notes: Notes = state.read(self.name)
        terms, labels = pod.group.terms, node.known.metadata.labels
        if terms.required and not self._has_company(notes, pod, labels):
            return AFFINITY_RULES
        if notes.anti and notes.anti.holds(labels, (term.topology_key for term in terms.anti_required)):
            return ANTI_AFFINITY_RULES
        if notes.existing_anti and notes.existing_anti.holds(labels, labels):
            return EXISTING_ANTI_AFFINITY_RULES
        return SUCCESS

    def add_pod(self, state: CycleState, pod: PodInfo, added: PodInfo, node: NodeInfo) -> None:
        """What if `added` were on `node`, too?"""
        self._note(state.read(self.name), pod, added.group, node, 1)

    def remove_pod(self, state: CycleState, pod: PodInfo, removed: PodInfo, node: NodeInfo) -> None:
        """What if `removed` were not on `node`?"""
        self._note(state.read(self.name), pod, removed.group, node, -1)

    def _note(self, notes: Notes, pod: PodInfo, group: PodGroup, node: NodeInfo, count: int) -> None:
        """Pods of one group on one node. To be of help they must meet all terms; to be in the way, one."""
        new, labels_of = pod.group, self.namespace_labels
        for term in group.terms.anti_required:
            if term.matches(new, labels_of):
                notes.existing_anti.count(term, node, count)
        if matches_all(new.terms.required, group, labels_of):
            for term in new.terms.required:
                notes.affinity.count(term, node, count)
        for term in new.terms.anti_required:
            if term.matches(group, labels_of):
                notes.anti.count(term, node, count)

    def _has_company(self, notes: Notes, pod: PodInfo, labels: Mapping[str, str]) -> bool:
        """Whether the required Pods are near; the first of Pods that want to be together may go anywhere."""
        required = pod.group.terms.required
        if any(term.topology_key not in labels for term in required):
            return False
        if all(notes.affinity.get((term.topology_key, labels[term.topology_key]), 0) > 0 for term in required):
            return True
        return not notes.affinity and matches_all(required, pod.group, self.namespace_labels)

    # -- Score ----------------------------------------------------------------------------------------

    def pre_score(self, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo]) -> Status:
        """SKIP when nobody's wishes concern anybody."""
        snapshot, points = self.handle.snapshot, Points()
        if self.is_content(pod):
            return SKIP
        wishes = bool(pod.group.terms.preferred or pod.group.terms.anti_preferred)
        for node in snapshot.nodes if wishes else snapshot.affine_nodes():
            for group, count in (node.groups if wishes else node.affine_groups).items():
                self._give(points, pod, group, node, count)
        if not points:
            return SKIP
        state.write(PRE_SCORE, points)
        return SUCCESS

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        """The points of all domains that the node is in."""
        labels = node.known.metadata.labels
        points: Points = state.read(PRE_SCORE)
        return sum(given.get(labels[key], 0) for key, given in points.items() if key in labels)

    def normalize(self, state: CycleState, pod: PodInfo, scores: list[int]) -> list[int]:
        """The lowest becomes 0 and the highest 100; points may be negative."""
        lowest, highest = min(scores), max(scores)
        if lowest == highest:
            return [0] * len(scores)
        # The order of operations is upstream's: rounding shows.
        return [int(NODE_SCORE_MAX * ((score - lowest) / (highest - lowest))) for score in scores]

    def is_content(self, pod: PodInfo) -> bool:
        """Whether the Pod has no wishes of its own, and those of others are to be ignored then."""
        return self._ignores_others_wishes and not (pod.group.terms.preferred or pod.group.terms.anti_preferred)

    def _give(self, points: Points, pod: PodInfo, group: PodGroup, node: NodeInfo, count: int) -> None:
        """The points that the Pods of one group on one node are worth to the new Pod, and it to them."""
        labels = node.known.metadata.labels
        for term, weight in self.wishes_between(pod.group, group):
            value = labels.get(term.topology_key)
            if value is not None:
                of_key = points.setdefault(term.topology_key, {})
                of_key[value] = of_key.get(value, 0) + weight * count

    def wishes_between(self, new: PodGroup, group: PodGroup) -> list[tuple[AffinityTerm, int]]:
        """(term, points) for every term of one that means the other."""
        labels_of = self.namespace_labels
        own, theirs = new.terms, group.terms
        met = [(term, term.weight) for term in own.preferred if term.matches(group, labels_of)]
        met += [(term, -term.weight) for term in own.anti_preferred if term.matches(group, labels_of)]
        if self._hard_weight:
            met += [(term, self._hard_weight) for term in theirs.required if term.matches(new, labels_of)]
        met += [(term, term.weight) for term in theirs.preferred if term.matches(new, labels_of)]
        met += [(term, -term.weight) for term in theirs.anti_preferred if term.matches(new, labels_of)]
        return met

    # -- the queue ------------------------------------------------------------------------------------

    def events(self) -> Sequence[EventWithHint]:
        """Pods came, went or changed their labels; nodes came or changed labels."""
        on_pod, on_node = self.is_schedulable_after_pod_change, self.is_schedulable_after_node_change
        return (
            EventWithHint(ClusterEvent.ASSIGNED_POD_ADD, on_pod),
            EventWithHint(ClusterEvent.ASSIGNED_POD_LABEL, on_pod),
            EventWithHint(ClusterEvent.ASSIGNED_POD_DELETE, on_pod),
            EventWithHint(ClusterEvent.POD_LABEL, on_pod),
            EventWithHint(ClusterEvent.NODE_ADD, on_node),
            EventWithHint(ClusterEvent.NODE_LABEL, on_node),
        )

    def is_schedulable_after_pod_change(self, pod: PodInfo, old: Any, new: Any) -> bool:
        """Company came, or one who was in the way went; or the Pod itself has other labels now."""
        if isinstance(new, PodInfo) and new.uid == pod.uid:
            return True
        terms = pod.group.terms

        def is_company(other: PodInfo) -> bool:
            return matches_all(terms.required, other.group, self.namespace_labels)

        def is_avoided(other: PodInfo) -> bool:
            return matches_all(terms.anti_required, other.group, self.namespace_labels)

        if old is None:
            return is_company(new)
        if new is None:
            kept_away = old.group.terms.anti_required
            return is_avoided(old) or any(term.matches(pod.group, self.namespace_labels) for term in kept_away)
        return (not is_company(old) and is_company(new)) or (is_avoided(old) and not is_avoided(new))

    def is_schedulable_after_node_change(self, pod: PodInfo, old: Any, new: Any) -> bool:
        """The node came into a domain that could have company, or it left one that has somebody to avoid."""
        assert isinstance(new, Node)
        terms, after = pod.group.terms, new.metadata.labels
        before: Mapping[str, str] = NO_LABELS if old is None else old.metadata.labels

        def moved(term: AffinityTerm) -> bool:
            return before.get(term.topology_key) != after.get(term.topology_key)

        if any(term.topology_key in after and moved(term) for term in terms.required):
            return True
        if old is None:
            return bool(terms.anti_required)
        return any(term.topology_key in before and moved(term) for term in terms.anti_required)

    @property
    def namespaces_revision(self) -> int:
        """Grows when a namespace changes."""
        return self._namespaces.revision

    def namespace_labels(self, namespace: str) -> Mapping[str, str]:
        """The labels of a namespace; none if it is not known."""
        stored = self._namespaces.get(namespace)
        return NO_LABELS if stored is None else stored.object["metadata"].get("labels") or NO_LABELS


def matches_all(terms: Sequence[AffinityTerm], group: PodGroup, labels_of: NamespaceLabels) -> bool:
    """Whether the group meets every term, and there is one."""
    return bool(terms) and all(term.matches(group, labels_of) for term in terms)
