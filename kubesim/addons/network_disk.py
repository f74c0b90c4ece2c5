"""Disks in the network: what a cloud has, and minikube has not. One node at a time can attach a disk; it can grow.

A simulated CSI driver with the sidecars of a real one: it provisions, attaches, detaches and resizes, each in about the
time that a cloud takes. Its volumes go wherever their Pod goes, but only after they have left the node where they were:
what Multi-Attach errors are about.
Upstream: github.com/kubernetes-csi/{external-provisioner,external-attacher,external-resizer,node-driver-registrar}.
Left out: the driver's Pods, zones, snapshots; the file system grows with the disk, so nothing is left to the node.
"""

from __future__ import annotations

import asyncio

from kubesim.addons.program import Program
from kubesim.addons.provisioner import Kind, Provisioner
from kubesim.api.errors import AlreadyExistsError, NotFoundError
from kubesim.api.meta import owner_reference, with_fields
from kubesim.api.resources import (
    CSI_NODES,
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    VOLUME_ATTACHMENTS,
)
from kubesim.api.stored import Object, Stored
from kubesim.api.tokens import Trust
from kubesim.api.volume_match import annotations_of, size
from kubesim.client.client import Client
from kubesim.controllers.controller import Controller, ControllerContext
from kubesim.controllers.volume_expand import RESIZER, is_growing
from kubesim.sim import Simulation

DRIVER = "disk.csi.kubesim.dev"
PROVISION_SECONDS, ATTACH_SECONDS, RESIZE_SECONDS = 2.0, 1.5, 3.0
ATTACH_FINALIZER = "external-attacher/disk-csi-kubesim-dev"
DISKS_PER_NODE_MAX = 16

OBJECTS: tuple[Object, ...] = (
    {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "CSIDriver",
        "metadata": {"name": DRIVER},
        "spec": {"attachRequired": True, "podInfoOnMount": False, "fsGroupPolicy": "File"},
    },
    {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "network-disk"},
        "provisioner": DRIVER,
        "allowVolumeExpansion": True,
        "volumeBindingMode": "Immediate",
    },
)


def make_program(sim: Simulation, client: Client, trust: Trust) -> Program:
    """The driver's controllers, with an identity of their own."""
    kind = Kind(DRIVER, PROVISION_SECONDS, disk_of, has_finalizer=True)
    source = f"{DRIVER}_disk-csi-controller_{sim.chance.uid()}"
    return Program(
        sim, client, trust,
        [
            (lambda context: Provisioner(context, kind), source),
            (Attacher, f"external-attacher {DRIVER}"),
            (Resizer, f"external-resizer {DRIVER}"),
            (NodeRegistrar, "node-driver-registrar"),
        ],
    )  # fmt: skip


def disk_of(claim: Object) -> Object:
    """The source of the volume for a claim."""
    handle = f"disk-{claim['metadata']['uid']}"
    return {"csi": {"driver": DRIVER, "volumeHandle": handle, "fsType": "ext4"}}


class Attacher(Controller):
    """Carries out VolumeAttachments: `status.attached`, and a finalizer until the disk has left its node."""

    name = "attacher"
    workers = 10

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context)
        self._attachments = self.informers.of(VOLUME_ATTACHMENTS)
        self._attachments.add_handler(on_add=self._seen, on_update=lambda _, new: self._seen(new))

    async def reconcile(self, key: str) -> None:
        """Attaches, or detaches."""
        attachment = self._attachments.get(key)
        if attachment is None:
            return
        finalizers = attachment.object["metadata"].get("finalizers") or []
        if "deletionTimestamp" in attachment.object["metadata"]:
            if ATTACH_FINALIZER in finalizers:
                await asyncio.sleep(ATTACH_SECONDS)
                await self._set_finalizers(attachment, [each for each in finalizers if each != ATTACH_FINALIZER])
        elif not (attachment.object.get("status") or {}).get("attached"):
            if ATTACH_FINALIZER not in finalizers:
                attachment = await self._set_finalizers(attachment, [*finalizers, ATTACH_FINALIZER])
            await asyncio.sleep(ATTACH_SECONDS)
            changed = with_fields(attachment.object, {"status": {"attached": True}})
            await self.client.update_status(VOLUME_ATTACHMENTS, changed)

    async def _set_finalizers(self, attachment: Stored, finalizers: list[str]) -> Stored:
        fresh = await self.client.get(VOLUME_ATTACHMENTS, attachment.name)
        changed = with_fields(fresh.object, {"finalizers": finalizers or None}, "metadata")
        return await self.client.update(VOLUME_ATTACHMENTS, changed)

    def _seen(self, attachment: Stored) -> None:
        if attachment.object["spec"]["attacher"] == DRIVER:
            self.enqueue(attachment)


class Resizer(Controller):
    """Makes the disk of a claim grow, when the claim asks for more."""

    name = "resizer"
    workers = 4

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context)
        self._claims = self.informers.of(PERSISTENT_VOLUME_CLAIMS)
        self._volumes = self.informers.of(PERSISTENT_VOLUMES)
        self._claims.add_handler(on_add=self._seen, on_update=lambda _, new: self._seen(new))

    async def reconcile(self, key: str) -> None:
        """Says that it does, does it, and writes the new size into volume and claim."""
        claim = self._claims.get(key)
        if claim is None:
            return
        claim = await self.client.get(PERSISTENT_VOLUME_CLAIMS, claim.name, claim.namespace)  # The cache may be behind.
        if not is_growing(claim.object):
            return
        volume = self._volumes.get(claim.object["spec"]["volumeName"])
        if volume is None:
            return
        wanted = claim.object["spec"]["resources"]["requests"]["storage"]
        words = f"External resizer is resizing volume {volume.name}"
        self.recorder.event(claim, "Normal", "Resizing", words)
        now = self.sim.clock.timestamp()
        resizing = {"type": "Resizing", "status": "True", "lastTransitionTime": now}
        await self._write(claim, {"conditions": [resizing]})
        await asyncio.sleep(RESIZE_SECONDS)
        if size(volume.object["spec"].get("capacity")) < size({"storage": wanted}):
            fresh = await self.client.get(PERSISTENT_VOLUMES, volume.name)
            capacity = {**fresh.object["spec"]["capacity"], "storage": wanted}
            await self.client.update(PERSISTENT_VOLUMES, with_fields(fresh.object, {"capacity": capacity}, "spec"))
        await self._write(claim, {"conditions": None, "capacity": {"storage": wanted}})
        self.recorder.event(claim, "Normal", "VolumeResizeSuccessful", "Resize volume succeeded")

    async def _write(self, claim: Stored, fields: Object) -> None:
        fresh = await self.client.get(PERSISTENT_VOLUME_CLAIMS, claim.name, claim.namespace)
        await self.client.update_status(PERSISTENT_VOLUME_CLAIMS, with_fields(fresh.object, fields, "status"))

    def _seen(self, claim: Stored) -> None:
        if annotations_of(claim.object).get(RESIZER) == DRIVER and is_growing(claim.object):
            self.enqueue(claim)


class NodeRegistrar(Controller):
    """Stands for the driver's Pod on every node: it makes the driver known in the node's CSINode."""

    name = "registrar"

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context)
        self._nodes = self.informers.of(NODES)
        self._nodes.add_handler(on_add=self.enqueue)

    async def reconcile(self, key: str) -> None:
        """Adds the driver to the node's list."""
        node = self._nodes.get(key)
        if node is None:
            return
        driver = {"name": DRIVER, "nodeID": key, "topologyKeys": None, "allocatable": {"count": DISKS_PER_NODE_MAX}}
        reference = owner_reference(node.object)
        owner = {name: reference[name] for name in ("apiVersion", "kind", "name", "uid")}
        metadata = {"name": key, "ownerReferences": [owner]}
        made = {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "CSINode",
            "metadata": metadata,
            "spec": {"drivers": [driver]},
        }
        try:
            await self.client.create(CSI_NODES, made)
            return
        except AlreadyExistsError:
            pass
        try:
            known = await self.client.get(CSI_NODES, key)
        except NotFoundError:
            return
        drivers = known.object["spec"].get("drivers") or []
        if not any(each["name"] == DRIVER for each in drivers):
            await self.client.update(CSI_NODES, with_fields(known.object, {"drivers": [*drivers, driver]}, "spec"))
