"""List, watch, and what to do when that breaks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from kubesim.api.resources import PODS
from kubesim.client import Client, Effect, FaultyTransport, Informers, InProcessTransport, Rule
from kubesim.client.reflector import BackOff
from kubesim.sim import Simulation, Tasks

Pod = Callable[..., Any]


def faulty(sim: Simulation, server: Any) -> tuple[FaultyTransport, Informers]:
    transport = FaultyTransport(sim, InProcessTransport(sim, server, source="manager"))
    return transport, Informers(sim, Client(transport, "manager"))


async def test_pauses_double_from_0_8_to_30_seconds_with_jitter(sim: Simulation) -> None:
    """Teaches: clients that fail together do not come back together."""
    back_off = BackOff(sim, sim.chance.stream("test"))
    pauses = [back_off.next() for _ in range(9)]
    for pause, base in zip(pauses, [0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30, 30, 30], strict=True):
        assert base <= pause < 2 * base
    await asyncio.sleep(121)
    assert 0.8 <= back_off.next() < 1.6


async def test_a_watch_that_ends_after_a_while_is_begun_again_at_once(sim: Simulation, server: Any, pod: Pod) -> None:
    """Teaches: servers end watches on purpose; a client goes on at the last revision, without a new list."""
    _, factory = faulty(sim, server)
    pods = factory.of(PODS)
    async with Tasks("test") as tasks:
        tasks.spawn(factory.run(), "informers")
        await factory.wait_synced()
        await asyncio.sleep(60)
        server.bookmark()
        server.put(PODS, pod("a"))
        await asyncio.sleep(60)
        server.close_watches()
        server.put(PODS, pod("b"))
        await asyncio.sleep(0.001)
        assert len(pods) == 2
    seen = [(request.verb, request.options.resource_version) for request in server.requests]
    assert seen == [("list", "0"), ("watch", "1"), ("watch", "2")]


async def test_every_watch_asks_to_be_ended_within_five_to_ten_minutes(sim: Simulation, server: Any) -> None:
    """Teaches: why load spreads again after a server restart, and that bookmarks are always wanted."""
    _, factory = faulty(sim, server)
    factory.of(PODS)
    async with Tasks("test") as tasks:
        tasks.spawn(factory.run(), "informers")
        await factory.wait_synced()
        for _ in range(20):
            await asyncio.sleep(60)
            server.close_watches()
    options = [request.options for request in server.requests if request.verb == "watch"]
    timeouts = [option.timeout_seconds for option in options]
    assert all(timeout is not None and 300 <= timeout < 600 for timeout in timeouts)
    assert len(set(timeouts)) > 10
    assert all(option.allow_watch_bookmarks for option in options)


async def test_a_watch_that_ends_at_once_is_not_begun_again_in_a_hot_loop(sim: Simulation, server: Any) -> None:
    """Teaches: without a pause a broken server would be hammered, and virtual time would stand still."""
    transport, factory = faulty(sim, server)
    rule = Rule(effect=Effect.CLOSE_WATCH)
    transport.add(rule)
    factory.of(PODS)
    async with Tasks("test") as tasks:
        tasks.spawn(factory.run(), "informers")
        await asyncio.sleep(120)
        attempts = sum(request.verb == "watch" for request in server.requests)
        assert 5 <= attempts <= 10
        transport.remove(rule)
        await asyncio.sleep(60)
        assert len(server.streams) == 1


async def test_a_broken_connection_goes_on_at_the_last_revision(sim: Simulation, server: Any, pod: Pod) -> None:
    """Teaches: what was missed meanwhile comes with the new watch."""
    transport, factory = faulty(sim, server)
    pods = factory.of(PODS)
    async with Tasks("test") as tasks:
        tasks.spawn(factory.run(), "informers")
        await factory.wait_synced()
        await asyncio.sleep(60)
        server.put(PODS, pod("a"))
        await asyncio.sleep(1)
        transport.add(Rule(effect=Effect.BREAK_WATCH, times=1))
        server.put(PODS, pod("b"))
        assert len(pods) == 1
        await asyncio.sleep(1.6)
        assert len(pods) == 2
    assert [request.verb for request in server.requests] == ["list", "watch", "watch"]


async def test_a_list_that_fails_is_tried_again(sim: Simulation, server: Any, pod: Pod) -> None:
    """Teaches: an informer is never synced by an error."""
    transport, factory = faulty(sim, server)
    server.put(PODS, pod("a"))
    transport.add(Rule(effect=Effect.ERROR, verbs=("list",), times=2, reason="ServiceUnavailable"))
    pods = factory.of(PODS)
    async with Tasks("test") as tasks:
        tasks.spawn(factory.run(), "informers")
        await asyncio.sleep(2.3)
        assert not pods.synced
        await asyncio.sleep(2.6)
        assert pods.synced
        assert len(pods) == 1


async def test_an_expired_revision_leads_to_a_list_of_the_most_recent_state(
    sim: Simulation, server: Any, pod: Pod
) -> None:
    """Teaches: 410 means that the history you ask for is gone; only a list can help."""
    transport, factory = faulty(sim, server)
    pods = factory.of(PODS)
    async with Tasks("test") as tasks:
        tasks.spawn(factory.run(), "informers")
        await factory.wait_synced()
        transport.add(Rule(effect=Effect.EXPIRE_WATCH, times=1))
        server.put(PODS, pod("a"))
        await asyncio.sleep(1.6)
        assert len(pods) == 1
    lists = [request.options.resource_version for request in server.requests if request.verb == "list"]
    assert lists == ["0", ""]


async def test_a_cancelled_reflector_closes_its_watch(sim: Simulation, server: Any) -> None:
    """Teaches: a process that ends leaves no watcher behind."""
    _, factory = faulty(sim, server)
    factory.of(PODS)
    async with Tasks("test") as tasks:
        tasks.spawn(factory.run(), "informers")
        await factory.wait_synced()
        await asyncio.sleep(1)
        assert len(server.streams) == 1
    assert len(server.streams) == 0
