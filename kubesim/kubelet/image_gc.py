"""Removes images that nothing runs from when the disk is nearly full.

Every five minutes a kubelet looks: above the high threshold (85 %) it removes unused images, the longest unused first,
until the low one (80 %) is reached; those that came within the last two minutes stay, and so does the pause image. If
that is not enough it says FreeDiskSpaceFailed, and ImageGCFailed when it happens again. The look costs nothing while
the disk is not full.
Upstream: pkg/kubelet/images/image_gc_manager.go, StartGarbageCollection in pkg/kubelet/kubelet.go.
Left out: imageMaximumGCAge.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from kubesim.kubelet.node_config import NodeConfig
from kubesim.kubelet.runtime.cri import ContainerRuntime
from kubesim.kubelet.runtime.disk import UNPACKED
from kubesim.sim import Simulation

SECOND_NS = 1_000_000_000
PERIOD_NS = 300 * SECOND_NS
AGE_MIN_NS = 120 * SECOND_NS


class ImageGarbageCollector:
    """The collector of one kubelet. `warn(reason, message)` writes an event about the node."""

    def __init__(
        self, sim: Simulation, runtime: ContainerRuntime, node: NodeConfig, warn: Callable[[str, str], None]
    ) -> None:
        self._sim = sim
        self._runtime = runtime
        self._node = node
        self._warn = warn
        self._began_ns = sim.clock.now_ns()
        self._failed = False  # The last time.
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begins to look; the first look is five minutes from now."""
        self._timer = self._sim.loop.call_at_ns(self._next_ns(), self._look)

    def stop(self) -> None:
        """The kubelet ends."""
        if self._timer is not None:
            self._timer.cancel()

    def _next_ns(self) -> int:
        now_ns = self._sim.clock.now_ns()
        return now_ns + PERIOD_NS - (now_ns - self._began_ns) % PERIOD_NS

    def _look(self) -> None:
        self._timer = self._sim.loop.call_at_ns(self._next_ns(), self._look)
        if self._runtime.is_up:
            self.collect()

    def used_percent(self) -> int:
        """How full the disk is, as the kubelet rounds it."""
        disk = self._runtime.disk
        return 100 - disk.available_bytes() * 100 // disk.capacity_bytes if disk.capacity_bytes else 0

    def collect(self) -> None:
        """One look."""
        if self.used_percent() < self._node.image_gc_high_percent:
            self._failed = False
            return
        disk = self._runtime.disk
        wanted = disk.capacity_bytes * (100 - self._node.image_gc_low_percent) // 100 - disk.available_bytes()
        freed = self.free(wanted)
        if freed >= wanted:
            self._failed = False
            return
        message = (
            f"Failed to garbage collect required amount of images. Attempted to free {wanted} bytes, but only found "
            f"{freed} bytes eligible to free."
        )
        self._warn("FreeDiskSpaceFailed", message)
        if self._failed:
            self._warn("ImageGCFailed", message)
        self._failed = True

    def free(self, wanted: int) -> int:
        """Removes unused images until so many bytes are free; returns how many became so."""
        now_ns, kept = self._sim.clock.now_ns(), dict.fromkeys(self._images_in_use())
        arrivals = self._runtime.image_arrivals()
        unused = [name for name in arrivals if name not in kept and now_ns - arrivals[name] >= AGE_MIN_NS]
        freed, used = 0, self._runtime.image_uses()
        for name in sorted(unused, key=lambda each: (used.get(each, 0), arrivals[each])):
            if freed >= wanted:
                break
            before = self._runtime.image_fs_info()
            self._runtime.remove_image(name)
            freed += round((before - self._runtime.image_fs_info()) * UNPACKED)
        return freed

    def _images_in_use(self) -> list[str]:
        """The full names of the images of all containers, dead ones too, and of the sandboxes."""
        found = [self._runtime.pause_image]
        for uid in self._runtime.pods():
            containers = self._runtime.pod_status(uid).containers
            found += [self._runtime.full_name(each.spec.image) for each in containers if each.spec is not None]
        return found
