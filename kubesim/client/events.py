"""Tells the cluster what a component did: writes Events, the ones that `kubectl describe` shows.

Telling never holds up the teller: an event is put in a queue, correlated with what was said before, and
written in order by `run`. Older components write core/v1 Events with source and count, the scheduler those
of events.k8s.io with eventTime, action and series; both are the same objects in the store.

Upstream: k8s.io/client-go/tools/record and tools/events.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

from kubesim.api.errors import ApiError, NotFoundError, TransportError
from kubesim.api.resources import EVENTS
from kubesim.api.stored import Object, Stored
from kubesim.client.client import Client
from kubesim.client.event_correlator import Correlated, EventCorrelator
from kubesim.client.event_series import FINISH_SECONDS, REFRESH_SECONDS, EventSeriesCorrelator
from kubesim.sim import CAUSES, Cause, Simulation, Tasks

NORMAL = "Normal"
WARNING = "Warning"
QUEUED_EVENTS_MAX = 1000
TRIES_MAX = 12
RETRY_SECONDS = 10
NAME_JITTER_NS = 1_000_000


class Queued(NamedTuple):
    """An event on its way: to be correlated, unless it comes from the correlator itself."""

    event: Object | Correlated
    causes: tuple[Cause, ...]


class EventRecorder:
    """Records events of `component` (on `host`); `style` is "core", or "events" for events.k8s.io."""

    def __init__(
        self,
        sim: Simulation,
        client: Client,
        component: str,
        *,
        host: str = "",
        style: Literal["core", "events"] = "core",
    ) -> None:
        self._sim = sim
        self._client = client
        self._component = component
        self._host = host
        self._style = style
        # Real clocks never show two machines the same nanosecond; virtual ones do, so names get some of their own.
        self._random = sim.chance.stream(f"events/{component}/{host}")
        self._correlator = EventCorrelator(sim.clock, self._name)
        self._series = EventSeriesCorrelator(sim.clock)
        self._queue: deque[Queued] = deque()
        self._arrived = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def event(
        self,
        about: Object | Stored,
        type: str,  # noqa: A002 (the field's own name)
        reason: str,
        message: str,
        *,
        action: str = "",
        field_path: str = "",
        related: Object | Stored | None = None,
    ) -> None:
        """Says that something happened to `about`: an object, or a reference to one (a dict without metadata).

        `related` is a second object that had to do with it.
        """
        regarding = reference_to(about, field_path)
        make = self._core_event if self._style == "core" else self._series_event
        event = make(regarding, type, reason, message, action)
        self._put(event if related is None else {**event, "related": reference_to(related)})

    async def run(self) -> None:
        """Writes what was recorded, in order, until cancelled."""
        async with Tasks(f"events/{self._component}") as tasks:
            if self._style == "events":
                tasks.spawn(self._finish_series(), "finish-series")
                tasks.spawn(self._refresh_series(), "refresh-series")
            while True:
                await self._arrived.wait()
                while self._queue:
                    await self._write(self._queue.popleft())
                self._arrived.clear()
                self._idle.set()

    async def flush(self) -> None:
        """Returns once everything recorded so far is written (or given up)."""
        await self._idle.wait()

    def _put(self, event: Object | Correlated) -> None:
        if len(self._queue) >= QUEUED_EVENTS_MAX:
            self._sim.trace.emit("event_dropped", component=self._component, why="the queue of events is full")
            return
        self._queue.append(Queued(event, CAUSES.get()))
        self._arrived.set()
        self._idle.clear()

    def _name(self, about: str) -> str:
        return f"{about}.{self._sim.clock.unix_ns() + self._random.randrange(NAME_JITTER_NS):x}"

    def _core_event(self, regarding: Object, type_: str, reason: str, message: str, action: str) -> Object:
        source = {"component": self._component}
        if self._host:
            source["host"] = self._host
        now = self._sim.clock.timestamp()
        event = self._event(regarding, type_, reason, message)
        event |= {"source": source, "firstTimestamp": now, "lastTimestamp": now, "count": 1, "eventTime": None}
        if action:
            event["action"] = action
        return event | {"reportingComponent": self._component, "reportingInstance": self._host}

    def _series_event(self, regarding: Object, type_: str, reason: str, message: str, action: str) -> Object:
        return self._event(regarding, type_, reason, message) | {
            "source": {},
            "firstTimestamp": None,
            "lastTimestamp": None,
            "eventTime": self._sim.clock.micro_timestamp(),
            "action": action,
            "reportingComponent": self._component,
            "reportingInstance": f"{self._component}-{self._host}" if self._host else self._component,
        }

    def _event(self, regarding: Object, type_: str, reason: str, message: str) -> dict[str, Any]:
        """What both styles have in common. Events about cluster-scoped objects lie in "default"."""
        return {
            "kind": "Event",
            "apiVersion": "v1",
            "metadata": {
                "name": self._name(regarding["name"]),
                "namespace": regarding.get("namespace") or "default",
            },
            "involvedObject": regarding,
            "reason": reason,
            "message": message,
            "type": type_,
        }

    async def _write(self, queued: Queued) -> None:
        """Correlates and writes one event; if the apiserver cannot be reached it tries again for two minutes."""
        event: Correlated | None
        if isinstance(queued.event, Correlated):
            event = queued.event
        else:
            correlator = self._correlator if self._style == "core" else self._series
            event = correlator.correlate(queued.event)
        if event is None:
            return
        CAUSES.set(queued.causes)
        for number in range(TRIES_MAX):
            try:
                await self._send(event)
                return
            except ApiError as error:
                self._sim.trace.emit("event_rejected", component=self._component, error=str(error))
                return
            except TransportError:
                await asyncio.sleep(RETRY_SECONDS * (self._random.random() if number == 0 else 1))
        self._sim.trace.emit("event_dropped", component=self._component, why="the apiserver was not reached")

    async def _send(self, correlated: Correlated) -> None:
        event, patch = correlated
        metadata = event["metadata"]
        if patch is not None:
            try:
                await self._client.patch(EVENTS, metadata["name"], patch, metadata["namespace"])
                return
            except NotFoundError:
                pass  # It expired meanwhile: say it anew, with its count.
        await self._client.create(EVENTS, event)

    async def _finish_series(self) -> None:
        while True:
            await asyncio.sleep(FINISH_SECONDS)
            self._put_all(self._series.finish())

    async def _refresh_series(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            self._put_all(self._series.refresh())

    def _put_all(self, events: Iterable[Correlated]) -> None:
        for event in events:
            self._put(event)


def reference_to(about: Object | Stored, field_path: str = "") -> Object:
    """An ObjectReference to an object, in the order of fields that the real ones have."""
    obj = about.object if isinstance(about, Stored) else about
    metadata = obj.get("metadata")
    if metadata is None:
        return {**obj, "fieldPath": field_path} if field_path else obj
    reference = {
        "kind": obj.get("kind"),
        "namespace": metadata.get("namespace"),
        "name": metadata["name"],
        "uid": metadata.get("uid"),
        "apiVersion": obj.get("apiVersion"),
        "resourceVersion": metadata.get("resourceVersion"),
        "fieldPath": field_path,
    }
    return {name: value for name, value in reference.items() if value}
