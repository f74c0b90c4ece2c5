"""What the scheduler believes about nodes and the Pods on them, assumptions included.

Binding is slow and the next Pod cannot wait for it. So once a node is chosen the Pod is *assumed* to be
there: its share is taken at once, and either the informer confirms it or the binding fails and it is
forgotten. That is what keeps the scheduler from promising one place twice.

Upstream: pkg/scheduler/backend/cache/cache.go. As there, an assumption does not expire by itself.
"""

from __future__ import annotations

from kubesim.api.views import Node
from kubesim.scheduler.node_info import NodeInfo
from kubesim.scheduler.pod_info import PodInfo
from kubesim.scheduler.snapshot import Snapshot


class SchedulerCache:
    """Nodes by name and Pods by uid. All methods are synchronous."""

    def __init__(self) -> None:
        self.nodes: dict[str, NodeInfo] = {}
        self._places: dict[str, NodeInfo] = {}  # uid → where the Pod is counted.
        self._assumed: dict[str, None] = {}
        self._changed: dict[str, None] = {}
        self._layout_changed = True
        self._images_changed = False
        self._objects_changed = False

    # -- nodes ----------------------------------------------------------------------------------------

    def set_node(self, node: Node) -> None:
        """A node was added or changed."""
        name = node.metadata.name
        info = self.nodes.get(name)
        if info is None:
            info = self.nodes[name] = NodeInfo(name)
        before = info.node
        images = info.images
        if before is not None and not _visible_change(before, node):
            info.node = node
            return
        info.set_node(node)
        self._changed[name] = None
        self._objects_changed = True
        self._images_changed = self._images_changed or images != info.images
        if before is None or before.metadata.labels != node.metadata.labels:
            self._layout_changed = True  # New, or perhaps in another zone now.

    def remove_node(self, name: str) -> None:
        """A node went; Pods that are still on it keep a nameless place until they go too."""
        info = self.nodes.get(name)
        if info is None or info.node is None:
            return
        info.set_node(None)
        self._layout_changed = True
        self._drop_if_empty(info)

    # -- Pods -----------------------------------------------------------------------------------------

    def add_pod(self, pod: PodInfo, node_name: str) -> None:
        """The informer says that the Pod is on `node_name`: news, a confirmation or a correction."""
        place = self._places.get(pod.uid)
        self._assumed.pop(pod.uid, None)
        if place is not None:
            if place.name == node_name:
                if place.replace_pod(pod):
                    self._changed[node_name] = None
                return
            self._remove(pod.uid, place)
        self._add(pod, node_name)

    def remove_pod(self, uid: str) -> None:
        """The Pod is gone or has ended: its place is free."""
        self._assumed.pop(uid, None)
        place = self._places.get(uid)
        if place is not None:
            self._remove(uid, place)

    def assume(self, pod: PodInfo, node_name: str) -> None:
        """Counts the Pod on `node_name` before the apiserver knows of it."""
        assert pod.uid not in self._places, f"{pod.key} has a place already"
        self._add(pod, node_name)
        self._assumed[pod.uid] = None

    def forget(self, uid: str) -> None:
        """Binding failed: takes an assumption back. No effect once the informer has confirmed it."""
        if uid in self._assumed:
            self.remove_pod(uid)

    def is_assumed(self, uid: str) -> bool:
        """Whether the Pod has a place that the informer has not confirmed."""
        return uid in self._assumed

    def place_of(self, uid: str) -> str:
        """The node that the Pod is counted on, or ""."""
        place = self._places.get(uid)
        return place.name if place else ""

    def pod(self, uid: str) -> PodInfo | None:
        """A Pod that is counted somewhere."""
        place = self._places.get(uid)
        return place.pods[uid] if place else None

    # -- the snapshot ---------------------------------------------------------------------------------

    def update_snapshot(self, snapshot: Snapshot) -> None:
        """Brings `snapshot` up to date; costs as much as changed since the last call."""
        if self._objects_changed:
            snapshot.nodes_version += 1
            self._objects_changed = False
        if self._layout_changed:
            snapshot.rebuild(info for info in self.nodes.values() if info.node is not None)
        elif self._changed:
            snapshot.touch(self._changed)
            if self._images_changed:
                snapshot.count_images()
        self._layout_changed = self._images_changed = False
        self._changed = {}

    def _add(self, pod: PodInfo, node_name: str) -> None:
        info = self.nodes.get(node_name)
        if info is None:
            info = self.nodes[node_name] = NodeInfo(node_name)
        info.add_pod(pod)
        self._places[pod.uid] = info
        self._changed[node_name] = None

    def _remove(self, uid: str, place: NodeInfo) -> None:
        place.remove_pod(uid)
        del self._places[uid]
        self._changed[place.name] = None
        self._drop_if_empty(place)

    def _drop_if_empty(self, info: NodeInfo) -> None:
        if info.node is None and not info.pods:
            self.nodes.pop(info.name, None)


def _visible_change(old: Node, new: Node) -> bool:
    """Whether anything differs that a plugin reads; heartbeats of conditions do not count."""
    return (
        old.metadata.labels != new.metadata.labels
        or old.metadata.annotations != new.metadata.annotations
        or old.spec != new.spec
        or old.status.allocatable != new.status.allocatable
        or old.status.images != new.status.images
    )
