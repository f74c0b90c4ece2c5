"""What a node and its containers use: the kubelet's /stats/summary, read by whoever serves metrics.k8s.io.

A container uses what its behaviour says for the time since its start; a node that, and what its own programs use.
Upstream: pkg/kubelet/server/stats, k8s.io/kubelet/pkg/apis/stats/v1alpha1. Left out: network, history, page faults.
"""

from __future__ import annotations

from collections.abc import Iterable

from kubesim.api.quantity import value
from kubesim.api.stored import Object
from kubesim.kubelet.eviction.usage import (
    BYTES_PER_FILE,
    BYTES_PER_INODE,
    SYSTEM_PROCESSES,
    ContainerUsage,
    container_usage,
    system_memory,
)
from kubesim.kubelet.node_config import NodeConfig
from kubesim.kubelet.pod_state import PodState
from kubesim.kubelet.runtime.cri import Container, ContainerRuntime
from kubesim.sim import Clock

NANOCORES_PER_MILLI = 1_000_000
SYSTEM_CPU_MILLI = 60  # The kubelet, the container runtime and the system itself.


def summary(clock: Clock, runtime: ContainerRuntime, node: NodeConfig, pods: Iterable[PodState]) -> Object:
    """The page: the node, and each Pod with its running containers."""
    now = clock.timestamp()
    running = [(pod, [(each, container_usage(runtime, each, clock.now_ns())) for each in found]) for pod, found in (
        (pod, runtime.pod_status(pod.uid).running()) for pod in pods
    )]  # fmt: skip
    used = [usage for _, found in running for _, usage in found]
    runtime.disk.container_bytes = sum(each.disk for each in used)
    told = [_pod(pod, found, runtime, now) for pod, found in running]
    nanocores = SYSTEM_CPU_MILLI * NANOCORES_PER_MILLI + sum(
        container["cpu"]["usageNanoCores"] for pod in told for container in pod["containers"]
    )
    capacity = value(node.capacity["memory"])
    memory = system_memory(capacity) + sum(each.memory for each in used)
    usage = _usage(now, nanocores, memory)
    usage["memory"]["availableBytes"] = max(0, capacity - memory)
    processes = SYSTEM_PROCESSES + sum(each.processes for each in used)
    return {
        "node": {
            "nodeName": node.name,
            **usage,
            "fs": _disk(now, runtime, runtime.disk.used_bytes()),
            "runtime": {"imageFs": _disk(now, runtime, runtime.disk.image_bytes())},
            "rlimit": {"time": now, "maxpid": node.configuration.pid_max, "curproc": processes},
        },
        "pods": told,
    }


def _pod(pod: PodState, running: list[tuple[Container, ContainerUsage]], runtime: ContainerRuntime, now: str) -> Object:
    containers = []
    for container, usage in running:
        cpu_milli, _ = runtime.container_stats(container)
        used = _usage(now, cpu_milli * NANOCORES_PER_MILLI, usage.memory)
        written = 0 if usage.volume else usage.disk
        root = {**_disk(now, runtime, written), "inodesUsed": written // BYTES_PER_FILE}
        containers.append({"name": container.name, "startTime": container.started_at, **used, "rootfs": root})
    reference = {"name": pod.stored.name, "namespace": pod.stored.namespace, "uid": pod.uid}
    found: Object = {"podRef": reference, "startTime": pod.start_time, "containers": containers}
    if containers:
        found["ephemeral-storage"] = _disk(now, runtime, sum(usage.disk for _, usage in running))
        found["process_stats"] = {"process_count": sum(usage.processes for _, usage in running)}
    return found


def _disk(now: str, runtime: ContainerRuntime, used: int) -> Object:
    disk = runtime.disk
    return {
        "time": now,
        "availableBytes": disk.available_bytes(),
        "capacityBytes": disk.capacity_bytes,
        "usedBytes": used,
        "inodes": disk.capacity_bytes // BYTES_PER_INODE,
    }


def _usage(now: str, nanocores: int, memory_bytes: int) -> Object:
    return {
        "cpu": {"time": now, "usageNanoCores": nanocores},
        "memory": {"time": now, "workingSetBytes": memory_bytes},
    }
