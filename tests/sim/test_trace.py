"""What happened, and because of what."""

from __future__ import annotations

import asyncio

from kubesim.sim import CAUSES, Record, Simulation, because, merge_causes


async def test_a_record_has_its_time(sim: Simulation) -> None:
    """Teaches: facts that are no object: what was considered, injected, begun."""
    await asyncio.sleep(2)
    sim.trace.emit("pod_considered", pod="default/a", node="node-1")
    assert sim.trace.records == [Record(2_000_000_000, "pod_considered", {"pod": "default/a", "node": "node-1"})]


async def test_observers_hear_at_once_and_in_order(sim: Simulation) -> None:
    """Teaches: the narrator and MQTT read the same trace."""
    heard: list[str] = []
    stop = sim.trace.subscribe(lambda record: heard.append(f"a {record.event}"))
    sim.trace.subscribe(lambda record: heard.append(f"b {record.event}"))
    sim.trace.emit("one")
    stop()
    sim.trace.emit("two")
    assert heard == ["a one", "b one", "b two"]


async def test_an_observer_may_unsubscribe_while_it_is_told(sim: Simulation) -> None:
    """Teaches: whoever waits for one record leaves without disturbing the others."""
    heard: list[str] = []
    stop = sim.trace.subscribe(lambda _: stop())
    sim.trace.subscribe(lambda record: heard.append(record.event))
    sim.trace.emit("one")
    sim.trace.emit("two")
    assert heard == ["one", "two"]


async def test_a_revision_has_an_origin(sim: Simulation) -> None:
    """Teaches: who wrote it, when, and because of which revisions; kept beside the object, never in it."""
    await asyncio.sleep(1)
    sim.trace.wrote(7, "replicaset-controller", (3, 5))
    sim.trace.wrote(9, "scheduler", (7,))
    origin = sim.trace.origins[7]
    assert (origin.time_ns, origin.by, origin.causes) == (1_000_000_000, "replicaset-controller", (3, 5))
    sim.trace.forget_origins_below(9)
    assert list(sim.trace.origins) == [9]


async def test_causes_follow_the_await_chain_into_tasks(sim: Simulation) -> None:
    """Teaches: whoever is started because of something acts because of it."""

    async def look() -> object:
        await asyncio.sleep(1)
        return CAUSES.get()

    with because(5, "timer x"):
        inner = asyncio.create_task(look())
        with because(6):
            assert await look() == (6,)
        assert CAUSES.get() == (5, "timer x")
    assert CAUSES.get() == ()
    assert await inner == (5, "timer x")


def test_merged_causes_have_no_repeats_and_an_end() -> None:
    """Teaches: the latest sixteen are kept."""
    assert merge_causes([1, 2, 1, "a", 2]) == (1, 2, "a")
    assert merge_causes(range(100)) == tuple(range(84, 100))
