"""What a PersistentVolumeClaim takes: itself and its storage, in all and of its storage class.

Upstream: evaluator/core/persistent_volume_claims.go.
"""

from __future__ import annotations

from collections.abc import Iterable

from kubesim.api.quantity import parse
from kubesim.api.quota.amounts import ONE, Amounts
from kubesim.api.quota.evaluator import Evaluator
from kubesim.api.quota.scopes import VOLUME_ATTRIBUTES_CLASS, Scope
from kubesim.api.resources import PERSISTENT_VOLUME_CLAIMS
from kubesim.api.stored import Object

CLAIMS, STORAGE = "persistentvolumeclaims", "requests.storage"
OF_CLASS = ".storageclass.storage.k8s.io/"
CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"


class ClaimEvaluator(Evaluator):
    """Counts storage as it is asked for."""

    charges_updates = True

    def __init__(self) -> None:
        super().__init__(PERSISTENT_VOLUME_CLAIMS)
        self.names = (self.count_name, CLAIMS, STORAGE)

    def matching(self, names: Iterable[str]) -> list[str]:
        """Also `gold.storageclass.storage.k8s.io/requests.storage`."""
        return [name for name in names if name in self.names or name.endswith((OF_CLASS + CLAIMS, OF_CLASS + STORAGE))]

    def usage(self, obj: Object, now: float) -> Amounts:  # noqa: ARG002
        """One claim, and what it requests or has been allocated, whichever is more."""
        spec, status = obj.get("spec") or {}, obj.get("status") or {}
        annotations = (obj.get("metadata") or {}).get("annotations") or {}
        storage_class = annotations.get(CLASS_ANNOTATION) or spec.get("storageClassName") or ""
        used = {self.count_name: ONE, CLAIMS: ONE}
        if storage_class:
            used[storage_class + OF_CLASS + CLAIMS] = ONE
        requested = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
        if requested is not None:
            amount = parse(requested)
            allocated = (status.get("allocatedResources") or {}).get("storage")
            if allocated is not None and parse(allocated).nano > amount.nano:
                amount = parse(allocated)
            used[STORAGE] = amount
            if storage_class:
                used[storage_class + OF_CLASS + STORAGE] = amount
        return used

    def in_scope(self, scope: Scope, obj: Object) -> bool:
        """By the attributes class that it wants, has, or is on its way to."""
        if scope.name != VOLUME_ATTRIBUTES_CLASS:
            return False
        spec, status = obj.get("spec") or {}, obj.get("status") or {}
        names = (
            spec.get("volumeAttributesClassName"),
            status.get("currentVolumeAttributesClassName"),
            (status.get("modifyVolumeStatus") or {}).get("targetVolumeAttributesClassName"),
        )
        return scope.admits([name for name in names if name])
