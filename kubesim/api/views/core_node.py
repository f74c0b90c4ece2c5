"""Nodes: machines that run Pods.

Upstream: k8s.io/api/core/v1/types.go.
"""

from __future__ import annotations

from typing import Any

from msgspec import field

from kubesim.api.views.base import Quantity, View
from kubesim.api.views.meta import ObjectMeta


class Taint(View, frozen=True):
    """Keeps Pods without a matching toleration away."""

    effect: str = ""
    key: str = ""
    time_added: str = ""
    value: str = ""


class NodeSpec(View, frozen=True):
    """What is decided about a node."""

    config_source: dict[str, Any] | None = None
    external_id: str = ""
    pod_cidr: str = ""
    pod_cidrs: tuple[str, ...] = ()
    provider_id: str = ""
    taints: tuple[Taint, ...] = ()
    unschedulable: bool = False


class NodeCondition(View, frozen=True):
    """One aspect of a node's state, with the time of the last heartbeat."""

    type: str = ""
    last_heartbeat_time: str = ""
    last_transition_time: str = ""
    message: str = ""
    reason: str = ""
    status: str = ""


class NodeAddress(View, frozen=True):
    """One address of a node."""

    type: str = ""
    address: str = ""


class ContainerImage(View, frozen=True):
    """An image that the node has."""

    names: tuple[str, ...] = ()
    size_bytes: int = 0


class NodeSystemInfo(View, frozen=True):
    """Versions and ids."""

    architecture: str = ""
    boot_id: str = ""
    container_runtime_version: str = ""
    kernel_version: str = ""
    kube_proxy_version: str = ""
    kubelet_version: str = ""
    machine_id: str = ""
    operating_system: str = ""
    os_image: str = ""
    swap: dict[str, Any] | None = None
    system_uuid: str = ""


class NodeStatus(View, frozen=True):
    """How a node is, by its kubelet."""

    addresses: tuple[NodeAddress, ...] = ()
    allocatable: dict[str, Quantity] = field(default_factory=dict)
    capacity: dict[str, Quantity] = field(default_factory=dict)
    conditions: tuple[NodeCondition, ...] = ()
    config: dict[str, Any] | None = None
    daemon_endpoints: dict[str, Any] | None = None
    declared_features: tuple[str, ...] = ()
    features: dict[str, Any] | None = None
    images: tuple[ContainerImage, ...] = ()
    node_info: NodeSystemInfo | None = None
    phase: str = ""
    runtime_handlers: tuple[dict[str, Any], ...] = ()
    volumes_attached: tuple[dict[str, Any], ...] = ()
    volumes_in_use: tuple[str, ...] = ()


class Node(View, frozen=True):
    """A machine that runs Pods."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()
