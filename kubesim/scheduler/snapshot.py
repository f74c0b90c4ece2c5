"""The nodes as one scheduling cycle sees them, in the order in which they are visited.

A cycle is synchronous: nothing changes while it looks. So the snapshot shares its `NodeInfo`s with the cache
instead of copying them, and a new snapshot costs only as much as changed since the last one. `changes` is
the log of node indices that changed, for whoever keeps something per node (see `kubesim.scheduler.columns`).
Upstream: pkg/scheduler/backend/cache/snapshot.go and node_tree.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, zip_longest

from kubesim.scheduler.node_info import NodeInfo

CHANGES_PER_NODE_MAX = 4
CHANGES_MIN = 1024


class Snapshot:
    """`layout` grows when nodes come or go, so that an index means another node."""

    def __init__(self, nodes: Iterable[NodeInfo] = ()) -> None:
        self.nodes: list[NodeInfo] = []
        self.index: dict[str, int] = {}
        self.layout = 0
        self.nodes_version = 0  # Grows when the object of a node changes.
        self.changes: list[int] = []
        self.changes_dropped = 0  # How many entries were cut off the front of `changes`.
        self.image_nodes: dict[str, int] = {}  # Image name → how many nodes have it.
        self.images_version = 0
        self.affine: dict[int, None] = {}  # Indices of nodes with Pods that have affinity to other Pods.
        self.rebuild(nodes)

    def __len__(self) -> int:
        return len(self.nodes)

    def get(self, name: str) -> NodeInfo | None:
        """The node called `name`."""
        index = self.index.get(name)
        return None if index is None else self.nodes[index]

    def affine_nodes(self) -> Iterable[NodeInfo]:
        """The nodes with Pods that have affinity to other Pods."""
        return [self.nodes[index] for index in self.affine]

    @property
    def position(self) -> int:
        """The number of changes ever logged."""
        return self.changes_dropped + len(self.changes)

    def changes_since(self, position: int) -> Iterable[int] | None:
        """Indices that changed after `position`; None if the log no longer reaches back that far."""
        start = position - self.changes_dropped
        return None if start < 0 else dict.fromkeys(self.changes[start:])

    def rebuild(self, nodes: Iterable[NodeInfo]) -> None:
        """Nodes came or went."""
        self.nodes = in_turns(nodes)
        self.index = {node.name: number for number, node in enumerate(self.nodes)}
        self.layout += 1
        self.affine = {number: None for number, node in enumerate(self.nodes) if node.affine_groups}
        self.changes_dropped = self.position
        self.changes = []
        self.count_images()

    def touch(self, names: Iterable[str]) -> None:
        """These nodes changed, but are still there."""
        for name in names:
            index = self.index.get(name)
            if index is None:
                continue
            self.changes.append(index)
            if self.nodes[index].affine_groups:
                self.affine[index] = None
            else:
                self.affine.pop(index, None)
        excess = len(self.changes) - max(CHANGES_MIN, CHANGES_PER_NODE_MAX * len(self.nodes))
        if excess > 0:
            kept = len(self.changes) // 2
            self.changes_dropped += len(self.changes) - kept
            self.changes = self.changes[-kept:]

    def count_images(self) -> None:
        """Some node's images changed: counts anew how widely each is spread."""
        spread: dict[str, int] = {}
        for node in self.nodes:
            for name in node.images:
                spread[name] = spread.get(name, 0) + 1
        if spread != self.image_nodes:
            self.image_nodes = spread
        self.images_version += 1


def in_turns(nodes: Iterable[NodeInfo]) -> list[NodeInfo]:
    """The first node of every zone, then the second of every zone, and so on; zones in order of appearance."""
    zones: dict[tuple[str, str], list[NodeInfo]] = {}
    for node in nodes:
        zones.setdefault(node.zone, []).append(node)
    if len(zones) == 1:
        return next(iter(zones.values()))
    return [node for node in chain.from_iterable(zip_longest(*zones.values())) if node is not None]
