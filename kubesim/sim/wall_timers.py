"""Timers in real seconds for what lives outside of the simulation: connections, TLS, patient clients.

A `SimLoop` calls back in virtual time, which may run a thousand times faster than the wall clock, or stand still.
A socket must not time out because of that. One thread sleeps until the next deadline and hands the callback to
the loop. Nothing of a virtual run uses this.
"""

from __future__ import annotations

import asyncio
import threading
import time as wall
from collections.abc import Callable
from contextvars import Context
from heapq import heappop, heappush
from typing import Any


class WallTimer:
    """One callback that is due; what `call_later` of an event loop would return."""

    __slots__ = ("_arguments", "_callback", "_cancelled", "_when")

    def __init__(self, when: float, callback: Callable[..., object], arguments: tuple[Any, ...]) -> None:
        self._when = when
        self._callback = callback
        self._arguments = arguments
        self._cancelled = False

    def cancel(self) -> None:
        """It will not be called."""
        self._cancelled = True

    def cancelled(self) -> bool:
        """Whether it was cancelled."""
        return self._cancelled

    def when(self) -> float:
        """The wall time at which it is due."""
        return self._when

    def run(self) -> None:
        """Calls back, unless cancelled: on the loop's thread."""
        if not self._cancelled:
            self._callback(*self._arguments)


class WallTimers:
    """The timers of one loop. `stop` ends the thread; timers that are not due then never fire."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._heap: list[tuple[float, int, WallTimer]] = []
        self._serial = 0
        self._changed = threading.Condition()
        self._stopped = False
        self._thread: threading.Thread | None = None

    def call_at(self, when: float, callback: Callable[..., object], *arguments: Any) -> WallTimer:
        """Calls back at a moment of `wall_time`."""
        timer = WallTimer(when, callback, arguments)
        with self._changed:
            self._serial += 1
            heappush(self._heap, (when, self._serial, timer))
            if self._thread is None and not self._stopped:
                self._thread = threading.Thread(target=self._run, name="wall-timers", daemon=True)
                self._thread.start()
            if self._heap[0][2] is timer:  # Else the thread sleeps until something that is due earlier.
                self._changed.notify()
        return timer

    def call_later(self, seconds: float, callback: Callable[..., object], *arguments: Any) -> WallTimer:
        """Calls back after real seconds."""
        return self.call_at(wall_time() + seconds, callback, *arguments)

    def stop(self) -> None:
        """No timer fires from now on."""
        with self._changed:
            self._stopped = True
            self._heap.clear()
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._stopped and (not self._heap or self._heap[0][0] > wall_time()):
                    self._changed.wait(self._heap[0][0] - wall_time() if self._heap else None)
                if self._stopped:
                    return
                timer = heappop(self._heap)[2]
            if not timer.cancelled():
                try:
                    self._loop.call_soon_threadsafe(timer.run)
                except RuntimeError:  # The loop is closed: nobody is left to tell.
                    return


class WallLoop:
    """An event loop as aiohttp sees it: the same loop, but its timers and its time are the wall's."""

    def __init__(self, loop: asyncio.AbstractEventLoop, timers: WallTimers) -> None:
        self._loop = loop
        self._timers = timers

    def time(self) -> float:
        """Real seconds."""
        return wall_time()

    def call_at(
        self, when: float, callback: Callable[..., object], *arguments: Any, context: Context | None = None
    ) -> WallTimer:
        """At a moment of `time`."""
        del context  # Connections have none of their own.
        return self._timers.call_at(when, callback, *arguments)

    def call_later(
        self, delay: float, callback: Callable[..., object], *arguments: Any, context: Context | None = None
    ) -> WallTimer:
        """After real seconds."""
        del context
        return self._timers.call_later(delay, callback, *arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)


def wall_time() -> float:
    """A monotonic reading of the machine's clock."""
    return wall.monotonic()
