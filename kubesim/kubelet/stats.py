"""What a node and its containers use: the kubelet's /stats/summary, read by whoever serves metrics.k8s.io.

A container uses what its behaviour says for the time since its start and for its requests, up to its limits; a node
that, and what its own programs use.
Upstream: pkg/kubelet/server/stats, k8s.io/kubelet/pkg/apis/stats/v1alpha1. Left out: file systems, network, history.
"""

from __future__ import annotations

from collections.abc import Iterable

from kubesim.api.stored import Object
from kubesim.kubelet.pod_state import PodState
from kubesim.kubelet.runtime.cri import ContainerRuntime
from kubesim.sim import Clock

NANOCORES_PER_MILLI = 1_000_000
# The kubelet, the container runtime and the system itself.
SYSTEM_CPU_MILLI, SYSTEM_MEMORY_BYTES = 60, 420 << 20


def summary(clock: Clock, runtime: ContainerRuntime, node: str, pods: Iterable[PodState]) -> Object:
    """The page: the node, and each Pod with its running containers."""
    now = clock.timestamp()
    told = [_pod(pod, runtime, now) for pod in pods]
    containers = [container for pod in told for container in pod["containers"]]
    nanocores = SYSTEM_CPU_MILLI * NANOCORES_PER_MILLI + sum(each["cpu"]["usageNanoCores"] for each in containers)
    memory = SYSTEM_MEMORY_BYTES + sum(each["memory"]["workingSetBytes"] for each in containers)
    return {"node": {"nodeName": node, **_usage(now, nanocores, memory)}, "pods": told}


def _pod(pod: PodState, runtime: ContainerRuntime, now: str) -> Object:
    containers = []
    for container in runtime.pod_status(pod.uid).running():
        cpu_milli, memory = runtime.container_stats(container)
        used = _usage(now, cpu_milli * NANOCORES_PER_MILLI, memory)
        containers.append({"name": container.name, "startTime": container.started_at, **used})
    reference = {"name": pod.stored.name, "namespace": pod.stored.namespace, "uid": pod.uid}
    return {"podRef": reference, "startTime": pod.start_time, "containers": containers}


def _usage(now: str, nanocores: int, memory_bytes: int) -> Object:
    return {
        "cpu": {"time": now, "usageNanoCores": nanocores},
        "memory": {"time": now, "workingSetBytes": memory_bytes},
    }
