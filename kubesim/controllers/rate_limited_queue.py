"""A queue of nodes to taint that hands out only so many a second.

A name is in it once; after its work succeeded it is remembered and not taken in again until `remove`, so that a
node is tainted once for each time that it fails.
Upstream: pkg/controller/nodelifecycle/scheduler/rate_limited_queue.go.
"""

from __future__ import annotations

import heapq
from collections.abc import Awaitable, Callable

from kubesim.client.rate_limit import TokenBucket
from kubesim.sim import Clock

BURST = 1
NANOSECONDS_PER_SECOND = 1_000_000_000


class RateLimitedQueue:
    """Names in the order in which they are due, behind a token bucket; a rate of 0 stops it."""

    def __init__(self, clock: Clock, rate: float) -> None:
        self._clock = clock
        self.rate = rate
        self._bucket = TokenBucket(clock, rate, BURST) if rate > 0 else None
        self._serial = 0
        self._due: dict[str, tuple[int, int]] = {}  # Name → (when, serial) of its valid entry in the heap.
        self._known: dict[str, None] = {}  # Waiting, or done and not removed.
        self._heap: list[tuple[int, int, str]] = []

    def add(self, name: str) -> bool:
        """Takes `name` in, unless it is known already."""
        if name in self._known:
            return False
        self._known[name] = None
        self._put(name, self._clock.now_ns())
        return True

    def remove(self, name: str) -> bool:
        """Forgets `name`, whether it waits or is done; says whether it was waiting."""
        self._known.pop(name, None)
        return self._due.pop(name, None) is not None

    def set_rate(self, rate: float) -> None:
        """Changes the rate; a bucket that was empty begins empty again."""
        if rate == self.rate:
            return
        was_empty = self._bucket is None or not self._bucket.try_take()
        self.rate = rate
        self._bucket = TokenBucket(self._clock, rate, BURST) if rate > 0 else None
        if was_empty and self._bucket is not None:
            self._bucket.try_take()

    async def work(self, work: Callable[[str], Awaitable[bool]]) -> None:
        """Hands out what is due as long as there are tokens; what `work` calls False stays in the queue."""
        while (name := self._head()) is not None:
            if self._bucket is None or not self._bucket.try_take():
                return
            if self._due[name][0] > self._clock.now_ns():
                return
            if await work(name):
                self._due.pop(name, None)
            elif name in self._due:
                self._put(name, self._clock.now_ns() + 1)

    def __len__(self) -> int:
        """How many names wait."""
        return len(self._due)

    def _head(self) -> str | None:
        heap = self._heap
        while heap and self._due.get(heap[0][2]) != heap[0][:2]:
            heapq.heappop(heap)
        return heap[0][2] if heap else None

    def _put(self, name: str, when_ns: int) -> None:
        self._serial += 1
        self._due[name] = (when_ns, self._serial)
        heapq.heappush(self._heap, (when_ns, self._serial, name))
