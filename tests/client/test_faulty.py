"""A transport that misbehaves by rule."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from kubesim.api.errors import ConflictError, ExpiredError, InternalError, TransportError
from kubesim.api.resources import NODES, PODS
from kubesim.api.wire import Options
from kubesim.client import Client, Effect, FaultyTransport, InProcessTransport, Rule
from kubesim.sim import Simulation

Pod = Callable[..., Any]
WATCH = Options(resource_version="1")


def connect(sim: Simulation, server: Any, *rules: Rule) -> tuple[FaultyTransport, Client]:
    transport = FaultyTransport(sim, InProcessTransport(sim, server, source="manager"), rules)
    return transport, Client(transport, "manager")


async def test_an_error_is_raised_instead_of_the_request(sim: Simulation, server: Any, pod: Pod) -> None:
    """Teaches: make a controller meet a conflict on purpose."""
    rule = Rule(effect=Effect.ERROR, verbs=("create",), resources=("pods",), reason="Conflict", message="too late")
    transport, client = connect(sim, server, rule)
    with pytest.raises(ConflictError, match="too late"):
        await client.create(PODS, pod("a"))
    assert server.requests == []
    await client.create(NODES, {"metadata": {"name": "node-1"}})
    await client.list(PODS)
    assert list(transport.rules) == [rule]
    transport.remove(rule)
    await client.create(PODS, pod("a"))


async def test_a_rule_may_skip_some_and_end_after_some(sim: Simulation, server: Any, pod: Pod) -> None:
    """Teaches: "the second create fails, once" is data."""
    _, client = connect(sim, server, Rule(effect=Effect.ERROR, verbs=("create",), skip=1, times=1))
    await client.create(PODS, pod("a"))
    with pytest.raises(InternalError):
        await client.create(PODS, pod("b"))
    await client.create(PODS, pod("b"))


async def test_a_rule_may_name_one_object_or_subresource(sim: Simulation, server: Any, pod: Pod) -> None:
    """Teaches: trouble for one Pod only."""
    server.put(PODS, pod("a"))
    server.put(PODS, pod("b"))
    _, client = connect(
        sim,
        server,
        Rule(effect=Effect.ERROR, namespace="default", name="a", verbs=("get",)),
        Rule(effect=Effect.ERROR, subresources=("status",)),
    )
    with pytest.raises(InternalError):
        await client.get(PODS, "a", "default")
    stored = await client.get(PODS, "b", "default")
    with pytest.raises(InternalError):
        await client.update_status(PODS, stored.object)


async def test_latency_and_chance(sim: Simulation, server: Any) -> None:
    """Teaches: half of the requests take a second longer, and which ones depends on the seed alone."""
    _, client = connect(sim, server, Rule(effect=Effect.LATENCY, seconds=1, probability=0.5))
    for _ in range(100):
        await client.list(PODS)
    assert 35 < sim.clock.now() < 65


async def test_a_lost_request_and_a_lost_response_look_the_same(sim: Simulation, server: Any, pod: Pod) -> None:
    """Teaches: an error that is not definite; only looking tells whether the write happened."""
    _, client = connect(
        sim,
        server,
        Rule(effect=Effect.LOSE_REQUEST, name="", verbs=("create",), times=1),
        Rule(effect=Effect.LOSE_RESPONSE, verbs=("create",), times=1),
    )
    for expected in (0, 1):
        with pytest.raises(TransportError) as caught:
            await client.create(PODS, pod("a"))
        assert not caught.value.definite
        assert len(server.of(PODS)) == expected


async def test_events_can_be_lost_late_or_held(sim: Simulation, server: Any, pod: Pod) -> None:
    """Teaches: a cache that is behind, and how far."""
    held = Rule(effect=Effect.HOLD_EVENTS, name="held")
    transport, client = connect(
        sim,
        server,
        Rule(effect=Effect.LOSE_EVENTS, name="lost"),
        Rule(effect=Effect.DELAY_EVENTS, name="late", seconds=5),
        held,
    )
    stream = await client.watch(PODS, options=WATCH)
    server.put(PODS, pod("lost"))
    server.put(PODS, pod("late"))
    assert [event.stored.name for event in await stream.next()] == ["late"]
    assert sim.clock.now() == 5
    server.put(PODS, pod("lost"))
    server.bookmark()
    assert [event.type for event in await stream.next()] == ["BOOKMARK"]
    server.put(PODS, pod("held"))
    sim.loop.call_later(10, transport.remove, held)
    assert [event.stored.name for event in await stream.next()] == ["held"]
    assert sim.clock.now() == 15


@pytest.mark.parametrize(
    ("effect", "error"), [(Effect.BREAK_WATCH, TransportError), (Effect.EXPIRE_WATCH, ExpiredError)]
)
async def test_a_watch_can_break_or_expire(sim: Simulation, server: Any, effect: Effect, error: type) -> None:
    """Teaches: the two ways in which a reflector is made to start over."""
    transport, client = connect(sim, server)
    stream = await client.watch(PODS, options=WATCH)
    sim.loop.call_later(3, transport.add, Rule(effect=effect, times=1))
    with pytest.raises(error):
        await stream.next()
    assert sim.clock.now() == 3
    assert server.streams == {}
    await client.watch(PODS, options=WATCH)
    assert len(server.streams) == 1


async def test_a_watch_can_be_ended_as_a_server_would(sim: Simulation, server: Any, pod: Pod) -> None:
    """Teaches: an empty answer, now and for watches to come."""
    transport, client = connect(sim, server)
    stream = await client.watch(PODS, options=WATCH)
    waiting = asyncio.create_task(stream.next())
    await asyncio.sleep(1)
    transport.add(Rule(effect=Effect.CLOSE_WATCH, resources=("pods",)))
    assert list(await waiting) == []
    assert list(await (await client.watch(PODS, options=WATCH)).next()) == []
    server.put(NODES, {"metadata": {"name": "node-1"}})
    assert len(await (await client.watch(NODES, options=WATCH)).next()) == 1


async def test_an_end_by_the_server_passes_through(sim: Simulation, server: Any) -> None:
    """Teaches: without a matching rule nothing changes."""
    _, client = connect(sim, server, Rule(effect=Effect.LOSE_EVENTS, resources=("nodes",)))
    stream = await client.watch(PODS, options=WATCH)
    server.close_watches()
    assert list(await stream.next()) == []
