"""What a server makes sure exists before it serves: its namespaces, its own Service, the system's priorities.

Upstream: pkg/controlplane/controller/{systemnamespaces,kubernetesservice}, pkg/registry/scheduling/rest.
"""

from __future__ import annotations

from kubesim.api.resources import ENDPOINT_SLICES, ENDPOINTS, NAMESPACES, PRIORITY_CLASSES, SERVICES, Resource
from kubesim.api.stored import Object, Stored
from kubesim.api.wire import Request
from kubesim.apiserver.authn import API_SERVER
from kubesim.apiserver.context import RequestContext
from kubesim.apiserver.host import Host
from kubesim.apiserver.storage import OutdatedError

SYSTEM_NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
SERVICE_ADDRESS = "10.96.0.1"
SERVICE_PORT, SECURE_PORT = 443, 6443
NODE_CRITICAL, CLUSTER_CRITICAL = 2_000_001_000, 2_000_000_000


def boot_objects(advertise_address: str) -> list[tuple[Resource, Object]]:
    """What is created at start unless it is there, in order."""
    objects: list[tuple[Resource, Object]] = [(NAMESPACES, {"metadata": {"name": name}}) for name in SYSTEM_NAMESPACES]
    objects += [
        (PRIORITY_CLASSES, _priority_class("system-node-critical", NODE_CRITICAL, "node")),
        (PRIORITY_CLASSES, _priority_class("system-cluster-critical", CLUSTER_CRITICAL, "cluster")),
    ]
    objects.append((SERVICES, _service()))
    objects.append((ENDPOINTS, _endpoints(advertise_address)))
    return [*objects, (ENDPOINT_SLICES, _endpoint_slice(advertise_address))]


async def write_missing(server: Host, resource: Resource, obj: Object) -> Stored | None:
    """Stores what needs neither defaults nor admission, as it is; None if it is already there."""
    registry, metadata = server.registries.get((resource.group, resource.plural)), obj["metadata"]
    namespace, sim = metadata.get("namespace", ""), server.sim
    key = f"{namespace}/{metadata['name']}" if namespace else metadata["name"]
    if registry is None or key in registry.storage.latest:
        return None
    metadata = {**metadata, "uid": sim.chance.uid(), "creationTimestamp": sim.clock.timestamp()}
    whole = {"kind": resource.kind, "apiVersion": resource.api_version, **obj, "metadata": metadata}
    request = Request("create", resource, namespace, user_agent=server.name)
    try:
        return await registry.storage.create(key, whole, RequestContext(sim, request, API_SERVER))
    except OutdatedError:
        return None  # Another server was faster.


def _priority_class(name: str, value: int, whose: str) -> Object:
    words = {
        "node": "Used for system critical pods that must not be moved from their current node.",
        "cluster": "Used for system critical pods that must run in the cluster, but can be moved to another node if "
        "necessary.",
    }
    return {"metadata": {"name": name}, "value": value, "description": words[whose]}


def _service() -> Object:
    return {
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            "labels": {"component": "apiserver", "provider": "kubernetes"},
        },
        "spec": {
            "type": "ClusterIP",
            "clusterIP": SERVICE_ADDRESS,
            "ports": [{"name": "https", "protocol": "TCP", "port": SERVICE_PORT, "targetPort": SECURE_PORT}],
            "sessionAffinity": "None",
        },
    }


def _endpoints(address: str) -> Object:
    return {
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            "labels": {"endpointslice.kubernetes.io/skip-mirror": "true"},
        },
        "subsets": [
            {"addresses": [{"ip": address}], "ports": [{"name": "https", "port": SECURE_PORT, "protocol": "TCP"}]}
        ],
    }


def _endpoint_slice(address: str) -> Object:
    return {
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": "kubernetes"},
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
        "ports": [{"name": "https", "protocol": "TCP", "port": SECURE_PORT}],
    }
