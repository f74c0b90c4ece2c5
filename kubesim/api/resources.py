"""The table of kinds: what the schema does not say.

Field types and descriptions come from the OpenAPI definitions (`kubesim.api.schema`). Plural, scope, short
names, categories, subresources and the fields that a selector may use are in this table, one row a kind. A
kind is a row here plus, where it has rules of its own, a strategy in `kubesim.apiserver`.
"""

from __future__ import annotations

import msgspec

METADATA_FIELDS = ("metadata.name", "metadata.namespace")


class Resource(msgspec.Struct, frozen=True):
    """One kind under one group and version."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()
    selectable_fields: tuple[str, ...] = ()  # Beyond METADATA_FIELDS.
    indexed_fields: tuple[str, ...] = ()  # Watchers that name one value of such a field cost others nothing.
    has_generation: bool = True  # metadata.generation counts changes of spec.

    @property
    def api_version(self) -> str:
        """`apps/v1`, or `v1` for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """How error messages name it: `deployments.apps`, `pods`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def singular(self) -> str:
        """The kind in lower case."""
        return self.kind.lower()


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
DEPLOYMENTS = Resource("apps", "v1", "Deployment", "deployments", True, ("deploy",), ("all",), ("status", "scale"))
REPLICA_SETS = Resource(
    "apps", "v1", "ReplicaSet", "replicasets", True, ("rs",), ("all",), ("status", "scale"), ("status.replicas",)
)
LEASES = Resource(
    "coordination.k8s.io", "v1", "Lease", "leases", True, (), (), (), (), ("metadata.name",), has_generation=False
)
ENDPOINT_SLICES = Resource("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices")

RESOURCES: tuple[Resource, ...] = (
    PODS, NODES, NAMESPACES, SERVICES, ENDPOINTS, EVENTS, CONFIG_MAPS, SECRETS, SERVICE_ACCOUNTS,
    REPLICATION_CONTROLLERS, DEPLOYMENTS, REPLICA_SETS, LEASES, ENDPOINT_SLICES,
)  # fmt: skip

BY_KIND: dict[tuple[str, str], Resource] = {(row.api_version, row.kind): row for row in RESOURCES}


def resource_of(obj: dict[str, object]) -> Resource:
    """The row for an object's apiVersion and kind; KeyError if it is no built-in kind."""
    return BY_KIND[str(obj.get("apiVersion")), str(obj.get("kind"))]
