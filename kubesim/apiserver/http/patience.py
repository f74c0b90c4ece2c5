"""How long a request may take, in real seconds, and how many may be under way at once.

The real server gives every request that is no watch a minute, and serves a limited number at a time. Here time may
stand still, and then what needs time never comes: after ten seconds the caller is told so.
Upstream: k8s.io/apiserver/pkg/server/filters/timeout.go, maxinflight.go.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from kubesim.api.errors import ApiError, ServerTimeoutError, TooManyRequestsError
from kubesim.sim import SimLoop
from kubesim.sim.loop import Mode
from kubesim.sim.wall_timers import WallTimer, WallTimers, wall_time

REQUEST_SECONDS = 60.0
PAUSED_SECONDS = 10.0
LOOK_SECONDS = 1.0
IN_FLIGHT_MAX = 600  # Upstream: 400 that read and 200 that write.
TIMEOUT = "Timeout: request did not complete within the allotted timeout"
PAUSED = "the clock is paused: this request is answered when time passes; `kubesim resume` or `kubesim step` lets it"
TOO_MANY = "Too many requests, please try again later."


class Patience:
    """The requests of one front that are being answered."""

    def __init__(self, loop: SimLoop, timers: WallTimers) -> None:
        self._loop = loop
        self._timers = timers
        self._waits: dict[Wait, None] = {}
        self._next: WallTimer | None = None

    def start(self) -> None:
        """Looks now and then from here on, in real time."""
        self._next = self._timers.call_later(LOOK_SECONDS, self._look_again)

    def reading(self) -> Wait:
        """`with patience.reading():` what a client sends is awaited."""
        return Wait(self._waits, needs_time=False)

    def answering(self) -> Wait:
        """`with patience.answering():` the server works, for which time may have to pass."""
        return Wait(self._waits, needs_time=True)

    def look(self) -> None:
        """Gives up on what has taken too long."""
        now, is_paused = wall_time(), self._loop.mode is Mode.PAUSED
        for wait in list(self._waits):
            wait.look(now, is_paused=is_paused)

    def _look_again(self) -> None:
        self.look()
        self.start()


class Wait:
    """One piece of work that may be given up."""

    __slots__ = ("_began", "_needs_time", "_paused_since", "_refusal", "_task", "_waits")

    def __init__(self, waits: dict[Wait, None], *, needs_time: bool) -> None:
        self._waits = waits
        self._needs_time = needs_time
        self._began = wall_time()
        self._paused_since: float | None = None
        self._refusal: ApiError | None = None
        self._task: asyncio.Task[object] | None = None

    def __enter__(self) -> Self:
        if len(self._waits) >= IN_FLIGHT_MAX:
            raise TooManyRequestsError(TOO_MANY, {"retryAfterSeconds": 1})
        self._task = asyncio.current_task()
        self._waits[self] = None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """A cancellation by `look` becomes a refusal."""
        self._waits.pop(self, None)
        task, self._task = self._task, None
        if self._refusal is not None and isinstance(error, asyncio.CancelledError):
            assert task is not None, "it was entered"
            task.uncancel()
            raise self._refusal from None

    def look(self, now: float, *, is_paused: bool) -> None:
        """Gives up if it is time to."""
        if not is_paused:
            self._paused_since = None
        elif self._paused_since is None:
            self._paused_since = now
        if self._needs_time and self._paused_since is not None and now - self._paused_since >= PAUSED_SECONDS:
            self._give_up(ServerTimeoutError(PAUSED))
        elif now - self._began >= REQUEST_SECONDS:
            self._give_up(ServerTimeoutError(TIMEOUT))

    def _give_up(self, refusal: ApiError) -> None:
        if self._refusal is None and self._task is not None:
            self._refusal = refusal
            self._task.cancel()
