"""Waiting in virtual time: until something holds, or until a cluster is quiet. Every wait has an end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from kubesim.api.resources import LEASES
from kubesim.components import nanoseconds
from kubesim.recording.change import Change, Observer, is_heartbeat
from kubesim.sim import Simulation, StalledError

STALLED_SECONDS = 30 * 60


class NotReachedError(Exception):
    """A condition did not come true in the virtual time that it was given."""


class Waiting:
    """Waits for what an observer sees of a cluster."""

    def __init__(self, sim: Simulation, observer: Observer) -> None:
        self.sim = sim
        self.observer = observer
        self._last_change_ns = 0
        observer.listen(self._note_change)

    async def run_until(
        self,
        holds: Callable[[], bool],
        *,
        timeout_seconds: float = 600,
        stalled_seconds: float = STALLED_SECONDS,
        what: str = "the condition",
    ) -> None:
        """Lets time pass until `holds()`, asked after every change; NotReachedError after `timeout_seconds`.

        StalledError if for `stalled_seconds` nothing but heartbeats was written: it would never come true.
        """
        reached = asyncio.get_running_loop().create_future()

        def ask(_: Change) -> None:
            if not reached.done() and holds():
                reached.set_result(None)

        unsubscribe = self.observer.listen(ask)
        started_ns = self.sim.clock.now_ns()
        deadline_ns = started_ns + nanoseconds(timeout_seconds)
        try:
            while not (reached.done() or holds()):
                now_ns = self.sim.clock.now_ns()  # Whole numbers: a rest of 1e-12 s would never be over.
                quiet_since_ns = max(started_ns, self._last_change_ns)
                stalled_ns = quiet_since_ns + nanoseconds(stalled_seconds)
                if now_ns >= deadline_ns:
                    raise NotReachedError(f"waited {timeout_seconds:g} virtual seconds in vain for {what}")
                if now_ns >= stalled_ns:
                    raise StalledError(what, (now_ns - quiet_since_ns) / 1e9)
                with suppress(TimeoutError):
                    await asyncio.wait_for(asyncio.shield(reached), (min(deadline_ns, stalled_ns) - now_ns) / 1e9)
        finally:
            unsubscribe()

    async def settle(self, quiet_seconds: float = 30, *, timeout_seconds: float = 3600) -> None:
        """Lets time pass until nothing but heartbeats was written for `quiet_seconds`."""
        await self._instant_over()  # What the caller has just written counts.
        clock, quiet_ns = self.sim.clock, nanoseconds(quiet_seconds)
        deadline_ns = clock.now_ns() + nanoseconds(timeout_seconds)
        while (rest_ns := self._last_change_ns + quiet_ns - clock.now_ns()) > 0:
            if clock.now_ns() >= deadline_ns:
                raise NotReachedError(f"the cluster was never quiet for {quiet_seconds:g} seconds")
            await asyncio.sleep(min(rest_ns, deadline_ns - clock.now_ns()) / 1e9)

    async def _instant_over(self) -> None:
        """Returns when nothing is ready any more in the present instant, and everything written in it was published."""
        over = self.sim.loop.create_future()
        self.sim.loop.call_at_ns(self.sim.loop.now_ns, over.set_result, None)
        await over
        self.observer.flush()

    def _note_change(self, change: Change) -> None:
        if change.resource is not LEASES and not is_heartbeat(change):
            self._last_change_ns = change.time_ns
