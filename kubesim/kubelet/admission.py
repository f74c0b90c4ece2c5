"""Whether a Pod that is bound to this node may run here: the kubelet's own last check.

The scheduler should never bind a Pod that does not fit, but a stale cache, a second scheduler or a spec.nodeName
written by hand can. Such a Pod fails at once and for good, e.g. with reason OutOfcpu, NodeAffinity, NodePorts or
TaintToleration (of taints a kubelet heeds only NoExecute).
Upstream: pkg/kubelet/lifecycle/predicate.go. Left out: device plugins, critical Pods that evict others.
"""

from __future__ import annotations

from collections.abc import Mapping

from kubesim.api.node_selector import compile_terms
from kubesim.api.quantity import milli, value
from kubesim.api.tolerations import tolerates
from kubesim.api.views import Container, Node, PodSpec
from kubesim.kubelet.node_config import NodeConfig
from kubesim.kubelet.pod_actions import is_sidecar
from kubesim.kubelet.pod_state import PodState

Amounts = dict[str, int]
HostPort = tuple[str, str, int]
ANY_ADDRESS = "0.0.0.0"
NO_EXECUTE = "NoExecute"


class Admission:
    """Keeps account of what the Pods of a node asked for."""

    def __init__(self, node: NodeConfig) -> None:
        resources = node.allocatable_resources()
        self._allocatable = {name: amount(name, quantity) for name, quantity in resources.items()}
        self._reserved: dict[PodState, Amounts] = {}
        self._used: Amounts = {}
        self._node: Node | None = None

    def see(self, node: Node) -> None:
        """The Node as the apiserver has it now: its labels and taints count."""
        self._node = node

    def admit(self, pod: PodState) -> tuple[str, str] | None:
        """None if it fits, and then its share is reserved; else reason and message of its failure."""
        present, pods_max = len(self._reserved), self._allocatable.get("pods")
        if pods_max is not None and present >= pods_max:
            return rejection("pods", 1, present, pods_max)
        for name, count in pod_requests(pod.spec).items():
            used, capacity = self._used.get(name, 0), self._allocatable.get(name, 0)
            if count and used + count > capacity:
                return rejection(name, count, used, capacity)
        if (failed := self._unsuited(pod)) is not None:
            predicate, words = failed
            return predicate, f"Pod was rejected: Predicate {predicate} failed: {words}"
        self.reserve(pod)
        return None

    def _unsuited(self, pod: PodState) -> tuple[str, str] | None:
        """The first predicate that does not hold, and what it says."""
        if self._node is not None and not wants(pod.spec, self._node):
            return "NodeAffinity", "node(s) didn't match Pod's node affinity/selector"
        taken = [port for other in self._reserved for port in host_ports(other.spec)]
        if any(collide(port, other) for port in host_ports(pod.spec) for other in taken):
            return "NodePorts", "node(s) didn't have free ports for the requested pod ports"
        taints = self._node.spec.taints if self._node is not None else ()
        driving = [taint for taint in taints if taint.effect == NO_EXECUTE]
        if any(not any(tolerates(each, taint) for each in pod.spec.tolerations) for taint in driving):
            return "TaintToleration", "node(s) had taints that the pod didn't tolerate"
        return None

    def why_not(self, pod: PodState, wanted: PodSpec) -> tuple[str, str] | None:
        """None if a Pod that is here can have what `wanted` asks of cpu and memory; else reason and message."""
        own = self._reserved.get(pod, {})
        asked = pod_requests(wanted)
        for name in ("cpu", "memory"):
            count, capacity = asked.get(name, 0), self._allocatable.get(name, 0)
            if count > capacity:
                words = f"Node didn't have enough capacity: {name}, requested: {count}, capacity: {capacity}"
                return "Infeasible", words
        for name in ("cpu", "memory"):
            count, capacity = asked.get(name, 0), self._allocatable.get(name, 0)
            used = self._used.get(name, 0) - own.get(name, 0)
            if count > own.get(name, 0) and used + count > capacity:
                words = f"Node didn't have enough resource: {name}, requested: {count}, used: {used}"
                return "Deferred", f"{words}, capacity: {capacity}"
        return None

    def change(self, pod: PodState) -> None:
        """The Pod asks for something else now."""
        self.release(pod)
        self.reserve(pod)

    def reserve(self, pod: PodState) -> None:
        """Counts a Pod that is here, whether it fits or not."""
        asked = self._reserved[pod] = pod_requests(pod.spec)
        for name, count in asked.items():
            self._used[name] = self._used.get(name, 0) + count

    def release(self, pod: PodState) -> None:
        """The Pod needs nothing any more."""
        for name, count in self._reserved.pop(pod, {}).items():
            self._used[name] -= count


def wants(spec: PodSpec, node: Node) -> bool:
    """Whether the Pod's node selector and its required node affinity hold for a node."""
    if any(node.metadata.labels.get(name) != value for name, value in spec.node_selector.items()):
        return False
    affinity = spec.affinity.node_affinity if spec.affinity else None
    required = affinity.required_during_scheduling_ignored_during_execution if affinity else None
    return required is None or compile_terms(required.node_selector_terms)(node)


def host_ports(spec: PodSpec) -> list[HostPort]:
    """Address, protocol and number of the ports of the machine that a Pod takes."""
    return [
        (port.host_ip or ANY_ADDRESS, port.protocol or "TCP", port.host_port)
        for container in (*spec.containers, *(each for each in spec.init_containers if is_sidecar(each)))
        for port in container.ports
        if port.host_port
    ]


def collide(port: HostPort, other: HostPort) -> bool:
    """Whether two Pods cannot have both: the same number of one protocol, on one address or on all."""
    return port[1:] == other[1:] and (port[0] == other[0] or ANY_ADDRESS in (port[0], other[0]))


def rejection(resource: str, requested: int, used: int, capacity: int) -> tuple[str, str]:
    """Reason and message for too little of `resource`."""
    return (
        f"OutOf{resource}",
        f"Pod was rejected: Node didn't have enough resource: {resource}, "
        f"requested: {requested}, used: {used}, capacity: {capacity}",
    )


def pod_requests(spec: PodSpec) -> Amounts:
    """What a Pod asks for: its containers and sidecars together, or one init container if that is more."""
    total: Amounts = {}
    for container in (*spec.containers, *(each for each in spec.init_containers if is_sidecar(each))):
        for name, count in container_requests(container).items():
            total[name] = total.get(name, 0) + count
    for container in spec.init_containers:
        if not is_sidecar(container):
            for name, count in container_requests(container).items():
                total[name] = max(total.get(name, 0), count)
    for name, quantity in spec.overhead.items():
        total[name] = total.get(name, 0) + amount(name, quantity)
    return total


def container_requests(container: Container) -> Amounts:
    """What one container asks for."""
    requests: Mapping[str, str | float] = container.resources.requests if container.resources else {}
    return {name: amount(name, quantity) for name, quantity in requests.items()}


def amount(resource: str, quantity: str | float) -> int:
    """cpu in thousandths, everything else in whole units."""
    return milli(quantity) if resource == "cpu" else value(quantity)
