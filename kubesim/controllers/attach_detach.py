"""Attaches volumes to the nodes whose Pods want them, and detaches them when nobody does.

The queue holds names of PersistentVolumes; each sync compares the Pods that use the claim with the VolumeAttachments
that exist (`attach_detach_plan`). What a node has is told to its kubelet in `status.volumesAttached`; what the kubelet
has mounted stands in `status.volumesInUse`, and is not taken away from a node that lives.
Upstream: pkg/controller/volume/attachdetach. Left out: the loop of 100 ms (this one acts when something changes),
in-tree plugins that attach by themselves, and the back-off of single operations.
"""

from __future__ import annotations

from kubesim.api.errors import AlreadyExistsError, NotFoundError
from kubesim.api.resources import (
    CSI_DRIVERS,
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    PODS,
    VOLUME_ATTACHMENTS,
)
from kubesim.api.stored import Object, Stored
from kubesim.controllers.attach_detach_plan import attachment_name, multi_attach_words, plan_volume, unique_name
from kubesim.controllers.controller import Controller, ControllerContext
from kubesim.controllers.storage_protection import CLAIM_INDEX, claims_of, is_using

VOLUME_INDEX = "spec.source.persistentVolumeName"
ATTACHMENT_NODE_INDEX = "spec.nodeName"


class AttachDetachController(Controller):
    """The queue holds names of PersistentVolumes."""

    name = "persistentvolume-attach-detach-controller"
    service_account = "attachdetach-controller"
    event_source = "attachdetach-controller"

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context)
        self._volumes = self.informers.of(PERSISTENT_VOLUMES)
        self._claims = self.informers.of(PERSISTENT_VOLUME_CLAIMS)
        self._drivers = self.informers.of(CSI_DRIVERS)
        self._nodes = self.informers.of(NODES)
        self._pods = self.informers.of(PODS)
        self._attachments = self.informers.of(VOLUME_ATTACHMENTS)
        self._unwanted_since: dict[str, dict[str, float]] = {}  # Volume → node → since when no Pod wants it there.
        self._told: dict[tuple[str, str], None] = {}  # (volume, node) whose Pods know why they wait.
        self._reported: dict[tuple[str, str], None] = {}  # (volume, node) of which Pods have been told success.
        if not self._pods.has_index(CLAIM_INDEX):
            self._pods.add_index(CLAIM_INDEX, claims_of)
        self._attachments.add_index(VOLUME_INDEX, lambda one: (volume_of(one),))
        self._attachments.add_index(ATTACHMENT_NODE_INDEX, lambda one: (one.object["spec"]["nodeName"],))
        self._pods.add_handler(on_add=self._pod_seen, on_update=self._pod_updated, on_delete=self._pod_seen)
        self._volumes.add_handler(on_add=self._volume_seen, on_update=lambda _, new: self._volume_seen(new))
        self._claims.add_handler(on_update=lambda _, new: self._claim_seen(new))
        self._drivers.add_handler(on_add=self._driver_seen)
        self._attachments.add_handler(
            on_add=self._attachment_seen, on_update=self._attachment_updated, on_delete=self._attachment_seen
        )
        self._nodes.add_handler(on_update=self._node_updated, on_delete=self._node_seen)

    # -- one sync -------------------------------------------------------------------------------------

    async def reconcile(self, key: str) -> None:
        """Brings the attachments of one volume to what its Pods want."""
        volume = self._volumes.get(key)
        if volume is None or not self._is_attachable(volume.object):
            for attachment in self._attachments.by_index(VOLUME_INDEX, key):
                await self._detach(key, attachment)
            return
        wanted = self._wanted(volume.object)
        attachments = sorted(self._attachments.by_index(VOLUME_INDEX, key), key=lambda one: one.name)
        places = {attachment.object["spec"]["nodeName"] for attachment in attachments}
        self._note_unwanted(key, [name for name in sorted(places) if name not in wanted])
        now = self.sim.clock.now()
        since = self._unwanted_since.get(key, {})
        unwanted = {name: now - since.get(name, now) for name in sorted(places)}
        nodes = {name: self._nodes.get(name) for name in sorted(places)}
        plan = plan_volume(volume.object, wanted, attachments, nodes, unwanted)
        for attachment in plan.detach:
            await self._report(attachment.object["spec"]["nodeName"], without=unique_name(volume.object))
            await self._detach(key, attachment)
        for node in plan.blocked:
            self._tell_blocked(volume, node, wanted)
        for node in plan.attach:
            await self._attach(volume.object, node)
        for attachment in attachments:
            await self._note_attached(volume.object, attachment, wanted)
        if plan.look_again_seconds is not None and plan.look_again_seconds != float("inf"):
            self.queue.add_after(key, plan.look_again_seconds)

    def _wanted(self, volume: Object) -> dict[str, list[Stored]]:
        """The Pods that use the volume, by their node."""
        reference = volume["spec"].get("claimRef") or {}
        key = f"{reference.get('namespace', '')}/{reference.get('name', '')}"
        claim = self._claims.get(key)
        wanted: dict[str, list[Stored]] = {}
        if claim is None or claim.object["spec"].get("volumeName") != volume["metadata"]["name"]:
            return wanted
        for pod in sorted(self._pods.by_index(CLAIM_INDEX, key), key=lambda one: one.name):
            node = pod.object["spec"].get("nodeName")
            if node and is_using(pod.object):
                wanted.setdefault(node, []).append(pod)
        return wanted

    def _note_unwanted(self, key: str, unwanted: list[str]) -> None:
        known, now = self._unwanted_since.pop(key, {}), self.sim.clock.now()
        if unwanted:
            self._unwanted_since[key] = {node: known.get(node, now) for node in unwanted}

    async def _attach(self, volume: Object, node: str) -> None:
        source = volume["spec"]["csi"]
        name = attachment_name(source["volumeHandle"], source["driver"], node)
        spec = {"attacher": source["driver"], "nodeName": node}
        spec["source"] = {"persistentVolumeName": volume["metadata"]["name"]}
        made = {"apiVersion": "storage.k8s.io/v1", "kind": "VolumeAttachment", "metadata": {"name": name}, "spec": spec}
        self._told.pop((volume["metadata"]["name"], node), None)
        try:
            await self.client.create(VOLUME_ATTACHMENTS, made)
        except AlreadyExistsError:
            return  # The cache is behind.

    async def _detach(self, key: str, attachment: Stored) -> None:
        self._reported.pop((key, attachment.object["spec"]["nodeName"]), None)
        if "deletionTimestamp" in attachment.object["metadata"]:
            return
        try:
            await self.client.delete(VOLUME_ATTACHMENTS, attachment.name)
        except NotFoundError:
            return

    async def _note_attached(self, volume: Object, attachment: Stored, wanted: dict[str, list[Stored]]) -> None:
        """Tells the node and its Pods what became of an attachment."""
        name, node = volume["metadata"]["name"], attachment.object["spec"]["nodeName"]
        status = attachment.object.get("status") or {}
        if node not in wanted or "deletionTimestamp" in attachment.object["metadata"]:
            return
        if status.get("attached"):
            await self._report(node, with_=unique_name(volume))
            if (name, node) not in self._reported:
                self._reported[name, node] = None
                words = f'AttachVolume.Attach succeeded for volume "{name}" '
                for pod in wanted[node]:
                    self.recorder.event(pod, "Normal", "SuccessfulAttachVolume", words)
        elif why := (status.get("attachError") or {}).get("message"):
            words = f'AttachVolume.Attach failed for volume "{name}" : {why}'
            for pod in wanted[node]:
                self.recorder.event(pod, "Warning", "FailedAttachVolume", words)

    def _tell_blocked(self, volume: Stored, node: str, wanted: dict[str, list[Stored]]) -> None:
        if (volume.name, node) in self._told:
            return
        self._told[volume.name, node] = None
        others = [pod for name in sorted(wanted) if name != node for pod in wanted[name]]
        for pod in wanted[node]:
            self.recorder.event(pod, "Warning", "FailedAttachVolume", multi_attach_words(volume.name, pod, others))

    async def _report(self, node_name: str, *, with_: str = "", without: str = "") -> None:
        """Writes into the node's status what is attached to it."""
        node = self._nodes.get(node_name)
        if node is None:
            return
        attached = (node.object.get("status") or {}).get("volumesAttached") or []
        changed = [each for each in attached if each["name"] != (with_ or without)]
        if with_:
            changed.append({"name": with_, "devicePath": ""})
        if len(changed) == len(attached):
            return
        patch = {"status": {"volumesAttached": sorted(changed, key=lambda each: str(each["name"])) or None}}
        try:
            await self.client.patch(NODES, node_name, patch, subresource="status")
        except NotFoundError:
            return

    def _is_attachable(self, volume: Object) -> bool:
        source = volume["spec"].get("csi")
        driver = self._drivers.get(source["driver"]) if source else None
        return driver is not None and driver.object["spec"].get("attachRequired", True)

    # -- what the caches tell -------------------------------------------------------------------------

    def _pod_seen(self, pod: Stored) -> None:
        if not pod.object["spec"].get("nodeName"):
            return
        for key in claims_of(pod):
            claim = self._claims.get(key)
            if claim is not None:
                self._claim_seen(claim)

    def _pod_updated(self, old: Stored, pod: Stored) -> None:
        if not pod.object["spec"].get("volumes"):
            return
        was_bound = bool(old.object["spec"].get("nodeName"))
        if not was_bound or is_using(old.object) != is_using(pod.object):
            self._pod_seen(pod)

    def _claim_seen(self, claim: Stored) -> None:
        if name := claim.object["spec"].get("volumeName"):
            self._enqueue_volume(name)

    def _volume_seen(self, volume: Stored) -> None:
        self._enqueue_volume(volume.name)

    def _enqueue_volume(self, name: str) -> None:
        volume = self._volumes.get(name)
        if volume is not None and "csi" in volume.object["spec"]:
            self.queue.add(name)

    def _driver_seen(self, driver: Stored) -> None:
        for volume in self._volumes.list():
            if (volume.object["spec"].get("csi") or {}).get("driver") == driver.name:
                self.enqueue(volume)

    def _attachment_seen(self, attachment: Stored) -> None:
        self.queue.add(volume_of(attachment))

    def _attachment_updated(self, _: Stored, attachment: Stored) -> None:
        self._attachment_seen(attachment)

    def _node_updated(self, old: Stored, node: Stored) -> None:
        before, after = (stored.object.get("status") or {} for stored in (old, node))
        is_news = any(before.get(name) != after.get(name) for name in ("volumesInUse", "volumesAttached"))
        if is_news or old.object["spec"].get("taints") != node.object["spec"].get("taints"):
            self._node_seen(node)

    def _node_seen(self, node: Stored) -> None:
        for attachment in self._attachments.by_index(ATTACHMENT_NODE_INDEX, node.name):
            self.queue.add(volume_of(attachment))


def volume_of(attachment: Stored) -> str:
    """The name of the volume that is attached."""
    name: str = (attachment.object["spec"].get("source") or {}).get("persistentVolumeName", "")
    return name
