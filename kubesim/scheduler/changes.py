"""Which of a node's or Pod's changes could matter to a waiting Pod.

Upstream: pkg/scheduler/framework/events.go.
"""

from __future__ import annotations

from kubesim.api.views import Node
from kubesim.scheduler.framework.cluster_event import ClusterEvent
from kubesim.scheduler.pod_info import PodInfo, has_same_spec


def node_changes(old: Node, new: Node) -> list[ClusterEvent]:
    """The events of a node's update; a heartbeat is none."""
    events = []
    if old.status.allocatable != new.status.allocatable:
        events.append(ClusterEvent.NODE_ALLOCATABLE)
    if old.metadata.labels != new.metadata.labels:
        events.append(ClusterEvent.NODE_LABEL)
    if old.spec.taints != new.spec.taints or old.spec.unschedulable != new.spec.unschedulable:
        events.append(ClusterEvent.NODE_TAINT)
    return events


def waiting_pod_changes(old: PodInfo, new: PodInfo) -> list[ClusterEvent]:
    """The events of an update of a Pod without a node."""
    same_labels = (labels_of(old) or {}) == (labels_of(new) or {})
    if same_labels and has_same_spec(old.stored, new.stored):
        return [ClusterEvent.POD_UPDATE]
    before, after = old.pod, new.pod
    events = []
    if not same_labels:
        events.append(ClusterEvent.POD_LABEL)
    if _asks_less(old, new):
        events.append(ClusterEvent.POD_SCALE_DOWN)
    if before.spec.scheduling_gates and not after.spec.scheduling_gates:
        events.append(ClusterEvent.POD_GATES_ELIMINATED)
    if before.spec.tolerations != after.spec.tolerations:
        events.append(ClusterEvent.POD_TOLERATION)
    return events or [ClusterEvent.POD_UPDATE]


def assigned_pod_changes(old: PodInfo, new: PodInfo) -> list[ClusterEvent]:
    """The events of an update of a Pod on a node; its status is none of the scheduler's business."""
    labels, before = labels_of(new), labels_of(old)
    if old.shape is new.shape and labels == before:
        return []
    events = []
    if (labels or {}) != (before or {}):
        events.append(ClusterEvent.ASSIGNED_POD_LABEL)
    if _asks_less(old, new):
        events.append(ClusterEvent.ASSIGNED_POD_SCALE_DOWN)
    return events


def labels_of(pod: PodInfo) -> dict[str, str] | None:
    """The labels as they are stored."""
    labels: dict[str, str] | None = pod.stored.object["metadata"].get("labels")
    return labels


def _asks_less(old: PodInfo, new: PodInfo) -> bool:
    if old.shape is new.shape:
        return False
    after = new.shape.requests
    return any(after.get(name, 0) < asked for name, asked in old.shape.requests.items())
