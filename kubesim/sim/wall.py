"""A world whose time is the wall clock's: for components that talk to an apiserver outside of the simulation.

Leases, back-offs and dates must mean there what they mean to everybody else, so the loop is paced at one virtual
second per second, and virtual time 0 stands for the moment in which it began.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from typing import TypeVar

from kubesim.sim.clock import wall_now
from kubesim.sim.loop import SimLoop
from kubesim.sim.simulation import Simulation, run

Result = TypeVar("Result")
PIDS_MAX = 1 << 22


def run_in_wall_time(main: Callable[[Simulation], Coroutine[None, None, Result]]) -> Result:
    """Runs `main` in such a world; as `run`, it ends at the first failure that nobody hears of."""

    async def begin() -> Result:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimLoop), "sim.run makes one"
        now = wall_now()
        # Two processes must not draw the same identities, even if they begin in the same instant.
        seed = int(now.timestamp() * 1_000_000) * PIDS_MAX + os.getpid()
        sim = Simulation(seed, epoch=now.replace(microsecond=0))
        await asyncio.sleep(now.microsecond / 1_000_000)  # A clock begins at a full second; on virtual time: a jump.
        loop.pace(1.0)
        return await main(sim)

    return run(begin)
