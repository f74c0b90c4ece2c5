"""Handing what arrives to a callback: the cheap half of waiting for a stream.

A task that awaits each batch of a stream costs a future, a wake-up and the resumption of all its coroutines, for
every event of every watcher. While nothing unusual happens it can instead wait once, and let every batch be handed
over by one callback: in the same turn of the loop in which the task would have been woken, and in its context.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import copy_context

from kubesim.sim.loop import SimLoop


class Handover:
    """Calls `take` in the turn after every `wake`, until `take` says False, fails, or the waiting task is cancelled."""

    __slots__ = ("_context", "_is_due", "_loop", "_take", "_waiter")

    def __init__(self, loop: SimLoop, take: Callable[[], bool]) -> None:
        self._loop = loop
        self._take = take
        self._context = copy_context()
        self._waiter = loop.create_future()
        self._is_due = False

    async def wait(self) -> None:
        """Returns when `take` said False or `end` was called; raises what `take` raised."""
        await self._waiter

    def wake(self) -> None:
        """Something arrived."""
        if not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._run, context=self._context)

    def end(self) -> None:
        """Nothing more will be handed over."""
        if not self._waiter.done():
            self._waiter.set_result(None)

    def _run(self) -> None:
        self._is_due = False
        if self._waiter.done():
            return
        try:
            goes_on = self._take()
        except Exception as error:  # It belongs to the task that waits, which raises it.
            self._waiter.set_exception(error)
        else:
            if not goes_on:
                self.end()
