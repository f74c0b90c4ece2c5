"""One request on its way through the server: what every step after authorization may know of it."""

from __future__ import annotations

from typing import NamedTuple

from kubesim.api.stored import Object
from kubesim.api.wire import Request
from kubesim.apiserver.authn import User
from kubesim.sim import Simulation


class Known(NamedTuple):
    """What webhooks have made of an object that was to replace another."""

    obj: Object
    old: Object | None
    result: Object


class RequestContext:
    """The request, who sent it, and the warnings gathered so far."""

    __slots__ = ("known", "owners_are_known", "request", "sim", "user", "warnings")

    def __init__(self, sim: Simulation, request: Request, user: User) -> None:
        self.sim = sim
        self.request = request
        self.user = user
        self.warnings: list[str] = []
        self.known: list[Known] = []  # What mutating webhooks have answered so far.
        self.owners_are_known = False  # Server-side apply has settled managedFields itself.

    @property
    def by(self) -> str:
        """Who the trace says has written: the program that asked, or else the user."""
        return self.request.user_agent or self.user.name
