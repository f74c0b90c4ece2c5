"""Which Pod goes first when a node is under pressure. Pure.

For memory and disk: those that use more than they asked for, then by priority, then by how much more. A Guaranteed Pod
or one within its requests goes last, whatever its QoS class is called. For processes only priority and use count. A
Pod of which there are no figures yet goes before all others.
Upstream: rankMemoryPressure, rankDiskPressureFunc and rankPIDPressure in pkg/kubelet/eviction/helpers.go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kubesim.api.quantity import milli, value
from kubesim.api.views import PodSpec
from kubesim.kubelet.eviction.usage import PodUsage, main_containers, pod_request
from kubesim.kubelet.pod_state import PodState

SYSTEM_CRITICAL = 2_000_000_000
STATIC_SOURCE = "kubernetes.io/config.source"
MIRROR = "kubernetes.io/config.mirror"
GUARANTEED_SCORE, BEST_EFFORT_SCORE = -997, 1000


def ranked(pods: Sequence[PodState], usage: Mapping[PodState, PodUsage], resource: str) -> list[PodState]:
    """The Pods, the one that goes first before all others."""

    def order(pod: PodState) -> tuple[bool, bool, int, int]:
        used, priority = usage[pod], pod.spec.priority or 0
        if resource == "pids":
            return used.known, False, priority, -used.processes
        amount = used.memory if resource == "memory" else used.disk
        over = amount - (0 if resource == "inodes" else pod_request(pod.spec, resource))
        return used.known, not over > 0, priority, -over

    return sorted(pods, key=order)


def is_critical(pod: PodState) -> bool:
    """Whether the cluster needs it more than the memory: a static Pod, or one of a system-critical priority."""
    annotations = pod.stored.object["metadata"].get("annotations") or {}
    is_static = MIRROR in annotations or annotations.get(STATIC_SOURCE, "api") != "api"
    return is_static or (pod.spec.priority or 0) >= SYSTEM_CRITICAL


def qos_class(spec: PodSpec) -> str:
    """BestEffort, Burstable or Guaranteed."""
    everything, asks, is_guaranteed = (*spec.containers, *spec.init_containers), False, True
    for container in everything:
        resources = container.resources
        requests = {} if resources is None else resources.requests
        limits = {} if resources is None else resources.limits
        for name in ("cpu", "memory"):
            asks |= name in requests or name in limits
            is_guaranteed &= name in limits and milli(requests.get(name, limits[name])) == milli(limits[name])
    if not asks:
        return "BestEffort"
    return "Guaranteed" if is_guaranteed else "Burstable"


def oom_score_adjustment(pod: PodState, container: str, capacity: int) -> int:
    """What the kernel adds to a container's share of the memory, in thousandths, when it looks for a victim."""
    if (pod.spec.priority or 0) >= SYSTEM_CRITICAL:
        return GUARANTEED_SCORE
    qos = qos_class(pod.spec)
    if qos != "Burstable":
        return GUARANTEED_SCORE if qos == "Guaranteed" else BEST_EFFORT_SCORE
    spec = next((each for each in main_containers(pod.spec) if each.name == container), None)
    requests = {} if spec is None or spec.resources is None else spec.resources.requests
    adjustment = 1000 - 1000 * value(requests.get("memory", 0)) // capacity
    return min(999, max(1000 + GUARANTEED_SCORE, adjustment))
