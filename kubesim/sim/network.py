"""Messages between named endpoints, and everything that can go wrong with them.

An endpoint ("apiserver", "kubelet/node-1", "scheduler") stands on a host ("control-plane", "node-1"). A rule
lies on a directed link between two hosts or endpoints, so a partition can be one-way. Without rules a
message crosses in no virtual time and without touching the loop's timers.

A lost message is silent, as on a real network: the sender waits until its own deadline.

A process that crashed sends nothing, even if another of its name was started before its cleanup code ran:
the context variable `LIFE` says which of them a task belongs to.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from random import Random
from typing import Any

Handler = Callable[[Any], Awaitable[Any]]
ANY = "*"


class Life:
    """One run of a process, from its start to its crash."""

    __slots__ = ("is_over",)

    def __init__(self) -> None:
        self.is_over = False


LIFE: ContextVar[Life | None] = ContextVar("kubesim_life", default=None)  # None: nobody who could crash.


class NetworkError(Exception):
    """The other side cannot be reached. `definite`: whether the message surely had no effect."""

    def __init__(self, message: str, *, definite: bool) -> None:
        super().__init__(message)
        self.definite = definite


@dataclass(slots=True)
class Link:
    """The rules of one direction between two names."""

    latency_seconds: float = 0.0
    partitioned: bool = False
    loss: float = 0.0  # Probability from 0 to 1 that a message is dropped.
    held: asyncio.Future[None] | None = None  # Messages wait here, in order, until released.

    def is_plain(self) -> bool:
        """Whether the link does nothing, so that it can be forgotten."""
        return not (self.latency_seconds or self.partitioned or self.loss or self.held)


@dataclass(slots=True)
class Endpoint:
    """Something that can be reached: where it stands and what answers."""

    host: str
    handler: Handler | None = None


@dataclass(slots=True)
class Network:
    """The network of one simulation."""

    random: Random
    _endpoints: dict[str, Endpoint] = field(default_factory=dict)
    _links: dict[tuple[str, str], Link] = field(default_factory=dict)
    _down: dict[str, None] = field(default_factory=dict)  # Hosts and endpoints that are dead.
    _observers: dict[Callable[[], None], None] = field(default_factory=dict)
    # True while no rule exists and nobody is down: a crossing costs nothing and may be left out. Asked at every step.
    is_free: bool = True

    def attach(self, name: str, host: str, handler: Handler | None = None) -> None:
        """Makes an endpoint known; `handler` answers `request`s to it."""
        self._endpoints[name] = Endpoint(host, handler)

    def detach(self, name: str) -> None:
        """Nobody listens at `name` any more: a connection is refused."""
        self._endpoints.pop(name, None)

    def is_attached(self, name: str) -> bool:
        """Whether somebody listens at `name`."""
        return name in self._endpoints

    def end(self) -> None:
        """The simulation ends: nobody hears of what happens from here on."""
        self._observers.clear()

    def take_down(self, name: str) -> None:
        """A host or endpoint dies: nothing leaves it, and what is sent to it is lost."""
        self._down[name] = None
        self.changed()

    def bring_up(self, name: str) -> None:
        """It is back."""
        if name in self._down:
            del self._down[name]
            self.changed()

    def link(self, source: str, target: str) -> Link:
        """The rules from `source` to `target` (hosts, endpoints or `*`), made when missing.

        Whoever changes them calls `tidy` afterwards.
        """
        self.is_free = False
        return self._links.setdefault((source, target), Link())

    def tidy(self) -> None:
        """Rules changed: forgets links without any, so that traffic is free again, and tells the observers."""
        for key in [key for key, link in self._links.items() if link.is_plain()]:
            del self._links[key]
        self.changed()

    def subscribe(self, observer: Callable[[], None]) -> Callable[[], None]:
        """Calls `observer` after every change of a rule, of a host or of an endpoint; the result undoes it.

        A connection needs it: a message is lost or not when it is sent, but a connection that nothing is
        sent on dies later, when a keep-alive is not answered.
        """
        self._observers[observer] = None
        return lambda: self._observers.pop(observer, None)

    def changed(self) -> None:
        """Tells the observers, in the order in which they subscribed."""
        self.is_free = not self._links and not self._down
        for observer in list(self._observers):
            observer()

    @property
    def has_rules(self) -> bool:
        """Whether any link at all has a rule: messages may be lost, held or late somewhere."""
        return bool(self._links)

    def is_open(self, source: str, target: str) -> bool:
        """Whether a message sent now by the running task would arrive at once: neither lost, held nor delayed."""
        if (life := LIFE.get()) is not None and life.is_over:
            return False
        return self.is_free or (
            not self.is_down(source)
            and not self.is_down(target)
            and all(link.is_plain() for link in self._rules(source, target))
        )

    def is_cut(self, source: str, target: str) -> bool:
        """Whether a message sent now would not arrive for as long as the rules stay as they are."""
        return not self.is_free and (
            self.is_down(source)
            or self.is_down(target)
            or any(link.partitioned or link.held for link in self._rules(source, target))
        )

    def is_down(self, name: str) -> bool:
        """Whether an endpoint, or the host that it stands on, is dead."""
        endpoint = self._endpoints.get(name)
        return name in self._down or (endpoint is not None and endpoint.host in self._down)

    def refuses(self, source: str, target: str) -> bool:
        """Whether `source` hears "connection refused" at once: `target` is dead, but its host lives and is reached."""
        endpoint = self._endpoints.get(target)
        return (
            target in self._down
            and endpoint is not None
            and endpoint.host not in self._down
            and not self.is_down(source)
            and not any(link.partitioned or link.held for link in self._rules(source, target))
        )

    async def cross(self, source: str, target: str) -> bool:
        """Waits as long as a message takes from `source` to `target`; False if it is lost on the way."""
        if (life := LIFE.get()) is not None and life.is_over:
            return False
        if self.is_free:
            return True
        for link in self._rules(source, target):
            if link.held is not None:
                await asyncio.shield(link.held)
            if link.latency_seconds:
                await asyncio.sleep(link.latency_seconds)
            if link.partitioned or (link.loss and self.random.random() < link.loss):
                return False
        return not (self.is_down(source) or self.is_down(target))

    async def request(self, source: str, target: str, message: Any) -> Any:
        """Sends `message` and waits for the answer: forever if either is lost, so bring a deadline."""
        if not await self.cross(source, target):
            await lost()
        endpoint = self._endpoints.get(target)
        if endpoint is None or endpoint.handler is None:
            raise NetworkError(f"dial {target}: connection refused", definite=True)
        answer = await endpoint.handler(message)
        if not await self.cross(target, source):
            await lost()
        return answer

    def handler(self, name: str) -> Handler | None:
        """Who answers at `name`, for senders that cross by themselves, as often as it takes."""
        endpoint = self._endpoints.get(name)
        return endpoint.handler if endpoint is not None else None

    def _rules(self, source: str, target: str) -> list[Link]:
        """All links that apply, most general first."""
        if not self._links:
            return []
        names = [(a, b) for a in self._names(source) for b in self._names(target)]
        return [self._links[pair] for pair in names if pair in self._links]

    def _names(self, name: str) -> tuple[str, ...]:
        endpoint = self._endpoints.get(name)
        return (ANY, endpoint.host, name) if endpoint and endpoint.host != name else (ANY, name)


async def lost() -> None:
    """Never returns: the silence after a lost message. Only the sender's deadline ends it."""
    await asyncio.get_running_loop().create_future()
