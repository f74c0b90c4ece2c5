"""An object as somebody would write it: without what a control plane, a kubelet or a deploying tool has added.

Gone are status, uids, revisions, dates, managed fields, owners, cluster addresses; volumes with tokens that admission
adds to every Pod. What remains creates the same thing again.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from kubesim.api.stored import Object

KEPT_METADATA = ("name", "namespace", "generateName", "labels", "annotations")
DROPPED_ANNOTATIONS = re.compile(
    r"kubectl\.kubernetes\.io/last-applied-configuration|kubernetes\.io/config\..*|pv\.kubernetes\.io/.*"
    r"|volume\.(beta\.)?kubernetes\.io/storage-provisioner|volume\.kubernetes\.io/selected-node"
    r"|cni\.projectcalico\.org/.*|k8s\.v1\.cni\.cncf\.io/.*|kubernetes\.io/limit-ranger"
)
TOKEN_VOLUME = re.compile(r"kube-api-access-[a-z0-9]{5}")
# What admission computes from priorityClassName, or what is chosen anew.
POD_FIELDS = ("priority", "preemptionPolicy", "ephemeralContainers", "serviceAccount", "resourceClaims")
SERVICE_FIELDS = ("clusterIPs", "healthCheckNodePort")
JOB_LABELS = re.compile(r"(batch\.kubernetes\.io/)?(controller-uid|job-name)")


def cleaned(obj: Object) -> Object:
    """The object, clean."""
    metadata = {key: obj["metadata"][key] for key in KEPT_METADATA if obj["metadata"].get(key)}
    if annotations := {key: value for key, value in metadata.get("annotations", {}).items() if is_own(key)}:
        metadata["annotations"] = annotations
    else:
        metadata.pop("annotations", None)
    rest = {key: value for key, value in obj.items() if key not in ("status", "metadata", "apiVersion", "kind")}
    clean: Object = {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": metadata, **rest}
    cleaner = CLEANERS.get(obj["kind"])
    return clean if cleaner is None else cleaner(clean)


def is_own(annotation: str) -> bool:
    """Whether a person could have written it."""
    return DROPPED_ANNOTATIONS.fullmatch(annotation) is None


def pod(obj: Object) -> Object:
    """A Pod keeps its node."""
    return {**obj, "spec": pod_spec(obj.get("spec") or {})}


def pod_spec(spec: dict[str, Any]) -> dict[str, Any]:
    """Without the token's volume and its mounts."""
    clean = {key: value for key, value in spec.items() if key not in POD_FIELDS}
    clean["volumes"] = [each for each in spec.get("volumes") or () if not TOKEN_VOLUME.fullmatch(each["name"])]
    for key in ("containers", "initContainers"):
        if key in spec:
            clean[key] = [without_token(container) for container in spec[key]]
    return {key: value for key, value in clean.items() if value not in ([], {}, None)}


def without_token(container: dict[str, Any]) -> dict[str, Any]:
    """A container without the mount of the token."""
    mounts = [each for each in container.get("volumeMounts") or () if not TOKEN_VOLUME.fullmatch(each["name"])]
    clean = {**container, "volumeMounts": mounts}
    return {key: value for key, value in clean.items() if value not in ([], {}, None)}


def service(obj: Object) -> Object:
    """Its address is given anew, but none stays none."""
    spec = {key: value for key, value in (obj.get("spec") or {}).items() if key not in SERVICE_FIELDS}
    if spec.get("clusterIP") != "None":
        spec.pop("clusterIP", None)
    return {**obj, "spec": spec}


def volume(obj: Object) -> Object:
    """It stays with its claim, which has another uid."""
    spec = dict(obj.get("spec") or {})
    if claim := spec.get("claimRef"):
        spec["claimRef"] = {key: claim[key] for key in ("apiVersion", "kind", "namespace", "name") if key in claim}
    return {**obj, "spec": spec}


def secret(obj: Object) -> Object:
    """Nothing of it but its name and type; `assembling` adds the keys that somebody refers to."""
    metadata = {key: obj["metadata"][key] for key in ("name", "namespace") if key in obj["metadata"]}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": obj.get("type", "Opaque")}


def service_account(obj: Object) -> Object:
    """Without its old token Secrets."""
    return {key: value for key, value in obj.items() if key != "secrets"}


def job(obj: Object) -> Object:
    """It begins anew, with a selector of its own."""
    spec = {key: value for key, value in (obj.get("spec") or {}).items() if key != "selector"}
    template = spec.get("template") or {}
    metadata = template.get("metadata") or {}
    labels = {key: value for key, value in (metadata.get("labels") or {}).items() if not JOB_LABELS.fullmatch(key)}
    spec["template"] = {**template, "metadata": {**metadata, "labels": labels}}
    own = obj["metadata"]
    kept = {key: value for key, value in (own.get("labels") or {}).items() if not JOB_LABELS.fullmatch(key)}
    return {**obj, "metadata": {**own, "labels": kept}, "spec": spec}


def namespace(obj: Object) -> Object:
    """Its finalizers are set anew."""
    return {key: value for key, value in obj.items() if key != "spec"}


CLEANERS: dict[str, Callable[[Object], Object]] = {
    "Pod": pod,
    "Service": service,
    "PersistentVolume": volume,
    "Secret": secret,
    "ServiceAccount": service_account,
    "Job": job,
    "Namespace": namespace,
}
