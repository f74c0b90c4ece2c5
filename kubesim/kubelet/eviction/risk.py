"""Whether anything on a node could run out at all: the sums of all containers' peaks, kept up to date."""

from __future__ import annotations

from collections.abc import Sequence

from kubesim.kubelet.eviction.thresholds import Threshold
from kubesim.kubelet.eviction.usage import Peak, peak_of
from kubesim.kubelet.runtime.cri import Container


class Risk:
    """The peaks of the running containers of a node with so much memory (and so much of it for Pods), disk …."""

    def __init__(self, memory: int, of_pods: int, disk: int, processes: int, thresholds: Sequence[Threshold]) -> None:
        kept = _most(thresholds, ("memory",), memory)
        self._memory, self._of_pods = memory - kept, of_pods - kept
        self._disk = disk - _most(thresholds, ("ephemeral-storage", "inodes"), disk) if disk else 0
        self._processes = processes - _most(thresholds, ("pids",), processes)
        self._peaks: dict[str, Peak] = {}
        self._sums = [0, 0, 0]
        self._unbounded = [0, 0, 0]
        self._writers = 0
        self.of_memory = False

    def add(self, container: Container) -> None:
        """It runs from now on."""
        if container.id not in self._peaks:
            self._count(peak_of(container), 1)
            self._peaks[container.id] = peak_of(container)

    def remove(self, container: Container) -> None:
        """It has ended."""
        peak = self._peaks.pop(container.id, None)
        if peak is not None:
            self._count(peak, -1)

    def is_any(self, system_memory: int, disk_used: int, system_processes: int) -> bool:
        """Whether something could run out, if all used their most at once."""
        self.of_memory = bool(self._unbounded[0]) or (self._sums[0] > min(self._of_pods, self._memory - system_memory))
        return (
            self.of_memory
            or self._writers > 0
            or bool(self._disk and self._sums[1] + disk_used > self._disk)
            or bool(self._unbounded[2])
            or self._sums[2] + system_processes > self._processes
        )

    def _count(self, peak: Peak, sign: int) -> None:
        for place, most in enumerate(peak):
            if most is None:
                self._unbounded[place] += sign
            else:
                self._sums[place] += sign * most
        if peak.disk != 0:
            self._writers += sign


def _most(thresholds: Sequence[Threshold], resources: Sequence[str], capacity: int) -> int:
    """The largest amount that must stay available."""
    found = [each.quantity(capacity) for each in thresholds if each.resource in resources]
    return max(found, default=0)
