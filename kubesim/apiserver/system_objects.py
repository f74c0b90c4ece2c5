"""What the server and its helpers store about themselves, shown by served clusters only (see docs/adr/0007).

APIServices (which group and version is served here), flow control, the range of Service addresses, and the ConfigMaps
by which other servers learn whom to trust. A virtual run does without them: nothing in it reads them.
Upstream: pkg/controlplane/{apiserver,controller}, k8s.io/kube-aggregator, the post-start hooks of the apiserver.
Left out: the APIServices of custom resources, an IPAddress for every Service, the server's identity Lease.
"""

from __future__ import annotations

from collections.abc import Iterator

from kubesim.api.resources import (
    API_GROUPS,
    API_SERVICES,
    CONFIG_MAPS,
    FLOW_SCHEMAS,
    PRIORITY_LEVELS,
    SERVICE_CIDRS,
    Resource,
)
from kubesim.api.stored import Object
from kubesim.apiserver.boot import write_missing
from kubesim.apiserver.flow_control import flow_schemas, priority_levels
from kubesim.apiserver.host import Host
from kubesim.apiserver.registry.service import SERVICE_NETWORK

DAY = 10  # Characters of a date without its time.
# Group → how much it is preferred to others; the versions of a group are preferred by the second table.
GROUP_PRIORITIES = {
    "": 18000, "apps": 17800, "events.k8s.io": 17750, "authentication.k8s.io": 17700, "authorization.k8s.io": 17600,
    "autoscaling": 17500, "batch": 17400, "certificates.k8s.io": 17300, "networking.k8s.io": 17200, "policy": 17100,
    "rbac.authorization.k8s.io": 17000, "storage.k8s.io": 16800, "apiextensions.k8s.io": 16700,
    "admissionregistration.k8s.io": 16700, "scheduling.k8s.io": 16600, "coordination.k8s.io": 16500,
    "node.k8s.io": 16300, "discovery.k8s.io": 16200, "resource.k8s.io": 16200, "flowcontrol.apiserver.k8s.io": 16100,
}  # fmt: skip
VERSION_PRIORITIES = {("", "v1"): 1, ("autoscaling", "v2"): 30, ("flowcontrol.apiserver.k8s.io", "v1"): 21}
VERSION_PRIORITY = 15
PROXY_HEADERS = {
    "requestheader-allowed-names": '["front-proxy-client"]',
    "requestheader-extra-headers-prefix": '["X-Remote-Extra-"]',
    "requestheader-group-headers": '["X-Remote-Group"]',
    "requestheader-uid-headers": '["X-Remote-Uid"]',
    "requestheader-username-headers": '["X-Remote-User"]',
}


async def write_system_objects(server: Host) -> None:
    """Stores what is missing of them."""
    for resource, obj in system_objects(server.sim.clock.timestamp(), server.authority):
        await write_missing(server, resource, obj)


def system_objects(now: str, authority: str) -> Iterator[tuple[Resource, Object]]:
    """All of them; `authority` is the certificate that clients' certificates are signed with."""
    for group, versions in API_GROUPS:
        if group in GROUP_PRIORITIES:
            yield from ((API_SERVICES, _api_service(group, version, now)) for version in versions)
    yield from ((PRIORITY_LEVELS, level) for level in priority_levels())
    yield from ((FLOW_SCHEMAS, schema) for schema in flow_schemas(now))
    yield SERVICE_CIDRS, _service_cidr(now)
    trusted = {"client-ca-file": authority, "requestheader-client-ca-file": authority, **PROXY_HEADERS}
    yield CONFIG_MAPS, _config_map("extension-apiserver-authentication", trusted)
    yield CONFIG_MAPS, _config_map("kube-apiserver-legacy-service-account-token-tracking", {"since": now[:DAY]})


def _api_service(group: str, version: str, now: str) -> Object:
    spec: Object = {"group": group} if group else {}
    spec |= {
        "version": version,
        "groupPriorityMinimum": GROUP_PRIORITIES[group],
        "versionPriority": VERSION_PRIORITIES.get((group, version), VERSION_PRIORITY),
    }
    words = "Local APIServices are always available"
    condition = {"type": "Available", "status": "True", "lastTransitionTime": now, "reason": "Local", "message": words}
    labels = {"kube-aggregator.kubernetes.io/automanaged": "onstart"}
    return {
        "metadata": {"name": f"{version}.{group}", "labels": labels},
        "spec": spec,
        "status": {"conditions": [condition]},
    }


def _service_cidr(now: str) -> Object:
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": now, "reason": "",
             "message": "Kubernetes Service CIDR is ready"}  # fmt: skip
    return {
        "metadata": {"name": "kubernetes", "finalizers": ["networking.k8s.io/service-cidr-finalizer"]},
        "spec": {"cidrs": [str(SERVICE_NETWORK)]},
        "status": {"conditions": [ready]},
    }


def _config_map(name: str, data: dict[str, str]) -> Object:
    return {"metadata": {"name": name, "namespace": "kube-system"}, "data": data}
