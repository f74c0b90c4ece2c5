"""Starts components again that failed: in a served cluster a bug of one of them must not end the lesson.

In a real cluster the parts of the control plane are static Pods: a panic ends the process, and the kubelet of
their machine starts it again after a back-off of 10 seconds that doubles up to five minutes, and begins anew for one
that ran for ten minutes. (The kubelet itself is restarted by systemd.) In a test or a scenario nobody does: there
the first failure ends the run.
"""

from __future__ import annotations

import asyncio
import traceback
from contextvars import Context
from typing import Any

from kubesim.service.log import Log
from kubesim.sim import Process, Simulation
from kubesim.sim.network import LIFE

BACK_OFF_SECONDS = 10.0
BACK_OFF_SECONDS_MAX = 300.0
RESET_SECONDS = 600.0


class Supervisor:
    """Hears of every failure (it is the loop's exception handler) and restarts what failed."""

    def __init__(self, sim: Simulation, log: Log) -> None:
        self._sim = sim
        self._log = log
        self._back_offs: dict[str, tuple[float, float]] = {}  # Process -> (last back-off, when it was restarted).

    def note(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A task or a connection failed: the log tells, the others go on, a component is started again."""
        error = context.get("exception")
        story = "".join(traceback.format_exception(error)) if isinstance(error, BaseException) else ""
        process = self._failed()
        if process is None:
            self._log.write("failure", message=context.get("message", ""), traceback=story)
            return
        seconds = self._next_back_off(process.name)
        fields = {"component": process.name, "message": context.get("message", ""), "traceback": story}
        self._log.write("component_failed", **fields, restarts_in_seconds=seconds)
        process.crash()
        loop = self._sim.loop
        loop.call_later(seconds, self._restart, process, context=Context())

    def _failed(self) -> Process | None:
        """The process whose task is the one that failed, if it is still that run of it."""
        life = LIFE.get()
        hosts = self._sim.faults.hosts.values()
        processes = (process for host in hosts for process in host.processes.values())
        return next((process for process in processes if process.is_running and process.life is life), None)

    def _next_back_off(self, name: str) -> float:
        now = self._sim.clock.now()
        last, restarted = self._back_offs.get(name, (0.0, now))
        if not last or now - restarted >= RESET_SECONDS:
            seconds = BACK_OFF_SECONDS
        else:
            seconds = min(2 * last, BACK_OFF_SECONDS_MAX)
        self._back_offs[name] = (seconds, now + seconds)
        return seconds

    def _restart(self, process: Process) -> None:
        if not process.is_running:
            self._log.write("component_restarts", component=process.name)
            process.start()
