"""Sees that a claim asks for more than its volume has, and hands it to whoever can make the volume grow.

For volumes of CSI drivers that is the driver's resizer: the claim gets its name in an annotation, and an event. Other
kinds of volumes do not grow here: such a claim is left alone.
Upstream: pkg/controller/volume/expand. Left out: plugins inside the controller manager.
"""

from __future__ import annotations

from kubesim.api.resources import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES
from kubesim.api.stored import Object, Stored
from kubesim.api.volume_match import annotations_of, size, wanted_size
from kubesim.controllers.controller import Controller, ControllerContext

RESIZER = "volume.kubernetes.io/storage-resizer"
WAITS = "waiting for an external controller to expand this PVC"


class ExpandController(Controller):
    """The queue holds keys of claims."""

    name = "persistentvolume-expander-controller"
    service_account = "expand-controller"
    event_source = "volume_expand"

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context)
        self._claims = self.informers.of(PERSISTENT_VOLUME_CLAIMS)
        self._volumes = self.informers.of(PERSISTENT_VOLUMES)
        self._claims.add_handler(on_add=self._seen, on_update=lambda _, new: self._seen(new))

    async def reconcile(self, key: str) -> None:
        """Asks the resizer, once."""
        claim = self._claims.get(key)
        if claim is None or not is_growing(claim.object):
            return
        volume = self._volumes.get(claim.object["spec"].get("volumeName", ""))
        driver = ((volume.object["spec"].get("csi") if volume else None) or {}).get("driver")
        if driver is None:
            return
        self.recorder.event(claim, "Normal", "ExternalExpanding", WAITS)
        patch = {"metadata": {"annotations": {RESIZER: driver}}}
        await self.client.patch(PERSISTENT_VOLUME_CLAIMS, claim.name, patch, claim.namespace, subresource="status")

    def _seen(self, claim: Stored) -> None:
        if is_growing(claim.object) and RESIZER not in annotations_of(claim.object):
            self.enqueue(claim)


def is_growing(claim: Object) -> bool:
    """Whether a bound claim asks for more than it has."""
    status = claim.get("status") or {}
    return status.get("phase") == "Bound" and bool(wanted_size(claim) > size(status.get("capacity")))
