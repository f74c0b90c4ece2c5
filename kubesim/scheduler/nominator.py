"""Who is promised which node, while the Pods that stand in the way are leaving.

A Pod that preempted others is not bound yet: it waits, with `status.nominatedNodeName`. Until then its share must
not go to somebody of lower (or the same) priority, so filters count nominated Pods in.
Upstream: pkg/scheduler/backend/queue/nominator.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kubesim.scheduler.pod_info import PodInfo

LOG_MAX = 4096


class Nominator:
    """Nominated Pods by node. An empty one costs nothing to ask.

    `wary` are those that keep others away by required anti-affinity. Which nodes' promises changed is logged, for
    whoever keeps something per node.
    """

    def __init__(self) -> None:
        self.by_node: dict[str, dict[str, PodInfo]] = {}  # Node → uid → Pod.
        self.wary: dict[str, PodInfo] = {}
        self._node_of: dict[str, str] = {}
        self._on: dict[str, tuple[PodInfo, ...]] = {}  # `by_node` as it is handed out.
        self._log: list[str] = []
        self._dropped = 0  # How many entries were cut off the front of the log.

    def __len__(self) -> int:
        return len(self._node_of)

    @property
    def position(self) -> int:
        """The number of changes ever logged."""
        return self._dropped + len(self._log)

    def changes_since(self, position: int) -> Iterable[str] | None:
        """Nodes whose promises changed after `position`; None if the log no longer reaches back that far."""
        start = position - self._dropped
        return None if start < 0 else dict.fromkeys(self._log[start:])

    def node_of(self, uid: str) -> str:
        """The node that the Pod is promised, or ""."""
        return self._node_of.get(uid, "")

    def nominate(self, pod: PodInfo, node: str) -> None:
        """Promises `node` to the Pod; "" takes an earlier promise back."""
        self.forget(pod.uid)
        if node:
            self._node_of[pod.uid] = node
            self.by_node.setdefault(node, {})[pod.uid] = pod
            if pod.group.terms.anti_required:
                self.wary[pod.uid] = pod
            self._note(node)

    def read(self, pod: PodInfo) -> None:
        """The informer shows the Pod for the first time: what its status says holds."""
        if self._node_of or pod.promised_node:
            self.nominate(pod, pod.promised_node)

    def update(self, old: PodInfo, new: PodInfo) -> None:
        """The Pod changed. A promise that its status does not show yet is kept, or it would be lost on the way."""
        node = new.promised_node
        if not node and not old.promised_node:
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
            self.wary.pop(uid, None)
            self._note(node)

    def on(self, node: str) -> Sequence[PodInfo]:
        """The Pods that are promised `node`: the same tuple until that changes."""
        return self._on.get(node, ())

    def rivals(self, pod: PodInfo, node: str) -> list[PodInfo]:
        """Nominated Pods that `pod` has to make way for on `node`: those of its priority or above."""
        pods = self.by_node.get(node)
        if not pods:
            return []
        return [other for other in pods.values() if other.priority >= pod.priority and other.uid != pod.uid]

    def _note(self, node: str) -> None:
        if pods := self.by_node.get(node):
            self._on[node] = tuple(pods.values())
        else:
            self._on.pop(node, None)
        self._log.append(node)
        if len(self._log) > LOG_MAX:
            del self._log[: LOG_MAX // 2]
            self._dropped += LOG_MAX // 2
