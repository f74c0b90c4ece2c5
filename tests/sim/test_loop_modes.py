"""Who moves time forward: the wall clock (paced), or nobody until asked (paused). The only tests that really wait."""

from __future__ import annotations

import asyncio
import socket
import threading
import time as wall

import pytest

from kubesim.sim import Mode, SimLoop, Simulation
from kubesim.sim import loop as loop_module

SECOND = 1_000_000_000


# -- paced ------------------------------------------------------------------------------------------------


async def test_paced_time_follows_the_wall_and_serves_sockets(sim: Simulation) -> None:
    """Teaches: `kubesim start`: virtual seconds at N per real second, with clients connecting meanwhile."""
    await asyncio.sleep(100)
    sim.loop.pace(50)
    assert sim.loop.mode is Mode.PACED

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = await reader.readline()
        await asyncio.sleep(1)  # 20 real milliseconds.
        writer.write(line.upper())
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    answers: list[bytes] = []

    def ask() -> None:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(b"hello\n")
            answers.append(connection.makefile("rb").readline())

    thread = threading.Thread(target=ask)
    began = wall.perf_counter()
    thread.start()
    for _ in range(10_000):
        await asyncio.sleep(0.1)
        if answers:
            break
    thread.join()
    elapsed = wall.perf_counter() - began
    server.close()
    await server.wait_closed()
    assert answers == [b"HELLO\n"]
    assert elapsed >= 1 / 50
    assert sim.clock.now() - 100 >= 1
    assert sim.clock.now() - 100 <= (wall.perf_counter() - began) * 50 + 1
    sim.loop.virtual()


async def test_the_pace_may_change_while_running(sim: Simulation) -> None:
    """Teaches: slower, faster, as fast as it goes; time never jumps back."""
    sim.loop.pace(1000)
    await asyncio.sleep(10)
    first = sim.clock.now()
    sim.loop.pace(100)
    began = wall.perf_counter()
    await asyncio.sleep(2)
    assert wall.perf_counter() - began >= 2 / 100 * 0.9
    second = sim.clock.now()
    sim.loop.virtual()
    await asyncio.sleep(1_000_000)
    assert 10 <= first < second < sim.clock.now() - 999_999
    assert sim.loop.mode is Mode.VIRTUAL


async def test_a_pace_is_more_than_nothing(sim: Simulation) -> None:
    """Teaches: to stop time, pause it."""
    for speed in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="a speed is more than 0"):
            sim.loop.pace(speed)


async def test_timers_are_released_in_order_also_when_late(sim: Simulation) -> None:
    """Teaches: a paced loop that was kept busy fires what it missed in order of time."""
    order: list[int] = []
    sim.loop.pace(1000)
    for number in (3, 1, 2):
        sim.loop.call_later(number, order.append, number)
    began = wall.perf_counter()
    while wall.perf_counter() - began < 0.01:
        pass  # Busy for ten virtual seconds.
    await asyncio.sleep(0)
    await asyncio.sleep(0.1)
    assert order == [1, 2, 3]
    sim.loop.virtual()


# -- paused -----------------------------------------------------------------------------------------------


class Outside:
    """Somebody with a real clock, who looks at a paused loop from another thread."""

    def __init__(self, loop: SimLoop) -> None:
        self.loop = loop
        self.seen: list[float] = []

    def after(self, real_seconds: float, action: object = None) -> None:
        def act() -> None:
            self.seen.append(self.loop.now_ns / SECOND)
            if callable(action):
                action()

        timer = threading.Timer(real_seconds, lambda: self.loop.call_soon_threadsafe(act))
        timer.start()


async def test_a_paused_clock_stands_still_but_answers(sim: Simulation) -> None:
    """Teaches: what needs no time still happens; what needs some waits until time moves again."""
    fired: list[float] = []
    await asyncio.sleep(5)
    for delay in (1, 2, 3):
        sim.loop.call_later(delay, lambda: fired.append(sim.clock.now()))
    outside = Outside(sim.loop)
    outside.after(0.03, lambda: fired.append(sim.clock.now()))
    outside.after(0.06, lambda: sim.loop.step(2 * SECOND))
    outside.after(0.09)
    outside.after(0.12, sim.loop.virtual)
    sim.loop.pause()
    await asyncio.sleep(10)
    assert outside.seen == [5, 5, 7, 7]  # Still at 5 when asked; after the step exactly two seconds later.
    assert fired == [5, 6, 7, 8]
    assert sim.clock.now() == 15


async def test_a_step_ends_on_time_without_a_timer_there(sim: Simulation) -> None:
    """Teaches: time moves by exactly what was granted, whether or not anything happens then."""
    outside = Outside(sim.loop)
    outside.after(0.03, lambda: sim.loop.step(SECOND // 4))
    outside.after(0.06, lambda: sim.loop.step(SECOND // 4))
    outside.after(0.09, sim.loop.virtual)
    sim.loop.pause()
    await asyncio.sleep(3)
    assert outside.seen == [0, 0.25, 0.5]


async def test_two_steps_at_once_add_up(sim: Simulation) -> None:
    """Teaches: `kubesim step 1` twice is two seconds."""
    outside = Outside(sim.loop)

    def step_twice() -> None:
        sim.loop.step(SECOND)
        sim.loop.step(SECOND)

    outside.after(0.02, step_twice)
    outside.after(0.05, sim.loop.virtual)
    sim.loop.pause()
    await asyncio.sleep(60)
    assert outside.seen == [0, 2]


async def test_only_a_paused_clock_can_be_stepped(sim: Simulation) -> None:
    """Teaches: a running clock needs no step."""
    with pytest.raises(AssertionError, match="only a paused clock"):
        sim.loop.step(1)


async def test_a_long_pause_is_no_livelock(sim: Simulation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Teaches: requests answered while time stands still are not held against the run later."""
    monkeypatch.setattr(loop_module, "CALLBACKS_PER_INSTANT_MAX", 1000)
    sim.loop.pause()
    for _ in range(1500):
        await asyncio.sleep(0)
    sim.loop.virtual()
    await asyncio.sleep(0)
    await asyncio.sleep(1)


async def test_paced_then_paused_then_paced(sim: Simulation) -> None:
    """Teaches: pause and resume; the pause takes no virtual time."""
    sim.loop.pace(100)
    await asyncio.sleep(1)
    outside = Outside(sim.loop)
    outside.after(0.05, lambda: sim.loop.pace(100))
    sim.loop.pause()
    stopped = sim.clock.now()
    await asyncio.sleep(1)
    assert outside.seen == [stopped]
    assert 1 <= sim.clock.now() - stopped < 5
    sim.loop.virtual()
