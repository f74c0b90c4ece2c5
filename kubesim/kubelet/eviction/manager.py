"""The eviction manager: looks every 10 s whether the node has enough memory, disk and processes, and acts if not.

It evicts one Pod at a time, waits until it is gone, and looks again at once. For disk it first removes images that
nothing runs from. Pods that write more than they may (emptyDir sizeLimit, limits of ephemeral-storage) go whatever
the node has left. Looking is only worth while when something could run out: as long as even the peaks of all
containers fit, there is no timer. The moments are those of a loop that began with the kubelet.
Upstream: pkg/kubelet/eviction/eviction_manager.go. Left out: swap, a file system of its own for images, notification
by the kernel (off by default), thresholds of processes per Pod.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from kubesim.api.quantity import value
from kubesim.kubelet.eviction.local_storage import has_local_limit
from kubesim.kubelet.eviction.messages import EVICTED, eviction_message, local_storage_message
from kubesim.kubelet.eviction.node_memory import NodeMemory
from kubesim.kubelet.eviction.pressure import Pressure
from kubesim.kubelet.eviction.ranking import is_critical, qos_class, ranked
from kubesim.kubelet.eviction.risk import Risk
from kubesim.kubelet.eviction.thresholds import (
    ALLOCATABLE_MEMORY,
    IMAGEFS,
    IMAGEFS_INODES,
    MEMORY,
    NODEFS,
    NODEFS_INODES,
    PIDS,
    Observation,
    Threshold,
    by_eviction_priority,
)
from kubesim.kubelet.eviction.usage import (
    BYTES_PER_FILE,
    BYTES_PER_INODE,
    SYSTEM_PROCESSES,
    PodUsage,
    pod_usage,
    system_memory,
)
from kubesim.kubelet.node_config import NodeConfig
from kubesim.kubelet.pod_events import PodEvents
from kubesim.kubelet.pod_state import PodState, Stage
from kubesim.kubelet.runtime.cri import Container, ContainerRuntime, ContainerState, CriError
from kubesim.sim import Simulation, because

INTERVAL_NS = 10_000_000_000
CLEANUP_POLL_NS = 1_000_000_000
CLEANUP_NS_MAX = 30_000_000_000
HARD_GRACE_SECONDS = 1.0
TERMINATION_BY_KUBELET = "TerminationByKubelet"
MEMORY_PRESSURE_TAINT = "node.kubernetes.io/memory-pressure"

Kill = Callable[[PodState, tuple[str, str], float, str], None]


class EvictionManager:
    """Watches over one node. `kill(pod, (reason, message), grace, disruption)` ends a Pod for good."""

    def __init__(
        self, sim: Simulation, runtime: ContainerRuntime, node: NodeConfig, events: PodEvents,
        pods: Callable[[], Iterable[PodState]], kill: Kill, say: Callable[[str, str], None],
        on_change: Callable[[], None], free_images: Callable[[int], int],
    ) -> None:  # fmt: skip
        self._sim = sim
        self._runtime = runtime
        self._node = node
        self._events = events
        self._pods = pods
        self._kill = kill
        self._say = say  # A warning about the node.
        self._on_change = on_change  # The node has other conditions now.
        self._free_images = free_images  # Removes unused images until so many bytes are free.
        capacity = node.capacity
        self._memory = value(capacity["memory"])
        self._disk = value(capacity.get("ephemeral-storage", "0"))
        configuration = node.configuration
        reserved = (configuration.kube_reserved, configuration.system_reserved)
        self._of_pods = self._memory - sum(value(each.get("memory", "0")) for each in reserved)
        self._pressure = Pressure(configuration)
        self._risk = Risk(self._memory, self._of_pods, self._disk, configuration.pid_max, self._pressure.thresholds)
        self._oom = NodeMemory(sim, runtime, self._memory, pods, say)
        self._began_ns = sim.clock.now_ns()
        self._timer: asyncio.TimerHandle | None = None
        self._victim: PodState | None = None
        self._victim_until_ns = 0
        self._unsubscribe: Callable[[], None] = lambda: None

    @property
    def conditions(self) -> tuple[str, ...]:
        """The node conditions of pressure that hold now."""
        return self._pressure.conditions

    # -- when to look -----------------------------------------------------------------------------------

    def start(self) -> None:
        """Watches from now on."""
        for uid in self._runtime.pods():
            for container in self._runtime.pod_status(uid).running():
                self._risk.add(container)
        self._unsubscribe = self._runtime.subscribe(self._changed)
        self._look_later()

    def stop(self) -> None:
        """The kubelet ends."""
        self._unsubscribe()
        self._oom.stop()
        if self._timer is not None:
            self._timer.cancel()

    def _changed(self, _pod_uid: str, container: Container) -> None:
        if container.state is ContainerState.RUNNING:
            self._risk.add(container)
            self._look_later()
            if self._risk.of_memory:
                self._oom.look_ahead()
        else:
            self._risk.remove(container)

    def _look_later(self) -> None:
        """At the next turn of the loop, if there is anything to look for."""
        if self._timer is not None or not (self._pressure.is_active or self._is_risky()):
            return
        now_ns = self._sim.clock.now_ns()
        wait_ns = INTERVAL_NS - (now_ns - self._began_ns) % INTERVAL_NS
        self._timer = self._sim.loop.call_at_ns(now_ns + wait_ns, self._look)

    def _is_risky(self) -> bool:
        return self._risk.is_any(system_memory(self._memory), self._runtime.disk.used_bytes(), SYSTEM_PROCESSES)

    def _look(self) -> None:
        self._timer = None
        now_ns, victim = self._sim.clock.now_ns(), self._victim
        if victim is not None:
            if victim.stage is not Stage.FINISHED and not victim.gone and now_ns < self._victim_until_ns:
                self._timer = self._sim.loop.call_at_ns(now_ns + CLEANUP_POLL_NS, self._look)
                return
            self._victim = None
        with because(f"timer kubelet/eviction {self._node.name}"):
            self._victim = self._synchronize(now_ns)
        if self._victim is not None:
            self._victim_until_ns = now_ns + CLEANUP_NS_MAX
            self._timer = self._sim.loop.call_at_ns(now_ns + CLEANUP_POLL_NS, self._look)
        elif victim is not None:
            self._began_ns = now_ns  # The loop sleeps only when nobody was evicted.
        self._look_later()
        if self._risk.of_memory:
            self._oom.look_ahead()

    # -- looking ----------------------------------------------------------------------------------------

    def _synchronize(self, now_ns: int) -> PodState | None:
        """One look. Returns a Pod that was evicted, if one was."""
        active = [pod for pod in self._pods() if pod.stage in (Stage.SYNC, Stage.TERMINATING) and not pod.rejection]
        usage = {pod: pod_usage(self._runtime, pod, now_ns) for pod in active}
        seen = self._observe(usage)
        before = self.conditions
        thresholds = self._pressure.update(seen, now_ns)
        if self.conditions != before:
            self._on_change()
        candidates = [pod for pod in active if pod.stage is Stage.SYNC and pod.failure is None]
        if (over := self._evict_for_local_storage(candidates, usage)) is not None:
            return over
        if not thresholds:
            return None
        thresholds = by_eviction_priority(thresholds)
        worst = thresholds[0]
        self._say("EvictionThresholdMet", f"Attempting to reclaim {worst.resource}")
        if worst.resource in ("ephemeral-storage", "inodes") and self._remove_images(worst, usage):
            return None
        for pod in ranked(candidates, usage, worst.resource):
            if not is_critical(pod):
                message = eviction_message(worst.resource, pod.spec, usage[pod], thresholds, seen)
                self._evict(pod, message, self._grace_seconds(pod, worst), message)
                return pod
        return None

    def _observe(self, usage: dict[PodState, PodUsage]) -> dict[str, Observation]:
        pods_memory = sum(each.memory for each in usage.values())
        written = sum(each.disk for each in usage.values())
        memory = Observation(max(0, self._memory - system_memory(self._memory) - pods_memory), self._memory)
        pid_max = self._node.configuration.pid_max
        processes = SYSTEM_PROCESSES + sum(each.processes for each in usage.values())
        found = {
            MEMORY: memory,
            ALLOCATABLE_MEMORY: Observation(max(0, self._of_pods - pods_memory), self._of_pods),
            PIDS: Observation(max(0, pid_max - processes), pid_max),
        }
        if self._of_pods >= self._memory:
            del found[ALLOCATABLE_MEMORY]  # Nothing is reserved: what the node has left says it all.
        if self._disk:
            self._runtime.disk.container_bytes = written
            disk = Observation(self._runtime.disk.available_bytes(), self._disk)
            inodes = self._disk // BYTES_PER_INODE
            free = Observation(max(0, inodes - written // BYTES_PER_FILE), inodes)
            found |= {NODEFS: disk, IMAGEFS: disk, NODEFS_INODES: free, IMAGEFS_INODES: free}
        return found

    def _remove_images(self, threshold: Threshold, usage: dict[PodState, PodUsage]) -> bool:
        """Removes every image that no container is made of; whether that is enough."""
        try:
            self._free_images(self._disk)
        except CriError:
            return False
        seen = self._observe(usage)
        return not threshold.is_met(seen[threshold.signal], with_reclaim=True)

    # -- evicting ---------------------------------------------------------------------------------------

    def _evict_for_local_storage(self, pods: list[PodState], usage: dict[PodState, PodUsage]) -> PodState | None:
        """Pods that have written more than they may. Returns the last one that was evicted."""
        found = None
        for pod in pods:
            if has_local_limit(pod.spec) and usage[pod].disk and not is_critical(pod):
                message = local_storage_message(pod.spec, usage[pod])
                if message:
                    self._evict(pod, message, HARD_GRACE_SECONDS, "")
                    found = pod
        return found

    def _evict(self, pod: PodState, message: str, grace_seconds: float, disruption: str) -> None:
        self._events.warning(pod, "", EVICTED, message)
        self._kill(pod, (EVICTED, message), grace_seconds, disruption)

    def _grace_seconds(self, pod: PodState, threshold: Threshold) -> float:
        if threshold.is_hard:
            return HARD_GRACE_SECONDS
        longest = float(self._node.configuration.eviction_max_pod_grace_period)
        own = pod.spec.termination_grace_period_seconds
        return longest if own is None else min(longest, float(own))

    # -- letting Pods in --------------------------------------------------------------------------------

    def admit(self, pod: PodState) -> tuple[str, str] | None:
        """None, or reason and message why a node under pressure does not take a Pod."""
        conditions = self.conditions
        if not conditions or is_critical(pod):
            return None
        if conditions == ("MemoryPressure",):
            if qos_class(pod.spec) != "BestEffort":
                return None
            if any(_tolerates(each.key, each.operator, each.effect) for each in pod.spec.tolerations):
                return None
        return EVICTED, f"Pod was rejected: The node had condition: [{' '.join(conditions)}]. "


def _tolerates(key: str, operator: str, effect: str) -> bool:
    """Whether such a toleration is for memory pressure."""
    if effect not in ("", "NoSchedule"):
        return False
    return key == MEMORY_PRESSURE_TAINT or (not key and operator == "Exists")
