"""Services, and the Endpoints that older clients read.

Upstream: k8s.io/api/core/v1/types.go.
"""

from __future__ import annotations

from typing import Any

from msgspec import field

from kubesim.api.views.base import IntOrString, View
from kubesim.api.views.core_event import ObjectReference
from kubesim.api.views.meta import Condition, ObjectMeta


class ServicePort(View, frozen=True):
    """A port of a Service and the port behind it."""

    name: str = ""
    app_protocol: str = ""
    node_port: int = 0
    port: int = 0
    protocol: str = ""
    target_port: IntOrString | None = None


class ServiceSpec(View, frozen=True):
    """What a Service is for."""

    type: str = ""
    allocate_load_balancer_node_ports: bool | None = None
    cluster_ip: str = ""
    cluster_ips: tuple[str, ...] = ()
    external_ips: tuple[str, ...] = ()
    external_name: str = ""
    external_traffic_policy: str = ""
    health_check_node_port: int = 0
    internal_traffic_policy: str = ""
    ip_families: tuple[str, ...] = ()
    ip_family_policy: str = ""
    load_balancer_class: str = ""
    load_balancer_ip: str = ""
    load_balancer_source_ranges: tuple[str, ...] = ()
    ports: tuple[ServicePort, ...] = ()
    publish_not_ready_addresses: bool = False
    selector: dict[str, str] = field(default_factory=dict)
    session_affinity: str = ""
    session_affinity_config: dict[str, Any] | None = None
    traffic_distribution: str = ""


class ServiceStatus(View, frozen=True):
    """Load balancers and conditions."""

    conditions: tuple[Condition, ...] = ()
    load_balancer: dict[str, Any] | None = None


class Service(View, frozen=True):
    """One stable address for many Pods."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: ServiceSpec = ServiceSpec()
    status: ServiceStatus = ServiceStatus()


class EndpointAddress(View, frozen=True):
    """One address behind a Service."""

    hostname: str = ""
    ip: str = ""
    node_name: str = ""
    target_ref: ObjectReference | None = None


class EndpointPort(View, frozen=True):
    """One port behind a Service."""

    name: str = ""
    app_protocol: str = ""
    port: int = 0
    protocol: str = ""


class EndpointSubset(View, frozen=True):
    """Addresses times ports."""

    addresses: tuple[EndpointAddress, ...] = ()
    not_ready_addresses: tuple[EndpointAddress, ...] = ()
    ports: tuple[EndpointPort, ...] = ()


class Endpoints(View, frozen=True):
    """All addresses behind a Service in one object."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta()
    subsets: tuple[EndpointSubset, ...] = ()
