"""A container's program as a Python class, for what data cannot say.

    class Warming(Workload):
        behaviour = Behaviour(start_seconds=1.0)

        def is_ready(self, seconds: float) -> bool:
            return self.requests >= 100 or seconds > 60

        def answer(self, request: HttpRequest, seconds: float) -> HttpAnswer | None:
            return HttpAnswer(200, {}, f"request {self.requests}".encode())

    profile = msgspec.structs.replace(PLAUSIBLE, behaviours={"example.com/app": Warming})

One object is made for each start of a container. What it does not override is as its `behaviour` says. It must not
look at clocks or chance of its own: `seconds` count from the start, and `chance` is a seeded stream.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, ClassVar

from kubesim.kubelet.runtime.model import Behaviour

if TYPE_CHECKING:
    from kubesim.kubelet.runtime.pages import HttpAnswer, HttpRequest
    from kubesim.kubelet.runtime.records import Container


class Workload:
    """One start of one container; override what differs."""

    behaviour: ClassVar[Behaviour] = Behaviour()

    def __init__(self, container: Container, chance: Random) -> None:
        self.container = container
        self.chance = chance

    @property
    def attempt(self) -> int:
        """0 for the first start."""
        return self.container.attempt

    @property
    def requests(self) -> int:
        """How many it has answered."""
        return self.container.requests

    def is_ready(self, seconds: float) -> bool:
        """Whether startup and readiness probes succeed."""
        return seconds >= self.behaviour.ready_after_seconds

    def is_alive(self, seconds: float) -> bool:
        """Whether liveness probes succeed."""
        ends = self.behaviour.live_for_seconds
        return ends is None or seconds < ends

    def usage(self, seconds: float) -> tuple[int, int]:
        """Thousandths of a core and bytes of memory."""
        return self.behaviour.usage_at(seconds)

    def answer(self, _request: HttpRequest, _seconds: float) -> HttpAnswer | None:
        """What it answers to a request; None: what its behaviour or its image answers."""
        return None
