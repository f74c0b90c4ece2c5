"""The quick forms of plugins that look beyond one node: verdicts and scores of all nodes at once.

Each says what its plugin's readable form says, from the columns of `kubesim.scheduler.node_table`; a test holds the
two against each other. Arithmetic with fractions keeps the order of the readable form, so that rounding is the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from kubesim.scheduler.framework.interface import NODE_SCORE_MAX, Plugin
from kubesim.scheduler.framework.status import Status
from kubesim.scheduler.node_table import Integers, Mask, NodeTable
from kubesim.scheduler.plugins import inter_pod_affinity as affinity
from kubesim.scheduler.plugins import pod_topology_spread as spread
from kubesim.scheduler.plugins.node_affinity import compiled_affinity
from kubesim.scheduler.plugins.spread_constraints import HOSTNAME, Constraint
from kubesim.scheduler.plugins.taints import keeps_out, untolerated
from kubesim.scheduler.pod_group import NO_TERMS, AffinityTerm, PodGroup
from kubesim.scheduler.pod_info import PodInfo

T = TypeVar("T")
Layer = tuple[Mask, Status]  # Nodes that are rejected, and with what words.
Places = npt.NDArray[np.intp]


class WideColumns(Protocol):
    """The quick form of one plugin."""

    def concerns(self, pod: PodInfo, table: NodeTable) -> bool:
        """Whether the plugin may have anything to say; asked before the table is brought up to date."""

    def is_picky(self, pod: PodInfo) -> bool:
        """Whether other Pods could keep this one away from a node by more than the room that they take."""

    def layers(self, pod: PodInfo, table: NodeTable) -> list[Layer]:
        """Rejections; of several for one node the first counts."""

    def scores(self, pod: PodInfo, table: NodeTable, feasible: Places) -> Integers | None:
        """The normalised scores of the feasible nodes; None when the plugin skips this Pod."""


class AffinityColumns:
    """InterPodAffinity over columns."""

    def __init__(self, plugin: affinity.InterPodAffinity) -> None:
        self._plugin = plugin

    def concerns(self, pod: PodInfo, table: NodeTable) -> bool:
        """Somebody has affinity to other Pods."""
        return bool(table.snapshot.affine) or pod.group.terms != NO_TERMS

    def is_picky(self, pod: PodInfo) -> bool:
        """The Pod has requirements."""
        return bool(pod.group.terms.required or pod.group.terms.anti_required)

    def layers(self, pod: PodInfo, table: NodeTable) -> list[Layer]:
        """The Pod's requirements, then those of Pods that are there."""
        terms, layers = pod.group.terms, []
        if terms.required:
            layers.append((~self._has_company(pod, table), affinity.AFFINITY_RULES))
        avoided = [(term, self._matched(table, term)) for term in terms.anti_required]
        if any(groups for _, groups in avoided):
            layers.append((self._near(table, avoided), affinity.ANTI_AFFINITY_RULES))
        if table.affine and (kept_away := self._kept_away(pod, table)):
            layers.append((self._near(table, kept_away), affinity.EXISTING_ANTI_AFFINITY_RULES))
        return layers

    def scores(self, pod: PodInfo, table: NodeTable, feasible: Places) -> Integers | None:
        """The points of all domains that a node is in, scaled."""
        if self._plugin.is_content(pod):
            return None
        wishes = self._wishes(pod, table)
        points: dict[str, Integers] = {}
        for group, term, weight in wishes:
            domains, counts = table.domains(term.topology_key), table.groups[group]
            if counts[domains.is_in].any():
                given = weight * domains.add_up(counts)
                points[term.topology_key] = points[term.topology_key] + given if term.topology_key in points else given
        if not points:
            return None
        raw = np.zeros(len(feasible), np.int64)
        for key, given in points.items():
            domains = table.domains(key)
            given[-1] = 0  # Nodes without the label are in no domain.
            raw += domains.spread(given)[feasible]
        lowest, highest = int(raw.min()), int(raw.max())
        if lowest == highest:
            return np.zeros(len(feasible), np.int64)
        return (NODE_SCORE_MAX * ((raw - lowest) / (highest - lowest))).astype(np.int64)

    def _has_company(self, pod: PodInfo, table: NodeTable) -> Mask:
        required = pod.group.terms.required
        labels_of = self._plugin.namespace_labels
        groups = self._remember(
            table, ("company", pod.group),
            lambda: [group for group in table.groups if affinity.matches_all(required, group, labels_of)],
        )  # fmt: skip
        has_keys, is_near = np.ones(len(table), np.bool_), np.ones(len(table), np.bool_)
        counts, somebody = table.sum_of(groups), False
        for term in required:
            domains = table.domains(term.topology_key)
            sums = domains.add_up(counts)
            somebody = somebody or bool(sums[:-1].any())
            has_keys &= domains.is_in
            is_near &= domains.spread(sums) > 0
        if not somebody and affinity.matches_all(required, pod.group, labels_of):
            return has_keys
        return has_keys & is_near

    def _near(self, table: NodeTable, pairs: Sequence[tuple[AffinityTerm, Sequence[PodGroup]]]) -> Mask:
        """The nodes in a domain that has Pods of these groups."""
        near = np.zeros(len(table), np.bool_)
        for term, groups in pairs:
            if groups:
                domains = table.domains(term.topology_key)
                near |= (domains.spread(domains.add_up(table.sum_of(groups))) > 0) & domains.is_in
        return near

    def _matched(self, table: NodeTable, term: AffinityTerm) -> list[PodGroup]:
        labels_of = self._plugin.namespace_labels
        return self._remember(
            table, ("matched", term), lambda: [group for group in table.groups if term.matches(group, labels_of)]
        )

    def _kept_away(self, pod: PodInfo, table: NodeTable) -> list[tuple[AffinityTerm, list[PodGroup]]]:
        """The required anti-affinity of Pods that are there, as far as it means the new one."""
        labels_of, new = self._plugin.namespace_labels, pod.group
        return self._remember(
            table, ("kept away", new),
            lambda: [
                (term, [group]) for group in table.affine for term in group.terms.anti_required
                if term.matches(new, labels_of)
            ],
        )  # fmt: skip

    def _wishes(self, pod: PodInfo, table: NodeTable) -> list[tuple[PodGroup, AffinityTerm, int]]:
        new = pod.group
        groups = table.groups if new.terms.preferred or new.terms.anti_preferred else table.affine
        between = self._plugin.wishes_between
        return self._remember(
            table, ("wishes", new),
            lambda: [(group, term, weight) for group in groups for term, weight in between(new, group)],
        )  # fmt: skip

    def _remember(self, table: NodeTable, key: tuple[str, object], make: Callable[[], T]) -> T:
        """Who matches whom changes only when groups come or go, or labels of namespaces change."""
        return table.remember(key, (table.version, self._plugin.namespaces_revision), make)


class SpreadColumns:
    """PodTopologySpread over columns."""

    def __init__(self, plugin: spread.PodTopologySpread) -> None:
        self._plugin = plugin

    def concerns(self, pod: PodInfo, table: NodeTable) -> bool:  # noqa: ARG002 (one signature for all)
        """The Pod has constraints, be it the system's."""
        return bool(self._plugin.hard_constraints(pod) or self._plugin.soft_constraints(pod))

    def is_picky(self, pod: PodInfo) -> bool:
        """The Pod has hard constraints."""
        return bool(self._plugin.hard_constraints(pod))

    def layers(self, pod: PodInfo, table: NodeTable) -> list[Layer]:
        """Two layers for each hard constraint: no such label, and too many Pods already."""
        constraints, layers = self._plugin.hard_constraints(pod), []
        for constraint in constraints:
            domains = table.domains(constraint.topology_key)
            nodes = self._counting(pod, table, constraint, self._with_all_keys(table, constraints))
            exist = domains.have_nodes(nodes)[:-1]
            sums = domains.add_up(self._counts(pod, table, constraint), nodes)
            fewest = int(sums[:-1][exist].min()) if int(exist.sum()) >= max(constraint.min_domains, 1) else 0
            itself = constraint.selector.matches(pod.group.labels)
            layers.append((~domains.is_in, spread.MISSING_LABEL))
            layers.append((domains.spread(sums + itself - fewest > constraint.max_skew), spread.DID_NOT_MATCH))
        return layers

    def scores(self, pod: PodInfo, table: NodeTable, feasible: Places) -> Integers | None:
        """The weighted number of Pods in a node's domains, scaled so that the fewest are best."""
        constraints = self._plugin.soft_constraints(pod)
        if not constraints:
            return None
        everywhere: Mask = np.ones(len(table), np.bool_)
        has_keys = self._with_all_keys(table, constraints) if self._plugin.needs_all_keys(pod) else everywhere
        is_scored = has_keys[feasible]
        scored = feasible[is_scored]
        total = np.zeros(len(scored), np.float64)
        for constraint in constraints:
            domains = table.domains(constraint.topology_key)
            if not domains.count:
                continue  # Nowhere such a label: nothing to spread over.
            counts = self._counts(pod, table, constraint)
            if constraint.topology_key == HOSTNAME:
                size, of_node = len(scored), counts.astype(np.int64)
            else:
                of_scored: Mask = np.zeros(len(table), np.bool_)
                of_scored[scored] = True
                size = int(domains.have_nodes(of_scored).sum())
                nodes = self._counting(pod, table, constraint, has_keys)
                of_node = domains.spread(domains.add_up(counts, nodes))
            points = of_node[scored] * math.log(size + 2) + (constraint.max_skew - 1)
            total += np.where(domains.is_in[scored], points, 0.0)
        whole = np.floor(total)
        raw = (whole + (total - whole >= 0.5)).astype(np.int64)
        scores = np.zeros(len(feasible), np.int64)
        highest, lowest = int(raw.max(initial=0)), int(raw.min()) if len(raw) else 0
        scores[is_scored] = NODE_SCORE_MAX * (highest + lowest - raw) // highest if highest else NODE_SCORE_MAX
        return scores

    def _counts(self, pod: PodInfo, table: NodeTable, constraint: Constraint) -> npt.NDArray[np.int32]:
        """The Pods that count, by node."""
        if not constraint.selector.requirements:
            return table.sum_of(())
        namespace = pod.namespace
        groups = table.remember(
            ("counted", constraint.selector, namespace), table.version,
            lambda: [group for group in table.groups if constraint.counts(group, namespace)],
        )  # fmt: skip
        return table.sum_of(groups)

    def _with_all_keys(self, table: NodeTable, constraints: Sequence[Constraint]) -> Mask:
        mask: Mask = np.ones(len(table), np.bool_)
        for constraint in constraints:
            mask &= table.domains(constraint.topology_key).is_in
        return mask

    def _counting(self, pod: PodInfo, table: NodeTable, constraint: Constraint, mask: Mask) -> Mask:
        """Which of the nodes in `mask` the Pod's policies want to be counted."""
        wanted = compiled_affinity(pod)
        if constraint.honors_affinity and (wanted.selector or wanted.required is not None):
            mask = mask & table.where(("affinity", pod.shape.signature), wanted.matches)
        if constraint.honors_taints:
            borne = pod.shape.spec.tolerations
            is_open = table.where(
                ("taints", pod.shape.signature), lambda node: untolerated(node.spec.taints, borne, keeps_out) is None
            )
            mask = mask & is_open
        return mask


def columns_of(plugin: Plugin) -> WideColumns | None:
    """The quick form of a plugin that is not `node_local`; without one no Pod can be scheduled by columns."""
    if isinstance(plugin, affinity.InterPodAffinity):
        return AffinityColumns(plugin)
    return SpreadColumns(plugin) if isinstance(plugin, spread.PodTopologySpread) else None
