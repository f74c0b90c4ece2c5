"""A group of tasks that ends in order."""

from __future__ import annotations

import asyncio

import pytest

from kubesim.sim import Simulation, Tasks, run
from kubesim.sim.network import LIFE


async def test_tasks_are_cancelled_in_order_of_creation(sim: Simulation) -> None:
    """Teaches: asyncio keeps tasks in a set, whose order depends on memory; a run must not."""
    ended: list[int] = []

    async def work(number: int) -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.append(number)

    async with Tasks("group") as tasks:
        for number in range(50):
            tasks.spawn(work(number), f"worker-{number}")
        await asyncio.sleep(1)
        assert len(tasks) == 50
    assert ended == list(range(50))
    assert len(tasks) == 0


async def test_a_task_is_named_after_its_group(sim: Simulation) -> None:
    """Teaches: a deadlock can say who waits."""
    async with Tasks("controller/deployment") as tasks:
        task = tasks.spawn(asyncio.sleep(1), "worker-1")
        assert task.get_name() == "controller/deployment/worker-1"


async def test_a_task_that_ended_is_forgotten(sim: Simulation) -> None:
    """Teaches: a group may spawn for ever."""
    async with Tasks("group") as tasks:
        for _ in range(1000):
            tasks.spawn(asyncio.sleep(1), "short")
        await asyncio.sleep(2)
        assert len(tasks) == 0


async def test_stopping_waits_for_those_who_clean_up(sim: Simulation) -> None:
    """Teaches: after stop nothing of the group runs any more."""
    cleaned: list[float] = []

    async def work(seconds: float) -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await asyncio.sleep(seconds)
            cleaned.append(seconds)

    tasks = Tasks("group")
    for seconds in (3, 1, 2):
        tasks.spawn(work(seconds), "worker")
    await asyncio.sleep(1)
    await tasks.stop()
    assert cleaned == [1, 2, 3]
    assert sim.clock.now() == 4


async def test_stopping_can_itself_be_cancelled(sim: Simulation) -> None:
    """Teaches: an impatient caller is not held up, and hears that it was cancelled."""

    async def stubborn() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await asyncio.sleep(100)

    tasks = Tasks("group")
    tasks.spawn(stubborn(), "worker")
    await asyncio.sleep(1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(5):
            await tasks.stop()
    assert sim.clock.now() == 6


async def test_a_cancellation_in_the_instant_of_the_last_end_is_not_lost(sim: Simulation) -> None:
    """Teaches: two cancellations at once are two."""
    tasks = Tasks("group")
    tasks.spawn(asyncio.sleep(100), "worker")
    await asyncio.sleep(1)
    stopping = asyncio.create_task(tasks.stop())
    await asyncio.sleep(0)  # It waits for the worker, which ends in this very turn.
    stopping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopping


def test_a_task_that_fails_ends_the_run_with_its_error() -> None:
    """Teaches: a bug in a background task is heard at once."""

    async def fail() -> None:
        await asyncio.sleep(3)
        raise ZeroDivisionError("a bug of ours")

    moments: list[float] = []

    async def main() -> None:
        try:
            async with Tasks("group") as tasks:
                tasks.spawn(fail(), "worker")
                await asyncio.sleep(60)
        finally:
            moments.append(asyncio.get_running_loop().time())

    with pytest.raises(ZeroDivisionError, match="a bug of ours"):
        run(main)
    assert moments == [3]


def test_an_error_in_a_callback_ends_the_run_too() -> None:
    """Teaches: nothing fails unheard."""

    async def main() -> None:
        asyncio.get_running_loop().call_later(3, lambda: 1 // 0)
        await asyncio.sleep(60)

    with pytest.raises(ZeroDivisionError):
        run(main)


async def test_what_a_dead_process_wakes_in_its_successor_is_the_successors_work(sim: Simulation) -> None:
    """Teaches: a timer remembers who set it; a task belongs to the group that it runs in."""
    told: list[bool] = []
    groups: list[Tasks] = []

    async def work() -> None:
        life = LIFE.get()
        told.append(life is not None and life.is_over)

    async def first() -> None:
        sim.loop.call_later(2, lambda: groups[0].spawn(work(), "woken"))
        await sim.loop.create_future()

    async def second() -> None:
        groups.append(Tasks("second"))
        await sim.loop.create_future()

    host = sim.add_host("h", "10.0.0.1")
    predecessor, successor = host.add("first", first), host.add("second", second)
    predecessor.start()
    await asyncio.sleep(1)
    predecessor.crash()
    successor.start()
    await asyncio.sleep(2)
    assert told == [False]
    successor.crash()
