"""The table of kinds: what the schema does not say.

Field types and descriptions come from the OpenAPI definitions (`kubesim.api.schema`). Plural, scope, short
names, categories, subresources and the fields that a selector may use are in this table, one row a kind, in
`kubesim.api.resource_rows`. A kind is a row there plus, where it has rules of its own, a strategy in
`kubesim.apiserver`. Kubernetes v1.36's stable groups; beta and alpha versions are left out.
"""

from __future__ import annotations

from kubesim.api.resource_rows.administration import (
    ACCESS_REVIEWS,
    API_SERVICES,
    CERTIFICATE_SIGNING_REQUESTS,
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    CUSTOM_RESOURCE_DEFINITIONS,
    FLOW_SCHEMAS,
    LOCAL_ACCESS_REVIEWS,
    MUTATING_POLICIES,
    MUTATING_POLICY_BINDINGS,
    MUTATING_WEBHOOKS,
    PRIORITY_LEVELS,
    ROLE_BINDINGS,
    ROLES,
    SELF_ACCESS_REVIEWS,
    SELF_RULES_REVIEWS,
    SELF_SUBJECT_REVIEWS,
    TOKEN_REVIEWS,
    VALIDATING_POLICIES,
    VALIDATING_POLICY_BINDINGS,
    VALIDATING_WEBHOOKS,
)
from kubesim.api.resource_rows.administration import ROWS as _ADMINISTRATION
from kubesim.api.resource_rows.core import (
    BINDINGS,
    COMPONENT_STATUSES,
    CONFIG_MAPS,
    ENDPOINTS,
    EVENTS,
    LIMIT_RANGES,
    NAMESPACES,
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    POD_TEMPLATES,
    PODS,
    REPLICATION_CONTROLLERS,
    RESOURCE_QUOTAS,
    SECRETS,
    SERVICE_ACCOUNTS,
    SERVICES,
)
from kubesim.api.resource_rows.core import ROWS as _CORE
from kubesim.api.resource_rows.infrastructure import (
    CSI_DRIVERS,
    CSI_NODES,
    CSI_STORAGE_CAPACITIES,
    DEVICE_CLASSES,
    ENDPOINT_SLICES,
    EVENTS_V1,
    INGRESS_CLASSES,
    INGRESSES,
    IP_ADDRESSES,
    LEASES,
    NETWORK_POLICIES,
    RESOURCE_CLAIM_TEMPLATES,
    RESOURCE_CLAIMS,
    RESOURCE_SLICES,
    RUNTIME_CLASSES,
    SERVICE_CIDRS,
    STORAGE_CLASSES,
    VOLUME_ATTACHMENTS,
    VOLUME_ATTRIBUTES_CLASSES,
)
from kubesim.api.resource_rows.infrastructure import ROWS as _INFRASTRUCTURE
from kubesim.api.resource_rows.row import ALL_VERBS, Resource
from kubesim.api.resource_rows.workloads import (
    CONTROLLER_REVISIONS,
    CRON_JOBS,
    DAEMON_SETS,
    DEPLOYMENTS,
    HORIZONTAL_POD_AUTOSCALERS,
    HORIZONTAL_POD_AUTOSCALERS_V1,
    JOBS,
    POD_DISRUPTION_BUDGETS,
    PRIORITY_CLASSES,
    REPLICA_SETS,
    STATEFUL_SETS,
)
from kubesim.api.resource_rows.workloads import ROWS as _WORKLOADS

METADATA_FIELDS = ("metadata.name", "metadata.namespace")

# Everything with a path of its own, also what is only posted and second versions of the same objects.
SERVED: tuple[Resource, ...] = _CORE + _WORKLOADS + _INFRASTRUCTURE + _ADMINISTRATION

# What can be listed and watched, each object once.
RESOURCES: tuple[Resource, ...] = tuple(
    row for row in SERVED if {"list", "watch"} <= set(row.verbs) and not row.stored_as
)

# In the order of discovery; the first version of a group is the preferred one.
API_GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("", ("v1",)),
    ("apiregistration.k8s.io", ("v1",)),
    ("apps", ("v1",)),
    ("events.k8s.io", ("v1",)),
    ("authentication.k8s.io", ("v1",)),
    ("authorization.k8s.io", ("v1",)),
    ("autoscaling", ("v2", "v1")),
    ("batch", ("v1",)),
    ("certificates.k8s.io", ("v1",)),
    ("networking.k8s.io", ("v1",)),
    ("policy", ("v1",)),
    ("rbac.authorization.k8s.io", ("v1",)),
    ("storage.k8s.io", ("v1",)),
    ("admissionregistration.k8s.io", ("v1",)),
    ("apiextensions.k8s.io", ("v1",)),
    ("scheduling.k8s.io", ("v1",)),
    ("coordination.k8s.io", ("v1",)),
    ("node.k8s.io", ("v1",)),
    ("discovery.k8s.io", ("v1",)),
    ("resource.k8s.io", ("v1",)),
    ("flowcontrol.apiserver.k8s.io", ("v1",)),
)

BY_KIND: dict[tuple[str, str], Resource] = {(row.api_version, row.kind): row for row in SERVED}
BY_PLURAL: dict[tuple[str, str], Resource] = {(row.api_version, row.plural): row for row in SERVED}


def resource_of(obj: dict[str, object]) -> Resource:
    """The row for an object's apiVersion and kind; KeyError if it is no built-in kind."""
    return BY_KIND[str(obj.get("apiVersion")), str(obj.get("kind"))]


def resources_of_group(group: str, version: str) -> tuple[Resource, ...]:
    """The rows of one group and version, by plural, as discovery lists them."""
    rows = (row for row in SERVED if (row.group, row.version) == (group, version))
    return tuple(sorted(rows, key=lambda row: row.plural))


def find_resource(word: str) -> Resource | None:
    """The row that a user means by a plural, singular or short name, maybe with group: `deploy`, `jobs.batch`.

    Where several rows fit, the one first in the table wins: core before the other groups, preferred versions first.
    """
    name, _, group = word.lower().partition(".")
    for row in SERVED:
        if name in (row.plural, row.singular, *row.short_names) and (not group or group == row.group):
            return row
    return None


__all__ = [
    "ACCESS_REVIEWS",
    "ALL_VERBS",
    "API_GROUPS",
    "API_SERVICES",
    "BINDINGS",
    "BY_KIND",
    "BY_PLURAL",
    "CERTIFICATE_SIGNING_REQUESTS",
    "CLUSTER_ROLES",
    "CLUSTER_ROLE_BINDINGS",
    "COMPONENT_STATUSES",
    "CONFIG_MAPS",
    "CONTROLLER_REVISIONS",
    "CRON_JOBS",
    "CSI_DRIVERS",
    "CSI_NODES",
    "CSI_STORAGE_CAPACITIES",
    "CUSTOM_RESOURCE_DEFINITIONS",
    "DAEMON_SETS",
    "DEPLOYMENTS",
    "DEVICE_CLASSES",
    "ENDPOINTS",
    "ENDPOINT_SLICES",
    "EVENTS",
    "EVENTS_V1",
    "FLOW_SCHEMAS",
    "HORIZONTAL_POD_AUTOSCALERS",
    "HORIZONTAL_POD_AUTOSCALERS_V1",
    "INGRESSES",
    "INGRESS_CLASSES",
    "IP_ADDRESSES",
    "JOBS",
    "LEASES",
    "LIMIT_RANGES",
    "LOCAL_ACCESS_REVIEWS",
    "METADATA_FIELDS",
    "MUTATING_POLICIES",
    "MUTATING_POLICY_BINDINGS",
    "MUTATING_WEBHOOKS",
    "NAMESPACES",
    "NETWORK_POLICIES",
    "NODES",
    "PERSISTENT_VOLUMES",
    "PERSISTENT_VOLUME_CLAIMS",
    "PODS",
    "POD_DISRUPTION_BUDGETS",
    "POD_TEMPLATES",
    "PRIORITY_CLASSES",
    "PRIORITY_LEVELS",
    "REPLICATION_CONTROLLERS",
    "REPLICA_SETS",
    "RESOURCES",
    "RESOURCE_CLAIMS",
    "RESOURCE_CLAIM_TEMPLATES",
    "RESOURCE_QUOTAS",
    "RESOURCE_SLICES",
    "ROLES",
    "ROLE_BINDINGS",
    "RUNTIME_CLASSES",
    "Resource",
    "SECRETS",
    "SELF_ACCESS_REVIEWS",
    "SELF_RULES_REVIEWS",
    "SELF_SUBJECT_REVIEWS",
    "SERVED",
    "SERVICES",
    "SERVICE_ACCOUNTS",
    "SERVICE_CIDRS",
    "STATEFUL_SETS",
    "STORAGE_CLASSES",
    "TOKEN_REVIEWS",
    "VALIDATING_POLICIES",
    "VALIDATING_POLICY_BINDINGS",
    "VALIDATING_WEBHOOKS",
    "VOLUME_ATTACHMENTS",
    "VOLUME_ATTRIBUTES_CLASSES",
    "find_resource",
    "resource_of",
    "resources_of_group",
]
