"""A transport that misbehaves by rule: requests that fail, lag or lose their answer, watches that lie or break.

`sim.network` breaks the way between two machines for everything; this breaks single verbs on single
resources, which is how one finds out whether a controller copes with "the write happened, but I was told it
did not". Rules are data, so that a scenario or a Hypothesis test can make them up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from enum import Enum

import msgspec

from kubesim.api.errors import ERRORS_BY_REASON, ApiError, ExpiredError, InternalError, TransportError
from kubesim.api.session import Session
from kubesim.api.stored import Stored
from kubesim.api.wire import BOOKMARK, Request, Response, Transport, WatchEvent, WatchStream
from kubesim.sim import Simulation


class Effect(Enum):
    """What a rule does."""

    # To a request (or the beginning of a watch):
    ERROR = "error"  # Refused with `reason` and `message`.
    LATENCY = "latency"  # Sets off `seconds` later.
    LOSE_REQUEST = "lose-request"  # Never arrives; the caller cannot know that.
    LOSE_RESPONSE = "lose-response"  # Arrives and takes effect; the caller is told of a lost connection.
    # To the events of a watch:
    DELAY_EVENTS = "delay-events"  # Arrive `seconds` later, and everything behind them too.
    LOSE_EVENTS = "lose-events"  # Are left out and nobody notices; no real network does this.
    HOLD_EVENTS = "hold-events"  # Wait until the rule is removed: the watcher works from stale state.
    # To a watch as a whole, open or about to be:
    CLOSE_WATCH = "close-watch"  # Ends as if the server had ended it.
    BREAK_WATCH = "break-watch"  # The connection is lost.
    EXPIRE_WATCH = "expire-watch"  # 410: the revision is compacted away.


EVENT_EFFECTS = frozenset({Effect.DELAY_EVENTS, Effect.LOSE_EVENTS, Effect.HOLD_EVENTS})
WATCH_EFFECTS = frozenset({Effect.CLOSE_WATCH, Effect.BREAK_WATCH, Effect.EXPIRE_WATCH})


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """What happens, and to what. An empty field matches everything."""

    effect: Effect
    verbs: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()  # Plural names: "pods".
    subresources: tuple[str, ...] = ()  # "" is the object itself.
    namespace: str = ""
    name: str = ""
    skip: int = 0  # Lets as many matches pass before it acts.
    times: int | None = None  # Acts as often at most; None is without end.
    probability: float = 1.0
    seconds: float = 0.0
    reason: str = "InternalError"
    message: str = "injected by a rule"


class ActiveRule:
    """A rule and how often it matched and acted."""

    __slots__ = ("acted", "matched", "removed", "rule")

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.matched = 0
        self.acted = 0
        self.removed: asyncio.Event = asyncio.Event()


class FaultyTransport:
    """Passes everything to `inner`, except where a rule says otherwise. The first rule that acts is the only one."""

    def __init__(self, sim: Simulation, inner: Transport, rules: Sequence[Rule] = ()) -> None:
        self._inner = inner
        self._random = sim.chance.stream("faulty-transport")
        self._rules: list[ActiveRule] = []
        self._streams: dict[FaultyStream, None] = {}
        for rule in rules:
            self.add(rule)

    @property
    def rules(self) -> Sequence[Rule]:
        """The rules in force, in order."""
        return [active.rule for active in self._rules]

    def add(self, rule: Rule) -> None:
        """Puts a rule in force; one about whole watches hits those that are open now."""
        active = ActiveRule(rule)
        self._rules.append(active)
        for stream in list(self._streams):
            if self._ends(active, stream):
                stream.end(rule)

    def remove(self, rule: Rule) -> None:
        """Takes a rule away; events that it held arrive."""
        for active in [active for active in self._rules if active.rule == rule]:
            self._rules.remove(active)
            active.removed.set()

    async def request(self, request: Request) -> Response:
        """Any verb but watch."""
        rule = self._find(request)
        if rule is None:
            return await self._inner.request(request)
        await self._before(rule)
        response = await self._inner.request(request)
        if rule.effect is Effect.LOSE_RESPONSE:
            raise TransportError(f"{request.verb} {request.resource.plural}: the answer was lost", definite=False)
        return response

    async def watch(self, request: Request) -> WatchStream:
        """Begins a watch."""
        rule = self._find(request)
        if rule is not None:
            await self._before(rule)
        stream = FaultyStream(self, request, await self._inner.watch(request))
        self._streams[stream] = None
        ending = next((active.rule for active in self._rules if self._ends(active, stream)), None)
        if ending is not None:
            stream.end(ending)
        return stream

    async def connect(self, request: Request) -> Session:
        """Connects to a process behind the apiserver."""
        rule = self._find(request)
        if rule is not None:
            await self._before(rule)
        return await self._inner.connect(request)

    def forget(self, stream: FaultyStream) -> None:
        """A watch has ended."""
        self._streams.pop(stream, None)

    async def filter(self, request: Request, events: Sequence[WatchEvent]) -> Sequence[WatchEvent]:
        """What of `events` arrives, once all that arrives is there."""
        if not any(active.rule.effect in EVENT_EFFECTS for active in self._rules):
            return events
        arrived = []
        for event in events:
            active = None if event.type == BOOKMARK else self._find_for_event(request, event.stored)
            if active is not None and active.rule.effect is Effect.LOSE_EVENTS:
                continue
            if active is not None and active.rule.effect is Effect.DELAY_EVENTS:
                await asyncio.sleep(active.rule.seconds)
            elif active is not None:
                await active.removed.wait()
            arrived.append(event)
        return arrived

    async def _before(self, rule: Rule) -> None:
        """What happens on the way to the server."""
        if rule.effect is Effect.LATENCY:
            await asyncio.sleep(rule.seconds)
        elif rule.effect is Effect.ERROR:
            raise ERRORS_BY_REASON.get(rule.reason, InternalError)(rule.message)
        elif rule.effect is Effect.LOSE_REQUEST:
            raise TransportError(rule.message, definite=False)

    def _find(self, request: Request) -> Rule | None:
        """The rule that acts on a request, if any."""
        for active in self._rules:
            is_for_requests = active.rule.effect not in EVENT_EFFECTS | WATCH_EFFECTS
            if is_for_requests and self._acts(active, request, request.namespace, request.name):
                return active.rule
        return None

    def _ends(self, active: ActiveRule, stream: FaultyStream) -> bool:
        """Whether a rule ends a whole watch."""
        request = stream.request
        return active.rule.effect in WATCH_EFFECTS and self._acts(active, request, request.namespace, request.name)

    def _find_for_event(self, request: Request, stored: Stored) -> ActiveRule | None:
        for active in self._rules:
            if active.rule.effect in EVENT_EFFECTS and self._acts(active, request, stored.namespace, stored.name):
                return active
        return None

    def _acts(self, active: ActiveRule, request: Request, namespace: str, name: str) -> bool:
        rule = active.rule
        if (
            (rule.verbs and request.verb not in rule.verbs)
            or (rule.resources and request.resource.plural not in rule.resources)
            or (rule.subresources and request.subresource not in rule.subresources)
            or (rule.namespace and namespace != rule.namespace)
            or (rule.name and name != rule.name)
        ):
            return False
        active.matched += 1
        if active.matched <= rule.skip or (rule.times is not None and active.acted >= rule.times):
            return False
        if rule.probability < 1 and self._random.random() >= rule.probability:
            return False
        active.acted += 1
        return True


class FaultyStream:
    """A watch stream that rules act upon."""

    __slots__ = ("_ended_by", "_stream", "_transport", "request")

    def __init__(self, transport: FaultyTransport, request: Request, stream: WatchStream) -> None:
        self.request = request
        self._transport = transport
        self._stream = stream
        self._ended_by: Rule | None = None

    async def next(self) -> Sequence[WatchEvent]:
        """The next events that no rule keeps back; empty when the watch ended."""
        try:
            arrived: Sequence[WatchEvent] = ()
            while not arrived and self._ended_by is None:
                events = await self._stream.next()
                if not events:
                    break
                arrived = await self._transport.filter(self.request, events)
        except (ApiError, TransportError):
            self._transport.forget(self)
            raise
        return arrived if self._ended_by is None else self._end(self._ended_by)

    def close(self) -> None:
        """Stops watching."""
        self._transport.forget(self)
        self._stream.close()

    def end(self, rule: Rule) -> None:
        """A rule ends this watch now."""
        self._ended_by = rule
        self.close()

    def _end(self, rule: Rule) -> Sequence[WatchEvent]:
        if rule.effect is Effect.BREAK_WATCH:
            raise TransportError(rule.message, definite=True)
        if rule.effect is Effect.EXPIRE_WATCH:
            raise ExpiredError("too old resource version")
        return ()
