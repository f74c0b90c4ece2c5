"""Who is promised which node, while the Pods that stand in the way are leaving.

A Pod that preempted others is not bound yet: it waits, with `status.nominatedNodeName`. Until then its share must
not go to somebody of lower (or the same) priority, so filters count nominated Pods in.
Upstream: pkg/scheduler/backend/queue/nominator.go.
"""

from __future__ import annotations

from collections.abc import Sequence

from kubesim.scheduler.pod_info import PodInfo


class Nominator:
    """Nominated Pods by node. An empty one costs nothing to ask."""

    def __init__(self) -> None:
        self.by_node: dict[str, dict[str, PodInfo]] = {}  # Node → uid → Pod.
        self._node_of: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._node_of)

    def node_of(self, uid: str) -> str:
        """The node that the Pod is promised, or ""."""
        return self._node_of.get(uid, "")

    def nominate(self, pod: PodInfo, node: str) -> None:
        """Promises `node` to the Pod; "" takes an earlier promise back."""
        self.forget(pod.uid)
        if node:
            self._node_of[pod.uid] = node
            self.by_node.setdefault(node, {})[pod.uid] = pod

    def read(self, pod: PodInfo) -> None:
        """The informer shows the Pod for the first time: what its status says holds."""
        if self._node_of or pod.pod.status.nominated_node_name:
            self.nominate(pod, pod.pod.status.nominated_node_name)

    def update(self, old: PodInfo, new: PodInfo) -> None:
        """The Pod changed. A promise that its status does not show yet is kept, or it would be lost on the way."""
        node = new.pod.status.nominated_node_name
        if not node and not old.pod.status.nominated_node_name:
            node = self.node_of(new.uid)
        if node or new.uid in self._node_of:
            self.nominate(new, node)

    def forget(self, uid: str) -> None:
        """The Pod got its node, or is gone."""
        node = self._node_of.pop(uid, None)
        if node is not None:
            pods = self.by_node[node]
            del pods[uid]
            if not pods:
                del self.by_node[node]

    def on(self, node: str) -> Sequence[PodInfo]:
        """The Pods that are promised `node`."""
        pods = self.by_node.get(node)
        return tuple(pods.values()) if pods else ()

    def rivals(self, pod: PodInfo, node: str) -> list[PodInfo]:
        """Nominated Pods that `pod` has to make way for on `node`: those of its priority or above."""
        pods = self.by_node.get(node)
        if not pods:
            return []
        return [other for other in pods.values() if other.priority >= pod.priority and other.uid != pod.uid]
