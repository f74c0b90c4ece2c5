"""A transport that tells what goes over it: what was written, and what was refused.

It also makes one allowance for clusters of another release: a kind that the apiserver does not serve is one of which
there are no objects. Whoever waits for a complete picture would else wait for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubesim.api.errors import ApiError, ForbiddenError, NotFoundError, UnauthorizedError
from kubesim.api.resources import EVENTS, EVENTS_V1, LEASES
from kubesim.api.session import Session
from kubesim.api.wire import Request, Response, Transport, WatchStream

SILENT = (EVENTS, EVENTS_V1, LEASES)
WRITES = ("create", "update", "patch", "delete", "deletecollection")
COLLECTIONS = ("list", "deletecollection")

Tell = Callable[..., Any]  # As `Log.write`: an event, and its fields.


class ToldTransport:
    """Passes everything to `inner`. Heartbeats and events are not told: there are too many of them."""

    def __init__(self, inner: Transport, tell: Tell) -> None:
        self._inner = inner
        self._tell = tell

    async def request(self, request: Request) -> Response:
        """Any verb but watch."""
        try:
            response = await self._inner.request(request)
        except NotFoundError as error:
            if request.verb in COLLECTIONS and not (error.details or {}).get("name"):
                return Response()
            raise
        except (ForbiddenError, UnauthorizedError) as error:
            self._refused(request, error)
            raise
        if request.verb in WRITES and not is_silent(request):
            self._tell("wrote", verb=request.verb, object=named(request, response), by=request.user_agent)
        return response

    async def watch(self, request: Request) -> WatchStream:
        """Begins a watch."""
        try:
            return await self._inner.watch(request)
        except (ForbiddenError, UnauthorizedError) as error:
            self._refused(request, error)
            raise

    async def connect(self, request: Request) -> Session:
        """Connects to a process behind the apiserver."""
        return await self._inner.connect(request)

    def _refused(self, request: Request, error: ApiError) -> None:
        self._tell("refused", verb=request.verb, object=named(request, None), by=request.user_agent, why=error.message)


def is_silent(request: Request) -> bool:
    """Leases, events, and the status of nodes, which is a heartbeat mostly."""
    return request.resource in SILENT or (request.resource.plural == "nodes" and request.subresource == "status")


def named(request: Request, response: Response | None) -> str:
    """`deployments.apps/default/web/status`."""
    name = request.name
    if not name and response is not None and response.stored is not None:
        name = response.stored.name
    parts = (request.resource.qualified, request.namespace, name, request.subresource)
    return "/".join(part for part in parts if part)
