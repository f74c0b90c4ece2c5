"""Storage classes, volume attachments and drivers.

Upstream: printStorageClass, printVolumeAttachment, printCSIDriver, printCSINode, printVolumeAttributesClass.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.stored import Object
from kubesim.apiserver.http.table.columns import (
    AGE,
    NAME,
    Column,
    Moment,
    Printer,
    age_of,
    name_of,
    spec_of,
    status_of,
)

IS_DEFAULT = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")


def _storage_class(storage_class: Object, now: Moment) -> list[Any]:
    annotations = storage_class["metadata"].get("annotations") or {}
    is_default = any(annotations.get(key) == "true" for key in IS_DEFAULT)
    return [
        name_of(storage_class) + (" (default)" if is_default else ""),
        storage_class.get("provisioner", ""),
        storage_class.get("reclaimPolicy") or "Delete",
        storage_class.get("volumeBindingMode") or "Immediate",
        bool(storage_class.get("allowVolumeExpansion", False)),
        age_of(storage_class, now),
    ]


def _attachment(attachment: Object, now: Moment) -> list[Any]:
    spec = spec_of(attachment)
    return [
        name_of(attachment),
        spec.get("attacher", ""),
        (spec.get("source") or {}).get("persistentVolumeName", ""),
        spec.get("nodeName", ""),
        bool(status_of(attachment).get("attached", False)),
        age_of(attachment, now),
    ]


def _attributes_class(attributes_class: Object, now: Moment) -> list[Any]:
    return [name_of(attributes_class), attributes_class.get("driverName", ""), age_of(attributes_class, now)]


def _driver(driver: Object, now: Moment) -> list[Any]:
    spec = spec_of(driver)
    tokens = ",".join(token.get("audience", "") for token in spec.get("tokenRequests") or ())
    return [
        name_of(driver),
        spec.get("attachRequired", True),
        spec.get("podInfoOnMount", False),
        spec.get("storageCapacity", False),
        tokens or "<unset>",
        spec.get("requiresRepublish", False),
        ",".join(spec.get("volumeLifecycleModes") or ()) or "<none>",
        age_of(driver, now),
    ]


def _csi_node(node: Object, now: Moment) -> list[Any]:
    return [name_of(node), len(spec_of(node).get("drivers") or ()), age_of(node, now)]


def _capacity(capacity: Object, now: Moment) -> list[Any]:
    return [
        name_of(capacity),
        capacity.get("storageClassName", ""),
        str(capacity.get("capacity", "")),
        age_of(capacity, now),
    ]


PRINTERS = {
    ("storage.k8s.io", "StorageClass"): Printer(
        (
            NAME,
            Column("Provisioner"),
            Column("ReclaimPolicy"),
            Column("VolumeBindingMode"),
            Column("AllowVolumeExpansion"),
            AGE,
        ),
        _storage_class,
    ),
    ("storage.k8s.io", "VolumeAttachment"): Printer(
        (NAME, Column("Attacher", "string", "name"), Column("PV"), Column("Node"), Column("Attached", "boolean"), AGE),
        _attachment,
    ),
    ("storage.k8s.io", "VolumeAttributesClass"): Printer((NAME, Column("DriverName"), AGE), _attributes_class),
    ("storage.k8s.io", "CSIDriver"): Printer(
        (
            NAME,
            Column("AttachRequired", "boolean"),
            Column("PodInfoOnMount", "boolean"),
            Column("StorageCapacity", "boolean"),
            Column("TokenRequests"),
            Column("RequiresRepublish", "boolean"),
            Column("Modes"),
            AGE,
        ),
        _driver,
    ),
    ("storage.k8s.io", "CSINode"): Printer((NAME, Column("Drivers", "integer"), AGE), _csi_node),
    ("storage.k8s.io", "CSIStorageCapacity"): Printer(
        (NAME, Column("StorageClassName"), Column("Capacity"), AGE), _capacity
    ),
}
