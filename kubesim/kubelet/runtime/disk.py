"""The disk of one machine: images, what containers have written, and the system itself share it.

A real node may have two file systems (nodefs, imagefs); ours has one. `other_bytes` is what fills it besides images:
faults and containers' files are added there by whoever knows of them.
"""

from __future__ import annotations

from collections.abc import Callable

SYSTEM_BYTES = 2 << 30
SYSTEM_SHARE = 0.2  # Of a small disk.
UNPACKED = 2.7  # How much bigger an image is on the disk than on the wire.


class Disk:
    """How much there is and how much is used; `images` tells the compressed size of all layers."""

    def __init__(self, capacity_bytes: int, images: Callable[[], int]) -> None:
        self.capacity_bytes = capacity_bytes
        self.other_bytes = min(SYSTEM_BYTES, round(capacity_bytes * SYSTEM_SHARE))
        self.container_bytes = 0  # What containers have written, as the kubelet last saw it.
        self._images = images

    def image_bytes(self) -> int:
        """What the images take."""
        return round(self._images() * UNPACKED)

    def used_bytes(self) -> int:
        """Everything; never more than there is."""
        return min(self.capacity_bytes, self.other_bytes + self.container_bytes + self.image_bytes())

    def available_bytes(self) -> int:
        """What is left."""
        return self.capacity_bytes - self.used_bytes()
