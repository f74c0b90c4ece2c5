"""One simulated world: time, chance, network, faults and the trace, handed to every component.

Nothing here is global, so two simulations can live in one process, one after the other or on two loops.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from copy import copy
from datetime import datetime
from typing import Any, TypeVar

from kubesim.sim.chance import Chance
from kubesim.sim.clock import VIRTUAL_EPOCH, Clock
from kubesim.sim.faults import Faults
from kubesim.sim.host import Host
from kubesim.sim.loop import SimLoop
from kubesim.sim.network import Network
from kubesim.sim.trace import Trace

ALLOCATIONS_BETWEEN_COLLECTIONS = 100_000

Result = TypeVar("Result")


class Simulation:
    """What a component may know of the world that it runs in. Make it inside a running `SimLoop`."""

    def __init__(self, seed: int = 0, *, epoch: datetime = VIRTUAL_EPOCH, chance: Chance | None = None) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimLoop), "a Simulation lives on a SimLoop: use kubesim.sim.run"
        self.loop = loop
        self.clock = Clock(loop, epoch)
        self.chance = chance or Chance(seed)
        self.trace = Trace(self.clock.now_ns)
        self.network = Network(self.chance.stream("network"))
        self.faults = Faults(self.network, self.trace)

    def add_host(self, name: str, address: str) -> Host:
        """A machine of this world, with a clock of its own; faults can act upon it."""
        host = self.faults.hosts[name] = Host(name, address, self.network, self.clock.of_a_machine())
        return host

    def on(self, host: Host) -> Simulation:
        """This world as a component on `host` sees it: with that machine's clock."""
        view = copy(self)
        view.clock = host.clock
        return view


def run(main: Callable[[], Coroutine[Any, Any, Result]], *, permute_seed: int | None = None) -> Result:
    """Runs `main()` on a fresh virtual loop until it returns, as `asyncio.run` would on real time.

    An error in a background task or a callback ends the run and is raised: nothing fails unheard.
    """
    permute = None if permute_seed is None else Chance(permute_seed).stream("permute")
    failures: list[BaseException] = []

    async def guarded() -> Result:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().set_exception_handler(_ender(task, failures))
        return await main()

    with collecting_rarely(), asyncio.Runner(loop_factory=lambda: SimLoop(permute=permute)) as runner:
        try:
            result = runner.run(guarded())
        except asyncio.CancelledError:
            if not failures:
                raise
    if failures:
        raise failures[0]
    return result


@contextmanager
def collecting_rarely() -> Iterator[None]:
    """Lets Python look for unreachable cycles less often.

    A run keeps its history, so its heap grows and hardly anything on it dies; looking through all of it again
    and again would cost a quarter of the time.
    """
    thresholds, was_enabled = gc.get_threshold(), gc.isenabled()
    gc.freeze()  # What is imported is there to stay.
    gc.set_threshold(ALLOCATIONS_BETWEEN_COLLECTIONS, 50, 100)
    gc.enable()
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        if not was_enabled:
            gc.disable()
        gc.unfreeze()


def _ender(
    task: asyncio.Task[Any], failures: list[BaseException]
) -> Callable[[asyncio.AbstractEventLoop, dict[str, Any]], None]:
    """An exception handler that ends `task` at the first failure that nobody else hears of."""

    def handle(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, asyncio.CancelledError):
            return  # Somebody was told to stop and did; CPython 3.11's streams report that as a failure.
        failures.append(error or RuntimeError(context["message"]))
        task.cancel()

    return handle
