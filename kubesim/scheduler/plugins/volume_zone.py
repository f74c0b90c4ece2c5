"""VolumeZone: a volume that says in which zone or region it is can be used only there.

It reads the labels of bound PersistentVolumes, the old way; newer volumes have a nodeAffinity, which is
VolumeBinding's. Upstream: pkg/scheduler/framework/plugins/volumezone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kubesim.api.resources import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, STORAGE_CLASSES
from kubesim.api.stored import Stored
from kubesim.api.volume_match import class_of
from kubesim.scheduler.framework.cluster_event import ClusterEvent, EventWithHint
from kubesim.scheduler.framework.cycle_state import CycleState
from kubesim.scheduler.framework.handle import Handle
from kubesim.scheduler.framework.interface import ALL_NODES, FilterPlugin, PreFilterPlugin, PreFilterResult
from kubesim.scheduler.framework.status import SKIP, SUCCESS, Status, unresolvable
from kubesim.scheduler.node_info import REGION_LABEL, ZONE_LABEL, NodeInfo
from kubesim.scheduler.plugins.pod_volumes import claims_of
from kubesim.scheduler.pod_info import PodInfo
from kubesim.scheduler.snapshot import Snapshot

CONFLICT = unresolvable("node(s) had no available volume zone")
# The old name of a label stands for the new one.
LABELS = {
    "failure-domain.beta.kubernetes.io/zone": ZONE_LABEL,
    "failure-domain.beta.kubernetes.io/region": REGION_LABEL,
    ZONE_LABEL: ZONE_LABEL,
    REGION_LABEL: REGION_LABEL,
}
Places = list[tuple[str, frozenset[str]]]


class VolumeZone(PreFilterPlugin, FilterPlugin):
    """Compares labels of volumes with labels of nodes."""

    name = "VolumeZone"
    node_local = True  # Pods with claims are never scheduled by shape (see columns.py).

    def __init__(self, handle: Handle) -> None:
        super().__init__(handle)
        self._claims = handle.informer(PERSISTENT_VOLUME_CLAIMS)
        self._volumes = handle.informer(PERSISTENT_VOLUMES)
        self._classes = handle.informer(STORAGE_CLASSES)

    def pre_filter(self, state: CycleState, pod: PodInfo, snapshot: Snapshot) -> tuple[PreFilterResult, Status]:
        """SKIP unless a volume says where it is."""
        places: Places = []
        for claim in claims_of(pod):
            if not claim.is_ephemeral and (problem := self._add_places(places, pod, claim.name)) is not None:
                return ALL_NODES, problem
        if not places:
            return ALL_NODES, SKIP
        state.write(self.name, places)
        return ALL_NODES, SUCCESS

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status:
        """SUCCESS when the node is where the volumes are, or says of none of these labels where it is."""
        labels = {LABELS.get(key, key): value for key, value in node.known.metadata.labels.items()}
        places: Places = state.read(self.name)
        if not any(key in labels for key in LABELS.values()):
            return SUCCESS
        return SUCCESS if all(labels.get(key) in values for key, values in places) else CONFLICT

    def events(self) -> Sequence[EventWithHint]:
        """A claim was bound, a volume or a class came, a node came or moved."""
        return (
            EventWithHint(ClusterEvent.CLAIM_CHANGE, self.is_schedulable_after_claim),
            EventWithHint(ClusterEvent.VOLUME_CHANGE, self.is_schedulable_after_volume),
            EventWithHint(ClusterEvent.STORAGE_CLASS_ADD, self.is_schedulable_after_class),
            EventWithHint(ClusterEvent.NODE_ADD),
            EventWithHint(ClusterEvent.NODE_LABEL),
        )

    def is_schedulable_after_claim(self, pod: PodInfo, old: Any, new: Any) -> bool:
        """Only claims that the Pod names count."""
        named = (claim.name for claim in claims_of(pod) if not claim.is_ephemeral)
        return new.namespace == pod.namespace and new.name in named

    def is_schedulable_after_volume(self, pod: PodInfo, old: Any, new: Any) -> bool:
        """A volume came, or says now that it is somewhere else."""
        return old is None or _zone_labels(old) != _zone_labels(new)

    def is_schedulable_after_class(self, pod: PodInfo, old: Any, new: Any) -> bool:
        """Claims of a class that waits for its first Pod are nowhere yet."""
        assert isinstance(new, Stored)
        return bool(new.object.get("volumeBindingMode") == "WaitForFirstConsumer")

    def _add_places(self, places: Places, pod: PodInfo, name: str) -> Status | None:
        claim = self._claims.get(f"{pod.namespace}/{name}")
        if claim is None:
            return unresolvable(f'persistentvolumeclaim "{name}" not found')
        volume_name = claim.object["spec"].get("volumeName", "")
        if not volume_name:
            return self._why_unbound(class_of(claim.object))
        volume = self._volumes.get(volume_name)
        if volume is None:
            return unresolvable(f'persistentvolume "{volume_name}" not found')
        for key, value in (volume.object["metadata"].get("labels") or {}).items():
            if key in LABELS:
                places.append((LABELS[key], frozenset(value.split("__"))))
        return None

    def _why_unbound(self, class_name: str) -> Status | None:
        """None when the claim waits for the Pod, and so has no place yet."""
        if not class_name:
            return unresolvable("PersistentVolumeClaim had no pv name and storageClass name")
        class_ = self._classes.get(class_name)
        if class_ is None:
            return unresolvable(f'storageclass.storage.k8s.io "{class_name}" not found')
        if class_.object.get("volumeBindingMode") == "WaitForFirstConsumer":
            return None
        return unresolvable("PersistentVolume had no name")


def _zone_labels(volume: Stored) -> dict[str, str]:
    labels: dict[str, str] = volume.object["metadata"].get("labels") or {}
    return {key: value for key, value in labels.items() if key in LABELS}
