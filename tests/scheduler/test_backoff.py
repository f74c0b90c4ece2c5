"""How long a Pod waits after a failed attempt."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kubesim.scheduler.backoff import NANOSECONDS, BackoffQueue
from kubesim.scheduler.pod_info import PodInfo
from kubesim.scheduler.queued_pod import Place, QueuedPod


class Waiting:
    """A back-off queue on a hand-moved clock."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.queue = BackoffQueue(lambda: self.now_ns, lambda queued: (-queued.info.priority, queued.timestamp_ns))

    def fail(self, info: PodInfo, *, at: float, rejections: int = 0, errors: int = 0) -> QueuedPod:
        queued = QueuedPod(info, round(at * NANOSECONDS))
        queued.unschedulable_count, queued.consecutive_errors = rejections, errors
        if rejections and not errors:
            queued.unschedulable_plugins["NodeResourcesFit"] = None
        self.queue.push(queued)
        return queued

    def ends(self, queued: QueuedPod) -> float:
        return self.queue.ends_ns(queued) / NANOSECONDS


@pytest.fixture
def waiting() -> Waiting:
    return Waiting()


@pytest.mark.parametrize(("failures", "seconds"), [(1, 1), (2, 2), (3, 4), (4, 8), (5, 10), (6, 10), (200, 10)])
def test_backoff_doubles_up_to_ten_seconds(
    waiting: Waiting, info: Callable[..., PodInfo], failures: int, seconds: int
) -> None:
    """Teaches: who fails often is asked less often, but never forgotten."""
    assert waiting.ends(waiting.fail(info(), at=100, rejections=failures)) == 100 + seconds


def test_errors_in_a_row_count_instead_of_rejections(waiting: Waiting, info: Callable[..., PodInfo]) -> None:
    """Teaches: a broken apiserver is not the Pod's fault, yet it must not be hammered."""
    assert waiting.ends(waiting.fail(info(), at=0, rejections=4, errors=1)) == 1


def test_backoff_ends_on_whole_seconds(waiting: Waiting, info: Callable[..., PodInfo]) -> None:
    """Teaches: Pods that failed within one second come back together, the important ones first."""
    low = waiting.fail(info("low"), at=5.1, rejections=1)
    high = waiting.fail(info("high", priority=7), at=5.9, rejections=1)
    waiting.now_ns = round(6.999 * NANOSECONDS)
    assert waiting.queue.pop_completed() == []
    assert waiting.queue.next_ns() == 7 * NANOSECONDS
    waiting.now_ns = 7 * NANOSECONDS
    assert waiting.queue.pop_completed() == [high, low]
    assert waiting.queue.next_ns() is None


def test_only_rejected_pods_may_be_taken_early(waiting: Waiting, info: Callable[..., PodInfo]) -> None:
    """Teaches: an idle scheduler need not let a Pod wait, unless the trouble is its own."""
    rejected = waiting.fail(info("rejected"), at=0, rejections=3)
    failed = waiting.fail(info("failed"), at=0, errors=1)
    assert (rejected.place, failed.place) == (Place.BACKOFF, Place.ERROR_BACKOFF)
    assert waiting.queue.pop_early() is rejected
    assert waiting.queue.pop_early() is None
    assert len(waiting.queue) == 1


def test_a_pod_can_be_taken_out(waiting: Waiting, info: Callable[..., PodInfo]) -> None:
    """Teaches: a deleted Pod leaves no trace in the queue."""
    for queued in (waiting.fail(info("a"), at=0, rejections=1), waiting.fail(info("b"), at=0, errors=1)):
        waiting.queue.remove(queued)
    waiting.now_ns = 100 * NANOSECONDS
    assert waiting.queue.pop_completed() == []
