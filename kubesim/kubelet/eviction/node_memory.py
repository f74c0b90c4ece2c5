"""The kernel's last resort: when a node has no memory left at all, it kills the process with the highest score.

The score is a process's share of the memory, plus what the kubelet has told the kernel of its container: 1000 for
BestEffort Pods, -997 for Guaranteed and node-critical ones, and for Burstable ones less the more memory they asked
for. The kubelet reads of it in the kernel's log and says SystemOOM. It looks ahead a few seconds at a time, and only
while memory could run out.
Upstream: the kernel's mm/oom_kill.c, pkg/kubelet/qos/policy.go, pkg/kubelet/oom.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from kubesim.kubelet.eviction.ranking import oom_score_adjustment
from kubesim.kubelet.eviction.usage import memory_at, system_memory
from kubesim.kubelet.pod_state import PodState
from kubesim.kubelet.runtime.cri import Container, ContainerRuntime
from kubesim.sim import Simulation, because

SECOND_NS = 1_000_000_000
AHEAD_SECONDS = 10
OOM_KILLED, EXIT_CODE_KILLED = "OOMKilled", 137


class NodeMemory:
    """The memory of one machine, of `capacity` bytes."""

    def __init__(
        self, sim: Simulation, runtime: ContainerRuntime, capacity: int, pods: Callable[[], Iterable[PodState]],
        say: Callable[[str, str], None],
    ) -> None:  # fmt: skip
        self._sim = sim
        self._runtime = runtime
        self._capacity = capacity
        self._pods = pods
        self._say = say
        self._timer: asyncio.TimerHandle | None = None

    def stop(self) -> None:
        """Nobody looks any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def look_ahead(self) -> None:
        """Finds the second, among the next ones, in which there is no memory left."""
        self.stop()
        now_ns, running = self._sim.clock.now_ns(), [container for _, container in self._running()]
        free = self._capacity - system_memory(self._capacity)
        for seconds in range(AHEAD_SECONDS + 1):
            when_ns = now_ns + seconds * SECOND_NS
            if sum(memory_at(container, when_ns) for container in running) > free:
                self._timer = self._sim.loop.call_at_ns(when_ns, self._kill_one)
                return

    def _running(self) -> list[tuple[PodState, Container]]:
        return [(pod, each) for pod in self._pods() for each in self._runtime.pod_status(pod.uid).running()]

    def _kill_one(self) -> None:
        self._timer = None
        now_ns, capacity, running = self._sim.clock.now_ns(), self._capacity, self._running()
        if sum(memory_at(each, now_ns) for _, each in running) <= capacity - system_memory(capacity):
            return

        def score(found: tuple[PodState, Container]) -> int:
            pod, container = found
            return memory_at(container, now_ns) + oom_score_adjustment(pod, container.name, capacity) * capacity // 1000

        _, victim = max(running, key=score)
        process, pid = process_of(victim)
        with because("the kernel is out of memory"):
            self._say("SystemOOM", f"System OOM encountered, victim process: {process}, pid: {pid}")
            self._runtime.kill(victim, EXIT_CODE_KILLED, OOM_KILLED)
        self.look_ahead()


def process_of(container: Container) -> tuple[str, int]:
    """Name and number of a container's process on its machine."""
    words = (*container.spec.command, *container.spec.args) if container.spec is not None else ()
    name = words[0] if words else container.image.rpartition("/")[2].partition(":")[0]
    return name.rpartition("/")[2][:15], 1000 + int(container.id[:4], 16)
