"""DefaultStorageClass, StorageObjectInUseProtection, PersistentVolumeClaimResize: what claims and volumes need.

A claim that names no class gets the default one; claims, volumes and volume attributes classes get a finalizer that
keeps them until nobody uses them; a bound claim may ask for more only if its class lets volumes grow.
Upstream: plugin/pkg/admission/storage.
"""

from __future__ import annotations

from collections.abc import Iterable

from kubesim.api.meta import field, with_fields
from kubesim.api.quantity import parse
from kubesim.api.resources import (
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    STORAGE_CLASSES,
    VOLUME_ATTRIBUTES_CLASSES,
)
from kubesim.api.stored import Object, Stored
from kubesim.apiserver.admission.plugin import CREATE, UPDATE, AdmissionPlugin, Attributes, Target

IS_DEFAULT = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")
CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
FINALIZERS = {
    PERSISTENT_VOLUME_CLAIMS: "kubernetes.io/pvc-protection",
    PERSISTENT_VOLUMES: "kubernetes.io/pv-protection",
    VOLUME_ATTRIBUTES_CLASSES: "kubernetes.io/vac-protection",
}
CANNOT_GROW = (
    "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize"
)


class DefaultStorageClass(AdmissionPlugin):
    """Gives claims a class."""

    name = "DefaultStorageClass"

    def handles(self, target: Target) -> bool:
        """New claims."""
        return target == (CREATE, PERSISTENT_VOLUME_CLAIMS, "")

    def mutate(self, attributes: Attributes) -> Object:
        """The claim with the newest default class, unless it says something of classes itself."""
        obj = attributes.obj
        annotations = obj["metadata"].get("annotations") or {}
        if CLASS_ANNOTATION in annotations or (obj.get("spec") or {}).get("storageClassName") is not None:
            return obj
        found = newest_default(self.lookup_all(STORAGE_CLASSES), IS_DEFAULT)
        return obj if found is None else with_fields(obj, {"storageClassName": found.name}, "spec")


class StorageObjectInUseProtection(AdmissionPlugin):
    """Keeps what is in use."""

    name = "StorageObjectInUseProtection"

    def handles(self, target: Target) -> bool:
        """New claims, volumes and attributes classes."""
        return target.operation == CREATE and not target.subresource and target.resource in FINALIZERS

    def mutate(self, attributes: Attributes) -> Object:
        """The object with its finalizer, last of all."""
        finalizer = FINALIZERS[attributes.context.request.resource]
        present = attributes.obj["metadata"].get("finalizers") or []
        if finalizer in present:
            return attributes.obj
        return with_fields(attributes.obj, {"finalizers": [*present, finalizer]}, "metadata")


class PersistentVolumeClaimResize(AdmissionPlugin):
    """Lets claims grow where the class says so."""

    name = "PersistentVolumeClaimResize"

    def handles(self, target: Target) -> bool:
        """Changed claims."""
        return target == (UPDATE, PERSISTENT_VOLUME_CLAIMS, "")

    def validate(self, attributes: Attributes) -> None:
        """Only bound claims of a class that allows it."""
        old = attributes.old
        assert old is not None, "this is an update"
        sizes = [field(obj, "spec.resources.requests") or {} for obj in (attributes.obj, old)]
        new_size, old_size = (parse(size.get("storage", 0)).nano for size in sizes)
        if new_size <= old_size:
            return
        if field(old, "status.phase") != "Bound":
            raise attributes.refuse("Only bound persistent volume claims can be expanded")
        names = [class_of(obj) for obj in (attributes.obj, old)]
        found = self.lookup(STORAGE_CLASSES, names[0], "") if names[0] and names[0] == names[1] else None
        if found is None or not found.object.get("allowVolumeExpansion"):
            raise attributes.refuse(CANNOT_GROW)


def class_of(claim: Object) -> str:
    """The name of a claim's storage class, "" if it has none."""
    annotations = claim["metadata"].get("annotations") or {}
    name: str = annotations.get(CLASS_ANNOTATION) or (claim.get("spec") or {}).get("storageClassName") or ""
    return name


def newest_default(classes: Iterable[Stored], annotations: tuple[str, ...]) -> Stored | None:
    """The class that is marked as default: of several the newest, and of equals the first by name."""
    marked = [
        stored
        for stored in classes
        if any((stored.object["metadata"].get("annotations") or {}).get(name) == "true" for name in annotations)
    ]
    marked.sort(key=lambda stored: stored.name)
    return max(marked, key=lambda stored: stored.object["metadata"].get("creationTimestamp", ""), default=None)
