"""Whether a Pod that is bound to this node may run here: the kubelet's own last check.

The scheduler should never bind a Pod that does not fit, but a stale cache, a second scheduler or a spec.nodeName
written by hand can. Such a Pod fails at once and for good, e.g. with reason OutOfcpu.
Upstream: pkg/kubelet/lifecycle/predicate.go. Left out: node affinity, device plugins, critical Pods that evict
others.
"""

from __future__ import annotations

from collections.abc import Mapping

from kubesim.api.quantity import milli, value
from kubesim.api.views import Container, PodSpec
from kubesim.kubelet.node_config import NodeConfig
from kubesim.kubelet.pod_actions import is_sidecar
from kubesim.kubelet.pod_state import PodState

Amounts = dict[str, int]


class Admission:
    """Keeps account of what the Pods of a node asked for."""

    def __init__(self, node: NodeConfig) -> None:
        resources = node.allocatable_resources()
        self._allocatable = {name: amount(name, quantity) for name, quantity in resources.items()}
        self._reserved: dict[PodState, Amounts] = {}
        self._used: Amounts = {}

    def admit(self, pod: PodState) -> tuple[str, str] | None:
        """None if it fits, and then its share is reserved; else reason and message of its failure."""
        present, pods_max = len(self._reserved), self._allocatable.get("pods")
        if pods_max is not None and present >= pods_max:
            return rejection("pods", 1, present, pods_max)
        for name, count in pod_requests(pod.spec).items():
            used, capacity = self._used.get(name, 0), self._allocatable.get(name, 0)
            if count and used + count > capacity:
                return rejection(name, count, used, capacity)
        self.reserve(pod)
        return None

    def reserve(self, pod: PodState) -> None:
        """Counts a Pod that is here, whether it fits or not."""
        asked = self._reserved[pod] = pod_requests(pod.spec)
        for name, count in asked.items():
            self._used[name] = self._used.get(name, 0) + count

    def release(self, pod: PodState) -> None:
        """The Pod needs nothing any more."""
        for name, count in self._reserved.pop(pod, {}).items():
            self._used[name] -= count


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
