"""Keeps a local copy of one resource up to date: lists it, then watches from the list's revision, for ever.

A watch that ends is begun again at the last revision seen. One that cannot go on there (410, the revision is
compacted away) is replaced by a new list. Trouble is answered with a growing pause.
Upstream: k8s.io/client-go/tools/cache/reflector.go. Left out: streaming lists (sendInitialEvents), paging.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from random import Random
from typing import Protocol

from kubesim.api.errors import ApiError, ExpiredError, TransportError
from kubesim.api.resources import Resource
from kubesim.api.stored import Stored
from kubesim.api.wire import Options, PushingStream, WatchEvent
from kubesim.client.client import Client
from kubesim.sim import Simulation

PAUSE_SECONDS = 0.8
PAUSE_SECONDS_MAX = 30.0
PAUSE_RESET_SECONDS = 120.0
WATCH_SECONDS_MIN = 300  # The server ends a watch after one to two times this, so that load spreads anew.
SHORT_WATCH_SECONDS = 1.0


class Cache(Protocol):
    """Where a reflector puts what it receives."""

    revision: int

    def replace(self, items: Sequence[Stored], revision: int) -> None:
        """These are all objects, as of `revision`."""
        ...

    def apply(self, events: Sequence[WatchEvent]) -> None:
        """This changed since; moves `revision` on."""
        ...


class BackOff:
    """client-go's exponential back-off manager: 0.8 s doubling to 30 s, each stretched at random to at most twice.

    It starts again once two minutes passed without a pause.
    """

    def __init__(self, sim: Simulation, random: Random) -> None:
        self._clock = sim.clock
        self._random = random
        self._pause_seconds = PAUSE_SECONDS
        self._last_seconds = 0.0

    def next(self) -> float:
        """How many seconds to wait now."""
        now = self._clock.now()
        if now - self._last_seconds > PAUSE_RESET_SECONDS:
            self._pause_seconds = PAUSE_SECONDS
        self._last_seconds = now
        pause_seconds = self._pause_seconds
        self._pause_seconds = min(2 * pause_seconds, PAUSE_SECONDS_MAX)
        return pause_seconds * (1 + self._random.random())


def always() -> bool:
    """A reflector takes whatever comes."""
    return True


class Reflector:
    """Fills one `cache` with the objects of one resource (in a namespace, matching selectors)."""

    def __init__(
        self,
        sim: Simulation,
        client: Client,
        cache: Cache,
        resource: Resource,
        *,
        namespace: str = "",
        field_selector: str = "",
        label_selector: str = "",
        random: Random,
    ) -> None:
        self._clock = sim.clock
        self._client = client
        self._cache = cache
        self._resource = resource
        self._namespace = namespace
        self._field_selector = field_selector
        self._label_selector = label_selector
        self._random = random
        self._back_off = BackOff(sim, random)

    async def run(self) -> None:
        """Lists and watches until cancelled."""
        list_from = "0"  # Any state will do at first, even an old one: the watch makes up for it.
        while True:
            try:
                await self._list(list_from)
                await self._watch_for_ever()
            except ExpiredError:
                list_from = ""  # The most recent state there is.
            except (ApiError, TransportError):
                list_from = str(self._cache.revision)
            await asyncio.sleep(self._back_off.next())

    async def _list(self, resource_version: str) -> None:
        options = Options(
            resource_version=resource_version,
            field_selector=self._field_selector,
            label_selector=self._label_selector,
        )
        result = await self._client.list(self._resource, self._namespace, options)
        self._cache.replace(result.items, result.revision)

    async def _watch_for_ever(self) -> None:
        """Watches, and again when a watch ends or breaks; raises what only a new list can heal."""
        while True:
            began, revision = self._clock.now(), self._cache.revision
            try:
                await self._watch()
                is_short = self._clock.now() - began < SHORT_WATCH_SECONDS and self._cache.revision == revision
            except TransportError:
                is_short = True
            if is_short:
                await asyncio.sleep(self._back_off.next())

    async def _watch(self) -> None:
        """One watch, from the last revision until it ends."""
        cache = self._cache
        options = Options(
            resource_version=str(cache.revision),
            allow_watch_bookmarks=True,
            timeout_seconds=int(WATCH_SECONDS_MIN * (1 + self._random.random())),
            field_selector=self._field_selector,
            label_selector=self._label_selector,
        )
        stream = await self._client.watch(self._resource, self._namespace, options)
        pushing = stream if isinstance(stream, PushingStream) else None  # To ask a protocol is slow.
        try:
            while True:
                if pushing is not None:
                    await pushing.push_to(cache.apply, always)
                if not (events := await stream.next()):
                    return
                cache.apply(events)
        finally:
            stream.close()
