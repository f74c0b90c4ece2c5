"""A Service that changes its type: what only the old type needed goes, what the server had allocated stays.

The fields of a Service depend on its type, and the server fills many of them in. So that `kubectl patch` of the
type alone works, an update clears the fields that no longer apply if the client did not touch them, and gives
back those that the server had allocated and the client left out.
Upstream: dropTypeDependentFields in pkg/registry/core/service/strategy.go, patchAllocatedValues and
normalizeClusterIPs in pkg/registry/core/service/storage. Left out: IPv6.
"""

from __future__ import annotations

from kubesim.api.meta import with_fields
from kubesim.api.stored import Object

NONE = "None"
CLUSTER_IP, NODE_PORT, LOAD_BALANCER, EXTERNAL_NAME = "ClusterIP", "NodePort", "LoadBalancer", "ExternalName"
TYPES = (CLUSTER_IP, EXTERNAL_NAME, LOAD_BALANCER, NODE_PORT)
ADDRESS_FIELDS = ("ipFamilies", "ipFamilyPolicy")


def type_of(spec: Object) -> str:
    """The type of a Service."""
    kind: str = spec.get("type") or CLUSTER_IP
    return kind


def needs_address(spec: Object) -> bool:
    """Whether it has a clusterIP, be it "None"."""
    return type_of(spec) in (CLUSTER_IP, NODE_PORT, LOAD_BALANCER)


def needs_node_ports(spec: Object) -> bool:
    """Whether its ports are open on every node."""
    kind = type_of(spec)
    return kind == NODE_PORT or (kind == LOAD_BALANCER and spec.get("allocateLoadBalancerNodePorts") is not False)


def needs_health_check(spec: Object) -> bool:
    """Whether a load balancer has to ask the nodes who of them has endpoints."""
    return type_of(spec) == LOAD_BALANCER and spec.get("externalTrafficPolicy") == "Local"


def is_externally_accessible(spec: Object) -> bool:
    """Whether traffic may come from outside the cluster."""
    return type_of(spec) in (LOAD_BALANCER, NODE_PORT) or (
        type_of(spec) == CLUSTER_IP and bool(spec.get("externalIPs"))
    )


def without_idle_fields(spec: Object, old: Object) -> Object:
    """The new spec without what the old type needed, the new one does not, and the client has left as it was."""
    changes: Object = {}

    def clear(*names: str) -> None:
        changes.update({name: None for name in names if name in spec and spec[name] == old.get(name)})

    if needs_address(old) and not needs_address(spec):
        if spec.get("clusterIP") == old.get("clusterIP") and spec.get("clusterIPs") == old.get("clusterIPs"):
            clear("clusterIP", "clusterIPs")
        clear(*ADDRESS_FIELDS)
    if needs_node_ports(old) and not needs_node_ports(spec) and _node_ports(spec) == _node_ports(old):
        changes["ports"] = [with_fields(port, {"nodePort": None}) for port in spec.get("ports") or ()]
    if needs_health_check(old) and not needs_health_check(spec):
        clear("healthCheckNodePort")
    if type_of(old) == LOAD_BALANCER != type_of(spec):
        clear("allocateLoadBalancerNodePorts", "loadBalancerClass")
    if is_externally_accessible(old) and not is_externally_accessible(spec):
        clear("externalTrafficPolicy")
    return with_fields(spec, changes) if changes else spec


def with_allocated_values(spec: Object, old: Object) -> Object:
    """The new spec with the addresses and ports that the server gave before and the client does not mention."""
    changes: Object = {}
    if needs_address(old) and needs_address(spec):
        if not spec.get("clusterIP") and "clusterIP" in old:
            changes["clusterIP"] = old["clusterIP"]
        address = changes.get("clusterIP", spec.get("clusterIP"))
        if not spec.get("clusterIPs") and address == old.get("clusterIP") and "clusterIPs" in old:
            changes["clusterIPs"] = old["clusterIPs"]
        changes |= {name: old[name] for name in ADDRESS_FIELDS if name in old and not spec.get(name)}
    if needs_node_ports(old) and needs_node_ports(spec):
        ports = _with_node_ports(spec.get("ports") or [], old.get("ports") or [])
        if ports != (spec.get("ports") or []):
            changes["ports"] = ports
    if needs_health_check(old) and needs_health_check(spec) and not spec.get("healthCheckNodePort"):
        changes["healthCheckNodePort"] = old.get("healthCheckNodePort")
    return with_fields(spec, changes) if changes else spec


def _node_ports(spec: Object) -> list[int]:
    return sorted(port["nodePort"] for port in spec.get("ports") or () if port.get("nodePort"))


def _with_node_ports(ports: list[Object], old: list[Object]) -> list[Object]:
    """A port without a node port gets the one that the port of its name had, if no other port has taken it."""
    by_name = {port.get("name", ""): port.get("nodePort", 0) for port in old}
    used = {port.get("nodePort", 0) for port in ports} & {port.get("nodePort", 0) for port in old}
    given = []
    for port in ports:
        before = by_name.get(port.get("name", ""), 0)
        if port.get("nodePort") or not before or before in used:
            given.append(port)
            continue
        used.add(before)
        given.append({**port, "nodePort": before})
    return given
