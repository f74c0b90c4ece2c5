"""Tests of kubesim.controllers.rate_limited_queue."""

import asyncio

from kubesim.controllers.rate_limited_queue import RateLimitedQueue
from kubesim.sim import Simulation


class Log:
    """Remembers when which name was worked on."""

    def __init__(self, sim: Simulation, *, succeeds: bool = True) -> None:
        self.sim = sim
        self.succeeds = succeeds
        self.done: list[tuple[float, str]] = []

    async def work(self, name: str) -> bool:
        self.done.append((self.sim.clock.now(), name))
        return self.succeeds


async def poll(queue: RateLimitedQueue, log: Log, seconds: float) -> None:
    """Looks every 100 ms, as the controller does."""
    for _ in range(round(seconds * 10)):
        await queue.work(log.work)
        await asyncio.sleep(0.1)


async def test_the_first_node_is_tainted_at_once_and_one_every_ten_seconds_after_it() -> None:
    """Teaches: a burst of one, then 0.1 a second."""
    sim = Simulation()
    queue, log = RateLimitedQueue(sim.clock, 0.1), Log(sim)
    for name in ("a", "b", "c"):
        queue.add(name)
    await poll(queue, log, 25)
    assert [(round(time, 1), name) for time, name in log.done] == [(0.0, "a"), (10.0, "b"), (20.0, "c")]
    assert len(queue) == 0


async def test_a_node_that_was_tainted_is_taken_again_only_after_it_was_released() -> None:
    """Teaches: the queue remembers what is done, so that every look at a lost node can ask anew."""
    sim = Simulation()
    queue, log = RateLimitedQueue(sim.clock, 100.0), Log(sim)
    assert queue.add("a")
    await poll(queue, log, 1)
    assert not queue.add("a")
    assert not queue.remove("a")  # It was not waiting any more.
    assert queue.add("a")
    await poll(queue, log, 1)
    assert [name for _, name in log.done] == ["a", "a"]


async def test_a_released_node_is_not_tainted_even_if_it_was_next() -> None:
    """Teaches: who comes back in time keeps its Pods."""
    sim = Simulation()
    queue, log = RateLimitedQueue(sim.clock, 0.1), Log(sim)
    queue.add("a")
    queue.add("b")
    assert queue.remove("a")
    await poll(queue, log, 1)
    assert [name for _, name in log.done] == ["b"]


async def test_what_failed_is_tried_again_with_the_next_token() -> None:
    """Teaches: a failed write costs a token too."""
    sim = Simulation()
    queue, log = RateLimitedQueue(sim.clock, 1.0), Log(sim, succeeds=False)
    queue.add("a")
    await poll(queue, log, 2.5)
    assert len(log.done) >= 2
    assert len(queue) == 1


async def test_a_rate_of_zero_stops_it_and_a_new_rate_starts_with_an_empty_bucket() -> None:
    """Teaches: after a disruption evictions begin slowly."""
    sim = Simulation()
    queue, log = RateLimitedQueue(sim.clock, 0.1), Log(sim)
    queue.add("a")
    queue.set_rate(0.0)
    await poll(queue, log, 30)
    assert log.done == []
    queue.set_rate(0.1)
    await poll(queue, log, 12)
    assert [round(time, 1) for time, _ in log.done] == [40.0]
