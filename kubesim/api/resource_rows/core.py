"""The rows of the core group. Upstream: pkg/registry/core."""

from __future__ import annotations

from kubesim.api.resource_rows.row import CREATE_ONLY, Resource

PODS = Resource(
    "", "v1", "Pod", "pods", True, ("po",), ("all",),
    ("status", "binding", "eviction", "log", "exec", "attach", "portforward", "proxy", "ephemeralcontainers", "resize"),
    ("spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "status.phase",
     "status.podIP", "status.nominatedNodeName", "spec.hostNetwork"),
    ("spec.nodeName",),
)  # fmt: skip
NODES = Resource(
    "", "v1", "Node", "nodes", False, ("no",), (), ("status", "proxy"), ("spec.unschedulable",), ("metadata.name",),
    has_generation=False,
)  # fmt: skip
NAMESPACES = Resource(
    "", "v1", "Namespace", "namespaces", False, ("ns",), (), ("status", "finalize"), ("status.phase",),
    has_generation=False,
)  # fmt: skip
SERVICES = Resource(
    "", "v1", "Service", "services", True, ("svc",), ("all",), ("status", "proxy"), ("spec.clusterIP", "spec.type"),
    has_generation=False,
)  # fmt: skip
ENDPOINTS = Resource("", "v1", "Endpoints", "endpoints", True, ("ep",), has_generation=False)
EVENTS = Resource(
    "", "v1", "Event", "events", True, ("ev",), (), (),
    ("involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid",
     "involvedObject.apiVersion", "involvedObject.resourceVersion", "involvedObject.fieldPath", "reason",
     "reportingComponent", "source", "type"),
    has_generation=False,
)  # fmt: skip
CONFIG_MAPS = Resource("", "v1", "ConfigMap", "configmaps", True, ("cm",), has_generation=False)
SECRETS = Resource("", "v1", "Secret", "secrets", True, (), (), (), ("type",), has_generation=False)
SERVICE_ACCOUNTS = Resource(
    "", "v1", "ServiceAccount", "serviceaccounts", True, ("sa",), (), ("token",), has_generation=False
)
REPLICATION_CONTROLLERS = Resource(
    "", "v1", "ReplicationController", "replicationcontrollers", True, ("rc",), ("all",), ("status", "scale"),
    ("status.replicas",),
)  # fmt: skip
BINDINGS = Resource("", "v1", "Binding", "bindings", has_generation=False, verbs=CREATE_ONLY)
COMPONENT_STATUSES = Resource(
    "", "v1", "ComponentStatus", "componentstatuses", False, ("cs",), has_generation=False, verbs=("get", "list")
)
LIMIT_RANGES = Resource("", "v1", "LimitRange", "limitranges", True, ("limits",), has_generation=False)
RESOURCE_QUOTAS = Resource(
    "", "v1", "ResourceQuota", "resourcequotas", True, ("quota",), (), ("status",), has_generation=False
)
POD_TEMPLATES = Resource("", "v1", "PodTemplate", "podtemplates")
PERSISTENT_VOLUMES = Resource(
    "", "v1", "PersistentVolume", "persistentvolumes", False, ("pv",), (), ("status",), has_generation=False
)
PERSISTENT_VOLUME_CLAIMS = Resource(
    "", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", True, ("pvc",), (), ("status",), has_generation=False
)

ROWS: tuple[Resource, ...] = (
    BINDINGS, COMPONENT_STATUSES, CONFIG_MAPS, ENDPOINTS, EVENTS, LIMIT_RANGES, NAMESPACES, NODES,
    PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS, POD_TEMPLATES, REPLICATION_CONTROLLERS, RESOURCE_QUOTAS,
    SECRETS, SERVICE_ACCOUNTS, SERVICES,
)  # fmt: skip
