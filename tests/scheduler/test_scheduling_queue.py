"""Who waits where, and what brings whom back. All times are virtual."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from kubesim.api.stored import Stored
from kubesim.api.views import Node
from kubesim.scheduler.framework.cluster_event import ClusterEvent
from kubesim.scheduler.pod_info import PodInfo
from kubesim.scheduler.queued_pod import Place, QueuedPod
from kubesim.scheduler.scheduling_queue import SchedulingQueue
from kubesim.sim import CAUSES, Simulation, because

FIT = "NodeResourcesFit"


@pytest.fixture
def make_queue(world: Any) -> Callable[[Simulation], SchedulingQueue]:
    def make(sim: Simulation) -> SchedulingQueue:
        return SchedulingQueue(sim, {"default-scheduler": world([]).framework})

    return make


async def reject(queue: SchedulingQueue, *plugins: str) -> QueuedPod:
    """Takes the next Pod and brings it back, turned down by `plugins` (none: an error)."""
    queued = await queue.pop()
    queued.unschedulable_plugins = dict.fromkeys(plugins)
    queue.add_unschedulable(queued)
    return queued


async def test_priority_goes_before_age(sim: Simulation, make_queue: Any, info: Callable[..., PodInfo]) -> None:
    """Teaches: PrioritySort is the order of the active queue; equals go by age, then by arrival."""
    queue = make_queue(sim)
    queue.add(info("first"))
    queue.add(info("second"))
    await asyncio.sleep(1)
    queue.add(info("third"))
    queue.add(info("urgent", priority=10))
    assert [(await queue.pop()).info.name for _ in range(4)] == ["urgent", "first", "second", "third"]


async def test_pop_waits_for_a_pod(sim: Simulation, make_queue: Any, info: Callable[..., PodInfo]) -> None:
    """Teaches: an idle scheduler costs nothing."""
    queue = make_queue(sim)
    sim.loop.call_later(5, queue.add, info("late"))
    queued = await queue.pop()
    assert (queued.info.name, queued.attempts, sim.clock.now()) == ("late", 1, 5.0)


async def test_an_event_that_helps_nobody_wakes_nobody(
    sim: Simulation, make_queue: Any, info: Callable[..., PodInfo], node: Callable[..., Stored]
) -> None:
    """Teaches: queueing hints; a Pod without room does not care for a node's labels."""
    queue = make_queue(sim)
    queue.add(info("big", requests={"cpu": "8"}))
    big = await reject(queue, FIT)
    small, large = node("n", cpu="4").view(Node), node("n", cpu="16").view(Node)
    queue.move(ClusterEvent.NODE_LABEL, small, small)
    queue.move(ClusterEvent.NODE_ADD, None, small)
    assert big.place is Place.UNSCHEDULABLE
    queue.move(ClusterEvent.NODE_ALLOCATABLE, small, large)
    assert big.place is Place.BACKOFF


async def test_an_idle_scheduler_does_not_wait_for_the_end_of_a_backoff(
    sim: Simulation, make_queue: Any, info: Callable[..., PodInfo], node: Callable[..., Stored]
) -> None:
    """Teaches: back-off protects the others; without others there is nothing to protect."""
    queue = make_queue(sim)
    queue.add(info("a"))
    await reject(queue, FIT)
    queue.move(ClusterEvent.NODE_ADD, None, node("n").view(Node))
    queued = await queue.pop()
    assert (queued.info.name, queued.attempts, sim.clock.now()) == ("a", 2, 0.0)


async def test_an_error_waits_out_its_backoff(sim: Simulation, make_queue: Any, info: Callable[..., PodInfo]) -> None:
    """Teaches: 1 s, 2 s, 4 s, 8 s, then 10 s; and the second in which a back-off ends still belongs to it."""
    queue = make_queue(sim)
    queue.add(info("a"))
    times = []
    for _ in range(7):
        queued = await reject(queue)
        times.append(sim.clock.now())
        assert queued.place is Place.ERROR_BACKOFF
    assert times == [0.0, 2.0, 5.0, 10.0, 19.0, 30.0, 41.0]


async def test_nobody_is_forgotten_for_more_than_five_minutes(
    sim: Simulation, make_queue: Any, info: Callable[..., PodInfo]
) -> None:
    """Teaches: hints may be wrong, so every 30 s those who waited for over 5 minutes are tried again."""
    queue = make_queue(sim)
    await asyncio.sleep(10)
    queue.add(info("a"))
    await reject(queue, FIT)
    queued = await queue.pop()
    assert (queued.info.name, sim.clock.now()) == ("a", 330.0)
    assert queued.causes == ("timer scheduler/unschedulable-flush",)


@pytest.mark.parametrize(("rejected_at", "tried_at"), [(0, 330), (29.5, 330), (30, 360), (31, 360)])
async def test_the_flush_comes_every_thirty_seconds(
    sim: Simulation, make_queue: Any, info: Callable[..., PodInfo], rejected_at: float, tried_at: float
) -> None:
    """Teaches: five minutes must be over, not just full, when somebody looks."""
    queue = make_queue(sim)
    await asyncio.sleep(rejected_at)
    queue.add(info("a"))
    await reject(queue, FIT)
    await queue.pop()
    assert sim.clock.now() == tried_at


async def test_rejections_add_up_while_others_are_served(
    sim: Simulation, make_queue: Any, info: Callable[..., PodInfo], node: Callable[..., Stored]
) -> None:
    """Teaches: the back-off of a rejected Pod is 1, 2, 4, 8, 10 s, whatever woke it; the flush is an attempt too."""
    queue, waits = make_queue(sim), []
    queue.add(info("a"))
    for _ in range(6):
        queued = await reject(queue, FIT)
        queue.move(ClusterEvent.NODE_ADD, None, node("n").view(Node))
        assert queued.place is Place.BACKOFF
        waits.append(queued.backoff_until_ns / 10**9 - sim.clock.unix_ns() / 10**9)
    assert waits == [1, 2, 4, 8, 10, 10]


async def test_the_flush_opens_no_gate(sim: Simulation, make_queue: Any, info: Callable[..., PodInfo]) -> None:
    """Teaches: one gate of two is still a gate, and patience does not open it."""
    queue = make_queue(sim)
    both, one = (info("a", schedulingGates=[{"name": name} for name in names]) for names in ("ab", "b"))
    queue.add(both)
    queue.update(both, one, [ClusterEvent.POD_UPDATE])
    queue.activate(both.uid)
    sim.loop.call_later(1000, queue.update, one, info("a"), [ClusterEvent.POD_GATES_ELIMINATED])
    queued = await queue.pop()
    assert (sim.clock.now(), queued.attempts) == (1000.0, 1)


async def test_a_gated_pod_is_not_tried_until_its_last_gate_is_gone(
    sim: Simulation, make_queue: Any, info: Callable[..., PodInfo], node: Callable[..., Stored]
) -> None:
    """Teaches: scheduling gates keep a Pod out of the queue, whatever else happens."""
    queue = make_queue(sim)
    gated = info("a", schedulingGates=[{"name": "quota"}])
    queue.add(gated)
    queued = queue.get(gated.uid)
    assert (queued.place, queued.gating_plugin) == (Place.UNSCHEDULABLE, "SchedulingGates")
    queue.move(ClusterEvent.NODE_ADD, None, node("n").view(Node))
    assert queued.place is Place.UNSCHEDULABLE
    queue.update(gated, info("a"), [ClusterEvent.POD_GATES_ELIMINATED])
    assert queued.place is Place.ACTIVE
    assert (await queue.pop()).gating_plugin == ""


async def test_an_event_during_the_attempt_is_not_missed(
    sim: Simulation, make_queue: Any, info: Callable[..., PodInfo], node: Callable[..., Stored]
) -> None:
    """Teaches: the node may come while the Pod is being turned down for the lack of it."""
    queue = make_queue(sim)
    queue.add(info("a"))
    queued = await queue.pop()
    queue.move(ClusterEvent.NODE_ADD, None, node("n").view(Node))
    queued.unschedulable_plugins = {FIT: None}
    queue.add_unschedulable(queued)
    assert queued.place is Place.BACKOFF


async def test_an_update_may_help_the_pod_itself(
    sim: Simulation, make_queue: Any, info: Callable[..., PodInfo]
) -> None:
    """Teaches: a toleration added to a waiting Pod is an event, too; a new annotation is none."""
    queue = make_queue(sim)
    before = info("a")
    after = info("a", tolerations=[{"key": "dedicated", "operator": "Exists"}])
    queue.add(before)
    queued = await reject(queue, "TaintToleration")
    queue.update(before, before, [ClusterEvent.POD_UPDATE])
    assert queued.place is Place.UNSCHEDULABLE
    queue.update(before, after, [ClusterEvent.POD_TOLERATION])
    assert (queued.place, queued.info) == (Place.BACKOFF, after)


async def test_a_deleted_pod_is_gone_wherever_it_waited(
    sim: Simulation, make_queue: Any, info: Callable[..., PodInfo]
) -> None:
    """Teaches: nothing is scheduled that is not there."""
    queue = make_queue(sim)
    for name in ("unschedulable", "error", "active"):
        queue.add(info(name))
    await reject(queue, FIT)
    await reject(queue)
    for place in (Place.UNSCHEDULABLE, Place.ERROR_BACKOFF, Place.ACTIVE):
        assert queue.count(place) == 1
    for name in ("unschedulable", "error", "active"):
        queue.delete(info(name).uid)
    assert len(queue) == 0
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1000):
            await queue.pop()


async def test_the_queue_remembers_why_a_pod_is_tried(
    sim: Simulation, make_queue: Any, info: Callable[..., PodInfo], node: Callable[..., Stored]
) -> None:
    """Teaches: the cause of a placement is the Pod's creation and the event that made it possible."""
    queue = make_queue(sim)
    with because(7):
        queue.add(info("a"))
    await reject(queue, FIT)
    with because(9):
        queue.move(ClusterEvent.NODE_ADD, None, node("n").view(Node))
    assert CAUSES.get() == ()
    assert (await queue.pop()).causes == (7, 9)


async def test_done_forgets_the_pod(sim: Simulation, make_queue: Any, info: Callable[..., PodInfo]) -> None:
    """Teaches: a Pod on its way to a node is the cache's business, not the queue's."""
    queue = make_queue(sim)
    queue.add(info("a"))
    queued = await queue.pop()
    queue.done(queued.uid)
    assert queue.get(queued.uid) is None
    assert len(queue) == 0
