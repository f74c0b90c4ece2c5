"""Events: what is written, and what is kept from being written."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Literal

import pytest

from kubesim.api.errors import ForbiddenError
from kubesim.api.resources import EVENTS, PODS
from kubesim.client import WARNING, Client, Effect, EventRecorder, FaultyTransport, InProcessTransport, Rule
from kubesim.client.event_correlator import LruCache
from kubesim.sim import Simulation, Tasks, because

Pod = Callable[..., Any]
Style = Literal["core", "events"]
DEPLOYMENT = {
    "kind": "Deployment",
    "apiVersion": "apps/v1",
    "metadata": {"name": "web", "namespace": "default", "uid": "u-1", "resourceVersion": "5"},
}


class Stage:
    """A recorder that writes to a tiny server."""

    def __init__(self, sim: Simulation, server: Any, component: str, host: str, style: Style) -> None:
        self.server = server
        self.transport = FaultyTransport(sim, InProcessTransport(sim, server, source=component))
        self.recorder = EventRecorder(sim, Client(self.transport, component), component, host=host, style=style)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [dict(stored.object) for stored in self.server.of(EVENTS).values()]

    def say(self, message: str, *, about: Any = DEPLOYMENT, reason: str = "ScalingReplicaSet") -> None:
        self.recorder.event(about, "Normal", reason, message)


@pytest.fixture
def stage(server: Any) -> Callable[..., Stage]:
    def make(sim: Simulation, component: str = "deployment-controller", host: str = "", style: Style = "core") -> Stage:
        return Stage(sim, server, component, host, style)

    return make


async def test_an_event_has_the_fields_of_a_real_one(sim: Simulation, stage: Any) -> None:
    """Teaches: what kube-controller-manager writes, as in the recordings."""
    made = stage(sim)
    async with Tasks("test") as tasks:
        tasks.spawn(made.recorder.run(), "events")
        await asyncio.sleep(1.5)
        made.say("Scaled up replica set web-1 from 0 to 3")
        await made.recorder.flush()
    (event,) = made.events
    name, _, suffix = event.pop("metadata")["name"].partition(".")
    assert name == "web"
    assert 0 <= int(suffix, 16) - sim.clock.unix_ns() < 1_000_000  # The time in nanoseconds.
    assert event == {
        "kind": "Event",
        "apiVersion": "v1",
        "involvedObject": {
            "kind": "Deployment",
            "namespace": "default",
            "name": "web",
            "uid": "u-1",
            "apiVersion": "apps/v1",
            "resourceVersion": "5",
        },
        "reason": "ScalingReplicaSet",
        "message": "Scaled up replica set web-1 from 0 to 3",
        "source": {"component": "deployment-controller"},
        "firstTimestamp": "2024-01-13T09:00:01Z",
        "lastTimestamp": "2024-01-13T09:00:01Z",
        "count": 1,
        "type": "Normal",
        "eventTime": None,
        "reportingComponent": "deployment-controller",
        "reportingInstance": "",
    }


async def test_a_kubelets_event_names_its_host(sim: Simulation, stage: Any, server: Any, pod: Pod) -> None:
    """Teaches: source.host, and which container is meant (fieldPath)."""
    made = stage(sim, "kubelet", "node-1")
    stored = server.put(PODS, pod("a"))
    async with Tasks("test") as tasks:
        tasks.spawn(made.recorder.run(), "events")
        made.recorder.event(stored, "Normal", "Started", "Container started", field_path="spec.containers{c}")
        await made.recorder.flush()
    (event,) = made.events
    assert event["source"] == {"component": "kubelet", "host": "node-1"}
    assert event["reportingInstance"] == "node-1"
    assert event["involvedObject"]["fieldPath"] == "spec.containers{c}"
    assert event["involvedObject"]["resourceVersion"] == "2"


async def test_events_about_cluster_scoped_objects_lie_in_default(sim: Simulation, stage: Any) -> None:
    """Teaches: where to look for what happened to a Node. The about may be a mere reference."""
    made = stage(sim, "node-controller")
    reference = {"kind": "Node", "name": "node-2", "uid": "u-2", "apiVersion": "v1"}
    async with Tasks("test") as tasks:
        tasks.spawn(made.recorder.run(), "events")
        made.say("Node node-2 status is now: NodeNotReady", about=reference, reason="NodeNotReady")
        await made.recorder.flush()
    (event,) = made.events
    assert event["metadata"]["namespace"] == "default"
    assert event["involvedObject"] == reference


async def test_what_was_said_before_is_counted(sim: Simulation, stage: Any, server: Any) -> None:
    """Teaches: the same words again are a PATCH of count and lastTimestamp."""
    made = stage(sim)
    async with Tasks("test") as tasks:
        tasks.spawn(made.recorder.run(), "events")
        for _ in range(3):
            made.say("same")
            await asyncio.sleep(10)
    (event,) = made.events
    assert (event["count"], event["message"]) == (3, "same")
    assert (event["firstTimestamp"], event["lastTimestamp"]) == ("2024-01-13T09:00:00Z", "2024-01-13T09:00:20Z")
    assert [request.verb for request in server.requests] == ["create", "patch", "patch"]
    assert server.requests[-1].body == {"count": 3, "lastTimestamp": "2024-01-13T09:00:20Z", "message": "same"}


async def test_from_the_tenth_different_message_they_are_combined(sim: Simulation, stage: Any) -> None:
    """Teaches: a rollout of ten Pods says nine things and then one thing many times."""
    made = stage(sim)
    async with Tasks("test") as tasks:
        tasks.spawn(made.recorder.run(), "events")
        for number in range(1, 14):
            made.say(f"message {number}")
        await made.recorder.flush()
        messages = [event["message"] for event in made.events]
        assert messages[:9] == [f"message {number}" for number in range(1, 10)]
        assert messages[9:] == ["(combined from similar events): message 13"]
        combined = made.events[-1]
        assert combined["count"] == 4
        assert combined["reportingComponent"] == ""  # As the real ones: only source says who it was.
        assert combined["source"] == {"component": "deployment-controller"}
        made.say("message 1")  # Long ago, so it counts as different too.
        await made.recorder.flush()
        assert made.events[-1]["count"] == 5


async def test_ten_quiet_minutes_end_the_combining(sim: Simulation, stage: Any) -> None:
    """Teaches: only what is similar and near in time is combined."""
    made = stage(sim)
    async with Tasks("test") as tasks:
        tasks.spawn(made.recorder.run(), "events")
        for number in range(12):
            made.say(f"message {number}")
        await asyncio.sleep(601)
        made.say("message 99")
        await made.recorder.flush()
    assert made.events[-1]["message"] == "message 99"


async def test_another_reason_or_object_is_not_similar(sim: Simulation, stage: Any) -> None:
    """Teaches: similar means same source, object, type and reason."""
    made = stage(sim)
    other = {**DEPLOYMENT, "metadata": {**DEPLOYMENT["metadata"], "name": "db", "uid": "u-9"}}  # type: ignore[dict-item]
    async with Tasks("test") as tasks:
        tasks.spawn(made.recorder.run(), "events")
        for number in range(5):
            made.say(f"message {number}", reason="A")
            made.say(f"message {number}", reason="B")
            made.say(f"message {number}", about=other, reason="A")
        await made.recorder.flush()
    assert not any(event["message"].startswith("(combined") for event in made.events)
    assert len(made.events) == 15


async def test_who_says_too_much_about_one_object_is_muted(sim: Simulation, stage: Any, server: Any) -> None:
    """Teaches: 25 events about an object at once, then one every five minutes, whatever they say."""
    made = stage(sim)
    async with Tasks("test") as tasks:
        tasks.spawn(made.recorder.run(), "events")
        for number in range(40):
            made.say("again", reason=f"Reason{number}")
        await made.recorder.flush()
        assert len(server.requests) == 25
        await asyncio.sleep(299)
        made.say("too early", reason="Late")
        await made.recorder.flush()
        assert len(server.requests) == 25
        await asyncio.sleep(2)
        made.say("in time", reason="Late")
        await made.recorder.flush()
        assert len(server.requests) == 26


async def test_recording_does_not_wait_and_keeps_the_cause(sim: Simulation, stage: Any, server: Any) -> None:
    """Teaches: whoever records goes on at once; the Event is still known to come from what it reacted to."""
    made = stage(sim)
    with because(17):
        made.say("first")
    with because(18):
        made.say("second")
    assert server.requests == []
    async with Tasks("test") as tasks:
        tasks.spawn(made.recorder.run(), "events")
        await made.recorder.flush()
    assert [(request.body["message"], request.causes) for request in server.requests] == [
        ("first", (17,)),
        ("second", (18,)),
    ]


async def test_a_counted_event_that_expired_is_said_anew(sim: Simulation, stage: Any, server: Any) -> None:
    """Teaches: Events live for an hour; the count survives in the recorder."""
    made = stage(sim)
    async with Tasks("test") as tasks:
        tasks.spawn(made.recorder.run(), "events")
        made.say("same")
        await made.recorder.flush()
        server.remove(EVENTS, next(iter(server.of(EVENTS))))
        made.say("same")
        await made.recorder.flush()
    (event,) = made.events
    assert event["count"] == 2


async def test_an_unreachable_apiserver_is_tried_again_for_two_minutes(sim: Simulation, stage: Any) -> None:
    """Teaches: events are best effort: twelve tries, then they are given up."""
    made = stage(sim)
    rule = Rule(effect=Effect.LOSE_REQUEST)
    made.transport.add(rule)
    async with Tasks("test") as tasks:
        tasks.spawn(made.recorder.run(), "events")
        made.say("patient")
        await asyncio.sleep(60)
        made.transport.remove(rule)
        await made.recorder.flush()
        assert [event["message"] for event in made.events] == ["patient"]
        made.transport.add(rule)
        made.say("in vain")
        await made.recorder.flush()
    assert sim.trace.records[-1].event == "event_dropped"


async def test_an_event_that_is_refused_is_not_repeated(sim: Simulation, stage: Any, server: Any) -> None:
    """Teaches: in a terminating namespace events are forbidden, and nobody insists."""
    made = stage(sim)
    made.transport.add(Rule(effect=Effect.ERROR, reason=ForbiddenError.reason, message="being terminated"))
    async with Tasks("test") as tasks:
        tasks.spawn(made.recorder.run(), "events")
        made.say("hello")
        await made.recorder.flush()
    record = sim.trace.records[-1]
    assert (record.event, record.fields["error"], server.requests) == ("event_rejected", "being terminated", [])


async def test_the_queue_of_events_is_bounded(sim: Simulation, stage: Any) -> None:
    """Teaches: a component that floods loses events rather than memory."""
    made = stage(sim)
    for number in range(1005):
        made.say(f"message {number}")
    assert [record.event for record in sim.trace.records] == ["event_dropped"] * 5


async def test_the_scheduler_writes_series(sim: Simulation, stage: Any, server: Any, pod: Pod) -> None:
    """Teaches: events.k8s.io: eventTime, action and instance, and no count."""
    made = stage(sim, "default-scheduler", "vm", "events")
    stored = server.put(PODS, pod("a"))
    server.requests.clear()

    def fail(message: str) -> None:
        made.recorder.event(stored, WARNING, "FailedScheduling", message, action="Scheduling")

    async with Tasks("test") as tasks:
        tasks.spawn(made.recorder.run(), "events")
        await asyncio.sleep(1.25)
        fail("0/3 nodes are available")
        await made.recorder.flush()
        (event,) = made.events
        assert event.pop("metadata")["name"].startswith("a.")
        assert event == {
            "kind": "Event",
            "apiVersion": "v1",
            "involvedObject": event["involvedObject"],
            "reason": "FailedScheduling",
            "message": "0/3 nodes are available",
            "source": {},
            "firstTimestamp": None,
            "lastTimestamp": None,
            "type": "Warning",
            "eventTime": "2024-01-13T09:00:01.250000Z",
            "action": "Scheduling",
            "reportingComponent": "default-scheduler",
            "reportingInstance": "default-scheduler-vm",
        }
        await asyncio.sleep(10)
        fail("0/4 nodes are available")  # The message is not part of what makes a series.
        await made.recorder.flush()
        assert made.events[0]["series"] == {"count": 2, "lastObservedTime": "2024-01-13T09:00:11.250000Z"}
        assert made.events[0]["message"] == "0/3 nodes are available"
        for _ in range(3):
            await asyncio.sleep(1)
            fail("0/4 nodes are available")
        await made.recorder.flush()
        assert [request.verb for request in server.requests] == ["create", "patch"]  # Only counted here.
        await asyncio.sleep(720)  # Six quiet minutes, looked at every six.
        assert made.events[0]["series"] == {"count": 5, "lastObservedTime": "2024-01-13T09:00:14.250000Z"}
        fail("0/5 nodes are available")
        await made.recorder.flush()
        assert [event["message"][:3] for event in made.events] == ["0/3", "0/5"]  # A new series.


async def test_a_long_series_is_refreshed_every_half_hour(sim: Simulation, stage: Any, server: Any, pod: Pod) -> None:
    """Teaches: without that the Event would expire while its series goes on."""
    made = stage(sim, "default-scheduler", "vm", "events")
    stored = server.put(PODS, pod("a"))
    server.requests.clear()
    async with Tasks("test") as tasks:
        tasks.spawn(made.recorder.run(), "events")
        for _ in range(31):
            made.recorder.event(stored, WARNING, "FailedScheduling", "no", action="Scheduling")
            await asyncio.sleep(60)
    assert [request.verb for request in server.requests] == ["create", "patch", "patch"]
    assert made.events[0]["series"]["count"] == 30


async def test_events_of_one_instant_have_different_names(sim: Simulation, stage: Any) -> None:
    """Teaches: virtual clocks show many things the same nanosecond; names must differ all the same."""
    scheduler, controller = stage(sim, "default-scheduler", "", "events"), stage(sim)
    async with Tasks("test") as tasks:
        tasks.spawn(scheduler.recorder.run(), "scheduler")
        tasks.spawn(controller.recorder.run(), "controller")
        for number in range(5):
            scheduler.say(f"message {number}", reason=f"R{number}")
            controller.say(f"message {number}", reason=f"R{number}")
        await scheduler.recorder.flush()
        await controller.recorder.flush()
    assert len(scheduler.events) == 10


def test_an_lru_cache_forgets_what_was_not_used_for_longest() -> None:
    """Teaches: the correlator's memory is bounded."""
    cache: LruCache[str, int] = LruCache(2)
    cache.put("a", 1)
    cache.put("b", 2)
    assert cache.get("a") == 1
    cache.put("c", 3)
    assert (cache.get("b"), cache.get("a"), cache.get("c"), len(cache)) == (None, 1, 3, 2)
