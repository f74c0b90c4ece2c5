"""What a machine is: the facts that its kubelet reports and cannot change."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from kubesim.kubelet.configuration import KubeletConfiguration, allocatable

KUBELET_VERSION = "v1.36.2"
NODE_ADDRESS_BASE = (192 << 24) | (168 << 16) | (49 << 8)  # minikube's network, 192.168.49.0.
POD_ADDRESS_BASE = (10 << 24) | (244 << 16)
EMPTY: Mapping[str, str] = MappingProxyType({})


class NodeConfig(msgspec.Struct, frozen=True):
    """One node. `capacity` and `allocatable` are quantities by resource; "" fields get a default from the name."""

    name: str
    capacity: Mapping[str, str] = MappingProxyType(
        {"cpu": "2", "ephemeral-storage": "61255492Ki", "memory": "4Gi", "pods": "110"}
    )
    allocatable: Mapping[str, str] | None = None  # None: the capacity without what is reserved.
    labels: Mapping[str, str] = EMPTY
    annotations: Mapping[str, str] = EMPTY
    taints: tuple[Mapping[str, str], ...] = ()
    zone: str = ""
    region: str = ""
    address: str = ""
    pod_cidr: str = ""
    provider_id: str = ""
    version: str = KUBELET_VERSION
    os_image: str = "Debian GNU/Linux 12 (bookworm)"
    kernel_version: str = "6.8.0-kubesim"
    architecture: str = "amd64"
    images: tuple[str, ...] = ()  # On the node from the beginning.
    runtime: str = "containerd"  # Or "docker", "cri-o".
    serialize_image_pulls: bool = True  # One pull after another.
    max_parallel_image_pulls: int | None = None  # Only without serialize_image_pulls; None: any number.
    image_gc_high_percent: int = 85  # Of the disk: from here on images that nothing runs from are removed …
    image_gc_low_percent: int = 80  # … until no more than this is used.
    kubelet_port: int = 10250
    configuration: KubeletConfiguration = KubeletConfiguration()

    @property
    def number(self) -> int:
        """The number at the end of the name (node-7: 7), 0 if there is none."""
        match = re.search(r"(\d+)$", self.name)
        return int(match[1]) if match else 0

    def internal_ip(self) -> str:
        """The node's address: as given, or minikube's: 192.168.49.2 for the first node."""
        return self.address or dotted(NODE_ADDRESS_BASE + self.number + 1)

    def pod_network(self) -> str:
        """The CIDR of its Pods: as given, or 10.244.N.0/24 for node number N."""
        return self.pod_cidr or f"{dotted(POD_ADDRESS_BASE + (self.number << 8))}/24"

    def allocatable_resources(self) -> dict[str, str]:
        """What Pods may use."""
        if self.allocatable is not None:
            return dict(self.allocatable)
        return allocatable(self.capacity, self.configuration)

    def all_labels(self) -> dict[str, str]:
        """The labels that every kubelet sets, then zone and region, then the configured ones."""
        labels = {
            "beta.kubernetes.io/arch": self.architecture,
            "beta.kubernetes.io/os": "linux",
            "kubernetes.io/arch": self.architecture,
            "kubernetes.io/hostname": self.name,
            "kubernetes.io/os": "linux",
        }
        if self.region:
            labels["topology.kubernetes.io/region"] = self.region
        if self.zone:
            labels["topology.kubernetes.io/zone"] = self.zone
        return labels | dict(self.labels)


def dotted(address: int) -> str:
    """An IPv4 address from its number."""
    return f"{address >> 24 & 255}.{address >> 16 & 255}.{address >> 8 & 255}.{address & 255}"


def default_nodes(count: int) -> tuple[NodeConfig, ...]:
    """node-1 … node-N, as minikube's would be."""
    return tuple(NodeConfig(name=f"node-{number}") for number in range(1, count + 1))
