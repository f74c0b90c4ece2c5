"""A node with all that is promised to Pods on it: what Filter and Score look at.

Upstream: `NodeInfo` in pkg/scheduler/framework/types.go.
"""

from __future__ import annotations

from kubesim.api.views import Node
from kubesim.scheduler.pod_group import NO_TERMS, PodGroup
from kubesim.scheduler.pod_info import ANY_IP, HostPort, PodInfo
from kubesim.scheduler.resources import PODS_RESOURCE, Amounts, add, amounts, subtract

ZONE_LABEL = "topology.kubernetes.io/zone"
REGION_LABEL = "topology.kubernetes.io/region"


class NodeInfo:
    """One node. `generation` grows with every change that a plugin could see.

    `node` is None while Pods are assigned to a node that the scheduler does not know (yet, or any more);
    such a node is in no snapshot.
    """

    __slots__ = (
        "affine_groups", "allocatable", "allowed_pods", "generation", "groups", "images", "name", "node",
        "non_zero_cpu", "non_zero_memory", "pods", "ports", "renewals", "requested",
    )  # fmt: skip

    def __init__(self, name: str, node: Node | None = None) -> None:
        self.name = name
        self.generation = 0  # Grows with every change that a plugin can see,
        self.renewals = 0  # and this one with newer revisions of Pods in which it sees none.
        self.requested: Amounts = {}
        self.non_zero_cpu = 0
        self.non_zero_memory = 0
        self.pods: dict[str, PodInfo] = {}  # By uid, in the order of arrival.
        self.ports: dict[HostPort, int] = {}
        self.groups: dict[PodGroup, int] = {}  # How many Pods there are of each group,
        self.affine_groups: dict[PodGroup, int] = {}  # and of those with affinity to other Pods.
        self.set_node(node)

    def set_node(self, node: Node | None) -> None:
        """The node object appeared, changed or (None) went."""
        self.node = node
        allocatable = amounts(node.status.allocatable) if node else {}
        self.allowed_pods = allocatable.pop(PODS_RESOURCE, 0)
        self.allocatable = allocatable
        self.images: dict[str, int] = {}
        for image in node.status.images if node else ():
            for name in image.names:
                self.images[name] = image.size_bytes
        self.generation += 1

    @property
    def known(self) -> Node:
        """The node object of a node that is in a snapshot."""
        assert self.node is not None, f"{self.name} is in no snapshot"
        return self.node

    @property
    def zone(self) -> tuple[str, str]:
        """(region, zone): nodes are visited zone by zone in turn."""
        labels = self.known.metadata.labels
        return labels.get(REGION_LABEL, ""), labels.get(ZONE_LABEL, "")

    def add_pod(self, pod: PodInfo) -> None:
        """A Pod is (or is about to be) on this node."""
        shape = pod.shape
        self.pods[pod.uid] = pod
        add(self.requested, shape.requests)
        self.non_zero_cpu += shape.non_zero_cpu
        self.non_zero_memory += shape.non_zero_memory
        for port in shape.host_ports:
            self.ports[port] = self.ports.get(port, 0) + 1
        group = pod.group
        self.groups[group] = self.groups.get(group, 0) + 1
        if group.terms is not NO_TERMS:
            self.affine_groups[group] = self.groups[group]
        self.generation += 1

    def remove_pod(self, uid: str) -> None:
        """A Pod left."""
        pod = self.pods.pop(uid)
        shape = pod.shape
        subtract(self.requested, shape.requests)
        self.non_zero_cpu -= shape.non_zero_cpu
        self.non_zero_memory -= shape.non_zero_memory
        for port in shape.host_ports:
            users = self.ports.pop(port) - 1
            if users:
                self.ports[port] = users
        group = pod.group
        left = self.groups.pop(group) - 1
        self.affine_groups.pop(group, None)
        if left:
            self.groups[group] = left
            if group.terms is not NO_TERMS:
                self.affine_groups[group] = left
        self.generation += 1

    def replace_pod(self, pod: PodInfo) -> bool:
        """A newer revision of a Pod that is here; True if a plugin could see the difference."""
        old = self.pods[pod.uid]
        if old.shape is pod.shape and old.group == pod.group:
            self.pods[pod.uid] = pod
            self.renewals += 1
            return False
        self.remove_pod(pod.uid)
        self.add_pod(pod)
        return True

    def has_port_conflict(self, port: HostPort) -> bool:
        """Whether the port is taken: a taken or wanted address of 0.0.0.0 stands for all addresses."""
        if not self.ports:
            return False
        address, protocol, number = port
        if address == ANY_IP:
            return any(taken[1:] == (protocol, number) for taken in self.ports)
        return port in self.ports or (ANY_IP, protocol, number) in self.ports

    def clone(self) -> NodeInfo:
        """A copy to try changes on, as preemption does."""
        copy = NodeInfo(self.name)
        copy.node, copy.allocatable, copy.allowed_pods = self.node, self.allocatable, self.allowed_pods
        copy.images, copy.requested, copy.pods = self.images, dict(self.requested), dict(self.pods)
        copy.non_zero_cpu, copy.non_zero_memory = self.non_zero_cpu, self.non_zero_memory
        copy.ports, copy.generation = dict(self.ports), self.generation
        copy.groups, copy.affine_groups = dict(self.groups), dict(self.affine_groups)
        return copy

    def __repr__(self) -> str:
        return f"<NodeInfo {self.name} #{self.generation}>"
