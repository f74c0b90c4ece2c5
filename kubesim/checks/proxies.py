"""Invariants of kube-proxies: where nothing moves, every node that is connected has rules for what there is.

So no Pod is served by a proxy after it was removed, however its node was cut off in between.
"""

from __future__ import annotations

from collections.abc import Iterator

from kubesim.api.resources import ENDPOINT_SLICES, PODS, SERVICES
from kubesim.api.stored import Stored
from kubesim.cluster import SimCluster
from kubesim.proxy.config import HEADLESS_LABEL, SERVICE_PROXY_NAME
from kubesim.proxy.table import Table

CURRENT = "a connected kube-proxy has rules for the Services and endpoints that there are"
SERVED = "no Pod is served by a proxy after it was removed"
SHOWN_MAX = 5


def check_proxies(cluster: SimCluster) -> Iterator[tuple[str, str, str]]:
    """The invariant that is broken, where, and how."""
    known: list[Table] = []
    for node, kernel in cluster.pod_network.kernels.items():
        table = kernel.table
        if not is_connected(cluster, node) or any(table is other for other in known):
            continue
        known.append(table)
        for text in list(differences(cluster, table))[:SHOWN_MAX]:
            yield CURRENT, f"kube-proxy/{node}", text
        for text in list(ghosts(cluster, table))[:SHOWN_MAX]:
            yield SERVED, f"kube-proxy/{node}", text


def is_connected(cluster: SimCluster, node: str) -> bool:
    """Whether a node's kube-proxy runs and can hear the apiserver."""
    name, network = f"kube-proxy/{node}", cluster.sim.network
    process = cluster.pod_network.proxy_process(node)
    if process is None or not process.is_running:
        return False
    return not (network.is_cut("apiserver", name) or network.is_cut(name, "apiserver"))


def differences(cluster: SimCluster, table: Table) -> Iterator[str]:
    """How a table differs from the objects in the API."""
    services: dict[str, int] = {}
    slices: dict[str, int] = {}
    for entry in table.entries():
        if entry.service is not None:
            services[entry.service.key] = entry.service.revision
        slices |= {key: stored.revision for key, stored in entry.slices.items()}
    for resource, found in ((SERVICES, services), (ENDPOINT_SLICES, slices)):
        wanted = {each.key: each.revision for each in cluster.all(resource) if is_ours(each)}
        for key in sorted({*wanted, *found}):
            if wanted.get(key) != found.get(key):
                yield f"{resource.plural} {key}: known at {found.get(key)}, stored at {wanted.get(key)}"


def ghosts(cluster: SimCluster, table: Table) -> Iterator[str]:
    """Endpoints of Pods that do not exist and that no slice lists: whoever makes slices may be down."""
    listed = {
        (stored.namespace, (entry.get("targetRef") or {}).get("name", ""))
        for stored in cluster.all(ENDPOINT_SLICES)
        for entry in stored.object.get("endpoints") or ()
    }
    for entry in table.entries():
        for port in entry.ports:
            for endpoint in entry.endpoints(port):
                if not endpoint.pod or (port.namespace, endpoint.pod) in listed:
                    continue
                if cluster.get(PODS, f"{port.namespace}/{endpoint.pod}") is None:
                    yield f"{port.name} → {endpoint.address}: there is no Pod {endpoint.pod}"


def is_ours(stored: Stored) -> bool:
    """Whether kube-proxy looks at an object; a slice without a Service's name is nobody's."""
    labels = stored.object["metadata"].get("labels") or {}
    if SERVICE_PROXY_NAME in labels or HEADLESS_LABEL in labels:
        return False
    return stored.object.get("kind") != "EndpointSlice" or bool(labels.get("kubernetes.io/service-name"))
