"""Machines and the processes on them: what crashes together.

A process is one component (a scheduler, a kubelet). Crashing it is a power cut: its endpoint goes silent
first, then its tasks are cancelled, so whatever its cleanup code would write never leaves it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from enum import Enum
from typing import Any

from kubesim.sim.clock import Clock
from kubesim.sim.network import LIFE, Life, Network
from kubesim.sim.tasks import Tasks

Main = Callable[[], Coroutine[Any, Any, None]]


class State(Enum):
    """What a process is doing."""

    RUNNING = "running"
    STOPPED = "stopped"  # Asked to end, and ended in good order.
    CRASHED = "crashed"


class Process:
    """One component on a host; `name` is also its endpoint. `main` makes a fresh one at every start."""

    def __init__(
        self,
        name: str,
        host: Host,
        main: Main,
        *,
        shutdown: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.name = name
        self.host = host
        self.state = State.STOPPED
        self._main = main
        self._shutdown = shutdown
        self._tasks = Tasks(name)
        self.life = Life()  # Of its present or last run.

    @property
    def is_running(self) -> bool:
        """Whether it was started and neither crashed nor stopped since."""
        return self.state is State.RUNNING

    def start(self) -> None:
        """Starts it; nothing happens if it runs already, or if its machine is off (it starts with that)."""
        if self.state is State.RUNNING or self.host.network.is_down(self.host.name):
            return
        self.host.network.attach(self.name, self.host.name)
        self.host.network.bring_up(self.name)
        self.state = State.RUNNING
        self.life = Life()
        token = LIFE.set(self.life)  # The task, and all that it starts, keep a copy of this context.
        try:
            self._tasks.spawn(self._main(), "main")
        finally:
            LIFE.reset(token)

    def crash(self) -> None:
        """Power off: nothing it does from here on is seen by anybody."""
        self.life.is_over = True
        self.host.network.take_down(self.name)
        self._tasks.cancel()
        self.state = State.CRASHED

    async def stop(self) -> None:
        """SIGTERM: lets it say goodbye (`shutdown`), then ends its tasks; nobody listens at its endpoint any more."""
        if self.state is State.RUNNING and self._shutdown is not None:
            await self._shutdown()
        await self._tasks.stop()
        self.host.network.take_down(self.name)
        self.state = State.STOPPED


class Host:
    """A machine with a name, an address, a clock of its own, and its processes in order of start."""

    def __init__(self, name: str, address: str, network: Network, clock: Clock) -> None:
        self.name = name
        self.address = address
        self.clock = clock
        self.network = network
        self.processes: dict[str, Process] = {}
        self.on_shutdown: list[Callable[[], Awaitable[None]]] = []  # What holds up an orderly shutdown.
        self.on_power_off: list[Callable[[], None]] = []  # What has no process and still ends with the machine.
        network.attach(name, name)

    def add(
        self,
        name: str,
        main: Main,
        *,
        shutdown: Callable[[], Awaitable[None]] | None = None,
    ) -> Process:
        """Installs a process; it is not started yet."""
        process = Process(name, self, main, shutdown=shutdown)
        self.processes[name] = process
        return process

    def start(self) -> None:
        """Boots: every process starts, in order."""
        self.network.bring_up(self.name)
        for process in self.processes.values():
            process.start()

    def crash(self) -> None:
        """The power fails: the host goes silent, then everything on it dies."""
        self.network.take_down(self.name)
        for process in self.processes.values():
            process.crash()
        self._power_off()

    async def stop(self) -> None:
        """An orderly shutdown, last started first, once nobody holds it up any more."""
        for delay in self.on_shutdown:
            await delay()
        for process in reversed(self.processes.values()):
            await process.stop()
        self.network.take_down(self.name)
        self._power_off()

    def _power_off(self) -> None:
        for end in self.on_power_off:
            end()
