"""The way to the apiserver, and what a troubled network does to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from kubesim.api.errors import NotFoundError, TransportError
from kubesim.api.resources import PODS
from kubesim.api.wire import Options, WatchStream
from kubesim.client import Client, InProcessTransport
from kubesim.sim import Simulation

Pod = Callable[..., Any]
WATCH = Options(resource_version="1")


async def forever() -> None:
    await asyncio.get_running_loop().create_future()


@pytest.fixture
def connect(server: Any) -> Callable[[Simulation], Client]:
    """An apiserver on "control-plane" and a client called "kubelet" on "node-1"."""

    def make(sim: Simulation) -> Client:
        for name, process in (("control-plane", "apiserver"), ("node-1", "kubelet")):
            host = sim.add_host(name, "10.0.0.1")
            host.add(process, forever)
            host.start()
        return Client(InProcessTransport(sim, server, source="kubelet"), "kubelet")

    return make


async def test_a_free_network_takes_no_time(sim: Simulation, connect: Any, server: Any, pod: Pod) -> None:
    """Teaches: in process, a request costs one turn of the loop and nothing is copied."""
    client = connect(sim)
    made = await client.create(PODS, pod("a"))
    assert made is await client.get(PODS, "a", "default") is server.objects["pods", "default/a"]
    assert sim.clock.now_ns() == 0
    with pytest.raises(NotFoundError, match='pods "b" not found'):
        await client.get(PODS, "b", "default")


async def test_requests_of_several_components_interleave(sim: Simulation, connect: Any, server: Any, pod: Pod) -> None:
    """Teaches: nobody does two things at once while others wait: races can be seen."""
    client = connect(sim)
    order: list[str] = []

    async def work(name: str) -> None:
        for number in range(3):
            await client.create(PODS, pod(f"{name}-{number}"))
            order.append(f"{name}{number}")

    await asyncio.gather(work("a"), work("b"))
    assert order == ["a0", "b0", "a1", "b1", "a2", "b2"]


async def test_latency_is_paid_both_ways(sim: Simulation, connect: Any, pod: Pod) -> None:
    """Teaches: a request is two messages."""
    client = connect(sim)
    sim.faults.slow("node-1", "control-plane", 0.1)
    await client.create(PODS, pod("a"))
    assert sim.clock.now() == 0.2


async def test_a_request_that_is_lost_fails_at_the_deadline(sim: Simulation, connect: Any, server: Any) -> None:
    """Teaches: from silence nobody can tell whether the write happened."""
    client = connect(sim)
    sim.faults.partition("node-1", "control-plane")
    with pytest.raises(TransportError, match="no answer from apiserver to kubelet within 30 s") as caught:
        await client.get(PODS, "a", "default")
    assert (sim.clock.now(), caught.value.definite, server.requests) == (30, False, [])


async def test_an_answer_that_is_lost_leaves_the_write_in_place(
    sim: Simulation, connect: Any, server: Any, pod: Pod
) -> None:
    """Teaches: "I was told it failed" does not mean that it failed."""
    client = connect(sim)
    sim.faults.partition("control-plane", "node-1", one_way=True)
    with pytest.raises(TransportError) as caught:
        await client.create(PODS, pod("a"))
    assert not caught.value.definite
    assert "default/a" in server.of(PODS)


async def test_a_dead_apiserver_on_a_living_host_refuses_at_once(sim: Simulation, connect: Any) -> None:
    """Teaches: "connection refused" comes from the machine, and promises that nothing was written."""
    client = connect(sim)
    sim.faults.crash("apiserver")
    with pytest.raises(TransportError, match="connection refused") as caught:
        await client.get(PODS, "a", "default")
    assert (sim.clock.now(), caught.value.definite) == (0, True)


async def test_a_dead_host_is_silent(sim: Simulation, connect: Any) -> None:
    """Teaches: a machine without power does not refuse; only the deadline ends the wait."""
    client = connect(sim)
    sim.faults.crash("control-plane")
    with pytest.raises(TransportError, match="no answer"):
        await client.get(PODS, "a", "default")
    assert sim.clock.now() == 30


async def test_an_apiserver_that_dies_at_work_resets_the_connection(
    sim: Simulation, connect: Any, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Teaches: a refusal after the request arrived promises nothing."""
    client = connect(sim)
    handle = server.handle

    async def die(request: Any) -> Any:
        await asyncio.sleep(1)
        sim.faults.crash("apiserver")
        return await handle(request)

    monkeypatch.setattr(server, "handle", die)
    with pytest.raises(TransportError) as caught:
        await client.list(PODS)
    assert (sim.clock.now(), caught.value.definite) == (1, False)


async def test_a_dead_caller_reaches_nobody(sim: Simulation, connect: Any, server: Any, pod: Pod) -> None:
    """Teaches: what a crashed process still tries to write never leaves it."""
    client = connect(sim)
    sim.faults.crash("kubelet")
    with pytest.raises(TransportError):
        await client.create(PODS, pod("a"))
    assert server.requests == []


async def test_a_crash_elsewhere_does_not_concern_anybody(sim: Simulation, connect: Any, pod: Pod) -> None:
    """Teaches: one dead node costs the others nothing."""
    client = connect(sim)
    sim.add_host("node-2", "10.0.0.2")
    sim.faults.crash("node-2")
    stream = await client.watch(PODS, options=WATCH)
    await client.create(PODS, pod("a"))
    assert len(await stream.next()) == 1
    assert sim.clock.now() == 0


async def first(stream: WatchStream) -> list[str]:
    return [event.stored.name for event in await stream.next()]


async def test_a_short_partition_only_delays_a_watch(sim: Simulation, connect: Any, server: Any, pod: Pod) -> None:
    """Teaches: TCP sends again: after 0.2, 0.4, 0.8 … seconds."""
    client = connect(sim)
    stream = await client.watch(PODS, options=WATCH)
    sim.faults.partition("node-1", "control-plane")
    server.put(PODS, pod("a"))
    sim.loop.call_later(10, sim.faults.repair, "node-1", "control-plane")
    assert await first(stream) == ["a"]
    assert sim.clock.now() == 12.6
    await asyncio.sleep(60)
    server.put(PODS, pod("b"))
    assert await first(stream) == ["b"]  # The connection lives.


async def test_a_long_partition_breaks_all_watches_after_45_seconds(
    sim: Simulation, connect: Any, server: Any, pod: Pod
) -> None:
    """Teaches: client-go pings a connection that was silent for 30 s and gives it up after 15 s without an answer."""
    client = connect(sim)
    quiet = await client.watch(PODS, options=WATCH)
    busy = await client.watch(PODS, options=WATCH)
    await asyncio.sleep(5)
    sim.faults.partition("node-1", "control-plane")
    server.put(PODS, pod("a"))
    waiting = [asyncio.create_task(stream.next()) for stream in (quiet, busy)]
    for task in waiting:
        with pytest.raises(TransportError, match="http2: client connection lost"):
            await task
        assert sim.clock.now() == 50
    assert server.streams == {}
    with pytest.raises(TransportError):
        await quiet.next()  # It stays broken, also after the repair.
    sim.faults.repair("node-1", "control-plane")
    again = await client.watch(PODS, options=WATCH)
    assert await first(again) == ["a"]


async def test_a_one_way_partition_breaks_a_watch_too(sim: Simulation, connect: Any) -> None:
    """Teaches: a ping needs both directions, although events need only one."""
    client = connect(sim)
    stream = await client.watch(PODS, options=WATCH)
    sim.faults.partition("node-1", "control-plane", one_way=True)
    with pytest.raises(TransportError):
        await stream.next()
    assert sim.clock.now() == 45


async def test_events_still_arrive_over_the_direction_that_works(
    sim: Simulation, connect: Any, server: Any, pod: Pod
) -> None:
    """Teaches: one-way means one way."""
    client = connect(sim)
    stream = await client.watch(PODS, options=WATCH)
    sim.faults.partition("node-1", "control-plane", one_way=True)
    server.put(PODS, pod("a"))
    assert await first(stream) == ["a"]
    assert sim.clock.now() == 0


async def test_a_watch_over_a_slow_link_lags(sim: Simulation, connect: Any, server: Any, pod: Pod) -> None:
    """Teaches: a watcher may be behind, never out of order."""
    client = connect(sim)
    stream = await client.watch(PODS, options=WATCH)
    sim.faults.slow("control-plane", "node-1", 2, one_way=True)
    server.put(PODS, pod("a"))
    server.put(PODS, pod("b"))
    assert await first(stream) == ["a", "b"]
    assert sim.clock.now() == 2


async def test_held_events_arrive_on_release(sim: Simulation, connect: Any, server: Any, pod: Pod) -> None:
    """Teaches: hold a link and the watcher works from a stale cache, until you let go or 45 s are over."""
    client = connect(sim)
    stream = await client.watch(PODS, options=WATCH)
    sim.faults.hold("control-plane", "node-1")
    server.put(PODS, pod("a"))
    sim.loop.call_later(20, sim.faults.release, "control-plane", "node-1")
    assert await first(stream) == ["a"]
    assert sim.clock.now() == 20
    sim.faults.hold("control-plane", "node-1")
    server.put(PODS, pod("b"))
    with pytest.raises(TransportError):
        await stream.next()
    assert sim.clock.now() == 65


async def test_a_dead_apiserver_resets_its_watches_at_once(sim: Simulation, connect: Any) -> None:
    """Teaches: the kernel of a living machine closes what its dead process left open."""
    client = connect(sim)
    stream = await client.watch(PODS, options=WATCH)
    sim.loop.call_later(3, sim.faults.crash, "apiserver")
    with pytest.raises(TransportError, match="connection reset by peer"):
        await stream.next()
    assert sim.clock.now() == 3


async def test_a_rebooted_host_knows_nothing_of_old_connections(sim: Simulation, connect: Any) -> None:
    """Teaches: a machine that comes back within the 45 s answers the next packet with a reset."""
    client = connect(sim)
    stream = await client.watch(PODS, options=WATCH)
    sim.loop.call_later(3, sim.faults.crash, "control-plane")
    sim.loop.call_later(20, sim.faults.restart, "control-plane")
    with pytest.raises(TransportError, match="connection reset by peer"):
        await stream.next()
    assert sim.clock.now() == 20


async def test_a_watch_ends_with_its_process(sim: Simulation, connect: Any, server: Any) -> None:
    """Teaches: the server does not feed the dead."""
    client = connect(sim)
    await client.watch(PODS, options=WATCH)
    assert len(server.streams) == 1
    sim.faults.crash("kubelet")
    assert server.streams == {}


async def test_a_closed_or_ended_watch_gives_nothing_more(sim: Simulation, connect: Any, server: Any, pod: Pod) -> None:
    """Teaches: an empty answer is the end of a watch."""
    client = connect(sim)
    mine, theirs = await client.watch(PODS, options=WATCH), await client.watch(PODS, options=WATCH)
    mine.close()
    assert list(await mine.next()) == []
    server.close_watches()
    assert list(await theirs.next()) == []
    assert server.streams == {}
