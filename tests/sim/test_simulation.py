"""Nothing of a simulated world is global."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from kubesim.sim import CAUSES, Simulation, run


async def play(seed: int) -> list[object]:
    """A little of everything that a run consists of."""
    sim = Simulation(seed)
    begun: list[object] = [sim.clock.now_ns(), sim.network.is_free, len(sim.trace.records), CAUSES.get()]
    host = sim.add_host("node-1", "10.0.0.1")
    host.start()
    sim.faults.drop("node-1", "*", 0.5)
    arrived = [await sim.network.cross("node-1", "elsewhere") for _ in range(20)]
    await asyncio.sleep(sim.chance.stream("jitter").random())
    sim.faults.crash("node-1")
    CAUSES.set(("left behind",))
    return [*begun, arrived, sim.chance.uid(), sim.clock.now_ns(), sim.trace.records]


def test_two_simulations_after_each_other_do_not_mix() -> None:
    """Teaches: the second run of a process is as fresh as the first."""
    first, second, other = (run(lambda seed=seed: play(seed)) for seed in (7, 7, 8))
    assert first == second
    assert first != other
    assert second[:4] == [0, True, 0, ()]


async def test_two_simulations_on_one_loop_do_not_mix(sim: Simulation) -> None:
    """Teaches: they share time and nothing else."""
    other = Simulation(seed=7)
    sim.network.take_down("node-1")
    sim.trace.emit("here")
    sim.chance.uid()
    assert other.network.is_free
    assert other.trace.records == []
    assert other.chance.uid() == Simulation(seed=7).chance.uid()


def test_a_simulation_needs_a_loop_of_ours() -> None:
    """Teaches: on asyncio's own loop time would be real."""

    async def main() -> None:
        Simulation()

    with pytest.raises(AssertionError, match=r"a Simulation lives on a SimLoop: use kubesim.sim.run"):
        asyncio.run(main())


@pytest.mark.parametrize("permute_seed", [None, 3])
def test_a_run_returns_what_its_main_returns(permute_seed: int | None) -> None:
    """Teaches: run(main) is asyncio.run(main()) on virtual time."""

    async def main() -> float:
        await asyncio.sleep(3)
        return asyncio.get_running_loop().time()

    assert run(main, permute_seed=permute_seed) == 3


def test_an_error_of_main_is_raised() -> None:
    """Teaches: nothing is swallowed."""

    async def main() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        run(main)


def test_cancelling_main_is_no_failure_of_somebody_else() -> None:
    """Teaches: Ctrl-C stays what it is."""

    async def main() -> None:
        task = asyncio.current_task()
        assert task is not None
        cancel: Callable[[], bool] = task.cancel
        asyncio.get_running_loop().call_later(1, cancel)
        await asyncio.sleep(60)

    with pytest.raises(asyncio.CancelledError):
        run(main)
