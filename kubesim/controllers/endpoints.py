"""What a Pod is behind a Service: its endpoint, and the ports that it is reached at. Pure.

Upstream: utils.go and util/controller_utils.go of k8s.io/endpointslice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from kubesim.api.stored import Object, Stored
from kubesim.api.views import Pod, Service, ServicePort
from kubesim.controllers.pods import is_ready, is_terminal

HEADLESS = "None"
ZONE_LABEL = "topology.kubernetes.io/zone"
ADDRESS_TYPES = ("IPv4", "IPv6")
SAME_NODE = "PreferSameNode"
NEAR = (SAME_NODE, "PreferSameZone", "PreferClose")

PortKey = tuple[tuple[str, str, int, str], ...]  # (name, protocol, port, application protocol), sorted.


class EndpointKey(NamedTuple):
    """What identifies an endpoint within a Service: two with the same key are one."""

    addresses: tuple[str, ...]
    name: str


class Group(NamedTuple):
    """Endpoints that may share a slice: of one kind of address, reached at the same ports."""

    address_type: str
    ports: PortKey


class Placed(NamedTuple):
    """A Pod's endpoint of one kind of address."""

    group: Group
    key: EndpointKey
    endpoint: Object


def address_types(service: Service) -> Sequence[str]:
    """The kinds of addresses that a Service has."""
    types = [family for family in service.spec.ip_families if family in ADDRESS_TYPES]
    if types:
        return types
    if service.spec.cluster_ip in ("", HEADLESS):
        return ADDRESS_TYPES
    return ("IPv6",) if ":" in service.spec.cluster_ip else ("IPv4",)


def belongs(pod: Pod) -> bool:
    """Whether a Pod has an endpoint at all: it has an address and has not ended. Being deleted is no reason."""
    return not is_terminal(pod) and bool(pod.status.pod_ip or pod.status.pod_ips)


def place(pod: Pod, service: Service, zone: str) -> list[Placed]:
    """The Pod's endpoints, one per kind of address that both have."""
    ports = ports_of(pod, service)
    placed = []
    for address_type in address_types(service):
        addresses = tuple(ip.ip for ip in pod.status.pod_ips if (":" in ip.ip) == (address_type == "IPv6"))
        if addresses:
            key = EndpointKey(addresses, pod.metadata.name)
            placed.append(Placed(Group(address_type, ports), key, endpoint(pod, service, addresses, zone)))
    return placed


def endpoint(pod: Pod, service: Service, addresses: Sequence[str], zone: str) -> Object:
    """The Pod as an entry of a slice. A terminating Pod may still serve, but is never "ready"."""
    serving = is_ready(pod)
    terminating = bool(pod.metadata.deletion_timestamp)
    ready = service.spec.publish_not_ready_addresses or (serving and not terminating)
    metadata = pod.metadata
    entry: Object = {
        "addresses": list(addresses),
        "conditions": {"ready": ready, "serving": serving, "terminating": terminating},
    }
    if pod.spec.hostname and pod.spec.subdomain == service.metadata.name:
        entry["hostname"] = pod.spec.hostname
    entry["targetRef"] = {
        "kind": "Pod", "namespace": metadata.namespace, "name": metadata.name, "uid": metadata.uid,
    }  # fmt: skip
    if pod.spec.node_name:
        entry["nodeName"] = pod.spec.node_name
    if zone:
        entry["zone"] = zone
    if near := hints(service.spec.traffic_distribution, pod.spec.node_name, zone):
        entry["hints"] = near
    return entry


def hints(distribution: str, node: str, zone: str) -> Object:
    """For whom an endpoint is meant, as `trafficDistribution` asks; nothing for one whose place is not known."""
    found: Object = {}
    if zone and distribution in NEAR:
        found["forZones"] = [{"name": zone}]
    if node and distribution == SAME_NODE:
        found["forNodes"] = [{"name": node}]
    return found


def ports_of(pod: Pod, service: Service) -> PortKey:
    """The Pod's own ports behind the Service's; one that the Pod does not name is left out."""
    found = []
    for port in service.spec.ports:
        number = find_port(pod, port)
        if number is not None:
            found.append((port.name, port.protocol, number, port.app_protocol))
    return tuple(sorted(found))


def find_port(pod: Pod, port: ServicePort) -> int | None:
    """The container port that a Service's port leads to: a number, or a name that a container gives."""
    target = port.target_port
    if not isinstance(target, str):
        return target or port.port
    sidecars = [container for container in pod.spec.init_containers if container.restart_policy == "Always"]
    for container in (*pod.spec.containers, *sidecars):
        for candidate in container.ports:
            if candidate.name == target and candidate.protocol == port.protocol:
                return candidate.container_port
    return None


def port_objects(ports: PortKey) -> list[Object]:
    """The ports as a slice holds them."""
    objects = []
    for name, protocol, port, app_protocol in ports:
        entry: Object = {"name": name, "protocol": protocol, "port": port}
        if app_protocol:
            entry["appProtocol"] = app_protocol
        objects.append(entry)
    return objects


def port_key(ports: Sequence[Object] | None) -> PortKey:
    """What identifies the ports of a slice."""
    return tuple(
        sorted(
            (p.get("name", ""), p.get("protocol", ""), p.get("port", 0), p.get("appProtocol", "")) for p in ports or ()
        )
    )


def is_change(old: Stored, new: Stored) -> bool:
    """Whether what changed about a Pod can show in its endpoints. Most status updates cannot."""
    before, after = old.object, new.object
    if facts_of(before) != facts_of(after):
        return True
    a, b = old.view(Pod), new.view(Pod)
    return is_ready(a) != is_ready(b) or is_terminal(a) != is_terminal(b)


def facts_of(pod: Object) -> tuple[object, ...]:
    """The plain fields that endpoints show or Services select by."""
    metadata: Mapping[str, object] = pod["metadata"]
    spec: Mapping[str, object] = pod["spec"]
    return (
        metadata.get("labels"), "deletionTimestamp" in metadata, pod["status"].get("podIPs"),
        spec.get("nodeName"), spec.get("hostname"), spec.get("subdomain"),
    )  # fmt: skip


def zone_of(node: Stored) -> str:
    """The zone that a node is in, "" if it does not say."""
    labels: Mapping[str, str] = node.object["metadata"].get("labels") or {}
    return labels.get(ZONE_LABEL, "")
