"""Time as a number that the user owns. Exercises the CPython internals that the loop relies on."""

from __future__ import annotations

import asyncio
import sys
import threading
import time as wall

import pytest

from kubesim.sim import DeadlockError, LivelockError, SimLoop, Simulation, run
from kubesim.sim import loop as loop_module

SECOND = 1_000_000_000


def sim_loop() -> SimLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SimLoop)
    return loop


# -- virtual ----------------------------------------------------------------------------------------------


async def test_hours_pass_in_no_time_and_exactly(sim: Simulation) -> None:
    """Teaches: when nothing is ready, time jumps to the next timer."""
    began = wall.perf_counter()
    await asyncio.sleep(3600)
    assert sim.loop.now_ns == 3600 * SECOND
    await asyncio.sleep(0.000_000_001)
    assert sim.loop.now_ns == 3600 * SECOND + 1
    assert wall.perf_counter() - began < 5


async def test_a_run_of_years_is_still_exact_to_the_nanosecond(sim: Simulation) -> None:
    """Teaches: time is an integer; as a float, a year in nanoseconds would be rounded."""
    await asyncio.sleep(10 * 365 * 86400)
    before = sim.loop.now_ns
    for _ in range(1000):
        await asyncio.sleep(0.000_000_007)
    assert sim.loop.now_ns - before == 7000


async def test_a_thousand_tenths_are_a_hundred(sim: Simulation) -> None:
    """Teaches: sums of floats drift, sums of nanoseconds do not."""
    for _ in range(1000):
        await asyncio.sleep(0.1)
    assert sim.loop.now_ns == 100 * SECOND


async def test_timers_of_one_instant_fire_in_order_of_creation(sim: Simulation) -> None:
    """Teaches: asyncio alone would order ties by the shape of its heap."""
    order: list[int] = []
    numbers = [7, 3, 9, 1, 8, 2, 6, 4, 5, 0] * 20
    for place, _ in enumerate(numbers):
        sim.loop.call_at(5, order.append, place)
    sim.loop.call_later(5, order.append, -1)
    await asyncio.sleep(5)
    assert order == [*range(len(numbers)), -1]


async def test_timers_fire_in_order_of_time(sim: Simulation) -> None:
    """Teaches: later in the program is not later in time."""
    order: list[float] = []
    for when in (3, 1, 2, 0.5, 2.5):
        sim.loop.call_at(when, lambda when=when: order.append((when, sim.clock.now())))
    await asyncio.sleep(10)
    assert order == [(when, when) for when in (0.5, 1, 2, 2.5, 3)]


async def test_a_timer_in_the_past_fires_now_and_time_does_not_go_back(sim: Simulation) -> None:
    """Teaches: time only moves forward."""
    await asyncio.sleep(10)
    moments: list[int] = []
    sim.loop.call_at(3, lambda: moments.append(sim.loop.now_ns))
    sim.loop.call_later(-1, lambda: moments.append(sim.loop.now_ns))
    await asyncio.sleep(0.001)
    assert moments == [10 * SECOND, 10 * SECOND]


async def test_what_is_ready_runs_before_time_moves(sim: Simulation) -> None:
    """Teaches: an instant is over only when nobody has anything left to do in it."""
    order: list[str] = []

    async def chatter() -> None:
        for _ in range(100):
            await asyncio.sleep(0)
        order.append(f"chatter at {sim.clock.now()}")

    task = asyncio.create_task(chatter())
    sim.loop.call_later(0.000_000_001, order.append, "timer")
    await asyncio.sleep(1)
    await task
    assert order == ["chatter at 0.0", "timer"]


async def test_cancelled_timers_neither_fire_nor_hold_time_up_nor_pile_up(sim: Simulation) -> None:
    """Teaches: a timeout that was not needed leaves nothing behind."""
    for _ in range(1000):
        sim.loop.call_later(1000, pytest.fail, "was cancelled").cancel()
    async with asyncio.timeout(500):
        await asyncio.sleep(1)
    assert len(sim.loop._scheduled) < 500
    assert sim.clock.now() == 1
    last = sim.loop.call_later(5, pytest.fail, "was cancelled")
    sim.loop.call_later(9, lambda: None)
    last.cancel()
    assert last.cancelled()
    await asyncio.sleep(20)


async def test_asyncios_own_tools_work_on_virtual_time(sim: Simulation) -> None:
    """Teaches: components use plain asyncio; only the meaning of "later" differs."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(30):
            await asyncio.sleep(60)
    assert sim.clock.now() == 30
    queue: asyncio.Queue[int] = asyncio.Queue()
    sim.loop.call_later(5, queue.put_nowait, 1)
    assert await asyncio.wait_for(queue.get(), 10) == 1
    assert sim.clock.now() == 35
    assert await asyncio.gather(*(asyncio.sleep(n, n) for n in (3, 1, 2))) == [3, 1, 2]
    assert sim.clock.now() == 38


async def test_another_thread_is_heard_while_time_flies(sim: Simulation) -> None:
    """Teaches: a signal (Ctrl-C) reaches a run that never waits for anything real."""
    heard = asyncio.Event()
    threading.Timer(0.05, lambda: sim.loop.call_soon_threadsafe(heard.set)).start()
    while True:
        await asyncio.sleep(0.001)
        if heard.is_set():
            return


# -- errors of a run --------------------------------------------------------------------------------------


def test_a_deadlock_names_who_waits() -> None:
    """Teaches: when nothing will ever happen again, the run ends and says why."""

    async def wait_for_ever() -> None:
        await asyncio.get_running_loop().create_future()

    async def main() -> None:
        await asyncio.sleep(1)
        tasks = [asyncio.create_task(wait_for_ever(), name=name) for name in ("scheduler/main", "kubelet/main")]
        await asyncio.gather(*tasks)

    with pytest.raises(DeadlockError, match=r"no timer is set; waiting: .*kubelet/main, scheduler/main") as caught:
        run(main)
    assert "kubelet/main" in caught.value.waiting


def test_a_deadlock_of_many_names_a_few() -> None:
    """Teaches: a message that can be read."""

    async def main() -> None:
        tasks = [asyncio.create_task(wait(), name=f"w{number:02}") for number in range(20)]
        await asyncio.gather(*tasks)

    async def wait() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(DeadlockError, match=r"w00, w01, .* and 13 more$"):
        run(main)


def test_a_livelock_names_who_is_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    """Teaches: somebody who retries without letting time pass does not hang the run."""
    monkeypatch.setattr(loop_module, "CALLBACKS_PER_INSTANT_MAX", 1000)

    async def spin() -> None:
        for _ in range(5000):
            await asyncio.sleep(0)

    async def main() -> None:
        await asyncio.sleep(2.5)
        await asyncio.create_task(spin(), name="spinner")

    with pytest.raises(LivelockError, match=r"at virtual second 2.500; alive: .*spinner"):
        run(main)


def test_a_busy_instant_is_no_livelock_if_time_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Teaches: the count starts anew at every instant."""
    monkeypatch.setattr(loop_module, "CALLBACKS_PER_INSTANT_MAX", 1000)

    async def main() -> None:
        for _ in range(10):
            for _ in range(900):
                await asyncio.sleep(0)
            await asyncio.sleep(1)

    run(main)


@pytest.mark.parametrize("version", [(3, 10, 12), (3, 15, 0), (4, 0, 0)])
def test_an_unknown_python_is_refused_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch, version: tuple[int, int, int]
) -> None:
    """Teaches: the loop relies on CPython internals, so it says which versions it knows."""
    monkeypatch.setattr(sys, "version_info", version)
    with pytest.raises(RuntimeError, match=r"knows CPython 3.11 to 3.14, this is .*; use one of those"):
        SimLoop()


def test_this_python_is_a_known_one() -> None:
    """Teaches: the internals that the loop uses exist here."""
    assert sys.version_info[:2] in loop_module.SUPPORTED_PYTHONS
    loop = SimLoop()
    try:
        for name in ("_scheduled", "_ready", "_selector", "_timer_cancelled_count", "_process_events", "_stopping"):
            assert hasattr(loop, name), name
    finally:
        loop.close()


# -- permuted ---------------------------------------------------------------------------------------------


def permuted_order(seed: int | None) -> list[int]:
    order: list[int] = []

    async def main() -> None:
        for number in range(8):
            asyncio.get_running_loop().call_later(1, order.append, number)
        await asyncio.sleep(2)

    run(main, permute_seed=seed)
    return order


def test_a_seed_permutes_what_is_ready_at_the_same_time() -> None:
    """Teaches: orders that a real cluster might show as well, to search for races; each seed gives the same one."""
    assert permuted_order(None) == list(range(8))
    orders = [permuted_order(seed) for seed in range(5)]
    assert orders == [permuted_order(seed) for seed in range(5)]
    assert len({tuple(order) for order in orders}) == 5
    assert all(sorted(order) == list(range(8)) for order in orders)


@pytest.mark.parametrize("seed", range(5))
def test_a_permuted_run_is_still_legal(seed: int) -> None:
    """Teaches: nothing runs twice, is forgotten, or happens before its time, whatever the order."""
    seen: list[tuple[float, int]] = []

    async def work(number: int) -> int:
        for step in range(3):
            await asyncio.sleep(number % 3)
            seen.append((sim_loop().time(), number))
            assert sim_loop().time() == (step + 1) * (number % 3)
        return number

    async def main() -> list[int]:
        return list(await asyncio.gather(*(work(number) for number in range(9))))

    assert run(main, permute_seed=seed) == list(range(9))
    assert len(seen) == 27
    assert [moment for moment, _ in seen] == sorted(moment for moment, _ in seen)
