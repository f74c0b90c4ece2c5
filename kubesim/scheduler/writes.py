"""The scheduler's writes to the apiserver: many at a time, a bounded number, begun in order.

A cycle must not wait for the apiserver, so bindings and status patches run beside it. When too many are
under way the scheduler itself waits: that is the only brake between it and a slow apiserver.
Upstream: one goroutine per binding, throttled by the client's rate limit.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from kubesim.sim import CAUSES, Cause, Tasks, merge_causes

Job = tuple[Callable[[], Awaitable[None]], tuple[Cause, ...]]


class Writes:
    """A pool of at most `limit` workers, made as they are needed; one that has nothing to do waits for more."""

    def __init__(self, tasks: Tasks, limit: int) -> None:
        self._tasks = tasks
        self._limit = limit
        self._jobs: deque[Job] = deque()
        self._working = 0
        self._made = 0
        self._resting: list[asyncio.Future[None]] = []
        self._room: asyncio.Future[None] | None = None

    def start(self, work: Callable[[], Awaitable[None]], causes: tuple[Cause, ...]) -> None:
        """Runs `work` as soon as a worker is free, in the order of these calls."""
        self._jobs.append((work, causes))
        if self._working >= self._limit:
            return
        self._working += 1
        if self._resting:
            self._resting.pop().set_result(None)
        else:
            self._made += 1
            self._tasks.spawn(self._work(), f"writer-{self._made}")

    def start_aside(self, work: Callable[[], Awaitable[None]], causes: tuple[Cause, ...]) -> None:
        """Runs `work` at once, outside of the limit: what mostly waits for somebody else."""

        async def run() -> None:
            CAUSES.set(merge_causes(causes))
            await work()

        self._tasks.spawn(run(), "waiting")

    async def room(self) -> None:
        """Waits while as many jobs wait as there may be workers."""
        while len(self._jobs) >= self._limit:
            self._room = asyncio.get_running_loop().create_future()
            await self._room

    async def _work(self) -> None:
        jobs = self._jobs
        while True:
            while jobs:
                work, causes = jobs.popleft()
                if self._room is not None and not self._room.done():
                    self._room.set_result(None)
                CAUSES.set(merge_causes(causes))
                await work()
            self._working -= 1
            rest: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._resting.append(rest)
            await rest
