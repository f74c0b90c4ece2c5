"""Messages between named endpoints."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kubesim.sim import Network, NetworkError, Simulation


def connect(sim: Simulation) -> Network:
    """Two endpoints on hosts of their own: "scheduler" on "control-plane", "kubelet/node-1" on "node-1"."""
    network = sim.network
    for host in ("control-plane", "node-1"):
        network.attach(host, host)

    async def double(message: Any) -> Any:
        return 2 * message

    network.attach("scheduler", "control-plane", double)
    network.attach("kubelet/node-1", "node-1", double)
    return network


async def test_without_rules_a_message_takes_no_time(sim: Simulation) -> None:
    """Teaches: a hop costs nothing unless somebody asked for trouble."""
    network = connect(sim)
    assert network.is_free
    assert network.is_open("scheduler", "kubelet/node-1")
    assert await network.cross("scheduler", "kubelet/node-1")
    assert await network.request("scheduler", "kubelet/node-1", 21) == 42
    assert sim.loop.now_ns == 0
    assert sim.loop._scheduled == []


async def test_latency_is_per_direction(sim: Simulation) -> None:
    """Teaches: a slow way there and a fast way back."""
    network = connect(sim)
    network.link("control-plane", "node-1").latency_seconds = 0.25
    network.tidy()
    assert not network.is_free
    assert not network.is_open("scheduler", "kubelet/node-1")
    assert network.is_open("kubelet/node-1", "scheduler")
    await network.request("scheduler", "kubelet/node-1", 1)
    assert sim.clock.now() == 0.25


async def test_rules_on_all_names_that_apply_add_up(sim: Simulation) -> None:
    """Teaches: a rule may lie on everything, on a host or on one endpoint."""
    network = connect(sim)
    for source, target, seconds in (
        ("*", "*", 1),
        ("control-plane", "*", 2),
        ("*", "kubelet/node-1", 4),
        ("control-plane", "node-1", 8),
        ("scheduler", "kubelet/node-1", 16),
        ("node-1", "control-plane", 100),  # The other way.
        ("scheduler", "kubelet/node-2", 100),  # Somebody else.
    ):
        network.link(source, target).latency_seconds = seconds
    assert await network.cross("scheduler", "kubelet/node-1")
    assert sim.clock.now() == 31


async def test_a_one_way_partition_lets_the_other_direction_through(sim: Simulation) -> None:
    """Teaches: the node's heartbeats arrive, but it hears nothing."""
    network = connect(sim)
    network.link("control-plane", "node-1").partitioned = True
    assert not await network.cross("scheduler", "kubelet/node-1")
    assert await network.cross("kubelet/node-1", "scheduler")
    assert network.is_cut("scheduler", "kubelet/node-1")
    assert not network.is_cut("kubelet/node-1", "scheduler")


@pytest.mark.parametrize("lost_direction", [("node-1", "control-plane"), ("control-plane", "node-1")])
async def test_a_lost_message_is_silence(sim: Simulation, lost_direction: tuple[str, str]) -> None:
    """Teaches: whether the request or the answer was lost looks the same to the sender."""
    network = connect(sim)
    network.link(*lost_direction).partitioned = True
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(30):
            await network.request("kubelet/node-1", "scheduler", 1)
    assert sim.clock.now() == 30


async def test_a_lossy_link_loses_its_share(sim: Simulation) -> None:
    """Teaches: a quarter of the messages, decided by the seed."""
    network = connect(sim)
    network.link("node-1", "control-plane").loss = 0.25
    arrived = [await network.cross("kubelet/node-1", "scheduler") for _ in range(1000)]
    assert 700 < sum(arrived) < 800
    assert not network.is_cut("kubelet/node-1", "scheduler")
    assert await network.cross("scheduler", "kubelet/node-1")


async def test_held_messages_arrive_in_the_order_in_which_they_were_sent(sim: Simulation) -> None:
    """Teaches: hold, look at the state in between, release."""
    network = connect(sim)
    link = network.link("node-1", "control-plane")
    link.held = sim.loop.create_future()
    arrived: list[tuple[int, float]] = []

    async def send(number: int) -> None:
        assert await network.cross("kubelet/node-1", "scheduler")
        arrived.append((number, sim.clock.now()))

    sending = [asyncio.create_task(send(number)) for number in range(3)]
    await asyncio.sleep(5)
    assert arrived == []
    held, link.held = link.held, None
    held.set_result(None)
    await asyncio.gather(*sending)
    assert arrived == [(0, 5), (1, 5), (2, 5)]


async def test_giving_up_on_a_held_message_does_not_release_the_others(sim: Simulation) -> None:
    """Teaches: one sender's deadline is its own."""
    network = connect(sim)
    link = network.link("node-1", "control-plane")
    link.held = sim.loop.create_future()
    patient = asyncio.create_task(network.cross("kubelet/node-1", "scheduler"))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await network.cross("kubelet/node-1", "scheduler")
    assert not patient.done()
    link.held.set_result(None)
    assert await patient


async def test_a_dead_host_neither_sends_nor_receives(sim: Simulation) -> None:
    """Teaches: whatever stands on a host is silent with it."""
    network = connect(sim)
    network.take_down("node-1")
    assert not network.is_free
    assert not await network.cross("kubelet/node-1", "scheduler")
    assert not await network.cross("scheduler", "kubelet/node-1")
    assert await network.cross("scheduler", "apiserver")  # Others are not concerned.
    assert network.is_down("kubelet/node-1")
    assert not network.refuses("scheduler", "kubelet/node-1")
    network.bring_up("node-1")
    assert network.is_free


async def test_a_dead_process_on_a_living_host_is_refused(sim: Simulation) -> None:
    """Teaches: "connection refused" is said by the host's kernel."""
    network = connect(sim)
    network.take_down("kubelet/node-1")
    assert network.refuses("scheduler", "kubelet/node-1")
    assert not network.refuses("scheduler", "node-1")
    network.link("control-plane", "node-1").partitioned = True
    assert not network.refuses("scheduler", "kubelet/node-1")  # Its host cannot say so.


async def test_a_message_in_flight_to_a_host_that_dies_is_lost(sim: Simulation) -> None:
    """Teaches: what counts is who lives when the message arrives."""
    network = connect(sim)
    network.link("control-plane", "node-1").latency_seconds = 2
    sim.loop.call_later(1, network.take_down, "node-1")
    assert not await network.cross("scheduler", "kubelet/node-1")


async def test_nobody_listening_is_a_definite_refusal(sim: Simulation) -> None:
    """Teaches: a request that nobody took had surely no effect."""
    network = connect(sim)
    network.detach("kubelet/node-1")
    for name in ("kubelet/node-1", "control-plane", "nobody"):
        with pytest.raises(NetworkError, match=f"dial {name}: connection refused") as caught:
            await network.request("scheduler", name, 1)
        assert caught.value.definite


async def test_observers_hear_of_every_change(sim: Simulation) -> None:
    """Teaches: a connection on which nothing is sent still notices that the other side died."""
    network = connect(sim)
    heard: list[str] = []
    unsubscribe = network.subscribe(lambda: heard.append("a"))
    network.subscribe(lambda: heard.append("b"))
    network.take_down("node-1")
    network.bring_up("node-1")
    network.bring_up("node-1")  # No change.
    network.link("a", "b").partitioned = True
    network.tidy()
    assert heard == ["a", "b"] * 3
    unsubscribe()
    unsubscribe()
    network.tidy()
    assert heard == ["a", "b"] * 3 + ["b"]


async def test_links_without_rules_are_forgotten(sim: Simulation) -> None:
    """Teaches: after a repair traffic is free again."""
    network = connect(sim)
    network.link("a", "b").loss = 0.5
    network.link("b", "c")
    network.tidy()
    assert network.has_rules
    network.link("a", "b").loss = 0
    network.tidy()
    assert network.is_free
