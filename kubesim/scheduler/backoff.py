"""Pods that failed and have to wait before they are tried again: 1 s, doubling to 10 s.

Two heaps: Pods that plugins rejected may be taken early when the scheduler has nothing else to do; Pods
that failed for an error may not, or a broken apiserver would be hammered. Back-off ends on whole seconds, so
that Pods that failed together come back together, in order of priority.
Upstream: pkg/scheduler/backend/queue/backoff_queue.go (with SchedulerPopFromBackoffQ, on since v1.33).
"""

from __future__ import annotations

from collections.abc import Callable

from kubesim.scheduler.queued_pod import Key, Place, PodHeap, QueuedPod

NANOSECONDS = 1_000_000_000
INITIAL_BACKOFF_NS = 1 * NANOSECONDS
MAX_BACKOFF_NS = 10 * NANOSECONDS
ORDERING_WINDOW_NS = 1 * NANOSECONDS


class BackoffQueue:
    """`now_ns` is the date in nanoseconds since 1970: windows are whole seconds of the clock on the wall."""

    def __init__(
        self, now_ns: Callable[[], int], sort_key: Callable[[QueuedPod], Key], *,
        initial_ns: int = INITIAL_BACKOFF_NS, max_ns: int = MAX_BACKOFF_NS,
    ) -> None:  # fmt: skip
        self._now_ns = now_ns
        self._initial_ns, self._max_ns = initial_ns, max_ns
        self._rejected = PodHeap(Place.BACKOFF, lambda queued: (self.ends_ns(queued), *sort_key(queued)))
        self._failed = PodHeap(Place.ERROR_BACKOFF, lambda queued: (self.ends_ns(queued),))

    def __len__(self) -> int:
        return len(self._rejected) + len(self._failed)

    def push(self, queued: QueuedPod) -> None:
        """Starts (or goes on with) waiting."""
        (self._rejected if queued.was_rejected else self._failed).push(queued)

    def remove(self, queued: QueuedPod) -> None:
        """The Pod need not wait any more, or is gone."""
        (self._rejected if queued.place is Place.BACKOFF else self._failed).remove(queued)

    def pop_early(self) -> QueuedPod | None:
        """The first of the rejected Pods, although its time has not come."""
        return self._rejected.pop()

    def pop_completed(self) -> list[QueuedPod]:
        """Takes out all whose time has come."""
        completed = []
        for heap in (self._rejected, self._failed):
            while (queued := heap.peek()) is not None and not self.is_backing_off(queued):
                heap.remove(queued)
                completed.append(queued)
        return completed

    def next_ns(self) -> int | None:
        """When the next Pod's time will have come; None while nobody waits."""
        heads = [queued for heap in (self._rejected, self._failed) if (queued := heap.peek()) is not None]
        return min((self.ends_ns(queued) + ORDERING_WINDOW_NS for queued in heads), default=None)

    def is_backing_off(self, queued: QueuedPod) -> bool:
        """Whether the Pod still has to wait; the second in which its time ends belongs to it."""
        return self.ends_ns(queued) >= _window(self._now_ns())

    def ends_ns(self, queued: QueuedPod) -> int:
        """When its back-off ends, computed once per failure."""
        if not (queued.unschedulable_count or queued.consecutive_errors):
            return 0
        if not queued.backoff_until_ns:
            queued.backoff_until_ns = _window(queued.timestamp_ns + self._duration_ns(queued))
        return queued.backoff_until_ns

    def _duration_ns(self, queued: QueuedPod) -> int:
        failures = queued.consecutive_errors or queued.unschedulable_count
        return min(self._initial_ns << (failures - 1), self._max_ns) if failures < 64 else self._max_ns


def _window(moment_ns: int) -> int:
    return moment_ns - moment_ns % ORDERING_WINDOW_NS
