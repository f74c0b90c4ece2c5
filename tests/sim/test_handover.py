"""Handing over what arrives by one callback instead of waking a task for it."""

from __future__ import annotations

import asyncio

import pytest

from kubesim.sim import CAUSES, Handover, Simulation


async def test_all_that_arrives_in_one_turn_is_handed_over_in_the_next(sim: Simulation) -> None:
    """Teaches: many wakes are one callback, in the context of the task that waits."""
    arrived: list[int] = []
    taken: list[tuple[list[int], tuple[object, ...]]] = []

    def take() -> bool:
        taken.append((list(arrived), CAUSES.get()))
        arrived.clear()
        return len(taken) < 2

    CAUSES.set(("the task",))
    handover = Handover(sim.loop, take)
    CAUSES.set(("somebody else",))
    for number in (1, 2, 3):
        arrived.append(number)
        handover.wake()
    waiting = asyncio.create_task(handover.wait())
    await asyncio.sleep(0)
    assert taken == [([1, 2, 3], ("the task",))]
    handover.wake()
    await waiting
    assert len(taken) == 2


async def test_an_error_is_raised_where_somebody_waits(sim: Simulation) -> None:
    """Teaches: the callback belongs to the task, so its failures do too."""

    def take() -> bool:
        raise ValueError("bad event")

    handover = Handover(sim.loop, take)
    handover.wake()
    with pytest.raises(ValueError, match="bad event"):
        await handover.wait()


async def test_nothing_is_handed_to_a_task_that_was_cancelled(sim: Simulation) -> None:
    """Teaches: a crashed process sees nothing any more, also what was on its way to it in that very instant."""
    taken: list[int] = []

    def take() -> bool:
        taken.append(1)
        return True

    handover = Handover(sim.loop, take)
    waiting = asyncio.create_task(handover.wait())
    await asyncio.sleep(0)
    handover.wake()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert taken == []


async def test_the_end_of_an_instant_comes_after_everything_that_it_brings_about(sim: Simulation) -> None:
    """Teaches: not one turn later, but when nothing is ready and no timer of the same time is left."""
    told: list[str] = []
    sim.loop.call_at_end_of_instant(told.append, "end")
    sim.loop.call_at_ns(sim.loop.now_ns, lambda: sim.loop.call_soon(told.append, "what a timer set off"))
    sim.loop.call_soon(lambda: sim.loop.call_soon(told.append, "second turn"))
    began_ns = sim.loop.now_ns
    sim.loop.call_later(1, told.append, "later")
    await asyncio.sleep(2)
    assert told == ["second turn", "what a timer set off", "end", "later"]
    assert sim.loop.now_ns == began_ns + 2_000_000_000
