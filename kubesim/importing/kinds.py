"""Which kinds are taken over, in which order they are created, and why the others are not.

Who owns what is told by labels, not by uids: uids are new in the simulated cluster. So Pods come first, as if nobody
owned them; then the ReplicaSets and revisions, which adopt what their selectors match; then what owns those.
"""

from __future__ import annotations

from kubesim.api.resources import RESOURCES, Resource

# File name -> kinds, in the order of creation.
STAGES: dict[str, tuple[str, ...]] = {
    "10-cluster.yaml": ("Namespace", "PriorityClass", "RuntimeClass", "StorageClass", "CSIDriver", "IngressClass"),
    "20-config.yaml": (
        "ServiceAccount", "ConfigMap", "Secret", "PersistentVolume", "PersistentVolumeClaim", "Service",
    ),
    "30-pods.yaml": ("Pod",),
    "40-replica-sets.yaml": ("ControllerRevision", "ReplicaSet", "ReplicationController"),
    "50-workloads.yaml": ("Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"),
    "60-policies.yaml": (
        "PodDisruptionBudget", "LimitRange", "ResourceQuota", "HorizontalPodAutoscaler", "NetworkPolicy", "Ingress",
    ),
}  # fmt: skip
KINDS = {kind for kinds in STAGES.values() for kind in kinds}
# What the control plane of the simulated cluster makes itself, or what nobody there would read.
MADE_ANEW = {"Event", "Endpoints", "EndpointSlice", "Lease", "CSINode", "VolumeAttachment", "ComponentStatus"}
SYSTEM_NAMESPACES = {"default", "kube-system", "kube-public", "kube-node-lease"}


def resource_of(kind: str, api_version: str = "") -> Resource | None:
    """The row of a kind; of the newest version if that is not said."""
    return next(
        (row for row in RESOURCES if row.kind == kind and (not api_version or row.api_version == api_version)), None
    )


def listed() -> list[Resource]:
    """What is asked of a live cluster: never Secrets, not even their names."""
    names = sorted((KINDS | {"Node"}) - {"Secret"})
    return [row for row in map(resource_of, names) if row is not None]
