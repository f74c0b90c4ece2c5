"""VolumeBinding: a Pod can run only where its claims have their volumes.

Claims of an immediate class must be bound before the Pod is tried, and their volumes must be within the node's reach.
Those of a class with WaitForFirstConsumer are bound once a node is chosen: to a volume that is there and can be
reached, or (the claim is told the node) to one that the class' provisioner makes. The Pod waits, 10 minutes at most.
A driver that tells its capacity (CSIDriver `storageCapacity`) gets only claims that a CSIStorageCapacity has room for.
Upstream: pkg/scheduler/framework/plugins/volumebinding. Left out: scores by capacity (a gate that is off in v1.36),
and the CSIDriver that no longer tells its capacity as an event that wakes Pods with inline volumes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from kubesim.api.errors import ApiError, TransportError
from kubesim.api.node_selector import compile_terms
from kubesim.api.resources import (
    CSI_DRIVERS,
    CSI_STORAGE_CAPACITIES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    STORAGE_CLASSES,
)
from kubesim.api.selectors import label_selector
from kubesim.api.stored import Stored
from kubesim.api.views import Node, PersistentVolume
from kubesim.api.volume_match import best_match, class_of, is_for, size, wanted_size
from kubesim.scheduler.framework.cluster_event import ClusterEvent, EventWithHint
from kubesim.scheduler.framework.cycle_state import CycleState
from kubesim.scheduler.framework.handle import Handle
from kubesim.scheduler.framework.interface import (
    ALL_NODES,
    FilterPlugin,
    PreBindPlugin,
    PreFilterPlugin,
    PreFilterResult,
    ReservePlugin,
)
from kubesim.scheduler.framework.status import SKIP, SUCCESS, Status, failed, unresolvable
from kubesim.scheduler.node_info import NodeInfo
from kubesim.scheduler.plugins.pod_volumes import MountedClaim, claims_of
from kubesim.scheduler.pod_info import PodInfo
from kubesim.scheduler.snapshot import Snapshot

SELECTED_NODE = "volume.kubernetes.io/selected-node"
BIND_COMPLETED = "pv.kubernetes.io/bind-completed"
BOUND_BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller"
MIGRATED_PLUGINS = "storage.alpha.kubernetes.io/migrated-plugins"
NO_PROVISIONER = "kubernetes.io/no-provisioner"
BIND_SECONDS_MAX = 600
POLL_SECONDS = 1
UNBOUND = unresolvable("pod has unbound immediate PersistentVolumeClaims")
NODE_CONFLICT = "node(s) didn't match PersistentVolume's node affinity"
BIND_CONFLICT = "node(s) didn't find available persistent volumes to bind"
NOT_ENOUGH_SPACE = "node(s) did not have enough free storage"
NO_SUCH_VOLUME = "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)"
TIMED_OUT = failed("binding volumes: context deadline exceeded")


class Plan(msgspec.Struct, frozen=True):
    """What has to be bound on one node: claims with their volumes, and claims that a provisioner serves.

    `reason` is why that cannot be.
    """

    static: tuple[tuple[Stored, Stored], ...] = ()
    provisioned: tuple[Stored, ...] = ()
    reason: str = ""


class Notes(msgspec.Struct):
    """The Pod's claims, and what Filter planned for each node."""

    bound: tuple[Stored, ...]
    waiting: tuple[Stored, ...]
    plans: dict[str, Plan] = {}


class VolumeBinding(PreFilterPlugin, FilterPlugin, ReservePlugin, PreBindPlugin):
    """Looks at the Pod's claims and their volumes."""

    name = "VolumeBinding"
    node_local = True  # Without claims; Pods with claims are never scheduled by shape (see columns.py).

    def __init__(self, handle: Handle, *, bind_timeout_seconds: int = BIND_SECONDS_MAX) -> None:
        super().__init__(handle)
        self._timeout_seconds = bind_timeout_seconds
        self._claims = handle.informer(PERSISTENT_VOLUME_CLAIMS)
        self._volumes = handle.informer(PERSISTENT_VOLUMES)
        self._classes = handle.informer(STORAGE_CLASSES)
        self._drivers = handle.informer(CSI_DRIVERS)
        self._capacities = handle.informer(CSI_STORAGE_CAPACITIES)
        self._reserved: dict[str, str] = {}  # Volume → claim, while the binding is under way.

    # -- the decision ---------------------------------------------------------------------------------

    def pre_filter(self, state: CycleState, pod: PodInfo, snapshot: Snapshot) -> tuple[PreFilterResult, Status]:
        """SKIP without claims; SUCCESS when all that must be bound are."""
        mounted = claims_of(pod)
        if not mounted:
            return ALL_NODES, SKIP
        bound, waiting = [], []
        for one in mounted:
            claim = self._claims.get(f"{pod.namespace}/{one.name}")
            if (problem := _problem(pod, one, claim)) is not None:
                return ALL_NODES, problem
            assert claim is not None, "a claim that is not there is a problem"
            if is_bound(claim):
                bound.append(claim)
            elif self._waits(claim) and not claim.object["spec"].get("volumeName"):
                waiting.append(claim)
            else:
                return ALL_NODES, UNBOUND
        # The smallest first, so that it does not take a volume that only it could leave to others.
        waiting.sort(key=lambda claim: wanted_size(claim.object))
        state.write(self.name, Notes(tuple(bound), tuple(waiting)))
        return ALL_NODES, SUCCESS

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status:
        """SUCCESS when all volumes can be reached, or can be had, from there."""
        notes: Notes = state.read(self.name)
        reasons = []
        volumes = [self._volumes.get(claim.object["spec"]["volumeName"]) for claim in notes.bound]
        wrong = next((volume for volume in volumes if volume is None or not reaches(volume, node.known)), SUCCESS)
        if isinstance(wrong, Stored):
            reasons.append(NODE_CONFLICT)
        plan = self._plan(notes.waiting, node.known)
        if plan.reason:
            reasons.append(plan.reason)
        else:
            notes.plans[node.name] = plan
        if wrong is None:
            reasons.append(NO_SUCH_VOLUME)
        return unresolvable(*reasons) if reasons else SUCCESS

    def _plan(self, claims: Sequence[Stored], node: Node) -> Plan:
        """How all claims could be bound, or why one could not."""
        static: list[tuple[Stored, Stored]] = []
        provisioned = []
        for claim in claims:
            selected = _annotation(claim, SELECTED_NODE)
            if selected and selected != node.metadata.name:
                return Plan(reason=BIND_CONFLICT)
            volume = None if selected else self._free_volume(claim, node, {chosen.name for _, chosen in static})
            if volume is not None:
                static.append((claim, volume))
            else:
                provisioned.append(claim)
        for claim in provisioned:
            if not self._can_provision(claim, node):
                return Plan(reason=BIND_CONFLICT)
            if not self._has_capacity(claim, node):
                return Plan(reason=NOT_ENOUGH_SPACE)
        return Plan(tuple(static), tuple(provisioned))

    def _free_volume(self, claim: Stored, node: Node, taken: set[str]) -> Stored | None:
        def is_free(volume: Stored) -> bool:
            return volume.name not in taken and self._reserved.get(volume.name, claim.key) == claim.key

        reachable = [volume for volume in self._volumes.list() if is_free(volume) and reaches(volume, node)]
        return best_match(claim.object, reachable, only_named=False)

    def _can_provision(self, claim: Stored, node: Node) -> bool:
        class_ = self._classes.get(class_of(claim.object))
        if class_ is None or class_.object.get("provisioner", "") in ("", NO_PROVISIONER):
            return False
        topologies = class_.object.get("allowedTopologies") or ()
        labels = node.metadata.labels
        return not topologies or any(
            all(labels.get(one["key"]) in (one.get("values") or ()) for one in term.get("matchLabelExpressions") or ())
            for term in topologies
        )

    def _has_capacity(self, claim: Stored, node: Node) -> bool:
        """Whether the driver has room for the claim where the node is, as far as it tells."""
        class_ = self._classes.get(class_of(claim.object))
        driver = self._drivers.get(class_.object.get("provisioner", "")) if class_ is not None else None
        if class_ is None or driver is None or not driver.object["spec"].get("storageCapacity"):
            return True
        for each in self._capacities.list():
            limit = each.object.get("maximumVolumeSize") or each.object.get("capacity")
            topology = each.object.get("nodeTopology")
            is_large = limit is not None and size({"storage": limit}) >= wanted_size(claim.object)
            is_ours = each.object.get("storageClassName") == class_.name and topology is not None
            if is_ours and is_large and label_selector(topology).matches(node.metadata.labels):
                return True
        return False

    # -- making it true -------------------------------------------------------------------------------

    def reserve(self, state: CycleState, pod: PodInfo, node: str) -> Status:
        """The chosen volumes are not free for the next Pod."""
        for claim, volume in self._planned(state, node).static:
            self._reserved[volume.name] = claim.key
        return SUCCESS

    def unreserve(self, state: CycleState, pod: PodInfo, node: str) -> None:
        """They are."""
        for _, volume in self._planned(state, node).static:
            self._reserved.pop(volume.name, None)

    async def pre_bind(self, state: CycleState, pod: PodInfo, node: str) -> Status:
        """Gives claims their volumes, or tells them where they are wanted; then waits until all are bound."""
        if state.read(self.name) is None:
            return SUCCESS  # No claims: nearly always.
        plan = self._planned(state, node)
        client, namespace = self.handle.client, pod.namespace
        try:
            for claim, volume in plan.static:
                if not is_for(volume.object, claim.object):
                    await client.merge_patch(PERSISTENT_VOLUMES, volume.name, _claimed_by(claim))
            for claim in plan.provisioned:
                patch = {"metadata": {"annotations": {SELECTED_NODE: node}}}
                await client.merge_patch(PERSISTENT_VOLUME_CLAIMS, claim.name, patch, namespace)
        except (ApiError, TransportError) as error:
            return failed(str(error))
        for _ in range(self._timeout_seconds // POLL_SECONDS):
            problem, is_done = self._progress(pod, plan, node)
            if problem:
                return failed(f"binding volumes: {problem}")
            if is_done:
                self.unreserve(state, pod, node)  # The claims hold them now.
                return SUCCESS
            await asyncio.sleep(POLL_SECONDS)
        return TIMED_OUT

    def _progress(self, pod: PodInfo, plan: Plan, node: str) -> tuple[str, bool]:
        """(why the binding has to be given up, whether all claims are bound)."""
        if plan.static or plan.provisioned:
            find_pod = self.handle.find_pod
            stored = pod.stored if find_pod is None else find_pod(pod.key)
            if stored is None or stored.uid != pod.stored.uid:
                return f'pod does not exist any more: pod "{pod.name}" not found', False
        claims = []
        for claim, volume in plan.static:
            there, known = self._claims.get(claim.key), self._volumes.get(volume.name)
            if there is None or known is None:
                missing = f'"{claim.key}"' if there is None else f'"{volume.name}"'
                return f"failed to check binding: could not find {missing}", False
            claims.append(there)
        for claim in plan.provisioned:
            there = self._claims.get(claim.key)
            if there is None:
                return f'failed to check provisioning pvc: could not find v1.PersistentVolumeClaim "{claim.key}"', False
            if there.revision > claim.revision and _annotation(there, SELECTED_NODE) != node:
                return f'provisioning failed for PVC "{claim.name}"', False
            claims.append(there)
        return "", all(is_bound(claim) for claim in claims)

    def _planned(self, state: CycleState, node: str) -> Plan:
        notes = state.read(self.name)
        return notes.plans.get(node, Plan()) if isinstance(notes, Notes) else Plan()

    # -- the queue ------------------------------------------------------------------------------------

    def events(self) -> Sequence[EventWithHint]:
        """A claim of the Pod came or was bound; a class or a volume came; a node came or moved."""
        return (
            EventWithHint(ClusterEvent.CLAIM_CHANGE, self.is_schedulable_after_claim),
            EventWithHint(ClusterEvent.STORAGE_CLASS_ADD),
            EventWithHint(ClusterEvent.STORAGE_CLASS_UPDATE, self.is_schedulable_after_class_update),
            EventWithHint(ClusterEvent.VOLUME_CHANGE),
            EventWithHint(ClusterEvent.NODE_ADD),
            EventWithHint(ClusterEvent.NODE_LABEL),
            EventWithHint(ClusterEvent.CSI_NODE_CHANGE, self.is_schedulable_after_csi_node),
            EventWithHint(ClusterEvent.STORAGE_CAPACITY_CHANGE, self.is_schedulable_after_capacity),
        )

    def is_schedulable_after_class_update(self, pod: PodInfo, old: Any, new: Any) -> bool:
        """Volumes of the class can be made elsewhere now."""
        return bool(old.object.get("allowedTopologies") != new.object.get("allowedTopologies"))

    def is_schedulable_after_csi_node(self, pod: PodInfo, old: Any, new: Any) -> bool:
        """A node's drivers came, or other in-tree volumes are theirs now."""
        return old is None or _annotation(old, MIGRATED_PLUGINS) != _annotation(new, MIGRATED_PLUGINS)

    def is_schedulable_after_capacity(self, pod: PodInfo, old: Any, new: Any) -> bool:
        """There is more room than before."""
        assert isinstance(new, Stored)

        def limit(stored: Stored) -> Any:
            told = stored.object.get("maximumVolumeSize") or stored.object.get("capacity")
            return None if told is None else size({"storage": told})

        if old is None:
            return True
        before, after = limit(old), limit(new)
        return after is not None and (before is None or after > before)

    def is_schedulable_after_claim(self, pod: PodInfo, old: Any, new: Any) -> bool:
        """Only claims that the Pod mounts count."""
        assert isinstance(new, Stored)
        return new.namespace == pod.namespace and any(one.name == new.name for one in claims_of(pod))

    def _waits(self, claim: Stored) -> bool:
        class_name = class_of(claim.object)
        class_ = self._classes.get(class_name) if class_name else None
        return class_ is not None and class_.object.get("volumeBindingMode") == "WaitForFirstConsumer"


def is_bound(claim: Stored) -> bool:
    """Whether both halves of its binding are written."""
    return bool(claim.object["spec"].get("volumeName")) and bool(_annotation(claim, BIND_COMPLETED))


def reaches(volume: Stored, node: Node) -> bool:
    """Whether the volume can be used on the node."""
    affinity = volume.view(PersistentVolume).spec.node_affinity
    required = affinity.required if affinity else None
    return required is None or compile_terms(required.node_selector_terms)(node)


def _annotation(stored: Stored, name: str) -> str:
    value: str = (stored.object["metadata"].get("annotations") or {}).get(name, "")
    return value


def _claimed_by(claim: Stored) -> dict[str, Any]:
    """A patch that gives a volume to a claim; the volume controller does the rest."""
    reference = {
        "kind": "PersistentVolumeClaim",
        "namespace": claim.namespace,
        "name": claim.name,
        "uid": claim.uid,
        "apiVersion": "v1",
        "resourceVersion": str(claim.revision),
    }
    return {"metadata": {"annotations": {BOUND_BY_CONTROLLER: "yes"}}, "spec": {"claimRef": reference}}


def _problem(pod: PodInfo, mounted: MountedClaim, claim: Stored | None) -> Status | None:
    """Why the Pod cannot be placed anywhere."""
    name = mounted.name
    if claim is None:
        waiting = "waiting for ephemeral volume controller to create the " if mounted.is_ephemeral else ""
        end = "" if mounted.is_ephemeral else " not found"
        return unresolvable(f'{waiting}persistentvolumeclaim "{name}"{end}')
    metadata = claim.object["metadata"]
    owners = [owner.get("uid") for owner in metadata.get("ownerReferences") or () if owner.get("controller")]
    if mounted.is_ephemeral and pod.uid not in owners:
        return unresolvable(f"PVC {claim.key} was not created for pod {pod.key} (pod is not owner)")
    if (claim.object.get("status") or {}).get("phase") == "Lost":
        volume = claim.object["spec"].get("volumeName", "")
        return unresolvable(f'persistentvolumeclaim "{name}" bound to non-existent persistentvolume "{volume}"')
    if "deletionTimestamp" in metadata:
        return unresolvable(f'persistentvolumeclaim "{name}" is being deleted')
    return None
