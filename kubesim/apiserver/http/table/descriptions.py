"""What each column means, as a Table's columnDefinitions say.

Most columns show one field, and their meaning is that field's description in the schema: `Type.field` names it.
What is put together from several fields has a few words of its own.

Upstream: pkg/printers/internalversion/printers.go.
"""

from __future__ import annotations

import re

from kubesim.apiserver.http.table.columns import Column, Printer

FIELD = re.compile(r"([A-Z]\w*)\.(\w+)")
NAMES = "Names of each container in the template."
IMAGES = "Images referenced by each container in the template."

# (group, kind) → column → the field that it shows, or words.
COLUMNS: dict[tuple[str, str], dict[str, str]] = {
    ("", "Pod"): {
        "Ready": "The aggregate readiness state of this pod for accepting traffic.",
        "Status": "The aggregate status of the containers in this pod.",
        "Restarts": "The number of times the containers in this pod have been restarted and when the last container "
        "in this pod has restarted.",
        "IP": "PodStatus.podIP",
        "Node": "PodSpec.nodeName",
        "Nominated Node": "PodStatus.nominatedNodeName",
        "Readiness Gates": "PodSpec.readinessGates",
    },
    ("", "PodTemplate"): {"Containers": NAMES, "Images": IMAGES, "Pod Labels": "The labels for the pod template."},
    ("", "ReplicationController"): {
        "Desired": "ReplicationControllerSpec.replicas",
        "Current": "ReplicationControllerStatus.replicas",
        "Ready": "ReplicationControllerStatus.readyReplicas",
        "Containers": NAMES,
        "Images": IMAGES,
        "Selector": "ReplicationControllerSpec.selector",
    },
    ("apps", "ReplicaSet"): {
        "Desired": "ReplicaSetSpec.replicas",
        "Current": "ReplicaSetStatus.replicas",
        "Ready": "ReplicaSetStatus.readyReplicas",
        "Containers": NAMES,
        "Images": IMAGES,
        "Selector": "ReplicaSetSpec.selector",
    },
    ("apps", "DaemonSet"): {
        "Desired": "DaemonSetStatus.desiredNumberScheduled",
        "Current": "DaemonSetStatus.currentNumberScheduled",
        "Ready": "DaemonSetStatus.numberReady",
        "Up-to-date": "DaemonSetStatus.updatedNumberScheduled",
        "Available": "DaemonSetStatus.numberAvailable",
        "Node Selector": "PodSpec.nodeSelector",
        "Containers": NAMES,
        "Images": IMAGES,
        "Selector": "DaemonSetSpec.selector",
    },
    ("apps", "Deployment"): {
        "Ready": "Number of the pod with ready state",
        "Up-to-date": "DeploymentStatus.updatedReplicas",
        "Available": "DeploymentStatus.availableReplicas",
        "Containers": NAMES,
        "Images": IMAGES,
        "Selector": "DeploymentSpec.selector",
    },
    ("apps", "StatefulSet"): {
        "Ready": "Number of the pod with ready state",
        "Containers": NAMES,
        "Images": IMAGES,
    },
    ("apps", "ControllerRevision"): {
        "Controller": "Controller of the object",
        "Revision": "ControllerRevision.revision",
    },
    ("batch", "Job"): {
        "Status": "Status of the job.",
        "Completions": "JobStatus.succeeded",
        "Duration": "Time required to complete the job.",
        "Containers": NAMES,
        "Images": IMAGES,
        "Selector": "JobSpec.selector",
    },
    ("batch", "CronJob"): {
        "Schedule": "CronJobSpec.schedule",
        "Timezone": "CronJobSpec.timeZone",
        "Suspend": "CronJobSpec.suspend",
        "Active": "CronJobStatus.active",
        "Last Schedule": "CronJobStatus.lastScheduleTime",
        "Containers": NAMES,
        "Images": IMAGES,
        "Selector": "JobSpec.selector",
    },
    ("autoscaling", "HorizontalPodAutoscaler"): {
        "Reference": "HorizontalPodAutoscalerSpec.scaleTargetRef",
        "Targets": "HorizontalPodAutoscalerSpec.metrics",
        "MinPods": "HorizontalPodAutoscalerSpec.minReplicas",
        "MaxPods": "HorizontalPodAutoscalerSpec.maxReplicas",
        "Replicas": "HorizontalPodAutoscalerStatus.currentReplicas",
    },
    ("", "Service"): {
        "Type": "ServiceSpec.type",
        "Cluster-IP": "ServiceSpec.clusterIP",
        "External-IP": "ServiceSpec.externalIPs",
        "Port(s)": "ServiceSpec.ports",
        "Selector": "ServiceSpec.selector",
    },
    ("", "Endpoints"): {"Endpoints": "Endpoints.subsets"},
    ("discovery.k8s.io", "EndpointSlice"): {
        "AddressType": "EndpointSlice.addressType",
        "Ports": "EndpointSlice.ports",
        "Endpoints": "EndpointSlice.endpoints",
    },
    ("networking.k8s.io", "Ingress"): {
        "Class": "The name of the IngressClass resource that should be used for additional configuration",
        "Hosts": "Hosts that incoming requests are matched against before the ingress rule",
        "Address": "Address is a list containing ingress points for the load-balancer",
        "Ports": "Ports of TLS configurations that open",
    },
    ("networking.k8s.io", "IngressClass"): {
        "Controller": "Controller that is responsible for handling this class",
        "Parameters": "A reference to a resource with additional parameters",
    },
    ("networking.k8s.io", "NetworkPolicy"): {"Pod-Selector": "NetworkPolicySpec.podSelector"},
    ("", "ConfigMap"): {"Data": "ConfigMap.data"},
    ("", "Secret"): {"Type": "Secret.type", "Data": "Secret.data"},
    ("", "Event"): {
        "Last Seen": "Event.lastTimestamp",
        "Type": "Event.type",
        "Reason": "Event.reason",
        "Object": "Event.involvedObject",
        "Subobject": "Event.involvedObject",
        "Source": "Event.source",
        "Message": "Event.message",
        "First Seen": "Event.firstTimestamp",
        "Count": "Event.count",
    },
    ("", "Namespace"): {"Status": "The status of the namespace"},
    ("", "Node"): {
        "Status": "The status of the node",
        "Roles": "The roles of the node",
        "Version": "NodeSystemInfo.kubeletVersion",
        "Internal-IP": "NodeStatus.addresses",
        "External-IP": "NodeStatus.addresses",
        "OS-Image": "NodeSystemInfo.osImage",
        "Kernel-Version": "NodeSystemInfo.kernelVersion",
        "Container-Runtime": "NodeSystemInfo.containerRuntimeVersion",
    },
    ("", "PersistentVolume"): {
        "Capacity": "PersistentVolumeSpec.capacity",
        "Access Modes": "PersistentVolumeSpec.accessModes",
        "Reclaim Policy": "PersistentVolumeSpec.persistentVolumeReclaimPolicy",
        "Status": "PersistentVolumeStatus.phase",
        "Claim": "PersistentVolumeSpec.claimRef",
        "StorageClass": "StorageClass of the pv",
        "VolumeAttributesClass": "PersistentVolumeSpec.volumeAttributesClassName",
        "Reason": "PersistentVolumeStatus.reason",
        "VolumeMode": "PersistentVolumeSpec.volumeMode",
    },
    ("", "PersistentVolumeClaim"): {
        "Status": "PersistentVolumeClaimStatus.phase",
        "Volume": "PersistentVolumeClaimSpec.volumeName",
        "Capacity": "PersistentVolumeClaimStatus.capacity",
        "Access Modes": "PersistentVolumeClaimStatus.accessModes",
        "StorageClass": "StorageClass of the pvc",
        "VolumeAttributesClass": "PersistentVolumeClaimSpec.volumeAttributesClassName",
        "VolumeMode": "PersistentVolumeClaimSpec.volumeMode",
    },
    ("", "ComponentStatus"): {
        "Status": "Status of the component conditions",
        "Message": "Message of the component conditions",
        "Error": "Error of the component conditions",
    },
    ("storage.k8s.io", "StorageClass"): {
        "Provisioner": "StorageClass.provisioner",
        "ReclaimPolicy": "StorageClass.reclaimPolicy",
        "VolumeBindingMode": "StorageClass.volumeBindingMode",
        "AllowVolumeExpansion": "StorageClass.allowVolumeExpansion",
    },
    ("policy", "PodDisruptionBudget"): {
        "Min Available": "The minimum number of pods that must be available.",
        "Max Unavailable": "The maximum number of pods that may be unavailable.",
        "Allowed Disruptions": "Calculated number of pods that may be disrupted at this time.",
    },
    ("scheduling.k8s.io", "PriorityClass"): {
        "Value": "PriorityClass.value",
        "Global-Default": "PriorityClass.globalDefault",
        "PreemptionPolicy": "PriorityClass.preemptionPolicy",
    },
    ("coordination.k8s.io", "Lease"): {"Holder": "LeaseSpec.holderIdentity"},
    ("node.k8s.io", "RuntimeClass"): {"Handler": "RuntimeClass.handler"},
    ("certificates.k8s.io", "CertificateSigningRequest"): {
        "SignerName": "CertificateSigningRequestSpec.signerName",
        "Requestor": "CertificateSigningRequestSpec.username",
        "RequestedDuration": "CertificateSigningRequestSpec.expirationSeconds",
        "Condition": "CertificateSigningRequestStatus.conditions",
    },
}


def described(printer: Printer, group: str, kind: str) -> Printer:
    """A printer whose columns say what they mean."""
    texts = COLUMNS.get((group, kind))
    if texts is None:
        return printer
    return printer._replace(columns=tuple(_described(column, texts) for column in printer.columns))


def _described(column: Column, texts: dict[str, str]) -> Column:
    text = texts.get(column.name)
    if text is None:
        return column
    return column._replace(field=text) if FIELD.fullmatch(text) else column._replace(description=text)
