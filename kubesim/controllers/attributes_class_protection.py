"""Lets go of volume attributes classes that are being deleted, once no claim and no volume names them.

Admission gives each class a finalizer. A claim uses the class that it asks for, the one that its volume has, and
the one that its volume is being changed to; a volume uses the one that it has.
Upstream: pkg/controller/volume/vacprotection. Left out: classes from before admission gave them the finalizer.
"""

from __future__ import annotations

from kubesim.api.meta import field
from kubesim.api.resources import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, VOLUME_ATTRIBUTES_CLASSES
from kubesim.api.stored import Stored
from kubesim.controllers.controller import Controller, ControllerContext
from kubesim.controllers.storage_protection import is_waiting, release

CLASS_FINALIZER = "kubernetes.io/vac-protection"
CLASS_INDEX = "attributes class"
NAMES = (
    "spec.volumeAttributesClassName",
    "status.currentVolumeAttributesClassName",
    "status.modifyVolumeStatus.targetVolumeAttributesClassName",
)


class AttributesClassProtectionController(Controller):
    """Reconciles classes that are being deleted."""

    name = "volumeattributesclass-protection-controller"

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context)
        self._classes = self.informers.of(VOLUME_ATTRIBUTES_CLASSES)
        self._users = [self.informers.of(resource) for resource in (PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES)]
        self._classes.add_handler(on_add=self._changed, on_update=lambda _old, new: self._changed(new))
        for users in self._users:
            users.add_index(CLASS_INDEX, classes_of)
            users.add_handler(on_update=lambda old, _new: self._left(old), on_delete=self._left)

    async def reconcile(self, key: str) -> None:
        """Takes the finalizer away if nobody uses the class."""
        found = self._classes.get(key)
        if found is None or not is_waiting(found, CLASS_FINALIZER):
            return
        if not any(users.by_index(CLASS_INDEX, key) for users in self._users):
            await release(self.client, VOLUME_ATTRIBUTES_CLASSES, found, CLASS_FINALIZER)

    def _changed(self, found: Stored) -> None:
        if is_waiting(found, CLASS_FINALIZER):
            self.enqueue(found)

    def _left(self, user: Stored) -> None:
        for name in classes_of(user):
            found = self._classes.get(name)
            if found is not None:
                self._changed(found)


def classes_of(user: Stored) -> tuple[str, ...]:
    """The names of the classes that a claim or a volume uses."""
    names = (field(user.object, path) for path in NAMES)
    return tuple(dict.fromkeys(name for name in names if name))
