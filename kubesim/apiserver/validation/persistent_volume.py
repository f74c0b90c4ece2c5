"""What is wrong with a PersistentVolume.

Left out: the details of the sources that v1.36 no longer mounts.
Upstream: ValidatePersistentVolumeSpec in pkg/apis/core/validation, pkg/api/persistentvolume/util.go.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.errors import FieldError
from kubesim.api.quantity import canonical, parse
from kubesim.apiserver.validation.field import each, forbidden, invalid, not_supported, required
from kubesim.apiserver.validation.file_paths import no_backsteps
from kubesim.apiserver.validation.names import dns_label, dns_subdomain
from kubesim.apiserver.validation.node_selectors import validate_node_selector
from kubesim.apiserver.validation.volume_claim import NOT_POSITIVE, validate_access_modes, validate_volume_mode
from kubesim.apiserver.validation.volumes import NO_TYPE, ONE_TYPE, driver_problems, validate_source

RECLAIM_POLICIES = ("Delete", "Recycle", "Retain")
SOURCES = (
    "hostPath", "gcePersistentDisk", "awsElasticBlockStore", "glusterfs", "flocker", "nfs", "rbd", "quobyte", "cephfs",
    "iscsi", "cinder", "fc", "flexVolume", "azureFile", "vsphereVolume", "photonPersistentDisk", "portworxVolume",
    "azureDisk", "scaleIO", "local", "storageos", "csi",
)  # fmt: skip
SECRETS = ("controllerPublishSecretRef", "controllerExpandSecretRef", "nodePublishSecretRef", "nodeExpandSecretRef")
CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
OPTIONS_ANNOTATION = "volume.beta.kubernetes.io/mount-options"
CLASS_DEPRECATED = 'deprecated since v1.8; use "storageClassName" attribute instead'
OPTIONS_DEPRECATED = 'deprecated since v1.31; use "mountOptions" attribute instead'
RECYCLE_DEPRECATED = (
    "The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning."
)

Object = dict[str, Any]


def validate_persistent_volume(spec: Object) -> list[FieldError]:
    """How much it is, and where."""
    problems = validate_access_modes(spec, "spec", "")
    capacity: Object = spec.get("capacity") or {}
    if not capacity:
        problems.append(required("spec.capacity"))
    if list(capacity) != ["storage"]:
        problems.append(not_supported("spec.capacity", capacity or None, ("storage",)))
    for name, amount in sorted(capacity.items()):
        if parse(amount).nano <= 0:
            problems.append(invalid(f"spec.capacity[{name}]", canonical(amount), NOT_POSITIVE))
    policy = spec.get("persistentVolumeReclaimPolicy")
    if policy and policy not in RECLAIM_POLICIES:
        problems.append(not_supported("spec.persistentVolumeReclaimPolicy", policy, RECLAIM_POLICIES))
    nodes: Object | None = spec.get("nodeAffinity")
    if nodes is not None:
        at = "spec.nodeAffinity.required"
        if nodes.get("required") is None:
            problems.append(required(at, "must specify required node constraints"))
        else:
            problems += validate_node_selector(nodes["required"], at)
    problems += _sources(spec)
    if (spec.get("hostPath") or {}).get("path") == "/" and policy == "Recycle":
        words = "may not be 'recycle' for a hostPath mount of '/'"
        problems.append(forbidden("spec.persistentVolumeReclaimPolicy", words))
    if storage_class := spec.get("storageClassName"):
        problems += each("spec.storageClassName", storage_class, dns_subdomain(storage_class))
    return problems + validate_volume_mode(spec, "spec")


def _sources(spec: Object) -> list[FieldError]:
    given = [kind for kind in SOURCES if spec.get(kind) is not None]
    if not given:
        return [required("spec", NO_TYPE)]
    kind = given[0]
    source: Object = spec[kind]
    if kind == "local":
        problems = _local(source, has_nodes=spec.get("nodeAffinity") is not None)
    elif kind == "csi":
        problems = _csi(source)
    else:
        problems = validate_source(kind, source, "spec")
    return problems + [forbidden(f"spec.{other}", ONE_TYPE) for other in given[1:]]


def _local(source: Object, *, has_nodes: bool) -> list[FieldError]:
    at, path = "spec.local.path", source.get("path") or ""
    problems = no_backsteps(path, at) if path else [required(at)]
    return problems if has_nodes else [*problems, required("spec.nodeAffinity", "Local volume requires node affinity")]


def _csi(source: Object) -> list[FieldError]:
    problems = driver_problems(source.get("driver") or "", "spec.csi.driver")
    if not source.get("volumeHandle"):
        problems.append(required("spec.csi.volumeHandle"))
    for name in SECRETS:
        secret = source.get(name)
        if secret is None:
            continue
        for field, rule in (("name", dns_subdomain), ("namespace", dns_label)):
            at, value = f"spec.csi.{name}.{field}", secret.get(field) or ""
            problems += each(at, value, rule(value)) if value else [required(at)]
    return problems


def volume_warnings(obj: Object) -> list[str]:
    """What is out of use."""
    annotations = obj["metadata"].get("annotations") or {}
    found = [
        f"metadata.annotations[{key}]: {words}"
        for key, words in ((CLASS_ANNOTATION, CLASS_DEPRECATED), (OPTIONS_ANNOTATION, OPTIONS_DEPRECATED))
        if key in annotations
    ]
    if (obj.get("spec") or {}).get("persistentVolumeReclaimPolicy") == "Recycle":
        found.append(f"spec.persistentVolumeReclaimPolicy: {RECYCLE_DEPRECATED}")
    return found
