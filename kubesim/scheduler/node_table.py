"""Nodes as columns: which topology domain each is in, and how many Pods of each group it has.

Kept up to date incrementally: a placement changes one cell. Plugins that look beyond one node add up columns instead
of walking over nodes and Pods. Upstream walks, in parallel.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from kubesim.api.views import Node
from kubesim.scheduler.pod_group import NO_TERMS, PodGroup
from kubesim.scheduler.snapshot import Snapshot

CELLS_MAX = 20_000_000  # Groups times nodes: 80 MB. Beyond that the readable form has to do.
MEMO_MAX = 256

T = TypeVar("T")
Scalar = TypeVar("Scalar", bound=np.generic)
Integers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class Domains:
    """The domains of one topology key: an index for every node, -1 for one without the label."""

    def __init__(self, labels: Iterable[str | None]) -> None:
        known: dict[str, int] = {}
        numbers = [-1 if value is None else known.setdefault(value, len(known)) for value in labels]
        self.of_node: npt.NDArray[np.intp] = np.array(numbers, np.intp)
        self.count = len(known)
        self.is_in = self.of_node >= 0
        self._slots = np.where(self.is_in, self.of_node, self.count)  # Nodes without the label share the last slot.

    def add_up(self, amounts: npt.NDArray[np.int32] | Integers, nodes: Mask | None = None) -> Integers:
        """The sum of each domain, over all nodes or some; then the sum of the nodes that are in none."""
        slots = self._slots if nodes is None else self._slots[nodes]
        weights = amounts if nodes is None else amounts[nodes]
        return np.bincount(slots, weights, self.count + 1).astype(np.int64)

    def have_nodes(self, nodes: Mask) -> Mask:
        """Which domains some of the nodes are in; then whether some are in none."""
        return np.bincount(self._slots[nodes], minlength=self.count + 1) > 0

    def spread(self, sums: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
        """What each node's domain has."""
        return sums[self._slots]


class NodeTable:
    """The columns of a snapshot. `sync` has to come first in every cycle that reads them."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.groups: dict[PodGroup, npt.NDArray[np.int32]] = {}  # Pods of the group, by node.
        self.affine: dict[PodGroup, None] = {}  # Those with affinity to other Pods.
        self.version = 0  # Grows when groups come or go.
        self.is_too_big = False
        self._counted: list[dict[PodGroup, int]] = []  # What `groups` says of each node.
        self._totals: dict[PodGroup, int] = {}
        self._layout = -1
        self._nodes_version = -1
        self._position = 0
        self._domains: dict[str, Domains] = {}
        self._memo: dict[Hashable, tuple[Hashable, object]] = {}

    def __len__(self) -> int:
        return len(self._counted)

    def sync(self) -> None:
        """Takes in what changed since the last time."""
        snapshot = self.snapshot
        if self._nodes_version != snapshot.nodes_version or self._layout != snapshot.layout:
            self._nodes_version = snapshot.nodes_version
            self._domains = {}
        changed = snapshot.changes_since(self._position)
        self._position = snapshot.position
        if self._layout != snapshot.layout or changed is None:
            self._layout = snapshot.layout
            self.groups, self.affine, self._totals = {}, {}, {}
            self._counted = [{} for _ in snapshot.nodes]
            self.version += 1
            changed = range(len(snapshot))
        for index in changed:
            self._count(index, snapshot.nodes[index].groups)

    def domains(self, key: str) -> Domains:
        """The domains of a topology key."""
        found = self._domains.get(key)
        if found is None:
            labels = (node.known.metadata.labels.get(key) for node in self.snapshot.nodes)
            found = self._domains[key] = Domains(labels)
        return found

    def sum_of(self, groups: Sequence[PodGroup]) -> npt.NDArray[np.int32]:
        """Pods of these groups together, by node."""
        if not groups:
            return np.zeros(len(self), np.int32)
        total = self.groups[groups[0]]
        for group in groups[1:]:
            total = total + self.groups[group]
        return total

    def where(self, key: Hashable, predicate: Callable[[Node], bool]) -> Mask:
        """The nodes that meet a predicate, remembered under `key` while no node changes."""
        nodes = self.snapshot.nodes

        def look() -> Mask:
            return np.fromiter((predicate(node.known) for node in nodes), np.bool_, len(nodes))

        return self.remember(key, (self._layout, self._nodes_version), look)

    def remember(self, key: Hashable, token: Hashable, make: Callable[[], T]) -> T:
        """What `make` gives, as long as `token` stays the same."""
        known = self._memo.pop(key, None)
        if known is None or known[0] != token:
            known = (token, make())
        self._memo[key] = known  # The latest is last.
        if len(self._memo) > MEMO_MAX:
            del self._memo[next(iter(self._memo))]
        return known[1]  # type: ignore[return-value]  # The key tells the type.

    def _count(self, index: int, groups: dict[PodGroup, int]) -> None:
        before = self._counted[index]
        self._counted[index] = dict(groups)
        for group, count in groups.items():
            if before.pop(group, 0) != count:
                self._set(group, index, count)
        for group in before:
            self._set(group, index, 0)

    def _set(self, group: PodGroup, index: int, count: int) -> None:
        column = self.groups.get(group)
        if column is None:
            column = self.groups[group] = np.zeros(len(self), np.int32)
            self._totals[group] = 0
            self._groups_changed()
            if group.terms is not NO_TERMS:
                self.affine[group] = None
        self._totals[group] += count - int(column[index])
        column[index] = count
        if not self._totals[group]:
            del self.groups[group], self._totals[group]
            self.affine.pop(group, None)
            self._groups_changed()

    def _groups_changed(self) -> None:
        self.version += 1
        self.is_too_big = len(self.groups) * len(self) > CELLS_MAX
