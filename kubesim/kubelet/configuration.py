"""How a kubelet is configured: the fields of KubeletConfiguration that change what a cluster shows.

Names and defaults are upstream's; as upstream, a map of thresholds that is given replaces the whole default. The
figures of a machine itself (its disk, its processes) are in `node_config.py`.
Upstream: k8s.io/kubelet/config/v1beta1/types.go, pkg/kubelet/apis/config/v1beta1/defaults.go. Left out: everything
that only an operator's logs would show.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from kubesim.api.quantity import format_quantity, milli, value

NOTHING: Mapping[str, str] = MappingProxyType({})
DEFAULT_EVICTION_HARD: Mapping[str, str] = MappingProxyType(
    {
        "memory.available": "100Mi",
        "nodefs.available": "10%",
        "nodefs.inodesFree": "5%",
        "imagefs.available": "15%",
        "imagefs.inodesFree": "5%",
    }
)
RESERVED_BY_EVICTION = {"memory.available": "memory", "nodefs.available": "ephemeral-storage"}


class PriorityGrace(msgspec.Struct, frozen=True):
    """How long Pods of a priority, and of those up to the next entry, may take when the node shuts down."""

    priority: int
    seconds: float


class KubeletConfiguration(msgspec.Struct, frozen=True):
    """One kubelet's settings. Durations in seconds."""

    eviction_hard: Mapping[str, str] = DEFAULT_EVICTION_HARD
    eviction_soft: Mapping[str, str] = NOTHING
    eviction_soft_grace_period: Mapping[str, float] = MappingProxyType({})
    eviction_minimum_reclaim: Mapping[str, str] = NOTHING
    eviction_pressure_transition_period: float = 300.0
    eviction_max_pod_grace_period: int = 0
    kube_reserved: Mapping[str, str] = NOTHING
    system_reserved: Mapping[str, str] = NOTHING
    shutdown_grace_period: float = 0.0
    shutdown_grace_period_critical_pods: float = 0.0
    shutdown_grace_period_by_pod_priority: tuple[PriorityGrace, ...] = ()
    static_pods: tuple[Mapping[str, Any], ...] = ()  # The manifests in its staticPodPath.
    pid_max: int = 32768  # How many processes there can be at once: the kernel's, not the kubelet's.

    @property
    def shuts_down_gracefully(self) -> bool:
        """Whether it holds up the end of its machine to end its Pods first."""
        return bool(self.shutdown_grace_period_by_pod_priority) or self.shutdown_grace_period > 0


def allocatable(capacity: Mapping[str, str], configuration: KubeletConfiguration) -> dict[str, str]:
    """What is left for Pods. Hard thresholds count only where something is reserved.

    (A real kubelet takes the default thresholds off too; minikube's, after which nodes are made here, shows all of its
    capacity.)
    """
    left = dict(capacity)
    reserved = (configuration.kube_reserved, configuration.system_reserved)
    explicit = configuration.eviction_hard is not DEFAULT_EVICTION_HARD
    if not explicit and not any(reserved):
        return left
    for resource, total in capacity.items():
        count = milli if resource == "cpu" else value
        taken = sum(count(each[resource]) for each in reserved if resource in each)
        for signal, kept in configuration.eviction_hard.items():
            if RESERVED_BY_EVICTION.get(signal) == resource:
                taken += value(kept) if not kept.endswith("%") else round(value(total) * float(kept[:-1]) / 100)
        if taken:
            left[resource] = quantity(resource, max(0, count(total) - taken))
    return left


def quantity(resource: str, amount: int) -> str:
    """An amount as a node's status has it."""
    if resource == "cpu":
        return format_quantity(amount)
    return f"{amount // 1024}Ki" if amount % 1024 == 0 else str(amount)
