"""Makes volumes for claims, and takes them away again: an external provisioner.

The volume binder in kube-controller-manager only asks: it writes the provisioner's name into an annotation of the claim
(`volume.kubernetes.io/storage-provisioner`) and waits. The provisioner makes a PersistentVolume that names the claim,
and the binder binds the two. When the claim is gone and the volume is Released with the policy Delete, it deletes it.

Upstream: sigs.k8s.io/sig-storage-lib-external-provisioner, used by minikube's storage-provisioner and every CSI driver.
Left out: leader election, capacity tracking, cloning and snapshots, a threshold of failed attempts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

from kubesim.api.errors import AlreadyExistsError, NotFoundError
from kubesim.api.meta import with_fields
from kubesim.api.resources import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, STORAGE_CLASSES
from kubesim.api.stored import Object, Stored
from kubesim.api.volume_match import annotations_of, class_of
from kubesim.controllers.controller import Controller, ControllerContext

PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
SELECTED_NODE = "volume.kubernetes.io/selected-node"
ASKED = ("volume.kubernetes.io/storage-provisioner", "volume.beta.kubernetes.io/storage-provisioner")
FINALIZER = "external-provisioner.volume.kubernetes.io/finalizer"


class Kind(NamedTuple):
    """What a provisioner makes: its name, how long that takes, and the fields of the volume's spec."""

    provisioner: str
    seconds: float
    source: Callable[[Object], Object]
    annotations: Callable[[Object], dict[str, str]] = lambda _claim: {}
    has_finalizer: bool = False


class Provisioner(Controller):
    """Keys are "claim/NAMESPACE/NAME" and "volume/NAME"."""

    name = "provisioner"
    workers = 4

    def __init__(self, context: ControllerContext, kind: Kind) -> None:
        super().__init__(context)
        self._kind = kind
        self._claims = self.informers.of(PERSISTENT_VOLUME_CLAIMS)
        self._volumes = self.informers.of(PERSISTENT_VOLUMES)
        self._classes = self.informers.of(STORAGE_CLASSES)
        self._claims.add_handler(on_add=self._claim_seen, on_update=lambda _, new: self._claim_seen(new))
        self._volumes.add_handler(on_add=self._volume_seen, on_update=lambda _, new: self._volume_seen(new))

    async def reconcile(self, key: str) -> None:
        """Makes the volume of one claim, or takes one volume away."""
        kind, name = key.split("/", 1)
        if kind == "claim":
            claim = self._claims.get(name)
            if claim is not None and self._is_asked(claim):
                await self._provision(claim)
            return
        volume = self._volumes.get(name)
        if volume is not None and self._is_to_delete(volume):
            await self._delete(volume)

    async def _provision(self, claim: Stored) -> None:
        name = f"pvc-{claim.uid}"
        class_ = self._classes.get(class_of(claim.object))
        if class_ is None or self._volumes.get(name) is not None:
            return
        words = f'External provisioner is provisioning volume for claim "{claim.key}"'
        self.recorder.event(claim, "Normal", "Provisioning", words)
        if claim.object["spec"].get("selector"):
            words = f'failed to provision volume with StorageClass "{class_.name}": claim Selector is not supported'
            self.recorder.event(claim, "Warning", "ProvisioningFailed", words)
            return
        await asyncio.sleep(self._kind.seconds)
        try:
            await self.client.create(PERSISTENT_VOLUMES, self._volume(name, claim.object, class_.object))
        except AlreadyExistsError:
            return
        self.recorder.event(claim, "Normal", "ProvisioningSucceeded", f"Successfully provisioned volume {name}")

    def _volume(self, name: str, claim: Object, class_: Object) -> Object:
        metadata, spec = claim["metadata"], claim["spec"]
        annotations = {**self._kind.annotations(claim), PROVISIONED_BY: self._kind.provisioner}
        described: dict[str, Any] = {"name": name, "annotations": annotations}
        if self._kind.has_finalizer:
            described["finalizers"] = [FINALIZER]
        reference = {
            "kind": "PersistentVolumeClaim", "namespace": metadata["namespace"], "name": metadata["name"],
            "uid": metadata["uid"], "apiVersion": "v1", "resourceVersion": metadata["resourceVersion"],
        }  # fmt: skip
        made: dict[str, Any] = {
            "capacity": {"storage": spec["resources"]["requests"]["storage"]},
            "accessModes": spec["accessModes"],
            "claimRef": reference,
            "persistentVolumeReclaimPolicy": class_.get("reclaimPolicy", "Delete"),
            "storageClassName": class_["metadata"]["name"],
            "volumeMode": spec.get("volumeMode", "Filesystem"),
            **self._kind.source(claim),
        }
        if class_.get("mountOptions"):
            made["mountOptions"] = class_["mountOptions"]
        return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": described, "spec": made}

    async def _delete(self, volume: Stored) -> None:
        await asyncio.sleep(self._kind.seconds)
        try:
            remaining = await self.client.delete(PERSISTENT_VOLUMES, volume.name)
            if remaining is not None and FINALIZER in (remaining.object["metadata"].get("finalizers") or ()):
                kept = [each for each in remaining.object["metadata"]["finalizers"] if each != FINALIZER]
                changed = with_fields(remaining.object, {"finalizers": kept or None}, "metadata")
                await self.client.update(PERSISTENT_VOLUMES, changed)
        except NotFoundError:
            return

    def _is_asked(self, claim: Stored) -> bool:
        """Whether the binder asks for a volume, and with WaitForFirstConsumer the scheduler has chosen a node."""
        annotations = annotations_of(claim.object)
        if claim.object["spec"].get("volumeName") or "deletionTimestamp" in claim.object["metadata"]:
            return False
        if self._kind.provisioner not in [annotations.get(name) for name in ASKED]:
            return False
        class_ = self._classes.get(class_of(claim.object))
        waits = class_ is not None and class_.object.get("volumeBindingMode") == "WaitForFirstConsumer"
        return not waits or SELECTED_NODE in annotations

    def _is_to_delete(self, volume: Stored) -> bool:
        if annotations_of(volume.object).get(PROVISIONED_BY) != self._kind.provisioner:
            return False
        if volume.object["spec"].get("persistentVolumeReclaimPolicy") != "Delete":
            return False
        if "deletionTimestamp" in volume.object["metadata"] and not self._kind.has_finalizer:
            return False
        return (volume.object.get("status") or {}).get("phase") in ("Released", "Failed")

    def _claim_seen(self, claim: Stored) -> None:
        if self._is_asked(claim):
            self.queue.add(f"claim/{claim.key}")

    def _volume_seen(self, volume: Stored) -> None:
        if self._is_to_delete(volume):
            self.queue.add(f"volume/{volume.name}")
