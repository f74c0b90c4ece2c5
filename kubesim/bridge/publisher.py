"""Turns what happens in a cluster into messages: runs in the cluster's thread, and never waits.

It looks on as the recorder and the narrator do: changes come from the cluster's observer, the other facts from its
trace. What it publishes of the trace are the recording's own lines, so a run watched over the bus and its `--trace`
file tell the same story.
"""

from __future__ import annotations

from collections.abc import Callable

import orjson

from kubesim.bridge.outbox import Outbox
from kubesim.bridge.topics import QOS_CLOCK, QOS_STATE, Fields, Message, Topics, encoded
from kubesim.cluster import SimCluster
from kubesim.recording import Change
from kubesim.sim import Mode, Record, SimLoop


class Publisher:
    """Publishes one cluster. Its `write` takes the lines of a recording, as a file would."""

    def __init__(self, cluster: SimCluster, topics: Topics, outbox: Outbox) -> None:
        self._cluster = cluster
        self._topics = topics
        self._outbox = outbox
        self._lines = 0
        self._components: dict[str, bytes] = {}  # Topic -> what was last said.
        self._clock = b""
        self._since_ns = 0

    def start(self) -> None:
        """Says what is, and from here on what happens. The cluster has booted."""
        self._since_ns = self._cluster.sim.clock.now_ns()
        for change in self._cluster.observer.initial():
            self._state(change)
        self._cluster.observer.listen(self._state)
        self._cluster.sim.trace.subscribe(self._record)
        self.tick()

    def tick(self) -> None:
        """Says what no change tells: the clock, and which processes run. Called once in a while."""
        self._say_components()
        self._say_clock()

    def write(self, line: bytes) -> int:
        """One line of the recording."""
        self._lines += 1
        self._outbox.put(self._topics.trace(line, self._lines))
        return len(line)

    def _state(self, change: Change) -> None:
        message = self._topics.state(change)
        if message is not None:
            self._outbox.put(message)

    def _record(self, record: Record) -> None:
        seconds = round((record.time_ns - self._since_ns) / 1e9, 6)
        self.write(orjson.dumps({"t": seconds, "record": {"event": record.event, **record.fields}}, default=str))
        if record.event == "fault":  # It is told before it happens.
            self._cluster.sim.loop.call_soon(self.tick)

    def _say_components(self) -> None:
        hosts = self._cluster.faults.hosts.values()
        messages = [self._topics.component(name, host) for host in hosts for name in host.processes]
        present = {message.topic for message in messages}
        for topic in [topic for topic in self._components if topic not in present]:
            del self._components[topic]  # A node was taken away.
            self._outbox.put(Message(topic, b"", QOS_STATE, True))
        for message in messages:
            if self._components.get(message.topic) != message.payload:
                self._components[message.topic] = message.payload
                self._outbox.put(message)

    def _say_clock(self) -> None:
        payload = encoded(self.clock())
        if payload != self._clock:
            self._clock = payload
            self._outbox.put(Message(self._topics.clock, payload, QOS_CLOCK, True))

    def clock(self) -> Fields:
        """The clock as it is published."""
        clock, loop = self._cluster.sim.clock, self._cluster.sim.loop
        assert isinstance(loop, SimLoop), "a simulated cluster lives on a SimLoop"
        return {
            "mode": "paused" if loop.mode is Mode.PAUSED else "running",
            "speed": loop.speed,
            "date": clock.timestamp(),
            "seconds": round(clock.now(), 3),
        }


def from_thread(cluster: SimCluster, call: Callable[..., object], *args: object) -> None:
    """Calls something in the cluster's thread, soon; nothing happens if its loop is closed already."""
    try:
        cluster.sim.loop.call_soon_threadsafe(call, *args)
    except RuntimeError:
        return
