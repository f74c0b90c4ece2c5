"""An asyncio event loop whose time is a number that the user owns.

Plain `asyncio.sleep`, `asyncio.timeout` and `loop.call_at` work unchanged on it; only the meaning of
"later" differs. It has three modes, and may change between them while it runs:

* *virtual*: when nothing is ready, time jumps to the next timer. Minutes pass in milliseconds.
* *paced*: N virtual seconds per real second, with sockets served in between.
* *paused*: time stands still (or runs to a limit set by `step`); what needs no time still happens.

Time is an integer of nanoseconds from 0. Timers of one instant fire in the order in which they were
made: asyncio itself compares only the time, so its order of ties depends on the heap.

This relies on CPython internals (`_scheduled`, `_ready`, `_selector`, `_run_once`) that have been stable
from 3.11 to 3.14; `SUPPORTED_PYTHONS` guards them and tests/sim/test_loop.py exercises them.
"""

from __future__ import annotations

import asyncio
import sys
import time as wall
from collections import deque
from collections.abc import Callable
from contextvars import Context
from enum import Enum
from heapq import heapify, heappop, heappush
from random import Random
from typing import Any, Self, TypeVarTuple

from kubesim.sim.errors import DeadlockError, LivelockError
from kubesim.sim.handles import Later, Soon

Arguments = TypeVarTuple("Arguments")
NANOSECONDS_PER_SECOND = 1_000_000_000
SUPPORTED_PYTHONS = ((3, 11), (3, 12), (3, 13), (3, 14))
CALLBACKS_PER_INSTANT_MAX = 1_000_000
VIRTUAL_ROUNDS_BETWEEN_POLLS = 4096
CANCELLED_TIMERS_MAX = 100


class Mode(Enum):
    """Who moves time forward."""

    VIRTUAL = "virtual"
    PACED = "paced"
    PAUSED = "paused"


Timer = tuple[int, int, asyncio.TimerHandle]  # (nanoseconds, serial, handle): unique, so the heap has no ties.


class SimLoop(asyncio.SelectorEventLoop):
    """An event loop on virtual time; see the module's docstring for its modes.

    `permute` is a seeded random stream that shuffles callbacks which are ready at the same time, to search
    for races; None keeps them in order of creation.
    """

    _ready: deque[asyncio.Handle]
    _timer_cancelled_count: int

    def __new__(cls, **_: object) -> Self:
        """Refuses a Python whose internals nobody looked at, before there is a half-made loop."""
        if sys.version_info[:2] not in SUPPORTED_PYTHONS:
            raise RuntimeError(
                f"kubesim's clock knows CPython 3.11 to 3.14, this is {sys.version.split()[0]}; "
                "use one of those, or check kubesim/sim/loop.py against this version"
            )
        return super().__new__(cls)

    def __init__(self, *, permute: Random | None = None) -> None:
        super().__init__()
        self.now_ns = 0
        self.mode = Mode.VIRTUAL
        self.speed = 1.0  # Virtual seconds per real second, in paced mode.
        self._limit_ns: int | None = None  # Paused: time may run up to here, and no further.
        self._timers: list[Timer] = []  # A heap. asyncio's own, `_scheduled`, stays empty.
        self._serial = 0
        self._at_end: list[Soon] = []  # What waits for the end of the present instant.
        self._callbacks_this_instant = 0
        self._rounds_until_poll = VIRTUAL_ROUNDS_BETWEEN_POLLS
        self._pace_origin = (0, 0)  # (virtual ns, wall ns) of the last change of pace.
        self._work_takes_time = True  # Paced: also while callbacks run, not only while nothing is ready.
        self._permute = permute

    # -- time -----------------------------------------------------------------------------------------

    def time(self) -> float:
        """Virtual seconds since the loop began, as asyncio wants them; `now_ns` is the exact value."""
        return self.now_ns / NANOSECONDS_PER_SECOND

    def call_soon(
        self,
        callback: Callable[[*Arguments], object],
        *args: *Arguments,
        context: Context | None = None,
    ) -> asyncio.Handle:
        """As asyncio's, without its debugging: this is the most called function of a run."""
        if self._closed:  # type: ignore[attr-defined]
            self._check_closed()  # type: ignore[attr-defined]
        handle = Soon(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_at(
        self,
        when: float,
        callback: Callable[[*Arguments], object],
        *args: *Arguments,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Runs `callback` at virtual second `when`; ties run in the order of these calls."""
        return self.call_at_ns(round(when * NANOSECONDS_PER_SECOND), callback, *args, context=context)

    def call_later(
        self,
        delay: float,
        callback: Callable[[*Arguments], object],
        *args: *Arguments,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Runs `callback` after `delay` seconds; exact also when the run is so old that a float of its time is not."""
        when_ns = self.now_ns + round(delay * NANOSECONDS_PER_SECOND)
        return self.call_at_ns(when_ns, callback, *args, context=context)

    def call_at_ns(
        self, when_ns: int, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Like `call_at`, exact to the nanosecond."""
        if self._closed:  # type: ignore[attr-defined]
            self._check_closed()  # type: ignore[attr-defined]
        handle = Later(when_ns / NANOSECONDS_PER_SECOND, callback, args, self, context)
        self._serial += 1
        heappush(self._timers, (when_ns, self._serial, handle))
        return handle

    def call_at_end_of_instant(self, callback: Callable[..., object], *args: Any) -> None:
        """Runs `callback` once nothing else is left to do at the present time."""
        self._at_end.append(Soon(callback, args, self, None))

    def close(self) -> None:
        """Forgets all timers, and closes as asyncio's does."""
        self._timers.clear()
        self._at_end.clear()
        super().close()

    def virtual(self) -> None:
        """From here on time jumps to the next timer whenever nothing is ready."""
        self._advance_paced()
        self.mode, self._limit_ns = Mode.VIRTUAL, None
        self._callbacks_this_instant = 0  # While time stood still, many were fine.

    def pace(self, speed: float, *, work_takes_time: bool = True) -> None:
        """From here on `speed` virtual seconds pass per real second.

        Without `work_takes_time` they pass only while the loop waits for something, so that, as in virtual mode,
        whatever happens at one instant happens at that instant, however slow the machine is.
        """
        if not speed > 0:
            raise ValueError(f"a speed is more than 0 virtual seconds per second, not {speed}")
        self._advance_paced()
        self.mode, self._limit_ns, self.speed = Mode.PACED, None, speed
        self._work_takes_time = work_takes_time
        self._pace_origin = (self.now_ns, wall.monotonic_ns())

    def pause(self) -> None:
        """Time stands still; requests that need none are still answered."""
        self._advance_paced()
        self.mode, self._limit_ns = Mode.PAUSED, None

    def step(self, nanoseconds: int) -> None:
        """While paused: lets time jump from timer to timer until `nanoseconds` from now, then stand still."""
        assert self.mode is Mode.PAUSED, "only a paused clock can be stepped"
        self._limit_ns = (self._limit_ns or self.now_ns) + nanoseconds

    # -- the turn of the loop -------------------------------------------------------------------------

    def _run_once(self) -> None:
        """One turn: move time if nothing is ready, then run what is ready now (not what that makes ready)."""
        if self._ready:
            self._rounds_until_poll -= 1
            if self.mode is not Mode.VIRTUAL:
                self._poll(0)
                self._advance_paced()
                self._release_due()
            elif self._rounds_until_poll <= 0:
                self._poll(0)
        elif self._at_end and not (self._timers and self._timers[0][0] <= self.now_ns):
            self._ready.extend(self._at_end)
            self._at_end.clear()
        elif self.mode is Mode.VIRTUAL:
            self._jump()
        elif self.mode is Mode.PACED:
            self._wait_paced()
        else:
            self._wait_paused()
        self._run_ready()

    def _jump(self) -> None:
        """Virtual mode: to the next timer, whenever that is."""
        if (when_ns := self._next_timer_ns()) is None:
            self._poll(0)  # A signal handler or another thread may have something for us.
            if not self._ready and not self._stopping:  # type: ignore[attr-defined]
                raise DeadlockError(waiting_tasks(self))
            return
        self._set_time(when_ns)
        self._release_due()

    def _wait_paced(self) -> None:
        """Paced mode: sleep in the selector until the next timer is due or a socket has something."""
        began = (self.now_ns, wall.monotonic_ns())
        self._advance_paced()
        when_ns = self._next_timer_ns()
        if when_ns is None:
            self._poll(None)
        elif when_ns > self.now_ns:
            self._poll((when_ns - self.now_ns) / self.speed / NANOSECONDS_PER_SECOND)
        if self._work_takes_time:
            self._advance_paced()
        else:  # Only the waiting counts, and no timer is late.
            waited_ns = began[0] + int((wall.monotonic_ns() - began[1]) * self.speed)
            self._set_time(waited_ns if when_ns is None else min(waited_ns, when_ns))
        self._release_due()

    def _wait_paused(self) -> None:
        """Paused: only sockets and already due timers act, unless a step granted some time."""
        when_ns = self._next_timer_ns()
        limit_ns = self._limit_ns if self._limit_ns is not None else self.now_ns
        if when_ns is not None and when_ns <= limit_ns:
            self._set_time(when_ns)
            self._release_due()
            self._poll(0)
            return
        self._set_time(limit_ns)
        self._limit_ns = None
        self._poll(None)

    def _poll(self, timeout_seconds: float | None) -> None:
        """Lets the selector report sockets, signals and calls from other threads."""
        self._rounds_until_poll = VIRTUAL_ROUNDS_BETWEEN_POLLS
        events = self._selector.select(timeout_seconds)  # type: ignore[attr-defined]
        self._process_events(events)  # type: ignore[attr-defined]

    def _advance_paced(self) -> None:
        if self.mode is not Mode.PACED or not self._work_takes_time:
            return
        virtual_ns, wall_ns = self._pace_origin
        self._set_time(virtual_ns + int((wall.monotonic_ns() - wall_ns) * self.speed))

    def _next_timer_ns(self) -> int | None:
        timers = self._timers
        while timers and timers[0][2]._cancelled:
            self._timer_cancelled_count -= 1
            heappop(timers)[2]._scheduled = False  # type: ignore[attr-defined]
        return timers[0][0] if timers else None

    def _set_time(self, now_ns: int) -> None:
        if now_ns > self.now_ns:
            self.now_ns = now_ns
            self._callbacks_this_instant = 0

    def _release_due(self) -> None:
        """Moves every timer that is due into the ready queue, in order."""
        timers, ready, now_ns = self._timers, self._ready, self.now_ns
        while timers and timers[0][0] <= now_ns:
            handle = heappop(timers)[2]
            handle._scheduled = False  # type: ignore[attr-defined]
            if handle._cancelled:
                self._timer_cancelled_count -= 1
            else:
                ready.append(handle)
        if self._timer_cancelled_count > CANCELLED_TIMERS_MAX:
            self._drop_cancelled()

    def _drop_cancelled(self) -> None:
        """Rebuilds the heap when most of it was cancelled, as asyncio does."""
        if 2 * self._timer_cancelled_count > len(self._timers):
            for _, _, handle in self._timers:
                handle._scheduled = not handle._cancelled  # type: ignore[attr-defined]
            self._timers = [timer for timer in self._timers if not timer[2]._cancelled]
            heapify(self._timers)
            self._timer_cancelled_count = 0

    def _run_ready(self) -> None:
        """Runs what is ready, and on virtual time what that makes ready: nothing can come from outside meanwhile."""
        self._run_round()
        while self._ready and self.mode is Mode.VIRTUAL and not self._stopping:  # type: ignore[attr-defined]
            self._rounds_until_poll -= 1
            if self._rounds_until_poll <= 0:
                return
            self._run_round()

    def _run_round(self) -> None:
        ready = self._ready
        count = len(ready)
        self._callbacks_this_instant += count
        if self._callbacks_this_instant > CALLBACKS_PER_INSTANT_MAX and self.mode is Mode.VIRTUAL:
            self._callbacks_this_instant = 0  # Those who are cancelled now may clean up.
            raise LivelockError(self.now_ns, waiting_tasks(self))
        if self._permute is not None and count > 1:
            self._permute.shuffle(ready)
        popleft = ready.popleft
        for _ in range(count):
            handle = popleft()
            if handle._cancelled:
                continue
            try:  # As Handle._run does, without the call.
                handle._context.run(handle._callback, *handle._args)  # type: ignore[attr-defined]
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as error:
                self._report(handle, error)

    def _report(self, handle: asyncio.Handle, error: BaseException) -> None:
        message = f"callback {handle!r} failed"
        self.call_exception_handler({"message": message, "exception": error, "handle": handle})


def waiting_tasks(loop: asyncio.AbstractEventLoop) -> tuple[str, ...]:
    """The names of all unfinished tasks of `loop`, sorted: who waits."""
    return tuple(sorted(task.get_name() for task in asyncio.all_tasks(loop)))
