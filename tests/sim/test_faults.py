"""The fault verbs, and what crashes together."""

from __future__ import annotations

import asyncio

import pytest

from kubesim.sim import CAUSES, Simulation, State, UnknownTargetError


class World:
    """A control plane and a node; `lives` and `written` tell what their processes did."""

    def __init__(self, sim: Simulation) -> None:
        self.sim = sim
        self.faults = sim.faults
        self.lives: list[tuple[str, float]] = []
        self.written: list[str] = []
        for host_name, names in (("control-plane", ("apiserver", "scheduler")), ("node-1", ("kubelet/node-1",))):
            host = sim.add_host(host_name, "10.0.0.1")
            for name in names:
                host.add(name, lambda name=name: self.live(name))
            host.start()

    async def live(self, name: str) -> None:
        """A component whose cleanup code tries to say goodbye."""
        self.lives.append((name, self.sim.clock.now()))
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            if await self.sim.network.cross(name, "apiserver"):
                self.written.append(f"goodbye from {name}")

    def verbs(self) -> list[dict[str, object]]:
        return [record.fields for record in self.sim.trace.records if record.event == "fault"]


async def test_a_crashed_process_cannot_say_goodbye(sim: Simulation) -> None:
    """Teaches: a crash is a power cut: what the cleanup code would write never leaves the machine."""
    world = World(sim)
    await asyncio.sleep(1)
    world.faults.crash("kubelet/node-1")
    await asyncio.sleep(1)
    assert world.written == []
    assert sim.faults.hosts["node-1"].processes["kubelet/node-1"].state is State.CRASHED


async def test_not_even_when_it_is_started_again_at_once(sim: Simulation) -> None:
    """Teaches: the dead one does not speak through its successor."""
    world = World(sim)
    await asyncio.sleep(1)
    world.faults.crash("kubelet/node-1")
    world.faults.restart("kubelet/node-1")
    await asyncio.sleep(1)
    assert world.written == []
    assert world.lives[-1] == ("kubelet/node-1", 1)
    assert await sim.network.cross("kubelet/node-1", "apiserver")


async def test_a_stopped_process_says_goodbye(sim: Simulation) -> None:
    """Teaches: an orderly end is seen by others, and afterwards nobody listens there."""
    world = World(sim)
    await asyncio.sleep(1)
    await world.faults.stop("kubelet/node-1")
    assert world.written == ["goodbye from kubelet/node-1"]
    assert sim.network.refuses("apiserver", "kubelet/node-1")
    world.faults.restart("kubelet/node-1")
    assert sim.network.is_free


async def test_a_shutdown_hook_runs_before_the_tasks_end(sim: Simulation) -> None:
    """Teaches: graceful node shutdown needs a running kubelet; a crash skips it."""
    order: list[str] = []
    host = sim.add_host("node-1", "10.0.0.1")

    async def live() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            order.append("ended")

    async def shutdown() -> None:
        await asyncio.sleep(30)
        order.append("shut down")

    process = host.add("kubelet/node-1", live, shutdown=shutdown)
    host.start()
    await asyncio.sleep(1)
    await sim.faults.stop("node-1")
    assert (order, sim.clock.now(), process.state) == (["shut down", "ended"], 31, State.STOPPED)
    sim.faults.restart("node-1")
    await asyncio.sleep(1)
    sim.faults.crash("node-1")
    await asyncio.sleep(60)
    assert order == ["shut down", "ended", "ended"]


async def test_a_host_takes_everything_on_it_down(sim: Simulation) -> None:
    """Teaches: what stands on one machine dies together, and boots in the same order again."""
    world = World(sim)
    await asyncio.sleep(5)
    world.faults.crash("control-plane")
    states = [process.state for process in sim.faults.hosts["control-plane"].processes.values()]
    assert states == [State.CRASHED, State.CRASHED]
    assert sim.network.is_down("scheduler")
    world.faults.crash("control-plane")  # Dead already.
    await asyncio.sleep(5)
    world.faults.restart("control-plane")
    await asyncio.sleep(0)
    assert world.lives[-2:] == [("apiserver", 10), ("scheduler", 10)]
    assert sim.network.is_free
    world.faults.restart("control-plane")  # Running already.
    await asyncio.sleep(0)
    assert len(world.lives) == 5


async def test_partition_and_repair(sim: Simulation) -> None:
    """Teaches: both ways unless said; repair undoes every rule between the two."""
    world = World(sim)
    world.faults.partition("node-1", "control-plane", one_way=True)
    assert not await sim.network.cross("kubelet/node-1", "apiserver")
    assert await sim.network.cross("apiserver", "kubelet/node-1")
    world.faults.partition("node-1", "control-plane")
    assert not await sim.network.cross("apiserver", "kubelet/node-1")
    world.faults.slow("node-1", "control-plane", 1)
    world.faults.drop("node-1", "control-plane", 0.5)
    world.faults.repair("control-plane", "node-1")
    assert sim.network.is_free


async def test_hold_and_release(sim: Simulation) -> None:
    """Teaches: messages wait and are not lost."""
    world = World(sim)
    world.faults.hold("node-1", "*", one_way=True)
    world.faults.hold("node-1", "*", one_way=True)  # Once is enough.
    crossing = asyncio.create_task(sim.network.cross("kubelet/node-1", "apiserver"))
    await asyncio.sleep(10)
    assert not crossing.done()
    world.faults.release("node-1", "*")
    assert await crossing
    assert sim.network.is_free
    world.faults.hold("node-1", "control-plane")
    world.faults.repair("node-1", "control-plane")  # Releases too.
    assert sim.network.is_free


async def test_slow_and_drop_can_be_taken_back(sim: Simulation) -> None:
    """Teaches: a latency or a probability of 0 is none."""
    world = World(sim)
    world.faults.slow("node-1", "control-plane", 2)
    await sim.network.cross("kubelet/node-1", "apiserver")
    assert sim.clock.now() == 2
    world.faults.slow("node-1", "control-plane", 0)
    world.faults.drop("*", "control-plane", 1, one_way=True)
    assert not await sim.network.cross("kubelet/node-1", "apiserver")
    world.faults.drop("*", "control-plane", 0, one_way=True)
    assert sim.network.is_free


async def test_an_unknown_target_is_refused_with_a_sentence(sim: Simulation) -> None:
    """Teaches: the message says what there is, and nothing happened."""
    world = World(sim)
    message = r'there is no "node-9" to act upon; there is apiserver, control-plane, kubelet/node-1, node-1, scheduler$'
    with pytest.raises(UnknownTargetError, match=message):
        world.faults.crash("node-9")
    with pytest.raises(UnknownTargetError):
        await world.faults.stop("node-9")
    for verb in (world.faults.restart,):
        with pytest.raises(UnknownTargetError):
            verb("node-9")
    for link_verb in (world.faults.partition, world.faults.repair, world.faults.hold, world.faults.release):
        with pytest.raises(UnknownTargetError):
            link_verb("node-1", "node-9")
    with pytest.raises(UnknownTargetError):
        world.faults.slow("node-9", "node-1", 1)
    with pytest.raises(UnknownTargetError):
        world.faults.drop("node-9", "node-1", 1)
    assert sim.network.is_free
    assert world.verbs() == []


async def test_an_empty_world_says_so() -> None:
    """Teaches: no hosts, no targets."""
    with pytest.raises(UnknownTargetError, match=r"there is nothing$"):
        Simulation().faults.find("node-1")


async def test_every_verb_is_in_the_trace(sim: Simulation) -> None:
    """Teaches: the narrator tells of faults as of everything else."""
    world = World(sim)
    await asyncio.sleep(3)
    world.faults.crash("node-1")
    world.faults.restart("node-1")
    await world.faults.stop("scheduler")
    world.faults.slow("node-1", "*", 0.5)
    assert world.verbs() == [
        {"verb": "crash", "name": "node-1"},
        {"verb": "restart", "name": "node-1"},
        {"verb": "stop", "name": "scheduler"},
        {"verb": "slow", "name": "node-1", "target": "*", "latency_seconds": 0.5, "one_way": False},
    ]
    assert {record.time_ns for record in sim.trace.records} == {3_000_000_000}


async def test_a_fault_is_the_cause_of_what_it_starts(sim: Simulation) -> None:
    """Teaches: "why did the kubelet register again" ends at the fault."""
    causes: list[object] = []
    host = sim.add_host("node-1", "10.0.0.1")

    async def live() -> None:
        causes.append(CAUSES.get())

    host.add("kubelet/node-1", live)
    sim.faults.restart("node-1")
    await asyncio.sleep(1)
    assert causes == [("fault restart node-1",)]
    assert CAUSES.get() == ()


async def test_a_paused_process_is_silent_until_it_is_resumed(sim: Simulation) -> None:
    """Teaches: a frozen process is not dead; what it and others said meanwhile arrives later."""
    sim.add_host("node-1", "10.0.0.1").add("kubelet/node-1", lambda: asyncio.sleep(1000))
    sim.add_host("control-plane", "10.0.0.2")
    sim.faults.pause("kubelet/node-1")
    crossings = [
        asyncio.get_running_loop().create_task(sim.network.cross("kubelet/node-1", "control-plane")),
        asyncio.get_running_loop().create_task(sim.network.cross("control-plane", "kubelet/node-1")),
    ]
    await asyncio.sleep(30)
    assert not any(crossing.done() for crossing in crossings)
    assert await sim.network.cross("node-1", "control-plane"), "the machine itself is well"
    sim.faults.resume("kubelet/node-1")
    assert [await crossing for crossing in crossings] == [True, True]
    assert sim.clock.now() == 30
    assert [record.fields["verb"] for record in sim.trace.records] == ["pause", "resume"]


async def test_a_skewed_clock_is_wrong_on_its_own_machine_only(sim: Simulation) -> None:
    """Teaches: nobody else notices, until dates are compared."""
    host = sim.add_host("node-1", "10.0.0.1")
    sim.faults.skew("node-1", 90)
    assert sim.on(host).clock.timestamp() == "2024-01-13T09:01:30Z"
    assert sim.clock.timestamp() == "2024-01-13T09:00:00Z"
    sim.faults.skew("node-1", 0)
    assert sim.on(host).clock.timestamp() == sim.clock.timestamp()
    with pytest.raises(UnknownTargetError, match="there is node-1"):
        sim.faults.skew("node-2", 1)
