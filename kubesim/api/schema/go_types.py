"""What the OpenAPI definitions do not say about Go's types: which zeros are written, which strings have a name.

The real server decodes into Go structs and writes them back: an optional field that is no pointer vanishes when
it is zero (`hostNetwork: false`), a pointer stays (`replicas: 0`). A struct that is not listed here keeps all
its zeros. Upstream: types.go of each group.
"""

from __future__ import annotations

CORE, META, APPS, BATCH = "core.v1.", "meta.v1.", "apps.v1.", "batch.v1."
DISCOVERY, COORDINATION, POLICY, SCALING = "discovery.v1.", "coordination.v1.", "policy.v1.", "autoscaling.v2."

# Struct → its optional strings, numbers and booleans that stay when zero: pointers, and a few without omitempty.
_KEPT_ZEROS: dict[str, dict[str, str]] = {
    META: {
        "ObjectMeta": "deletionGracePeriodSeconds",
        "OwnerReference": "controller blockOwnerDeletion",
        "LabelSelectorRequirement": "",
        "ManagedFieldsEntry": "",
    },
    CORE: {
        "PodSpec": "terminationGracePeriodSeconds activeDeadlineSeconds automountServiceAccountToken priority"
        " shareProcessNamespace enableServiceLinks setHostnameAsFQDN hostUsers preemptionPolicy runtimeClassName"
        " hostnameOverride",
        "PodStatus": "",
        "PodCondition": "",
        "PodIP": "",
        "HostIP": "",
        "Container": "restartPolicy",
        "EphemeralContainer": "restartPolicy",
        "ContainerPort": "",
        "EnvVar": "",
        "EnvFromSource": "",
        "ConfigMapKeySelector": "optional",
        "SecretKeySelector": "optional",
        "ObjectFieldSelector": "",
        "ResourceFieldSelector": "",
        "VolumeMount": "mountPropagation recursiveReadOnly",
        "ExecAction": "",
        "HTTPGetAction": "",
        "TCPSocketAction": "",
        "GRPCAction": "service",
        "Probe": "terminationGracePeriodSeconds",
        "ContainerStatus": "started",
        "ContainerStateWaiting": "",
        "ContainerStateTerminated": "",
        "Toleration": "tolerationSeconds",
        "TopologySpreadConstraint": "minDomains nodeAffinityPolicy nodeTaintsPolicy",
        "NodeSelectorRequirement": "",
        "EmptyDirVolumeSource": "",
        "ConfigMapVolumeSource": "defaultMode optional",
        "SecretVolumeSource": "defaultMode optional",
        "ProjectedVolumeSource": "defaultMode",
        "DownwardAPIVolumeSource": "defaultMode",
        "ServiceAccountTokenProjection": "expirationSeconds",
        "KeyToPath": "mode",
        "HostPathVolumeSource": "type",
        "PersistentVolumeClaimVolumeSource": "",
        "NodeSpec": "",
        "NodeCondition": "",
        "NodeStatus": "",
        "ContainerImage": "",
        "Taint": "",
        "ServiceSpec": "allocateLoadBalancerNodePorts internalTrafficPolicy ipFamilyPolicy loadBalancerClass",
        "ServicePort": "appProtocol",
        "EndpointAddress": "nodeName",
        "EndpointPort": "appProtocol",
        "Event": "reportingComponent reportingInstance",
        "EventSource": "",
        "EventSeries": "",
        "ObjectReference": "",
        "LocalObjectReference": "",
        "Secret": "immutable",
        "ConfigMap": "immutable",
        "ServiceAccount": "automountServiceAccountToken",
        "NamespaceStatus": "",
        "NamespaceCondition": "",
        "ReplicationControllerSpec": "replicas",
        "ReplicationControllerStatus": "",
        "ReplicationControllerCondition": "",
    },
    APPS: {
        "DeploymentSpec": "replicas revisionHistoryLimit progressDeadlineSeconds",
        "DeploymentStatus": "collisionCount terminatingReplicas",
        "DeploymentCondition": "",
        "DeploymentStrategy": "",
        "ReplicaSetSpec": "replicas",
        "ReplicaSetStatus": "terminatingReplicas",
        "ReplicaSetCondition": "",
        "StatefulSetSpec": "replicas revisionHistoryLimit",
        "StatefulSetStatus": "collisionCount availableReplicas",
        "StatefulSetCondition": "",
        "DaemonSetSpec": "revisionHistoryLimit",
        "DaemonSetStatus": "collisionCount",
        "DaemonSetCondition": "",
    },
    BATCH: {
        "JobSpec": "parallelism completions activeDeadlineSeconds backoffLimit backoffLimitPerIndex"
        " maxFailedIndexes manualSelector ttlSecondsAfterFinished suspend completionMode podReplacementPolicy"
        " managedBy",
        "JobStatus": "ready terminating failedIndexes",
        "JobCondition": "",
        "CronJobSpec": "timeZone startingDeadlineSeconds suspend successfulJobsHistoryLimit failedJobsHistoryLimit",
    },
    DISCOVERY: {
        "Endpoint": "hostname nodeName zone",
        "EndpointConditions": "ready serving terminating",
        "EndpointPort": "name protocol port appProtocol",
    },
    COORDINATION: {
        "LeaseSpec": "holderIdentity leaseDurationSeconds leaseTransitions strategy preferredHolder",
    },
    POLICY: {"PodDisruptionBudgetSpec": "unhealthyPodEvictionPolicy"},
    SCALING: {
        "HorizontalPodAutoscalerSpec": "minReplicas",
        "HorizontalPodAutoscalerStatus": "observedGeneration",
        "HorizontalPodAutoscalerCondition": "",
    },
}
KEPT_ZEROS: dict[str, frozenset[str]] = {
    group + struct: frozenset(names.split())
    for group, structs in _KEPT_ZEROS.items()
    for struct, names in structs.items()
}

# Times (and a few lists) that are written as null when there is none.
KEPT_NULLS: dict[str, frozenset[str]] = {
    CORE + "PodCondition": frozenset(("lastProbeTime", "lastTransitionTime")),
    CORE + "NodeCondition": frozenset(("lastHeartbeatTime", "lastTransitionTime")),
    CORE + "ContainerStateTerminated": frozenset(("startedAt", "finishedAt")),
    CORE + "ContainerStateRunning": frozenset(("startedAt",)),
    CORE + "Event": frozenset(("eventTime", "firstTimestamp", "lastTimestamp")),
    CORE + "EventSeries": frozenset(("lastObservedTime",)),
    APPS + "DeploymentCondition": frozenset(("lastUpdateTime", "lastTransitionTime")),
    APPS + "ReplicaSetCondition": frozenset(("lastTransitionTime",)),
    DISCOVERY + "EndpointSlice": frozenset(("endpoints", "ports")),
    SCALING + "HorizontalPodAutoscalerStatus": frozenset(("currentMetrics", "conditions")),
}

# Strings whose Go type has a name, by field; only errors show it.
STRING_TYPES: dict[str, dict[str, str]] = {
    CORE + "PodSpec": {"restartPolicy": "v1.RestartPolicy", "dnsPolicy": "v1.DNSPolicy"},
    CORE + "Container": {"imagePullPolicy": "v1.PullPolicy", "terminationMessagePolicy": "v1.TerminationMessagePolicy"},
    CORE + "ContainerPort": {"protocol": "v1.Protocol"},
    CORE + "ServicePort": {"protocol": "v1.Protocol"},
    CORE + "ServiceSpec": {"type": "v1.ServiceType", "sessionAffinity": "v1.ServiceAffinity"},
    CORE + "Toleration": {"operator": "v1.TolerationOperator", "effect": "v1.TaintEffect"},
    CORE + "Taint": {"effect": "v1.TaintEffect"},
    CORE + "Secret": {"type": "v1.SecretType"},
    CORE + "PodStatus": {"phase": "v1.PodPhase"},
    CORE + "PodCondition": {"type": "v1.PodConditionType", "status": "v1.ConditionStatus"},
    APPS + "DeploymentStrategy": {"type": "v1.DeploymentStrategyType"},
    META + "LabelSelectorRequirement": {"operator": "v1.LabelSelectorOperator"},
}


def struct_key(definition_name: str) -> str:
    """`io.k8s.api.core.v1.Pod` → `core.v1.Pod`, the key of the tables here."""
    return ".".join(definition_name.split(".")[-3:])
