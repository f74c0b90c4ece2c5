"""Pods and the template that they are made from.

Upstream: k8s.io/api/core/v1/types.go.
"""

from __future__ import annotations

from typing import Any

from msgspec import field

from kubesim.api.views.base import Quantity, View
from kubesim.api.views.core_affinity import Affinity, Toleration, TopologySpreadConstraint
from kubesim.api.views.core_container import Container, ContainerStatus, EphemeralContainer, ResourceRequirements
from kubesim.api.views.core_volume import Volume
from kubesim.api.views.meta import ObjectMeta


class PodReadinessGate(View, frozen=True):
    """A condition that must be True before the Pod is ready."""

    condition_type: str = ""


class PodSchedulingGate(View, frozen=True):
    """As long as there is one, the Pod is not scheduled."""

    name: str = ""


class LocalObjectReference(View, frozen=True):
    """The name of something in the same namespace."""

    name: str = ""


class HostAlias(View, frozen=True):
    """A line of /etc/hosts."""

    hostnames: tuple[str, ...] = ()
    ip: str = ""


class PodOS(View, frozen=True):
    """The operating system that the Pod is for."""

    name: str = ""


class PodResourceClaim(View, frozen=True):
    """A device claim of the Pod."""

    name: str = ""
    resource_claim_name: str = ""
    resource_claim_template_name: str = ""


class PodDNSConfig(View, frozen=True):
    """Resolver settings."""

    nameservers: tuple[str, ...] = ()
    options: tuple[dict[str, Any], ...] = ()
    searches: tuple[str, ...] = ()


class PodSpec(View, frozen=True):
    """What a Pod shall be."""

    active_deadline_seconds: int | None = None
    affinity: Affinity | None = None
    automount_service_account_token: bool | None = None
    containers: tuple[Container, ...] = ()
    dns_config: PodDNSConfig | None = None
    dns_policy: str = ""
    enable_service_links: bool | None = None
    ephemeral_containers: tuple[EphemeralContainer, ...] = ()
    host_aliases: tuple[HostAlias, ...] = ()
    host_ipc: bool = False
    host_network: bool = False
    host_pid: bool = False
    host_users: bool | None = None
    hostname: str = ""
    hostname_override: str = ""
    image_pull_secrets: tuple[LocalObjectReference, ...] = ()
    init_containers: tuple[Container, ...] = ()
    node_name: str = ""
    node_selector: dict[str, str] = field(default_factory=dict)
    os: PodOS | None = None
    overhead: dict[str, Quantity] = field(default_factory=dict)
    preemption_policy: str = ""
    priority: int | None = None
    priority_class_name: str = ""
    readiness_gates: tuple[PodReadinessGate, ...] = ()
    resource_claims: tuple[PodResourceClaim, ...] = ()
    resources: ResourceRequirements | None = None
    restart_policy: str = ""
    runtime_class_name: str = ""
    scheduler_name: str = ""
    scheduling_gates: tuple[PodSchedulingGate, ...] = ()
    scheduling_group: dict[str, Any] | None = None
    security_context: dict[str, Any] | None = None
    service_account: str = ""
    service_account_name: str = ""
    set_hostname_as_fqdn: bool | None = None
    share_process_namespace: bool | None = None
    subdomain: str = ""
    termination_grace_period_seconds: int | None = None
    tolerations: tuple[Toleration, ...] = ()
    topology_spread_constraints: tuple[TopologySpreadConstraint, ...] = ()
    volumes: tuple[Volume, ...] = ()


class PodCondition(View, frozen=True):
    """One aspect of a Pod's state. `lastProbeTime` (always null in practice) is left out."""

    type: str = ""
    last_transition_time: str = ""
    message: str = ""
    observed_generation: int = 0
    reason: str = ""
    status: str = ""


class PodIP(View, frozen=True):
    """One address of a Pod."""

    ip: str = ""


class HostIP(View, frozen=True):
    """One address of a Pod's node."""

    ip: str = ""


class PodResourceClaimStatus(View, frozen=True):
    """Which ResourceClaim was made for a claim of the Pod."""

    name: str = ""
    resource_claim_name: str = ""


class PodStatus(View, frozen=True):
    """How a Pod is, by its kubelet (and the scheduler's condition PodScheduled)."""

    allocated_resources: dict[str, Quantity] = field(default_factory=dict)
    conditions: tuple[PodCondition, ...] = ()
    container_statuses: tuple[ContainerStatus, ...] = ()
    ephemeral_container_statuses: tuple[ContainerStatus, ...] = ()
    extended_resource_claim_status: dict[str, Any] | None = None
    host_ip: str = ""
    host_ips: tuple[HostIP, ...] = ()
    init_container_statuses: tuple[ContainerStatus, ...] = ()
    message: str = ""
    node_allocatable_resource_claim_statuses: tuple[dict[str, Any], ...] = ()
    nominated_node_name: str = ""
    observed_generation: int = 0
    phase: str = ""
    pod_ip: str = ""
    pod_ips: tuple[PodIP, ...] = ()
    qos_class: str = ""
    reason: str = ""
    resize: str = ""
    resource_claim_statuses: tuple[PodResourceClaimStatus, ...] = ()
    resources: ResourceRequirements | None = None
    start_time: str = ""


class Pod(View, frozen=True):
    """Containers that live and die together on one node."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()


class PodTemplateSpec(View, frozen=True):
    """What Pods are made from."""

    metadata: ObjectMeta = ObjectMeta()
    spec: PodSpec = PodSpec()
