"""Messages between named endpoints, and everything that can go wrong with them.

An endpoint ("apiserver", "kubelet/node-1", "scheduler") stands on a host ("control-plane", "node-1"). A rule
lies on a directed link between two hosts or endpoints, so a partition can be one-way. Without rules a
message crosses in no virtual time and without touching the loop's timers.

A lost message is silent, as on a real network: the sender waits until its own deadline.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

Handler = Callable[[Any], Awaitable[Any]]
ANY = "*"


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

    def attach(self, name: str, host: str, handler: Handler | None = None) -> None:
        """Makes an endpoint known; `handler` answers `request`s to it."""
        self._endpoints[name] = Endpoint(host, handler)

    def detach(self, name: str) -> None:
        """Nobody listens at `name` any more: a connection is refused."""
        self._endpoints.pop(name, None)

    def take_down(self, name: str) -> None:
        """A host or endpoint dies: nothing leaves it, and what is sent to it is lost."""
        self._down[name] = None

    def bring_up(self, name: str) -> None:
        """It is back."""
        self._down.pop(name, None)

    def link(self, source: str, target: str) -> Link:
        """The rules from `source` to `target` (hosts, endpoints or `*`), made when missing."""
        return self._links.setdefault((source, target), Link())

    def tidy(self) -> None:
        """Forgets links without rules, so that traffic is free again."""
        for key in [key for key, link in self._links.items() if link.is_plain()]:
            del self._links[key]

    @property
    def is_free(self) -> bool:
        """True while no rule exists and nobody is down: a crossing costs nothing and may be left out."""
        return not self._links and not self._down

    def is_open(self, source: str, target: str) -> bool:
        """Whether a message sent now would arrive at once: neither lost, held nor delayed."""
        return self.is_free or (
            not self._is_down(source)
            and not self._is_down(target)
            and all(link.is_plain() for link in self._rules(source, target))
        )

    async def cross(self, source: str, target: str) -> bool:
        """Waits as long as a message takes from `source` to `target`; False if it is lost on the way."""
        if self.is_free:
            return True
        for link in self._rules(source, target):
            if link.held is not None:
                await asyncio.shield(link.held)
            if link.latency_seconds:
                await asyncio.sleep(link.latency_seconds)
            if link.partitioned or (link.loss and self.random.random() < link.loss):
                return False
        return not (self._is_down(source) or self._is_down(target))

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

    def _rules(self, source: str, target: str) -> list[Link]:
        """All links that apply, most general first."""
        names = [(a, b) for a in self._names(source) for b in self._names(target)]
        return [self._links[pair] for pair in names if pair in self._links]

    def _names(self, name: str) -> tuple[str, ...]:
        endpoint = self._endpoints.get(name)
        return (ANY, endpoint.host, name) if endpoint and endpoint.host != name else (ANY, name)

    def _is_down(self, name: str) -> bool:
        endpoint = self._endpoints.get(name)
        return name in self._down or (endpoint is not None and endpoint.host in self._down)


async def lost() -> None:
    """Never returns: the silence after a lost message. Only the sender's deadline ends it."""
    await asyncio.get_running_loop().create_future()
