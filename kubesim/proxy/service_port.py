"""A port of a Service as kube-proxy sees it: its addresses and its policies.

Upstream: pkg/proxy/serviceport.go, servicechangetracker.go. Left out: IPv6.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from kubesim.api.stored import Object

LOCAL = "Local"
CLIENT_IP = "ClientIP"
AFFINITY_SECONDS = 10800


class ServicePort(msgspec.Struct, frozen=True, gc=False):
    """One port of one Service."""

    namespace: str
    service: str
    port_name: str
    protocol: str
    cluster_ip: str
    port: int
    node_port: int = 0
    external_ips: tuple[str, ...] = ()
    load_balancer_ips: tuple[str, ...] = ()
    source_ranges: tuple[str, ...] = ()
    affinity_seconds: int = 0  # 0: every connection is free to go anywhere.
    internal_local: bool = False
    external_local: bool = False
    health_check_node_port: int = 0

    @property
    def name(self) -> str:
        """namespace/name:port, as rules and logs have it."""
        port = f":{self.port_name}" if self.port_name else ""
        return f"{self.namespace}/{self.service}{port}"

    @property
    def is_externally_accessible(self) -> bool:
        """Whether there is a way in from outside of the cluster."""
        return bool(self.node_port or self.load_balancer_ips or self.external_ips)

    @property
    def uses_cluster_endpoints(self) -> bool:
        """Whether endpoints on other nodes are ever used: also with Local policies, by what comes from inside."""
        return not self.internal_local or self.is_externally_accessible

    @property
    def uses_local_endpoints(self) -> bool:
        """Whether a policy asks for endpoints on the same node."""
        return self.internal_local or (self.external_local and self.is_externally_accessible)


def ports_of(service: Object) -> tuple[ServicePort, ...]:
    """The ports of a Service for which rules are made: none if it has no address of its own."""
    spec: Object = service["spec"]
    if spec.get("type") == "ExternalName" or spec.get("clusterIP", "") in ("", "None"):
        return ()
    return tuple(_ports(service, spec))


def _ports(service: Object, spec: Object) -> Iterator[ServicePort]:
    metadata = service["metadata"]
    shared: dict[str, Any] = {
        "namespace": metadata["namespace"],
        "service": metadata["name"],
        "cluster_ip": spec["clusterIP"],
        "external_ips": tuple(spec.get("externalIPs") or ()),
        "load_balancer_ips": _load_balancer_ips(service),
        "source_ranges": tuple(each.strip() for each in spec.get("loadBalancerSourceRanges") or ()),
        "affinity_seconds": _affinity_seconds(spec),
        "internal_local": spec.get("internalTrafficPolicy") == LOCAL,
        "external_local": spec.get("externalTrafficPolicy") == LOCAL,
        "health_check_node_port": spec.get("healthCheckNodePort") or 0,
    }
    for port in spec.get("ports") or ():
        yield ServicePort(
            port_name=port.get("name", ""),
            protocol=port.get("protocol", "TCP"),
            port=port["port"],
            node_port=port.get("nodePort") or 0,
            **shared,
        )


def _load_balancer_ips(service: Object) -> tuple[str, ...]:
    """The addresses that a load balancer answers at on the nodes' behalf (mode VIP)."""
    balancer = (service.get("status") or {}).get("loadBalancer") or {}
    return tuple(
        each["ip"] for each in balancer.get("ingress") or () if each.get("ip") and each.get("ipMode", "VIP") == "VIP"
    )


def _affinity_seconds(spec: Object) -> int:
    if spec.get("sessionAffinity") != CLIENT_IP:
        return 0
    client = (spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}
    return int(client.get("timeoutSeconds") or AFFINITY_SECONDS)
