"""VolumeBinding: a Pod can run only where its claims have their volumes.

Claims of an immediate class must be bound before the Pod is tried. Those of a class with WaitForFirstConsumer are
told the node that was chosen, and the Pod waits (10 minutes at most) until their volumes are there.
Upstream: pkg/scheduler/framework/plugins/volumebinding. Left out: volumes that only some nodes can reach (nodeAffinity
of volumes, topologies and capacities of drivers), and claims of ephemeral volumes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from kubesim.api.resources import PERSISTENT_VOLUME_CLAIMS, STORAGE_CLASSES
from kubesim.api.stored import Stored
from kubesim.scheduler.framework.cluster_event import ClusterEvent, EventWithHint
from kubesim.scheduler.framework.cycle_state import CycleState
from kubesim.scheduler.framework.handle import Handle
from kubesim.scheduler.framework.interface import ALL_NODES, PreBindPlugin, PreFilterPlugin, PreFilterResult
from kubesim.scheduler.framework.status import SKIP, SUCCESS, Status, failed, unresolvable
from kubesim.scheduler.pod_info import PodInfo
from kubesim.scheduler.snapshot import Snapshot

SELECTED_NODE = "volume.kubernetes.io/selected-node"
BIND_COMPLETED = "pv.kubernetes.io/bind-completed"
BIND_SECONDS_MAX = 600
POLL_SECONDS = 1
UNBOUND = unresolvable("pod has unbound immediate PersistentVolumeClaims")
TIMED_OUT = failed("binding volumes: context deadline exceeded")


class VolumeBinding(PreFilterPlugin, PreBindPlugin):
    """Looks at the Pod's claims."""

    name = "VolumeBinding"
    node_local = True  # Without claims; Pods with claims are never scheduled by shape (see columns.py).

    def __init__(self, handle: Handle) -> None:
        super().__init__(handle)
        self._claims = handle.informer(PERSISTENT_VOLUME_CLAIMS)
        self._classes = handle.informer(STORAGE_CLASSES)

    def pre_filter(self, state: CycleState, pod: PodInfo, snapshot: Snapshot) -> tuple[PreFilterResult, Status]:
        """SKIP without claims; SUCCESS when all that must be bound are."""
        names = claim_names(pod)
        if not names:
            return ALL_NODES, SKIP
        waiting = []
        for name in names:
            claim = self._claim(pod, name)
            if (problem := _problem(name, claim)) is not None:
                return ALL_NODES, problem
            if claim is not None and not is_bound(claim):
                if not self._waits(claim):
                    return ALL_NODES, UNBOUND
                waiting.append(name)
        state.write(self.name, tuple(waiting))
        return ALL_NODES, SUCCESS

    async def pre_bind(self, state: CycleState, pod: PodInfo, node: str) -> Status:
        """Tells the claims that waited where they are wanted, and waits for their volumes."""
        waiting: Sequence[str] = state.read(self.name) or ()
        namespace = pod.pod.metadata.namespace
        for name in waiting:
            patch = {"metadata": {"annotations": {SELECTED_NODE: node}}}
            await self.handle.client.merge_patch(PERSISTENT_VOLUME_CLAIMS, name, patch, namespace)
        for _ in range(BIND_SECONDS_MAX // POLL_SECONDS):
            claims = [self._claim(pod, name) for name in waiting]
            if all(claim is not None and is_bound(claim) for claim in claims):
                return SUCCESS
            await asyncio.sleep(POLL_SECONDS)
        return TIMED_OUT

    def events(self) -> Sequence[EventWithHint]:
        """A claim of the Pod came or was bound; a class came."""
        return (
            EventWithHint(ClusterEvent.CLAIM_CHANGE, self.is_schedulable_after_claim),
            EventWithHint(ClusterEvent.STORAGE_CLASS_ADD),
        )

    def is_schedulable_after_claim(self, pod: PodInfo, old: Any, new: Any) -> bool:
        """Only claims that the Pod mounts count."""
        assert isinstance(new, Stored)
        return new.namespace == pod.pod.metadata.namespace and new.name in claim_names(pod)

    def _claim(self, pod: PodInfo, name: str) -> Stored | None:
        return self._claims.get(f"{pod.pod.metadata.namespace}/{name}")

    def _waits(self, claim: Stored) -> bool:
        class_name = claim.object["spec"].get("storageClassName", "")
        class_ = self._classes.get(class_name) if class_name else None
        return class_ is not None and class_.object.get("volumeBindingMode") == "WaitForFirstConsumer"


def claim_names(pod: PodInfo) -> list[str]:
    """The claims that the Pod mounts."""
    sources = [volume.persistent_volume_claim for volume in pod.pod.spec.volumes]
    return [source["claimName"] for source in sources if source]


def is_bound(claim: Stored) -> bool:
    """Whether both halves of its binding are written."""
    annotations = claim.object["metadata"].get("annotations") or {}
    return bool(claim.object["spec"].get("volumeName")) and BIND_COMPLETED in annotations


def _problem(name: str, claim: Stored | None) -> Status | None:
    if claim is None:
        return unresolvable(f'persistentvolumeclaim "{name}" not found')
    if (claim.object.get("status") or {}).get("phase") == "Lost":
        volume = claim.object["spec"].get("volumeName", "")
        return unresolvable(f'persistentvolumeclaim "{name}" bound to non-existent persistentvolume "{volume}"')
    if "deletionTimestamp" in claim.object["metadata"]:
        return unresolvable(f'persistentvolumeclaim "{name}" is being deleted')
    return None
