"""NodeVolumeLimits: a node can attach only so many volumes of a CSI driver.

The driver tells the number in the node's CSINode. Every volume counts once per node, however many Pods use it.
Upstream: pkg/scheduler/framework/plugins/nodevolumelimits. Left out: in-tree volumes that are migrated to CSI, and
VolumeAttachments of Pods that are gone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from kubesim.api.resources import CSI_NODES, PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, STORAGE_CLASSES
from kubesim.api.stored import Stored
from kubesim.api.volume_match import class_of
from kubesim.scheduler.framework.cluster_event import ClusterEvent, EventWithHint
from kubesim.scheduler.framework.cycle_state import CycleState
from kubesim.scheduler.framework.handle import Handle
from kubesim.scheduler.framework.interface import ALL_NODES, FilterPlugin, PreFilterPlugin, PreFilterResult
from kubesim.scheduler.framework.status import SKIP, SUCCESS, Status, unschedulable
from kubesim.scheduler.node_info import NodeInfo
from kubesim.scheduler.plugins.pod_volumes import claims_of
from kubesim.scheduler.pod_info import PodInfo
from kubesim.scheduler.snapshot import Snapshot

TOO_MANY_VOLUMES = unschedulable("node(s) exceed max volume count")


class NodeVolumeLimits(PreFilterPlugin, FilterPlugin):
    """Counts volumes by driver."""

    name = "NodeVolumeLimits"
    node_local = True  # Pods with claims are never scheduled by shape (see columns.py).

    def __init__(self, handle: Handle) -> None:
        super().__init__(handle)
        self._claims = handle.informer(PERSISTENT_VOLUME_CLAIMS)
        self._volumes = handle.informer(PERSISTENT_VOLUMES)
        self._classes = handle.informer(STORAGE_CLASSES)
        self._csi_nodes = handle.informer(CSI_NODES)

    def pre_filter(self, state: CycleState, pod: PodInfo, snapshot: Snapshot) -> tuple[PreFilterResult, Status]:
        """SKIP without claims."""
        return ALL_NODES, SUCCESS if claims_of(pod) else SKIP

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status:
        """SUCCESS while there is room for all that is not attached yet."""
        over = any(more and attached + more > limit for _, limit, attached, more in self.counts(pod, node))
        return TOO_MANY_VOLUMES if over else SUCCESS

    def counts(self, pod: PodInfo, node: NodeInfo) -> Iterator[tuple[str, int, int, int]]:
        """(driver, how many volumes the node may attach, how many it has, how many more the Pod brings)."""
        limits = self._limits(node.name)
        if not limits:
            return
        wanted = dict(self._volumes_of(pod))
        attached = {volume: driver for other in node.pods.values() for volume, driver in self._volumes_of(other)}
        new = [driver for volume, driver in wanted.items() if volume not in attached]
        there = list(attached.values())
        for driver, limit in limits.items():
            yield driver, limit, there.count(driver), new.count(driver)

    def events(self) -> Sequence[EventWithHint]:
        """A Pod with claims left, a claim of the Pod came, a node's drivers came or can attach more."""
        return (
            EventWithHint(ClusterEvent.ASSIGNED_POD_DELETE, self.is_schedulable_after_pod_deleted),
            EventWithHint(ClusterEvent.CLAIM_CHANGE, self.is_schedulable_after_claim),
            EventWithHint(ClusterEvent.CSI_NODE_CHANGE, self.is_schedulable_after_csi_node),
        )

    def is_schedulable_after_pod_deleted(self, pod: PodInfo, old: Any, new: Any) -> bool:
        """It had volumes that were attached for it."""
        assert isinstance(old, PodInfo)
        return bool(claims_of(old))

    def is_schedulable_after_claim(self, pod: PodInfo, old: Any, new: Any) -> bool:
        """A claim that the Pod mounts is there now; what becomes of it later changes no count."""
        mounted = (claim.name for claim in claims_of(pod))
        return old is None and new.namespace == pod.namespace and new.name in mounted

    def is_schedulable_after_csi_node(self, pod: PodInfo, old: Any, new: Any) -> bool:
        """A driver can attach more volumes to the node than before."""
        if old is None:
            return True
        before = counts_of(old)
        return any(count > before.get(driver, 0) for driver, count in counts_of(new).items())

    def _limits(self, node: str) -> dict[str, int]:
        stored = self._csi_nodes.get(node)
        return {} if stored is None else counts_of(stored)

    def _volumes_of(self, pod: PodInfo) -> Iterator[tuple[str, str]]:
        """(volume, driver) of every claim whose driver is known; a claim without a volume counts by its own name."""
        for mounted in claims_of(pod):
            claim = self._claims.get(f"{pod.namespace}/{mounted.name}")
            if claim is None:
                continue
            name = claim.object["spec"].get("volumeName", "")
            volume = self._volumes.get(name) if name else None
            if volume is not None:
                csi = volume.object["spec"].get("csi")
                if csi:
                    yield f"{csi['driver']}/{csi['volumeHandle']}", csi["driver"]
                continue
            class_ = self._classes.get(class_of(claim.object)) if class_of(claim.object) else None
            if class_ is not None:
                driver = class_.object.get("provisioner", "")
                yield f"{driver}/{class_.name}-{claim.key}", driver


def counts_of(csi_node: Stored) -> dict[str, int]:
    """How many volumes each driver can attach to the node; a driver that tells no number is not limited."""
    drivers = csi_node.object["spec"].get("drivers") or ()
    counts = {driver["name"]: (driver.get("allocatable") or {}).get("count") for driver in drivers}
    return {name: count for name, count in counts.items() if count is not None}
