"""VolumeRestrictions: disks that two Pods cannot use at once.

A disk named in the Pod itself (GCE, EBS, iSCSI, RBD) can be on a node once, or many times if all only read it. A claim
with ReadWriteOncePod can be used by one Pod in the whole cluster.
Upstream: pkg/scheduler/framework/plugins/volumerestrictions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kubesim.api.resources import PERSISTENT_VOLUME_CLAIMS
from kubesim.api.stored import Stored
from kubesim.api.views.core_volume import Volume
from kubesim.scheduler.framework.cluster_event import ClusterEvent, EventWithHint
from kubesim.scheduler.framework.cycle_state import CycleState
from kubesim.scheduler.framework.handle import Handle
from kubesim.scheduler.framework.interface import ALL_NODES, FilterPlugin, PreFilterPlugin, PreFilterResult
from kubesim.scheduler.framework.status import SKIP, SUCCESS, Status, unresolvable, unschedulable
from kubesim.scheduler.node_info import NodeInfo
from kubesim.scheduler.plugins.pod_volumes import claims_of, disk_of
from kubesim.scheduler.pod_info import PodInfo
from kubesim.scheduler.snapshot import Snapshot

DISK_CONFLICT = unschedulable("node(s) had no available disk")
CLAIM_CONFLICT = unschedulable(
    "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode"
)
READ_WRITE_ONCE_POD = "ReadWriteOncePod"


class Notes:
    """The Pod's claims that nobody else may use, and how often others do."""

    def __init__(self, claims: frozenset[str], users: int) -> None:
        self.claims = claims
        self.users = users

    def clone(self) -> Notes:
        """A copy to try changes on."""
        return Notes(self.claims, self.users)


class VolumeRestrictions(PreFilterPlugin, FilterPlugin):
    """Compares the Pod's volumes with those of Pods that are there."""

    name = "VolumeRestrictions"
    node_local = True  # Pods with such volumes are never scheduled by shape (see columns.py).

    def __init__(self, handle: Handle) -> None:
        super().__init__(handle)
        self._claims = handle.informer(PERSISTENT_VOLUME_CLAIMS)

    def pre_filter(self, state: CycleState, pod: PodInfo, snapshot: Snapshot) -> tuple[PreFilterResult, Status]:
        """SKIP unless the Pod names disks, or a claim of its own that another Pod uses."""
        exclusive = set()
        for claim in claims_of(pod):
            if claim.is_ephemeral:
                continue
            stored = self._claims.get(f"{pod.namespace}/{claim.name}")
            if stored is None:
                return ALL_NODES, unresolvable(f'persistentvolumeclaim "{claim.name}" not found')
            if READ_WRITE_ONCE_POD in (stored.object["spec"].get("accessModes") or ()):
                exclusive.add(claim.name)
        names = frozenset(exclusive)
        users = 0
        if names:
            users = sum(uses(other, pod.namespace, names) for node in snapshot.nodes for other in node.pods.values())
        if not users and not any(disk_of(volume) for volume in pod.pod.spec.volumes):
            return ALL_NODES, SKIP
        state.write(self.name, Notes(names, users))
        return ALL_NODES, SUCCESS

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status:
        """SUCCESS when nobody is in the way."""
        for volume in pod.pod.spec.volumes:
            if disk_of(volume) and any(
                conflict(volume, other) for there in node.pods.values() for other in there.pod.spec.volumes
            ):
                return DISK_CONFLICT
        notes: Notes = state.read(self.name)
        return CLAIM_CONFLICT if notes.users > 0 else SUCCESS

    def add_pod(self, state: CycleState, pod: PodInfo, added: PodInfo, node: NodeInfo) -> None:
        """What if `added` were on `node`, too?"""
        notes: Notes = state.read(self.name)
        notes.users += uses(added, pod.namespace, notes.claims)

    def remove_pod(self, state: CycleState, pod: PodInfo, removed: PodInfo, node: NodeInfo) -> None:
        """What if `removed` were not on `node`?"""
        notes: Notes = state.read(self.name)
        notes.users -= uses(removed, pod.namespace, notes.claims)

    def events(self) -> Sequence[EventWithHint]:
        """A Pod with the same disk or claim left, a node was added, a claim came."""
        return (
            EventWithHint(ClusterEvent.ASSIGNED_POD_DELETE, self.is_schedulable_after_pod_deleted),
            EventWithHint(ClusterEvent.NODE_ADD),
            EventWithHint(ClusterEvent.CLAIM_CHANGE, self.is_schedulable_after_claim),
        )

    def is_schedulable_after_pod_deleted(self, pod: PodInfo, old: Any, new: Any) -> bool:
        """It used what the Pod wants to use."""
        assert isinstance(old, PodInfo)
        claims = frozenset(claim.name for claim in claims_of(pod))
        own, theirs = pod.pod.spec.volumes, old.pod.spec.volumes
        return bool(uses(old, pod.namespace, claims)) or any(conflict(a, b) for a in own for b in theirs)

    def is_schedulable_after_claim(self, pod: PodInfo, old: Any, new: Any) -> bool:
        """Only claims that the Pod mounts count."""
        assert isinstance(new, Stored)
        return new.namespace == pod.namespace and any(claim.name == new.name for claim in claims_of(pod))


def uses(pod: PodInfo, namespace: str, claims: frozenset[str]) -> int:
    """How many of these claims the Pod uses."""
    if pod.namespace != namespace or not pod.pod.spec.volumes:
        return 0
    return sum(claim.name in claims for claim in claims_of(pod))


def conflict(one: Volume, other: Volume) -> bool:
    """Whether the two volumes are one disk that cannot be shared."""
    if (gce := one.gce_persistent_disk) and (there := other.gce_persistent_disk):
        return bool(gce.get("pdName") == there.get("pdName")) and not _only_read(gce, there)
    if (ebs := one.aws_elastic_block_store) and (there := other.aws_elastic_block_store):
        return bool(ebs.get("volumeID") == there.get("volumeID"))
    if (iscsi := one.iscsi) and (there := other.iscsi):
        return bool(iscsi.get("iqn") == there.get("iqn")) and not _only_read(iscsi, there)
    if (rbd := one.rbd) and (there := other.rbd):
        shares_monitor = bool(set(rbd.get("monitors") or ()) & set(there.get("monitors") or ()))
        is_same = (rbd.get("pool", "rbd"), rbd.get("image")) == (there.get("pool", "rbd"), there.get("image"))
        return shares_monitor and is_same and not _only_read(rbd, there)
    return False


def _only_read(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return bool(one.get("readOnly") and other.get("readOnly"))
