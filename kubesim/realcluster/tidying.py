"""From an object as the apiserver has it to a manifest as somebody would write it, and what differs between two.

What the server, its defaults and its controllers have put in is taken out, as far as it says nothing of its own.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.meta import controller_of
from kubesim.api.stored import Object

ROOTS = (
    "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job", "CronJob", "Pod",
    "Service", "ConfigMap", "PersistentVolumeClaim", "LimitRange", "ResourceQuota", "PodDisruptionBudget",
    "HorizontalPodAutoscaler",
)  # fmt: skip
MADE_BY_KUBERNETES = (("ConfigMap", "kube-root-ca.crt"), ("Service", "kubernetes"))
ANNOTATIONS_OF_OTHERS = (
    "kubectl.kubernetes.io/last-applied-configuration", "deployment.kubernetes.io/revision",
    "pv.kubernetes.io/bind-completed", "pv.kubernetes.io/bound-by-controller",
    "volume.kubernetes.io/selected-node", "volume.kubernetes.io/storage-provisioner",
    "volume.beta.kubernetes.io/storage-provisioner",
)  # fmt: skip
JOB_LABELS = ("controller-uid", "batch.kubernetes.io/controller-uid", "job-name", "batch.kubernetes.io/job-name")
SPEC_OF_OTHERS: dict[str, tuple[str, ...]] = {
    "Service": ("ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy", "sessionAffinity", "clusterIPs"),
    "PersistentVolumeClaim": ("volumeName",),
    "Job": ("selector", "manualSelector"),
}
POD_DEFAULTS: Object = {
    "restartPolicy": "Always", "terminationGracePeriodSeconds": 30, "dnsPolicy": "ClusterFirst",
    "securityContext": {}, "schedulerName": "default-scheduler", "enableServiceLinks": True, "priority": 0,
    "preemptionPolicy": "PreemptLowerPriority", "serviceAccountName": "default", "serviceAccount": "default",
}  # fmt: skip
POD_OF_OTHERS = ("nodeName",)
CONTAINER_DEFAULTS: Object = {
    "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File", "resources": {},
}  # fmt: skip
TOLERATED = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
TOKEN_VOLUME = "kube-api-access-"


def is_root(obj: Object) -> bool:
    """Whether somebody made this, and no controller."""
    kind, name = obj["kind"], obj["metadata"]["name"]
    return kind in ROOTS and (kind, name) not in MADE_BY_KUBERNETES and controller_of(obj) is None


def tidy(obj: Object) -> Object:
    """The manifest behind an object."""
    kind = obj["kind"]
    own = {
        "name": obj["metadata"]["name"],
        "labels": without(obj["metadata"].get("labels") or {}, JOB_LABELS if kind == "Job" else ()),
        "annotations": without(obj["metadata"].get("annotations") or {}, ANNOTATIONS_OF_OTHERS),
    }
    metadata = {key: value for key, value in own.items() if value}
    rest = {key: value for key, value in obj.items() if key not in ("apiVersion", "kind", "metadata", "status")}
    if "spec" in rest:
        rest["spec"] = tidy_spec(kind, rest["spec"])
    return {"apiVersion": obj["apiVersion"], "kind": kind, "metadata": metadata, **rest}


def tidy_spec(kind: str, spec: Object) -> Object:
    """A spec without what others have put in."""
    spec = without(spec, SPEC_OF_OTHERS.get(kind, ()))
    if kind == "Pod":
        return tidy_pod(spec)
    if kind == "Service" and spec.get("clusterIP") != "None":
        spec = without(spec, ("clusterIP",))
    if "template" in spec:
        spec = {**spec, "template": tidy_template(spec["template"], JOB_LABELS if kind == "Job" else ())}
    return spec


def tidy_template(template: Object, labels_of_others: tuple[str, ...]) -> Object:
    """A Pod template."""
    metadata = without(template.get("metadata") or {}, ("creationTimestamp", "labels"))
    if labels := without((template.get("metadata") or {}).get("labels") or {}, labels_of_others):
        metadata["labels"] = labels
    spec = {"spec": tidy_pod(template.get("spec") or {})}
    return {"metadata": metadata, **spec} if metadata else spec


def tidy_pod(spec: Object) -> Object:
    """A Pod's spec: without defaults, the token that every Pod gets, and the tolerations that every Pod gets."""
    spec = without(spec, POD_OF_OTHERS)
    spec = {key: value for key, value in spec.items() if POD_DEFAULTS.get(key, ...) != value}
    for field in ("containers", "initContainers"):
        if field in spec:
            spec = {**spec, field: [tidy_container(container) for container in spec[field]]}
    volumes = [one for one in spec.get("volumes") or () if not one["name"].startswith(TOKEN_VOLUME)]
    tolerations = [one for one in spec.get("tolerations") or () if one.get("key") not in TOLERATED]
    spec = without(spec, ("volumes", "tolerations"))
    return spec | ({"volumes": volumes} if volumes else {}) | ({"tolerations": tolerations} if tolerations else {})


def tidy_container(container: Object) -> Object:
    """A container without defaults and the token's mount."""
    kept = {key: value for key, value in container.items() if CONTAINER_DEFAULTS.get(key, ...) != value}
    mounts = [one for one in kept.pop("volumeMounts", None) or () if not one["name"].startswith(TOKEN_VOLUME)]
    return {**kept, "volumeMounts": mounts} if mounts else kept


def only_replicas(before: Object, after: Object) -> bool:
    """Whether nothing but the number of replicas differs."""
    old, new = before.get("spec") or {}, after.get("spec") or {}
    if old.get("replicas") == new.get("replicas"):
        return False
    return without(old, ("replicas",)) == without(new, ("replicas",)) and rest_of(before) == rest_of(after)


def image_changes(before: Object, after: Object) -> str:
    """`web=nginx:1.27`, if nothing but images differs; "" otherwise."""
    old, new = (containers_of(manifest) for manifest in (before, after))
    images = {c["name"]: c["image"] for c in new if "image" in c}
    if [c["name"] for c in old] != [c["name"] for c in new]:
        return ""
    replaced = with_containers(before, [{**c, "image": images.get(c["name"])} for c in old])
    if replaced != with_containers(after, new):
        return ""
    return " ".join(f"{c['name']}={images[c['name']]}" for c in old if c.get("image") != images.get(c["name"]))


def containers_of(manifest: Object) -> list[Object]:
    """The containers of a workload's template."""
    template = (manifest.get("spec") or {}).get("template") or {}
    found: list[Object] = (template.get("spec") or {}).get("containers") or []
    return found


def with_containers(manifest: Object, containers: list[Object]) -> Object:
    """The same workload with other containers."""
    spec = manifest.get("spec") or {}
    template = spec.get("template") or {}
    pod = {**(template.get("spec") or {}), "containers": containers}
    return {**manifest, "spec": {**spec, "template": {**template, "spec": pod}}}


def rest_of(manifest: Object) -> Object:
    """Everything but the spec."""
    return without(manifest, ("spec",))


def without(fields: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    """A copy without some keys."""
    return {key: value for key, value in fields.items() if key not in keys}
