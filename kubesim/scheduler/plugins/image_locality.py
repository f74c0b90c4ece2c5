"""ImageLocality: prefers nodes that have the Pod's images already.

An image counts by its size, scaled by the share of nodes that have it, so that one node does not draw all
Pods of a rare image. Below 23 MB nothing counts, above 1000 MB per container nothing counts more.
Upstream: pkg/scheduler/framework/plugins/imagelocality.
"""

from __future__ import annotations

from collections.abc import Hashable

from kubesim.scheduler.framework.cycle_state import CycleState
from kubesim.scheduler.framework.interface import NODE_SCORE_MAX, ScorePlugin
from kubesim.scheduler.node_info import NodeInfo
from kubesim.scheduler.pod_info import PodInfo, PodShape
from kubesim.scheduler.snapshot import Snapshot

MEGABYTE = 1024 * 1024
SMALLEST = 23 * MEGABYTE
LARGEST_PER_CONTAINER = 1000 * MEGABYTE


class ImageLocality(ScorePlugin):
    """Adds up the images that need not be pulled."""

    name = "ImageLocality"
    node_local = True

    def depends_on(self, snapshot: Snapshot) -> Hashable:
        """How widely images are spread is a matter of all nodes."""
        return snapshot.images_version

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        """0 for nothing worth mentioning to 100 for 1000 MB per container."""
        if not node.images:
            return 0
        images = self._images(pod.shape)
        snapshot = self.handle.snapshot
        spread, nodes = snapshot.image_nodes, len(snapshot)
        total = 0
        for image in images:
            size = node.images.get(image)
            if size is not None:
                total += int(size * (spread[image] / nodes))
        largest = LARGEST_PER_CONTAINER * len(images)
        clamped = min(max(total, SMALLEST), largest)
        return NODE_SCORE_MAX * (clamped - SMALLEST) // (largest - SMALLEST)

    def _images(self, shape: PodShape) -> list[str]:
        images = shape.memo.get(self.name)
        if images is None:
            containers = (*shape.spec.init_containers, *shape.spec.containers)
            images = shape.memo[self.name] = [with_tag(container.image) for container in containers]
        assert isinstance(images, list)
        return images


def with_tag(image: str) -> str:
    """`nginx` → `nginx:latest`, as nodes name it."""
    return image if image.rfind(":") > image.rfind("/") else f"{image}:latest"
