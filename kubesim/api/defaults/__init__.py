"""Fills in what the sender left out, kind by kind, as the real server does right after decoding.

A defaulting function takes a part of an object and returns it: the same one if nothing was missing, else a copy
that shares the rest. It never looks at other objects (that is admission's work) and changes nothing that is set.
Left out: pod-level resources, and kinds that have no row in DEFAULTS.
Upstream: pkg/apis/GROUP/VERSION/defaults.go, and zz_generated.defaults.go, which walks into the parts.
"""

from __future__ import annotations

from kubesim.api.defaults.admission import policy, policy_binding, webhook_configuration
from kubesim.api.defaults.apps import daemon_set, deployment, replica_set, stateful_set
from kubesim.api.defaults.batch import cron_job, job
from kubesim.api.defaults.copying import Default, at
from kubesim.api.defaults.core import (
    endpoints,
    event,
    limit_range,
    namespace,
    node,
    persistent_volume,
    persistent_volume_claim,
    pod_template,
    replication_controller,
    resource_quota,
    secret,
    service,
)
from kubesim.api.defaults.infrastructure import (
    api_service,
    csi_driver,
    flow_schema,
    ingress,
    ingress_class,
    pod_disruption_budget,
    priority_level,
    resource_claim,
    resource_claim_template,
    rules_always,
    spec_always,
    status_always,
    volume_attachment,
)
from kubesim.api.defaults.others import (
    cluster_role_binding,
    custom_resource_definition,
    endpoint_slice,
    horizontal_pod_autoscaler,
    network_policy,
    priority_class,
    role_binding,
    storage_class,
)
from kubesim.api.defaults.pods import image_pull_policy, pod, pod_status
from kubesim.api.resources import Resource
from kubesim.api.stored import Object

__all__ = ["DEFAULTS", "default", "image_pull_policy"]

ADMISSION = "admissionregistration.k8s.io/v1"

DEFAULTS: dict[tuple[str, str], Default] = {
    ("v1", "Pod"): pod,
    ("v1", "PodTemplate"): pod_template,
    ("v1", "ReplicationController"): replication_controller,
    ("v1", "Service"): service,
    ("v1", "Endpoints"): endpoints,
    ("v1", "Namespace"): namespace,
    ("v1", "Node"): node,
    ("v1", "Secret"): secret,
    ("v1", "Event"): event,
    ("v1", "LimitRange"): limit_range,
    ("v1", "ResourceQuota"): resource_quota,
    ("v1", "PersistentVolume"): persistent_volume,
    ("v1", "PersistentVolumeClaim"): persistent_volume_claim,
    ("apps/v1", "Deployment"): deployment,
    ("apps/v1", "ReplicaSet"): replica_set,
    ("apps/v1", "StatefulSet"): stateful_set,
    ("apps/v1", "DaemonSet"): daemon_set,
    ("batch/v1", "Job"): job,
    ("batch/v1", "CronJob"): cron_job,
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"): custom_resource_definition,
    (ADMISSION, "ValidatingAdmissionPolicy"): policy,
    (ADMISSION, "MutatingAdmissionPolicy"): policy,
    (ADMISSION, "ValidatingAdmissionPolicyBinding"): policy_binding,
    (ADMISSION, "MutatingAdmissionPolicyBinding"): policy_binding,
    (ADMISSION, "ValidatingWebhookConfiguration"): webhook_configuration,
    (ADMISSION, "MutatingWebhookConfiguration"): webhook_configuration,
    ("autoscaling/v2", "HorizontalPodAutoscaler"): horizontal_pod_autoscaler,
    ("discovery.k8s.io/v1", "EndpointSlice"): endpoint_slice,
    ("networking.k8s.io/v1", "NetworkPolicy"): network_policy,
    ("rbac.authorization.k8s.io/v1", "RoleBinding"): role_binding,
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"): cluster_role_binding,
    ("scheduling.k8s.io/v1", "PriorityClass"): priority_class,
    ("storage.k8s.io/v1", "StorageClass"): storage_class,
    ("storage.k8s.io/v1", "CSIDriver"): csi_driver,
    ("storage.k8s.io/v1", "VolumeAttachment"): volume_attachment,
    ("coordination.k8s.io/v1", "Lease"): spec_always,
    ("networking.k8s.io/v1", "Ingress"): ingress,
    ("networking.k8s.io/v1", "IngressClass"): ingress_class,
    ("networking.k8s.io/v1", "ServiceCIDR"): status_always,
    ("policy/v1", "PodDisruptionBudget"): pod_disruption_budget,
    ("rbac.authorization.k8s.io/v1", "Role"): rules_always,
    ("rbac.authorization.k8s.io/v1", "ClusterRole"): rules_always,
    ("resource.k8s.io/v1", "DeviceClass"): spec_always,
    ("resource.k8s.io/v1", "ResourceClaim"): resource_claim,
    ("resource.k8s.io/v1", "ResourceClaimTemplate"): resource_claim_template,
    ("certificates.k8s.io/v1", "CertificateSigningRequest"): status_always,
    ("flowcontrol.apiserver.k8s.io/v1", "FlowSchema"): flow_schema,
    ("flowcontrol.apiserver.k8s.io/v1", "PriorityLevelConfiguration"): priority_level,
    ("apiregistration.k8s.io/v1", "APIService"): api_service,
}


# Kinds of which nothing but `spec` and, for some, `status` is defaulted once they exist.
_BY_PART: dict[tuple[str, str], Default | None] = {
    ("v1", "Pod"): pod_status,
    ("v1", "ReplicationController"): None,
    ("v1", "Service"): None,
    ("apps/v1", "Deployment"): None,
    ("apps/v1", "ReplicaSet"): None,
    ("apps/v1", "StatefulSet"): None,
    ("apps/v1", "DaemonSet"): None,
    ("batch/v1", "Job"): None,
    ("batch/v1", "CronJob"): None,
}


def default(resource: Resource, obj: Object, trusted: Object | None = None) -> Object:
    """The object with its defaults; the same one if it has them all or its kind knows none.

    `trusted` is an earlier revision of the object that has its defaults: a spec that both share by identity is
    not looked at again, which makes a change of status cheap.
    """
    key = resource.gvk
    function = DEFAULTS.get(key)
    if function is None:
        return obj
    if trusted is not None and key in _BY_PART and obj.get("status") and obj.get("spec") is trusted.get("spec"):
        status = _BY_PART[key]
        return at(obj, "status", status) if status is not None else obj
    return function(obj)
