"""A waiting Pod, and the heap that waiting Pods are ordered in.

Upstream: `QueuedPodInfo` in pkg/scheduler/framework/types.go, pkg/scheduler/backend/heap.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from enum import Enum

from kubesim.scheduler.pod_info import PodInfo
from kubesim.sim import Cause

Key = tuple[int, ...]


class Place(Enum):
    """Where a Pod waits."""

    NOWHERE = "nowhere"
    ACTIVE = "active"
    BACKOFF = "backoff"
    ERROR_BACKOFF = "error back-off"
    UNSCHEDULABLE = "unschedulable"
    IN_FLIGHT = "in flight"


class QueuedPod:
    """One Pod on its way through the queue. `unschedulable_plugins` keeps the order in which they said no."""

    __slots__ = (
        "attempts", "backoff_until_ns", "causes", "consecutive_errors", "gating_plugin", "info", "pending_plugins",
        "place", "sort_problem", "ticket", "timestamp_ns", "unschedulable_count", "unschedulable_plugins",
    )  # fmt: skip

    def __init__(self, info: PodInfo, timestamp_ns: int) -> None:
        self.info = info
        self.timestamp_ns = timestamp_ns  # When it (last) came into the queue: who waits longer goes first.
        self.place = Place.NOWHERE
        self.attempts = 0
        self.unschedulable_count = 0  # Attempts that ended with a plugin's no.
        self.consecutive_errors = 0  # Attempts in a row that ended with an error.
        self.backoff_until_ns = 0  # 0: to be computed.
        self.unschedulable_plugins: dict[str, None] = {}
        self.pending_plugins: dict[str, None] = {}
        self.gating_plugin = ""
        self.causes: tuple[Cause, ...] = ()
        self.ticket = 0
        self.sort_problem = ""  # What went wrong when the Pod was given its place in the queue.

    @property
    def uid(self) -> str:
        """The Pod's uid."""
        return self.info.uid

    @property
    def was_rejected(self) -> bool:
        """Whether plugins said no, as opposed to an error."""
        return bool(self.unschedulable_plugins or self.pending_plugins)

    def __repr__(self) -> str:
        return f"<QueuedPod {self.info.key} {self.place.value}>"


class PodHeap:
    """Pods by `key`, equals in the order in which they came. Removal is lazy: a stale ticket is skipped."""

    def __init__(self, place: Place, key: Callable[[QueuedPod], Key]) -> None:
        self.place = place
        self._key = key
        self._heap: list[tuple[Key, int, QueuedPod]] = []
        self._serial = 0
        self._alive = 0

    def __len__(self) -> int:
        return self._alive

    def push(self, queued: QueuedPod) -> None:
        """Adds a Pod that waits nowhere else."""
        assert queued.place in (Place.NOWHERE, Place.IN_FLIGHT), f"{queued} waits already"
        self._serial += 1
        queued.place, queued.ticket = self.place, self._serial
        self._alive += 1
        heapq.heappush(self._heap, (self._key(queued), self._serial, queued))

    def remove(self, queued: QueuedPod) -> None:
        """Takes a Pod out, wherever it stands."""
        assert queued.place is self.place, f"{queued} is not here"
        queued.place = Place.NOWHERE
        self._alive -= 1

    def peek(self) -> QueuedPod | None:
        """The first."""
        heap = self._heap
        while heap:
            _, ticket, queued = heap[0]
            if queued.place is self.place and queued.ticket == ticket:
                return queued
            heapq.heappop(heap)
        return None

    def pop(self) -> QueuedPod | None:
        """Takes the first out."""
        queued = self.peek()
        if queued is not None:
            self.remove(queued)
            heapq.heappop(self._heap)
        return queued
