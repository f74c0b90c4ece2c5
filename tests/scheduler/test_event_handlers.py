"""A Pod is waiting, assigned or nothing: watch events move it between the three."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kubesim.api.stored import Stored
from kubesim.scheduler.cache import SchedulerCache
from kubesim.scheduler.event_handlers import EventHandlers
from kubesim.scheduler.pod_info import PodShapes
from kubesim.scheduler.queued_pod import Place
from kubesim.scheduler.scheduling_queue import SchedulingQueue
from kubesim.sim import Simulation

UID = "uid-web"


class Parts:
    def __init__(self, sim: Simulation, world: Any, node: Callable[..., Stored]) -> None:
        self.cache = SchedulerCache()
        self.queue = SchedulingQueue(sim, {"default-scheduler": world([]).framework})
        self.handlers = EventHandlers(self.cache, self.queue, PodShapes(), ("default-scheduler",))
        self.handlers.node_added(node("n1", cpu="1"))

    @property
    def state(self) -> tuple[bool, str]:
        """(is it waiting, the node that it is counted on)."""
        return self.queue.get(UID) is not None, self.cache.place_of(UID)


@pytest.fixture
def make_parts(world: Any, node: Callable[..., Stored]) -> Callable[[Simulation], Parts]:
    return lambda sim: Parts(sim, world, node)


async def test_the_life_of_a_pod(sim: Simulation, make_parts: Any, pod: Callable[..., Stored]) -> None:
    """Teaches: waiting → assigned → ended."""
    parts = make_parts(sim)
    waiting, bound, ended = pod(), pod(node="n1", revision=2), pod(node="n1", phase="Failed", revision=3)
    parts.handlers.pod_added(waiting)
    assert parts.state == (True, "")
    parts.handlers.pod_updated(waiting, bound)
    assert parts.state == (False, "n1")
    parts.handlers.pod_updated(bound, ended)
    assert parts.state == (False, "")
    parts.handlers.pod_deleted(ended)
    assert parts.state == (False, "")


@pytest.mark.parametrize(
    ("fields", "state"),
    [({}, (True, "")), ({"node": "n1"}, (False, "n1")), ({"schedulerName": "mine"}, (False, "")),
     ({"schedulerName": "mine", "node": "n1"}, (False, "n1")), ({"phase": "Succeeded"}, (False, "")),
     ({"node": "n1", "phase": "Succeeded"}, (False, ""))],
)  # fmt: skip
async def test_where_a_new_pod_belongs(
    sim: Simulation, make_parts: Any, pod: Callable[..., Stored], fields: dict[str, Any], state: tuple[bool, str]
) -> None:
    """Teaches: other schedulers' Pods take up room, but are not for us to place."""
    parts = make_parts(sim)
    parts.handlers.pod_added(pod(**fields))
    assert parts.state == state


async def test_an_update_of_an_assumed_pod_does_not_queue_it_again(
    sim: Simulation, make_parts: Any, pod: Callable[..., Stored], info: Any
) -> None:
    """Teaches: between decision and confirmation the Pod still looks unassigned to the informer."""
    parts = make_parts(sim)
    parts.handlers.pod_added(pod())
    parts.queue.delete(UID)
    parts.cache.assume(info(), "n1")
    parts.handlers.pod_updated(pod(), pod(labels={"a": "b"}, revision=2))
    assert parts.state == (False, "n1")
    parts.handlers.pod_deleted(pod(revision=3))
    assert parts.state == (False, "")


async def test_a_pod_that_goes_makes_room_for_one_that_waits(
    sim: Simulation, make_parts: Any, pod: Callable[..., Stored]
) -> None:
    """Teaches: deletion is the event that a Pod without room waits for."""
    parts = make_parts(sim)
    running = pod("running", node="n1", requests={"cpu": "1"})
    parts.handlers.pod_added(running)
    parts.handlers.pod_added(pod(requests={"cpu": "1"}))
    queued = await parts.queue.pop()
    queued.unschedulable_plugins = {"NodeResourcesFit": None}
    parts.queue.add_unschedulable(queued)
    updated = pod("running", node="n1", requests={"cpu": "1"}, phase="Running", revision=2)
    parts.handlers.pod_updated(running, updated)
    assert queued.place is Place.UNSCHEDULABLE
    resized = pod("running", node="n1", requests={"cpu": "500m"}, phase="Running", generation=2, revision=3)
    parts.handlers.pod_updated(updated, resized)
    assert queued.place is Place.BACKOFF
    assert parts.cache.nodes["n1"].requested == {"cpu": 500}


async def test_nodes_come_change_and_go(
    sim: Simulation, make_parts: Any, pod: Callable[..., Stored], node: Callable[..., Stored]
) -> None:
    """Teaches: uncordoning a node is what a Pod waits for that found it cordoned."""
    parts = make_parts(sim)
    cordoned = node("n1", unschedulable=True)
    parts.handlers.node_updated(node("n1"), cordoned)
    parts.handlers.pod_added(pod())
    queued = await parts.queue.pop()
    queued.unschedulable_plugins = {"NodeUnschedulable": None}
    parts.queue.add_unschedulable(queued)
    parts.handlers.node_updated(cordoned, node("n1"))
    assert queued.place is Place.BACKOFF
    parts.handlers.node_deleted(node("n1"))
    assert parts.cache.nodes == {}
