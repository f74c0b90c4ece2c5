"""The queue between informers and workers."""

from __future__ import annotations

import asyncio

import pytest

from kubesim.client import ShutDownError, WorkQueue
from kubesim.sim import CAUSES, Cause, Simulation, because


async def get_now(queue: WorkQueue[str]) -> str | None:
    """The next key if there is one at this instant."""
    return await queue.get() if len(queue) else None


async def test_a_key_is_in_the_queue_at_most_once(sim: Simulation) -> None:
    """Teaches: ten changes of one object are one reconciliation."""
    queue: WorkQueue[str] = WorkQueue(sim, "test")
    for key in ("a", "b", "a", "a"):
        queue.add(key)
    assert [await queue.get(), await queue.get()] == ["a", "b"]
    assert len(queue) == 0


async def test_a_key_added_while_it_is_worked_on_comes_back_when_that_is_done(sim: Simulation) -> None:
    """Teaches: no two workers ever reconcile the same object, and no change is forgotten."""
    queue: WorkQueue[str] = WorkQueue(sim, "test")
    queue.add("a")
    assert await queue.get() == "a"
    queue.add("a")
    queue.add("a")
    assert len(queue) == 0
    queue.done("a")
    assert await queue.get() == "a"
    queue.done("a")
    assert len(queue) == 0


async def test_a_worker_waits_for_a_key(sim: Simulation) -> None:
    """Teaches: an empty queue costs nothing; the worker sleeps until a key comes."""
    queue: WorkQueue[str] = WorkQueue(sim, "test")
    sim.loop.call_later(5, queue.add, "a")
    assert await queue.get() == "a"
    assert sim.clock.now() == 5


async def test_of_several_delays_the_earliest_wins(sim: Simulation) -> None:
    """Teaches: a pending retry never puts off a nearer one."""
    queue: WorkQueue[str] = WorkQueue(sim, "test")
    queue.add_after("a", 10)
    queue.add_after("a", 3)
    queue.add_after("a", 7)
    assert await queue.get() == "a"
    assert sim.clock.now_ns() == 3_000_000_000
    queue.done("a")
    await asyncio.sleep(60)
    assert len(queue) == 0  # The later ones are gone, not merely late.


async def test_a_delay_of_nothing_adds_at_once(sim: Simulation) -> None:
    """Teaches: add_after(key, 0) is add(key)."""
    queue: WorkQueue[str] = WorkQueue(sim, "test")
    queue.add_after("a", 0)
    queue.add_after("b", -1)
    assert [await queue.get(), await queue.get()] == ["a", "b"]


async def test_failures_come_back_at_5_10_20_milliseconds(sim: Simulation) -> None:
    """Teaches: the exponential back-off, on exact virtual time."""
    queue: WorkQueue[str] = WorkQueue(sim, "test")
    queue.add("a")
    moments = []
    for _ in range(4):
        key = await queue.get()
        moments.append(sim.clock.now_ns() // 1_000_000)
        queue.add_rate_limited(key)
        queue.done(key)
    assert moments == [0, 5, 15, 35]
    assert queue.requeues("a") == 4
    queue.forget("a")
    assert queue.requeues("a") == 0


async def test_a_key_carries_the_causes_since_it_was_last_handed_out(sim: Simulation) -> None:
    """Teaches: what a worker writes was caused by every change that put its key into the queue."""
    queue: WorkQueue[str] = WorkQueue(sim, "test")
    for cause in (3, 5, 3):
        with because(cause):
            queue.add("a")
    with because("timer x"):
        queue.add("b")
    assert (await queue.get(), CAUSES.get()) == ("a", (3, 5))
    with because(9):
        queue.add("a")  # While being worked on.
    assert (await queue.get(), CAUSES.get()) == ("b", ("timer x",))
    queue.done("a")
    assert (await queue.get(), CAUSES.get()) == ("a", (9,))


async def test_a_delayed_key_remembers_why(sim: Simulation) -> None:
    """Teaches: a retry has the causes of what is retried, also when a nearer delay replaced it."""
    queue: WorkQueue[str] = WorkQueue(sim, "test")
    for cause, delay in ((1, 10.0), (2, 5.0), (3, 8.0)):
        with because(cause):
            queue.add_after("a", delay)
    assert await queue.get() == "a"
    assert (sim.clock.now(), CAUSES.get()) == (5.0, (1, 2, 3))


async def test_at_most_sixteen_causes_are_kept(sim: Simulation) -> None:
    """Teaches: a busy key does not drag its whole history along."""
    queue: WorkQueue[str] = WorkQueue(sim, "test")
    for revision in range(40):
        with because(revision):
            queue.add("a")
    await queue.get()
    causes: tuple[Cause, ...] = CAUSES.get()
    assert causes == tuple(range(24, 40))


async def test_a_key_without_causes_clears_those_of_the_one_before(sim: Simulation) -> None:
    """Teaches: causes do not leak from one key to the next."""
    queue: WorkQueue[str] = WorkQueue(sim, "test")
    with because(1):
        queue.add("a")
    queue.add("b")
    await queue.get()
    await queue.get()
    assert CAUSES.get() == ()


async def test_several_workers_share_the_keys_in_the_order_in_which_they_asked(sim: Simulation) -> None:
    """Teaches: waiting workers are served first come, first served."""
    queue: WorkQueue[str] = WorkQueue(sim, "test")
    got: list[tuple[int, str]] = []

    async def work(number: int) -> None:
        got.append((number, await queue.get()))

    workers = [asyncio.create_task(work(number)) for number in range(3)]
    await asyncio.sleep(1)
    for key in "abc":
        queue.add(key)
    for worker in workers:
        await worker
    assert got == [(0, "a"), (1, "b"), (2, "c")]


async def test_a_cancelled_worker_leaves_its_key_to_another(sim: Simulation) -> None:
    """Teaches: a key that woke a worker which dies at that instant is not lost."""
    queue: WorkQueue[str] = WorkQueue(sim, "test")
    first = asyncio.create_task(queue.get())
    second = asyncio.create_task(queue.get())
    await asyncio.sleep(1)
    queue.add("a")
    first.cancel()  # It was woken, but did not run yet.
    assert await second == "a"
    assert first.cancelled()


async def test_a_worker_cancelled_while_waiting_is_forgotten(sim: Simulation) -> None:
    """Teaches: a key goes to somebody who still lives."""
    queue: WorkQueue[str] = WorkQueue(sim, "test")
    first = asyncio.create_task(queue.get())
    second = asyncio.create_task(queue.get())
    await asyncio.sleep(1)
    first.cancel()
    await asyncio.sleep(1)
    queue.add("a")
    assert await second == "a"


async def test_shutting_down_empties_the_queue_and_then_ends_the_workers(sim: Simulation) -> None:
    """Teaches: an orderly end finishes what was accepted and accepts nothing more."""
    queue: WorkQueue[str] = WorkQueue(sim, "test")
    queue.add("a")
    queue.add_after("b", 5)
    queue.shut_down()
    queue.add("c")
    queue.add_after("d", 5)
    assert await queue.get() == "a"
    with pytest.raises(ShutDownError):
        await queue.get()
    await asyncio.sleep(10)
    assert await get_now(queue) is None


async def test_shutting_down_wakes_everybody_who_waits(sim: Simulation) -> None:
    """Teaches: nobody waits for a key that can never come."""
    queue: WorkQueue[str] = WorkQueue(sim, "test")
    workers = [asyncio.create_task(queue.get()) for _ in range(3)]
    await asyncio.sleep(1)
    queue.shut_down()
    for worker in workers:
        with pytest.raises(ShutDownError):
            await worker
