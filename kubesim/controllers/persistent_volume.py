"""Binds claims to volumes, and gives volumes back when their claim is gone.

A binding is two references, each written by itself: the volume names the claim (spec.claimRef), the claim the volume
(spec.volumeName). Whatever was written and whatever not, the next sync goes on from there. A claim of a class waits
for its provisioner, or with WaitForFirstConsumer for a Pod. A volume whose claim is gone is Released: with Retain it
stays so, with Delete its deleter takes it away.
Upstream: pkg/controller/volume/persistentvolume/pv_controller.go. Left out: provisioners in the controller manager
(all are external), the policy Recycle, and deleters other than that of hostPath.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

from kubesim.api.errors import NotFoundError
from kubesim.api.meta import with_fields
from kubesim.api.resources import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS, STORAGE_CLASSES
from kubesim.api.stored import Object, Stored
from kubesim.api.volume_match import annotations_of, best_match, class_of, is_for, mismatch
from kubesim.controllers.controller import Controller, ControllerContext
from kubesim.sim import Tasks

BIND_COMPLETED = "pv.kubernetes.io/bind-completed"
BOUND_BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller"
PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
SELECTED_NODE = "volume.kubernetes.io/selected-node"
PROVISIONER = "volume.kubernetes.io/storage-provisioner"
PROVISIONER_BETA = "volume.beta.kubernetes.io/storage-provisioner"
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
NO_PROVISIONER = "kubernetes.io/no-provisioner"
RESYNC_SECONDS = 15
TEMPORARY = re.compile("/tmp/.+")
YES = "yes"

NOTHING_FITS = "no persistent volumes available for this claim and no storage class is set"
WAITS = "waiting for first consumer to be created before binding"
WAITS_FOR_POD = "waiting for pod {} to be scheduled"
EXTERNAL = (
    "Waiting for a volume to be created either by the external provisioner '{}' or manually by the system "
    "administrator. If volume creation is delayed, please verify that the provisioner is running and correctly "
    "registered."
)
LOST_REFERENCE = "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!"
LOST_VOLUME = "Bound claim has lost its PersistentVolume. Data on the volume is lost!"
MISBOUND = "Two claims are bound to the same volume, this one is bound incorrectly"


class PersistentVolumeBinder(Controller):
    """Keys are "claim/NAMESPACE/NAME" and "volume/NAME": both live in one queue, so that they never race."""

    name = "persistent-volume-binder"
    event_source = "persistentvolume-controller"

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context)
        self.claims = self.informers.of(PERSISTENT_VOLUME_CLAIMS)
        self.volumes = self.informers.of(PERSISTENT_VOLUMES)
        self.classes = self.informers.of(STORAGE_CLASSES)
        self.pods = self.informers.of(PODS)
        self.claims.add_handler(
            on_add=self._claim_seen, on_update=lambda _, new: self._claim_seen(new), on_delete=self._claim_gone
        )
        self.volumes.add_handler(
            on_add=self._volume_seen, on_update=lambda _, new: self._volume_seen(new), on_delete=self._volume_gone
        )

    def background(self, tasks: Tasks) -> None:
        """Looks again at what is not bound, every 15 s."""
        tasks.spawn(self._resync(), "resync")

    async def reconcile(self, key: str) -> None:
        """Takes the next step for one claim or one volume."""
        kind, name = key.split("/", 1)
        stored = (self.claims if kind == "claim" else self.volumes).get(name)
        if stored is None:
            return
        if kind == "volume":
            await self._sync_volume(stored)
        elif BIND_COMPLETED in annotations_of(stored.object):
            await self._sync_bound(stored)
        else:
            await self._sync_unbound(stored)

    # -- claims ---------------------------------------------------------------------------------------

    async def _sync_unbound(self, claim: Stored) -> None:
        name = claim.object["spec"].get("volumeName", "")
        if name:
            await self._sync_named(claim, name)
            return
        waits = self._waits(claim.object)
        volume = best_match(claim.object, self.volumes.list(), only_named=waits)
        if volume is not None:
            await self._bind(volume, claim)
        elif "storageClassName" not in claim.object["spec"] and (default := self._default_class()) is not None:
            fields = {"storageClassName": default.name}
            await self.client.update(PERSISTENT_VOLUME_CLAIMS, with_fields(claim.object, fields, "spec"))
        elif waits:
            self._tell_waiting(claim)
        elif class_of(claim.object):
            await self._provision(claim)
        else:
            self.recorder.event(claim, "Normal", "FailedBinding", NOTHING_FITS)

    async def _sync_named(self, claim: Stored, name: str) -> None:
        """The user, or an earlier sync, has chosen the volume."""
        volume = self.volumes.get(name)
        if volume is None:
            return
        if not volume.object["spec"].get("claimRef"):
            if why := mismatch(volume.object, claim.object):
                words = f'Cannot bind to requested volume "{name}": {why}'
                self.recorder.event(claim, "Warning", "VolumeMismatch", words)
            else:
                await self._bind(volume, claim)
        elif is_for(volume.object, claim.object):
            await self._bind(volume, claim)
        elif BOUND_BY_CONTROLLER not in annotations_of(claim.object):
            words = f'volume "{name}" already bound to a different claim.'
            self.recorder.event(claim, "Warning", "FailedBinding", words)

    async def _sync_bound(self, claim: Stored) -> None:
        name = claim.object["spec"].get("volumeName", "")
        volume = self.volumes.get(name) if name else None
        if volume is None:
            await self._lose(claim, "ClaimLost", LOST_VOLUME if name else LOST_REFERENCE)
        elif not volume.object["spec"].get("claimRef") or is_for(volume.object, claim.object):
            await self._bind(volume, claim)
        else:
            await self._lose(claim, "ClaimMisbound", MISBOUND)

    async def _lose(self, claim: Stored, reason: str, words: str) -> None:
        if (claim.object.get("status") or {}).get("phase") != "Lost":
            await self.client.update_status(
                PERSISTENT_VOLUME_CLAIMS, with_fields(claim.object, {"status": {"phase": "Lost"}})
            )
            self.recorder.event(claim, "Warning", reason, words)

    async def _provision(self, claim: Stored) -> None:
        """Asks the class' provisioner, which is never ours."""
        name = class_of(claim.object)
        class_ = self.classes.get(name)
        if class_ is None:
            words = f'storageclass.storage.k8s.io "{name}" not found'
            self.recorder.event(claim, "Warning", "ProvisioningFailed", words)
            return
        provisioner = class_.object.get("provisioner", "")
        if provisioner == NO_PROVISIONER:
            words = f"no volume plugin matched name: {NO_PROVISIONER}"
            self.recorder.event(claim, "Warning", "ProvisioningFailed", words)
            return
        annotations = annotations_of(claim.object)
        asked = {PROVISIONER_BETA: provisioner, PROVISIONER: provisioner}
        if not asked.items() <= annotations.items():
            changed = with_fields(claim.object, {"annotations": {**annotations, **asked}}, "metadata")
            await self.client.update(PERSISTENT_VOLUME_CLAIMS, changed)
        self.recorder.event(claim, "Normal", "ExternalProvisioning", EXTERNAL.format(provisioner))

    def _waits(self, claim: Object) -> bool:
        """Whether it is up to the scheduler to choose a node first."""
        if SELECTED_NODE in annotations_of(claim):
            return False
        class_ = self.classes.get(class_of(claim)) if class_of(claim) else None
        return class_ is not None and class_.object.get("volumeBindingMode") == "WaitForFirstConsumer"

    def _tell_waiting(self, claim: Stored) -> None:
        using = sorted(pod.name for pod in self.pods.list(claim.namespace) if uses(pod.object, claim.name))
        if using:
            self.recorder.event(claim, "Normal", "WaitForPodScheduled", WAITS_FOR_POD.format(",".join(using)))
        else:
            self.recorder.event(claim, "Normal", "WaitForFirstConsumer", WAITS)

    def _default_class(self) -> Stored | None:
        """The newest default; of one second the first by name."""
        defaults = [one for one in self.classes.list() if annotations_of(one.object).get(DEFAULT_CLASS) == "true"]
        by_name = sorted(defaults, key=lambda one: one.name)
        return max(by_name, key=lambda one: str(one.object["metadata"].get("creationTimestamp")), default=None)

    # -- a binding, in four writes, of which those that are done are left out ----------------------------

    async def _bind(self, volume: Stored, claim: Stored) -> None:
        volume = await self._bind_volume(volume, claim)
        await self._set_phase(volume, "Bound")
        claim = await self._bind_claim(claim, volume)
        spec = volume.object["spec"]
        status: Object = {"phase": "Bound", "accessModes": spec.get("accessModes") or [], "capacity": spec["capacity"]}
        old = claim.object.get("status") or {}
        if any(old.get(name) != value for name, value in status.items()):
            await self.client.update_status(PERSISTENT_VOLUME_CLAIMS, with_fields(claim.object, status, "status"))

    async def _bind_volume(self, volume: Stored, claim: Stored) -> Stored:
        metadata = claim.object["metadata"]
        reference = volume.object["spec"].get("claimRef") or {}
        if reference.get("uid") == metadata["uid"]:
            return volume
        changed = volume.object
        if not reference:
            changed = annotated(changed)
        wanted = {
            "kind": "PersistentVolumeClaim", "namespace": claim.namespace, "name": claim.name, "uid": metadata["uid"],
            "apiVersion": "v1", "resourceVersion": metadata["resourceVersion"],
        }  # fmt: skip
        return await self.client.update(PERSISTENT_VOLUMES, with_fields(changed, {"claimRef": wanted}, "spec"))

    async def _bind_claim(self, claim: Stored, volume: Stored) -> Stored:
        changed = claim.object
        if changed["spec"].get("volumeName") != volume.name:
            changed = annotated(with_fields(changed, {"volumeName": volume.name}, "spec"))
        if BIND_COMPLETED not in annotations_of(changed):
            annotations = {**annotations_of(changed), BIND_COMPLETED: YES}
            changed = with_fields(changed, {"annotations": annotations}, "metadata")
        return claim if changed is claim.object else await self.client.update(PERSISTENT_VOLUME_CLAIMS, changed)

    # -- volumes --------------------------------------------------------------------------------------

    async def _sync_volume(self, volume: Stored) -> None:
        reference = volume.object["spec"].get("claimRef")
        if not reference or not reference.get("uid"):
            await self._set_phase(volume, "Available")
            return
        claim = self.claims.get(f"{reference['namespace']}/{reference['name']}")
        if claim is None or claim.uid != reference["uid"]:
            phase = (volume.object.get("status") or {}).get("phase")
            if phase not in ("Released", "Failed"):
                volume = await self._set_phase(volume, "Released")
            await self._reclaim(volume)
        elif not claim.object["spec"].get("volumeName"):
            self.queue.add(f"claim/{claim.key}")
        elif claim.object["spec"]["volumeName"] == volume.name:
            await self._set_phase(volume, "Bound")
        else:
            await self._unbind(volume)

    async def _unbind(self, volume: Stored) -> None:
        """Its claim has taken another one: a reference of ours goes, that of a user stays without uid."""
        annotations = annotations_of(volume.object)
        fields: dict[str, Any] = {"claimRef": None}
        changed = volume.object
        if BOUND_BY_CONTROLLER in annotations:
            rest = {name: value for name, value in annotations.items() if name != BOUND_BY_CONTROLLER}
            changed = with_fields(changed, {"annotations": rest or None}, "metadata")
        else:
            reference = changed["spec"]["claimRef"]
            fields = {"claimRef": {name: value for name, value in reference.items() if name != "uid"}}
        fresh = await self.client.update(PERSISTENT_VOLUMES, with_fields(changed, fields, "spec"))
        await self._set_phase(fresh, "Available")

    async def _reclaim(self, volume: Stored) -> None:
        spec = volume.object["spec"]
        is_external = PROVISIONED_BY in annotations_of(volume.object) or "csi" in spec
        leaving = "deletionTimestamp" in volume.object["metadata"]
        if spec.get("persistentVolumeReclaimPolicy") != "Delete" or is_external or leaving:
            return
        path = (spec.get("hostPath") or {}).get("path")
        if path is None:
            why = f'error getting deleter volume plugin for volume "{volume.name}": no deletable volume plugin matched'
        elif not TEMPORARY.fullmatch(path):
            why = f"host_path deleter only supports /tmp/.+ but received provided {path}"
        else:
            try:
                await self.client.delete(PERSISTENT_VOLUMES, volume.name)
            except NotFoundError:
                return
            return
        if (volume.object.get("status") or {}).get("phase") != "Failed":
            await self._set_phase(volume, "Failed", why)
            self.recorder.event(volume, "Warning", "VolumeFailedDelete", why)

    async def _set_phase(self, volume: Stored, phase: str, message: str = "") -> Stored:
        if (volume.object.get("status") or {}).get("phase") == phase:
            return volume
        status: Object = {"phase": phase, "lastPhaseTransitionTime": self.sim.clock.timestamp()}
        if message:
            status["message"] = message
        return await self.client.update_status(PERSISTENT_VOLUMES, with_fields(volume.object, {"status": status}))

    # -- what the caches tell -------------------------------------------------------------------------

    def _claim_seen(self, claim: Stored) -> None:
        self.queue.add(f"claim/{claim.key}")

    def _claim_gone(self, claim: Stored) -> None:
        name = claim.object["spec"].get("volumeName")
        if name:
            self.queue.add(f"volume/{name}")

    def _volume_seen(self, volume: Stored) -> None:
        self.queue.add(f"volume/{volume.name}")

    def _volume_gone(self, volume: Stored) -> None:
        reference = volume.object["spec"].get("claimRef")
        if reference:
            self.queue.add(f"claim/{reference['namespace']}/{reference['name']}")

    async def _resync(self) -> None:
        while True:
            await asyncio.sleep(RESYNC_SECONDS)
            for claim in self.claims.list():
                if (claim.object.get("status") or {}).get("phase") != "Bound":
                    self._claim_seen(claim)


def annotated(obj: Object) -> Object:
    """The object, with the mark that the controller chose its other half."""
    return with_fields(obj, {"annotations": {**annotations_of(obj), BOUND_BY_CONTROLLER: YES}}, "metadata")


def uses(pod: Object, claim: str) -> bool:
    """Whether a Pod that has no node yet mounts the claim."""
    if pod["spec"].get("nodeName"):
        return False
    return any(
        (volume.get("persistentVolumeClaim") or {}).get("claimName") == claim
        for volume in pod["spec"].get("volumes") or ()
    )
