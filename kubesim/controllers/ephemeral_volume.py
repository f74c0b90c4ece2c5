"""Makes the claims of volumes that live as long as their Pod: `volumes[].ephemeral`.

The claim is called POD-VOLUME and belongs to the Pod, so the garbage collector takes it away with it. A claim of that
name which belongs to somebody else is never used.
Upstream: pkg/controller/volume/ephemeral.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.errors import AlreadyExistsError, ApiError, TransportError
from kubesim.api.meta import controller_of, owner_reference
from kubesim.api.resources import PERSISTENT_VOLUME_CLAIMS, PODS
from kubesim.api.stored import Object, Stored
from kubesim.controllers.controller import Controller, ControllerContext, RetryLaterError


class EphemeralVolumeController(Controller):
    """The queue holds keys of Pods."""

    name = "ephemeral-volume-controller"
    event_source = "ephemeral_volume"

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context)
        self._pods = self.informers.of(PODS)
        self._claims = self.informers.of(PERSISTENT_VOLUME_CLAIMS)
        self._pods.add_handler(on_add=self._seen)
        self._claims.add_handler(on_delete=self._claim_gone)

    async def reconcile(self, key: str) -> None:
        """Creates what is missing."""
        pod = self._pods.get(key)
        if pod is None or "deletionTimestamp" in pod.object["metadata"]:
            return
        for volume in pod.object["spec"].get("volumes") or ():
            if volume.get("ephemeral") is not None:
                await self._create(pod, volume)

    async def _create(self, pod: Stored, volume: Object) -> None:
        name = f"{pod.name}-{volume['name']}"
        known = self._claims.get(f"{pod.namespace}/{name}")
        if known is not None:
            if (controller_of(known.object) or {}).get("uid") != pod.uid:
                words = f'PVC "{pod.namespace}/{name}" was not created for pod "{pod.key}" (pod is not owner)'
                self.recorder.event(pod, "Warning", "FailedBinding", f"ephemeral volume {volume['name']}: {words}")
                raise RetryLaterError(words)
            return
        template: Object = volume["ephemeral"].get("volumeClaimTemplate") or {}
        described: Object = template.get("metadata") or {}
        metadata: dict[str, Any] = {"name": name, "ownerReferences": [owner_reference(pod.object)]}
        metadata |= {field: described[field] for field in ("annotations", "labels") if described.get(field)}
        claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": template["spec"]}
        try:
            await self.client.create(PERSISTENT_VOLUME_CLAIMS, claim, pod.namespace)
        except AlreadyExistsError:
            raise
        except (ApiError, TransportError) as error:
            words = f"ephemeral volume {volume['name']}: create PVC {name}: {error}"
            self.recorder.event(pod, "Warning", "FailedBinding", words)
            raise

    def _seen(self, pod: Stored) -> None:
        if any(volume.get("ephemeral") is not None for volume in pod.object["spec"].get("volumes") or ()):
            self.enqueue(pod)

    def _claim_gone(self, claim: Stored) -> None:
        owner = controller_of(claim.object)
        if owner is not None and owner["kind"] == PODS.kind:
            pod = self._pods.get(f"{claim.namespace}/{owner['name']}")
            if pod is not None and pod.uid == owner["uid"]:
                self._seen(pod)
