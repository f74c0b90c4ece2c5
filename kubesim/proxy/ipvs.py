"""What kube-proxy makes of one port of a Service in mode ipvs: virtual servers, and members of ipsets. Pure.

Every address of a Service is put on the device kube-ipvs0 and becomes a virtual server with its endpoints behind it.
A handful of iptables rules, the same whatever Services there are, ask ipsets who has to be masqueraded or dropped.
Upstream: syncProxyRules in pkg/proxy/ipvs/proxier.go. Left out: schedulers but rr, real
servers that end gracefully.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kubesim.proxy.config import NodeFacts
from kubesim.proxy.endpoint import Endpoint
from kubesim.proxy.packet import is_in
from kubesim.proxy.service_port import ServicePort
from kubesim.proxy.topology import Categories

CLUSTER_IP, LOOP_BACK, IPVS_IPS = "KUBE-CLUSTER-IP", "KUBE-LOOP-BACK", "KUBE-IPVS-IPS"
EXTERNAL_IP, EXTERNAL_IP_LOCAL = "KUBE-EXTERNAL-IP", "KUBE-EXTERNAL-IP-LOCAL"
BALANCER, BALANCER_LOCAL, BALANCER_FW = "KUBE-LOAD-BALANCER", "KUBE-LOAD-BALANCER-LOCAL", "KUBE-LOAD-BALANCER-FW"
SOURCE_CIDR, SOURCE_IP = "KUBE-LOAD-BALANCER-SOURCE-CIDR", "KUBE-LOAD-BALANCER-SOURCE-IP"
HEALTH_CHECK = "KUBE-HEALTH-CHECK-NODE-PORT"


class VirtualServer(NamedTuple):
    """One address that is balanced."""

    address: str
    port: int
    protocol: str
    persistent_seconds: int
    servers: tuple[str, ...]  # ip:port of the endpoints.
    service: str

    @property
    def name(self) -> str:
        """TCP 10.96.0.1:443, as ipvsadm begins its lines."""
        return f"{self.protocol} {self.address}:{self.port}"


class Member(NamedTuple):
    """An entry of an ipset."""

    set: str
    entry: str


class IpvsPort(NamedTuple):
    """What one port of a Service adds."""

    servers: list[VirtualServer]
    members: list[Member]


def ipvs_rules_of(port: ServicePort, found: Categories, node: NodeFacts) -> IpvsPort:
    """All that a port adds on `node`."""
    result = IpvsPort([], [])
    protocol = port.protocol.lower()
    internal = _behind(port, found, local=port.internal_local)
    _serve(result, port, port.cluster_ip, port.port, internal)
    result.members.append(Member(CLUSTER_IP, f"{port.cluster_ip},{protocol}:{port.port}"))
    external = _behind(port, found, local=port.external_local)
    for ip in port.external_ips:
        _serve(result, port, ip, port.port, external)
        name = EXTERNAL_IP_LOCAL if port.external_local else EXTERNAL_IP
        result.members.append(Member(name, f"{ip},{protocol}:{port.port}"))
    for ip in port.load_balancer_ips:
        _serve(result, port, ip, port.port, external)
        result.members.extend(_balancer_members(port, ip, node))
    if port.node_port:
        _serve(result, port, node.address, port.node_port, external)
        result.members.append(Member(f"KUBE-NODE-PORT-{port.protocol}", str(port.node_port)))
        if port.external_local:
            result.members.append(Member(f"KUBE-NODE-PORT-LOCAL-{port.protocol}", str(port.node_port)))
    if port.health_check_node_port:
        result.members.append(Member(HEALTH_CHECK, str(port.health_check_node_port)))
    for endpoint in found.reachable:
        if endpoint.node == node.name:
            entry = f"{endpoint.ip},{protocol}:{endpoint.port},{endpoint.ip}"
            result.members.append(Member(LOOP_BACK, entry))
    return result


def _behind(port: ServicePort, found: Categories, *, local: bool) -> Sequence[Endpoint]:
    """The endpoints of one way in. Policy Local falls back to all endpoints, for clients inside of the cluster."""
    if not local:
        return found.cluster
    if found.local or port.internal_local:
        return found.local
    return found.cluster


def _serve(result: IpvsPort, port: ServicePort, ip: str, number: int, endpoints: Sequence[Endpoint]) -> None:
    addresses = tuple(endpoint.address for endpoint in endpoints)
    result.servers.append(VirtualServer(ip, number, port.protocol, port.affinity_seconds, addresses, port.name))
    if ip:
        result.members.append(Member(IPVS_IPS, ip))


def _balancer_members(port: ServicePort, ip: str, node: NodeFacts) -> list[Member]:
    entry = f"{ip},{port.protocol.lower()}:{port.port}"
    members = [Member(BALANCER, entry)]
    if port.external_local:
        members.append(Member(BALANCER_LOCAL, entry))
    if port.source_ranges:
        members.append(Member(BALANCER_FW, entry))
        members += [Member(SOURCE_CIDR, f"{entry},{source}") for source in port.source_ranges]
        if any(is_in(node.address, source) for source in port.source_ranges):
            members.append(Member(SOURCE_IP, f"{entry},{ip}"))
    return members
