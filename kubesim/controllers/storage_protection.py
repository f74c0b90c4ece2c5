"""Lets go of claims and volumes that are being deleted, once nobody uses them.

Admission gives each a finalizer. A claim is in use while a Pod that has not ended names it; a volume while it is
bound to a claim.
Upstream: pkg/controller/volume/{pvcprotection,pvprotection}.
"""

from __future__ import annotations

from kubesim.api.errors import NotFoundError
from kubesim.api.meta import with_fields
from kubesim.api.resources import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS, Resource
from kubesim.api.stored import Object, Stored
from kubesim.client.client import Client
from kubesim.controllers.controller import Controller, ControllerContext

CLAIM_FINALIZER, VOLUME_FINALIZER = "kubernetes.io/pvc-protection", "kubernetes.io/pv-protection"
CLAIM_INDEX = "claim"


class ClaimProtectionController(Controller):
    """Reconciles claims that are being deleted."""

    name = "persistentvolumeclaim-protection-controller"
    service_account = "pvc-protection-controller"

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context)
        self._claims = self.informers.of(PERSISTENT_VOLUME_CLAIMS)
        self._pods = self.informers.of(PODS)
        if not self._pods.has_index(CLAIM_INDEX):
            self._pods.add_index(CLAIM_INDEX, claims_of)
        self._claims.add_handler(on_add=self._changed, on_update=lambda _old, new: self._changed(new))
        self._pods.add_handler(on_update=self._pod_updated, on_delete=self._pod_gone)

    async def reconcile(self, key: str) -> None:
        """Takes the finalizer away if no Pod uses the claim."""
        claim = self._claims.get(key)
        if claim is None or not is_waiting(claim, CLAIM_FINALIZER):
            return
        if any(holds(pod, key) for pod in self._pods.by_index(CLAIM_INDEX, key)):
            return  # The Pod's end brings it back.
        await release(self.client, PERSISTENT_VOLUME_CLAIMS, claim, CLAIM_FINALIZER)

    def _changed(self, claim: Stored) -> None:
        if is_waiting(claim, CLAIM_FINALIZER):
            self.enqueue(claim)

    def _pod_updated(self, _: Stored, pod: Stored) -> None:
        if pod.object["spec"].get("volumes") and not is_using(pod.object):
            self._pod_gone(pod)

    def _pod_gone(self, pod: Stored) -> None:
        for key in claims_of(pod):
            claim = self._claims.get(key)
            if claim is not None:
                self._changed(claim)


class VolumeProtectionController(Controller):
    """Reconciles volumes that are being deleted."""

    name = "persistentvolume-protection-controller"
    service_account = "pv-protection-controller"

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context)
        self._volumes = self.informers.of(PERSISTENT_VOLUMES)
        self._volumes.add_handler(on_add=self._changed, on_update=lambda _old, new: self._changed(new))

    async def reconcile(self, key: str) -> None:
        """Takes the finalizer away if the volume is not bound."""
        volume = self._volumes.get(key)
        if volume is None or not is_waiting(volume, VOLUME_FINALIZER):
            return
        if (volume.object.get("status") or {}).get("phase") != "Bound":
            await release(self.client, PERSISTENT_VOLUMES, volume, VOLUME_FINALIZER)

    def _changed(self, volume: Stored) -> None:
        if is_waiting(volume, VOLUME_FINALIZER):
            self.enqueue(volume)


def claims_of(pod: Stored) -> tuple[str, ...]:
    """The keys of the claims that a Pod's volumes name, those made for the Pod included."""
    keys = []
    for volume in pod.object["spec"].get("volumes") or ():
        if source := volume.get("persistentVolumeClaim"):
            keys.append(f"{pod.namespace}/{source.get('claimName', '')}")
        elif volume.get("ephemeral") is not None:
            keys.append(f"{pod.namespace}/{pod.name}-{volume['name']}")
    return tuple(keys)


def holds(pod: Stored, key: str) -> bool:
    """Whether a Pod keeps the claim: one that names it does as long as it exists, even if it has ended.

    A Pod without a node does not: no kubelet would start it with a claim that is going. A claim that was made for a
    Pod is let go once that Pod is shut down.
    """
    spec, metadata = pod.object["spec"], pod.object["metadata"]
    if not spec.get("nodeName"):
        return False
    names = {source["claimName"] for each in spec.get("volumes") or () if (source := each.get("persistentVolumeClaim"))}
    shut_down = "deletionTimestamp" in metadata and not metadata.get("deletionGracePeriodSeconds")
    return key.rpartition("/")[2] in names or not shut_down


def is_using(pod: Object) -> bool:
    """Whether the Pod has not ended."""
    return (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed")


def is_waiting(stored: Stored, finalizer: str) -> bool:
    """Whether an object is being deleted and our finalizer holds it."""
    metadata = stored.object["metadata"]
    return "deletionTimestamp" in metadata and finalizer in (metadata.get("finalizers") or ())


async def release(client: Client, resource: Resource, stored: Stored, finalizer: str) -> None:
    """Takes one finalizer away."""
    kept = [each for each in stored.object["metadata"]["finalizers"] if each != finalizer]
    try:
        await client.update(resource, with_fields(stored.object, {"finalizers": kept or None}, "metadata"))
    except NotFoundError:
        return  # Somebody else took the last one.
