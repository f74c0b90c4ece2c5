"""A process' own copy of the cluster's objects."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from kubesim.api.resources import NODES, PODS
from kubesim.api.stored import Stored
from kubesim.client import Client, Informers, InProcessTransport
from kubesim.client.informer import Informer
from kubesim.sim import CAUSES, Simulation, Tasks

Pod = Callable[..., Any]


@pytest.fixture
def story() -> list[str]:
    """What handlers were told."""
    return []


def tell(informer: Informer, story: list[str]) -> None:
    """Writes every callback into `story`."""
    informer.add_handler(
        on_add=lambda new: story.append(f"add {new.name}@{new.revision}"),
        on_update=lambda old, new: story.append(f"update {new.name}@{old.revision}→{new.revision}"),
        on_delete=lambda old: story.append(f"delete {old.name}@{old.revision}"),
    )


def informers(sim: Simulation, server: Any) -> Informers:
    return Informers(sim, Client(InProcessTransport(sim, server, source="manager"), "manager"))


async def test_an_informer_lists_and_then_follows(sim: Simulation, server: Any, pod: Pod, story: list[str]) -> None:
    """Teaches: list once, watch from there; nothing is lost or repeated between the two."""
    factory = informers(sim, server)
    pods = factory.of(PODS)
    tell(pods, story)
    server.put(PODS, pod("a"))
    async with Tasks("test") as tasks:
        tasks.spawn(factory.run(), "informers")
        await factory.wait_synced()
        assert pods.synced
        assert story == ["add a@2"]
        server.put(PODS, pod("b"))
        server.put(PODS, pod("a"))
        server.remove(PODS, "default/b")
        await asyncio.sleep(0.001)
        assert story == ["add a@2", "add b@3", "update a@2→4", "delete b@5"]
        assert [stored.key for stored in pods.list()] == ["default/a"]
        assert pods.revision == 5
        assert [request.verb for request in server.requests] == ["list", "watch"]
        server.bookmark()
        server.put(NODES, {"metadata": {"name": "node-1"}})
        await asyncio.sleep(1)
        assert (len(pods), pods.revision) == (1, 5)  # A bookmark is no object; a Node concerns nobody here.


async def test_what_a_handler_does_has_the_revision_as_its_cause(sim: Simulation, server: Any, pod: Pod) -> None:
    """Teaches: "why did this happen" begins with the watch event that somebody reacted to."""
    factory = informers(sim, server)
    causes: list[object] = []
    factory.of(PODS).add_handler(
        on_add=lambda _: causes.append(CAUSES.get()), on_delete=lambda _: causes.append(CAUSES.get())
    )
    async with Tasks("test") as tasks:
        tasks.spawn(factory.run(), "informers")
        await factory.wait_synced()
        server.put(PODS, pod("a"))
        server.remove(PODS, "default/a")
        await asyncio.sleep(0.001)
    assert causes == [(2,), (3,)]
    assert server.requests[-1].causes == ()


async def test_everybody_in_a_process_shares_one_informer(sim: Simulation, server: Any) -> None:
    """Teaches: ten controllers that watch Pods are one watch."""
    factory = informers(sim, server)
    assert factory.of(PODS) is factory.of(PODS)
    assert factory.of(PODS) is not factory.of(PODS, field_selector="spec.nodeName=node-1")
    assert factory.of(PODS) is not factory.of(NODES)
    async with Tasks("test") as tasks:
        tasks.spawn(factory.run(), "informers")
        await factory.wait_synced()
        factory.of(PODS, namespace="kube-system")  # Asked for later: starts by itself.
        await factory.wait_synced()
    selectors = [
        (r.resource.plural, r.namespace, r.options.field_selector) for r in server.requests if r.verb == "list"
    ]
    assert selectors == [
        ("pods", "", ""),
        ("pods", "", "spec.nodeName=node-1"),
        ("nodes", "", ""),
        ("pods", "kube-system", ""),
    ]


async def test_indices_find_objects_without_looking_at_the_others(sim: Simulation, server: Any, pod: Pod) -> None:
    """Teaches: a ReplicaSet finds its Pods by their owner's uid."""
    factory = informers(sim, server)
    pods = factory.of(PODS)
    pods.add_index("node", lambda stored: [stored.object["spec"].get("nodeName", "")])
    server.put(PODS, pod("a", owner="rs-1"))
    server.put(PODS, pod("b", owner="rs-1", namespace="team"))
    server.put(PODS, pod("c", owner="rs-2"))
    server.put(PODS, pod("d"))
    async with Tasks("test") as tasks:
        tasks.spawn(factory.run(), "informers")
        await factory.wait_synced()
        assert names(pods.by_index("controller", "rs-1")) == ["a", "b"]
        assert names(pods.by_index("namespace", "team")) == names(pods.list("team")) == ["b"]
        assert names(pods.by_index("node", "")) == ["a", "b", "c", "d"]
        server.put(PODS, pod("c", owner="rs-1", nodeName="node-1"))
        server.remove(PODS, "default/a")
        await asyncio.sleep(0.001)
        assert names(pods.by_index("controller", "rs-1")) == ["b", "c"]
        assert names(pods.by_index("controller", "rs-2")) == []
        assert names(pods.by_index("node", "node-1")) == ["c"]
        assert pods.index_values("node") == ("", "node-1")
        assert pods.keys() == ("team/b", "default/c", "default/d")
        pods.add_index("name", lambda stored: [stored.name])  # Later: finds what is there.
        assert names(pods.by_index("name", "d")) == ["d"]
        with pytest.raises(AssertionError, match="have an index name already"):
            pods.add_index("name", lambda stored: [stored.name])


async def test_a_handler_that_comes_late_is_told_what_is_there(
    sim: Simulation, server: Any, pod: Pod, story: list[str]
) -> None:
    """Teaches: a controller that starts last knows as much as the first."""
    factory = informers(sim, server)
    pods = factory.of(PODS)
    server.put(PODS, pod("a"))
    async with Tasks("test") as tasks:
        tasks.spawn(factory.run(), "informers")
        await factory.wait_synced()
        tell(pods, story)
        assert story == ["add a@2"]
        server.put(PODS, pod("a"))
        await asyncio.sleep(0.001)
        assert story == ["add a@2", "update a@2→3"]


async def test_changes_missed_during_an_outage_are_made_up_for(
    sim: Simulation, server: Any, pod: Pod, story: list[str]
) -> None:
    """Teaches: after "410 Gone" an informer lists, and tells how that differs from what it knew."""
    factory = informers(sim, server)
    pods = factory.of(PODS)
    tell(pods, story)
    for name in ("stays", "changes", "goes", "replaced"):
        server.put(PODS, pod(name))
    async with Tasks("test") as tasks:
        tasks.spawn(factory.run(), "informers")
        await factory.wait_synced()
        await asyncio.sleep(60)
        story.clear()
        server.close_watches()
        server.put(PODS, pod("changes"))
        server.remove(PODS, "default/goes")
        server.remove(PODS, "default/replaced")
        server.put(PODS, pod("replaced"))
        server.put(PODS, pod("new"))
        server.compact()
        await asyncio.sleep(10)
    assert story == [
        "delete goes@4",  # With the last state it was seen in.
        "update changes@3→6",
        "delete replaced@5",  # Another one of the same name is another one.
        "add replaced@9",
        "add new@10",
    ]
    assert [request.options.resource_version for request in server.requests] == ["0", "5", "5", "", "10"]


async def test_a_batch_is_taken_in_without_letting_anybody_in_between(sim: Simulation, server: Any, pod: Pod) -> None:
    """Teaches: a thousand events are one turn of the loop, not a thousand."""
    factory = informers(sim, server)
    pods = factory.of(PODS)
    async with Tasks("test") as tasks:
        tasks.spawn(factory.run(), "informers")
        await factory.wait_synced()
        await asyncio.sleep(1)
        for number in range(1000):
            server.put(PODS, pod(f"pod-{number}"))
        turns = 0
        while len(pods) < 1000:
            assert len(pods) == 0
            await asyncio.sleep(0)
            turns += 1
        assert turns < 5


async def test_an_error_in_a_handler_ends_the_run(sim: Simulation, server: Any, pod: Pod) -> None:
    """Teaches: a bug of ours is heard at once, not swallowed by a background task."""
    heard: list[dict[str, Any]] = []
    sim.loop.set_exception_handler(lambda _, context: heard.append(context))
    factory = informers(sim, server)

    def fail(stored: Stored) -> None:
        raise ZeroDivisionError(stored.name)

    factory.of(PODS).add_handler(on_add=fail)
    server.put(PODS, pod("a"))
    async with Tasks("test") as tasks:
        tasks.spawn(factory.run(), "informers")
        await asyncio.sleep(1)
    assert [str(context["exception"]) for context in heard] == ["a"]


def names(items: Any) -> list[str]:
    return [stored.name for stored in items]
