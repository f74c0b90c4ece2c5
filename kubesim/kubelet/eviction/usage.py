"""What Pods use of what a node can run out of, now and at most. Pure.

At most: behaviours are data, so a container whose use can never become dangerous costs the eviction manager nothing.
A program that leaks, costs memory with every request or is written in Python has no upper bound but its limit.
Upstream: pkg/kubelet/stats, podMemoryUsage and podDiskUsage in pkg/kubelet/eviction/helpers.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from kubesim.api.quantity import value
from kubesim.api.views import Container as ContainerSpec
from kubesim.api.views import PodSpec
from kubesim.kubelet.pod_actions import is_sidecar
from kubesim.kubelet.pod_state import PodState
from kubesim.kubelet.runtime.cri import Container, ContainerRuntime
from kubesim.kubelet.runtime.processes import limit_of

NANOSECONDS_PER_SECOND = 1_000_000_000
PAGE_BYTES = 4096
BYTES_PER_INODE = 16384  # As mkfs.ext4 makes them.
BYTES_PER_FILE = 65536
SYSTEM_MEMORY_BYTES = 420 << 20  # The kubelet, the container runtime and the system itself …
SYSTEM_MEMORY_SHARE = 8  # … on a small machine no more than this part of it.
SYSTEM_PROCESSES = 120


class ContainerUsage(NamedTuple):
    """What one container uses: bytes of memory and of disk, processes. `volume`: where it writes; "" is its layer."""

    name: str
    memory: int
    disk: int
    volume: str
    processes: int


class PodUsage(NamedTuple):
    """What a Pod uses; `known`: whether there is any figure of it."""

    containers: tuple[ContainerUsage, ...] = ()
    known: bool = False

    @property
    def memory(self) -> int:
        """Bytes of memory."""
        return sum(each.memory for each in self.containers)

    @property
    def disk(self) -> int:
        """Bytes on the node's disk."""
        return sum(each.disk for each in self.containers)

    @property
    def processes(self) -> int:
        """How many there are."""
        return sum(each.processes for each in self.containers)


class Peak(NamedTuple):
    """The most that a container can ever use; None: there is no bound."""

    memory: int | None
    disk: int | None
    processes: int | None


def system_memory(capacity: int) -> int:
    """What the machine uses without any Pod."""
    return min(SYSTEM_MEMORY_BYTES, capacity // SYSTEM_MEMORY_SHARE)


def container_usage(runtime: ContainerRuntime, container: Container, now_ns: int) -> ContainerUsage:
    """What a running container uses at `now_ns`."""
    behaviour = container.behaviour
    seconds = max(0.0, (now_ns - container.started_ns) / NANOSECONDS_PER_SECOND)
    _, memory = runtime.container_stats(container)
    disk = behaviour.disk_bytes + round(behaviour.disk_bytes_per_second * seconds)
    processes = behaviour.processes + int(behaviour.processes_per_second * seconds)
    return ContainerUsage(
        container.name, memory - memory % PAGE_BYTES, disk - disk % PAGE_BYTES, behaviour.disk_volume, processes
    )


def pod_usage(runtime: ContainerRuntime, pod: PodState, now_ns: int) -> PodUsage:
    """What a Pod uses at `now_ns`."""
    found = runtime.pod_status(pod.uid)
    sandbox = found.sandbox()
    if sandbox is None or not sandbox.ready:
        return PodUsage()
    return PodUsage(tuple(container_usage(runtime, each, now_ns) for each in found.running()), True)


def peak_of(container: Container) -> Peak:
    """The most that a container can use."""
    behaviour = container.behaviour
    limit = limit_of(container, "memory")
    memory: int | None = max([behaviour.memory_bytes, *(point.memory_bytes or 0 for point in behaviour.usage)])
    if container.workload is not None or behaviour.leak_bytes_per_second or behaviour.request_leak_bytes:
        memory = None
    if limit is not None:
        memory = limit if memory is None else min(memory, limit)
    disk = None if behaviour.disk_bytes_per_second else behaviour.disk_bytes
    processes = None if behaviour.processes_per_second else behaviour.processes
    return Peak(memory, disk, processes)


def memory_at(container: Container, now_ns: int) -> int:
    """The memory of a running container at a moment to come, as far as its behaviour says."""
    seconds = max(0.0, (now_ns - container.started_ns) / NANOSECONDS_PER_SECOND)
    limit = limit_of(container, "memory")
    used = container.behaviour.usage_at(seconds)[1] + container.requests * container.behaviour.request_leak_bytes
    return used if limit is None else min(used, limit)


def pod_request(spec: PodSpec, resource: str) -> int:
    """What a Pod asks of memory or ephemeral storage, in bytes."""
    return sum(container_amount(each, "requests", resource) or 0 for each in main_containers(spec))


def main_containers(spec: PodSpec) -> tuple[ContainerSpec, ...]:
    """Containers and sidecars."""
    return (*spec.containers, *(each for each in spec.init_containers if is_sidecar(each)))


def container_amount(container: ContainerSpec, kind: str, resource: str) -> int | None:
    """A request or limit; None: there is none."""
    found: Mapping[str, str | float] = getattr(container.resources, kind) if container.resources else {}
    return value(found[resource]) if resource in found else None
