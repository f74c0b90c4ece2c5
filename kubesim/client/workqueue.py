"""The queue between a controller's informers and its workers.

A key is in it at most once however often it is added, is never handed to two workers at once, and one added
while it is being worked on comes back when that is `done`. So a controller sees each key's latest state and
never two reconciliations of one object side by side.

It also carries causes: which revisions (or timers) a key was added because of since it was last handed out.
Upstream: k8s.io/client-go/util/workqueue (queue.go, delaying_queue.go, rate_limiting_queue.go). Left out:
priorities, metrics.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Hashable
from typing import Generic, NamedTuple, TypeVar

from kubesim.client.rate_limit import NANOSECONDS_PER_SECOND, RateLimiter, default_controller_rate_limiter
from kubesim.sim import CAUSES, Cause, Simulation, merge_causes

Key = TypeVar("Key", bound=Hashable)


class ShutDownError(Exception):
    """The queue was shut down and is empty: a worker ends."""


class Delayed(NamedTuple):
    """A key that waits for its time."""

    ready_at_ns: int
    timer: asyncio.TimerHandle
    causes: tuple[Cause, ...]


class WorkQueue(Generic[Key]):
    """A deduplicating, delaying, rate limited queue; `name` is for people."""

    def __init__(self, sim: Simulation, name: str, *, rate_limiter: RateLimiter | None = None) -> None:
        self.name = name
        self.is_shut_down = False
        self._loop = sim.loop
        self._rate_limiter = rate_limiter or default_controller_rate_limiter(sim.clock)
        # A key is in `_queue` if and only if it is in `_dirty` and not in `_processing`.
        self._queue: deque[Key] = deque()
        self._dirty: dict[Key, None] = {}
        self._processing: dict[Key, None] = {}
        self._causes: dict[Key, tuple[Cause, ...]] = {}
        self._delayed: dict[Key, Delayed] = {}
        self._waiters: deque[asyncio.Future[None]] = deque()

    def add(self, key: Key) -> None:
        """Puts `key` in, with the present causes; once is enough."""
        self._add(key, CAUSES.get())

    def add_after(self, key: Key, delay_seconds: float) -> None:
        """Adds `key` later. Of several delays of one key the earliest wins."""
        if delay_seconds <= 0:
            self.add(key)
            return
        if self.is_shut_down:
            return
        causes = CAUSES.get()
        ready_at_ns = self._loop.now_ns + round(delay_seconds * NANOSECONDS_PER_SECOND)
        known = self._delayed.get(key)
        if known is not None:
            causes = merge_causes((*known.causes, *causes))
            if known.ready_at_ns <= ready_at_ns:
                self._delayed[key] = known._replace(causes=causes)
                return
            known.timer.cancel()
        timer = self._loop.call_at_ns(ready_at_ns, self._ripen, key)
        self._delayed[key] = Delayed(ready_at_ns, timer, causes)

    def add_rate_limited(self, key: Key) -> None:
        """Adds `key` when the rate limiter says so: call it when the key's work failed."""
        self.add_after(key, self._rate_limiter.when(key))

    def forget(self, key: Key) -> None:
        """The key's work succeeded (or is given up): its failures no longer count."""
        self._rate_limiter.forget(key)

    def requeues(self, key: Key) -> int:
        """How often the key failed since it was last forgotten."""
        return self._rate_limiter.requeues(key)

    async def get(self) -> Key:
        """Waits for a key and sets `CAUSES` to its causes. Call `done` with it afterwards.

        Raises ShutDownError once the queue is shut down and empty.
        """
        while not self._queue:
            if self.is_shut_down:
                raise ShutDownError(self.name)
            await self._wait()
        key = self._queue.popleft()
        self._processing[key] = None
        del self._dirty[key]
        CAUSES.set(self._causes.pop(key, ()))
        return key

    def done(self, key: Key) -> None:
        """The work on `key` ended, well or not; if it was added meanwhile it is now in the queue again."""
        self._processing.pop(key, None)
        if key in self._dirty:
            self._put(key)

    def shut_down(self) -> None:
        """Takes nothing more in; what is in the queue is still handed out, what was delayed is dropped."""
        self.is_shut_down = True
        for delayed in self._delayed.values():
            delayed.timer.cancel()
        self._delayed.clear()
        while self._waiters:
            self._wake_one()

    def __len__(self) -> int:
        """How many keys could be handed out now."""
        return len(self._queue)

    def _add(self, key: Key, causes: tuple[Cause, ...]) -> None:
        if self.is_shut_down:
            return
        if causes:
            known = self._causes.get(key)
            self._causes[key] = merge_causes((*known, *causes)) if known else causes
        if key in self._dirty:
            return
        self._dirty[key] = None
        if key not in self._processing:
            self._put(key)

    def _put(self, key: Key) -> None:
        self._queue.append(key)
        self._wake_one()

    def _ripen(self, key: Key) -> None:
        self._add(key, self._delayed.pop(key).causes)

    async def _wait(self) -> None:
        waiter = self._loop.create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self._wake_one()  # The key that this one was woken for is for somebody else now.
            raise

    def _wake_one(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
