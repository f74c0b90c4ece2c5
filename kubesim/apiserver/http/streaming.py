"""Watches: chunked lines of JSON, one an event, for as long as the client wants to hear.

`timeoutSeconds` counts real seconds: the client's patience does not depend on the speed of the cluster's time.
Upstream: k8s.io/apiserver/pkg/endpoints/handlers/watch.go.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from aiohttp import web

from kubesim.api.errors import ApiError
from kubesim.api.stored import Object, Stored
from kubesim.api.wire import BOOKMARK, WatchEvent, WatchStream
from kubesim.apiserver.http import answers
from kubesim.apiserver.http.api import Api, Call, in_stored_version
from kubesim.apiserver.http.metrics import Metrics
from kubesim.apiserver.http.negotiation import TABLE
from kubesim.apiserver.http.patience import Patience
from kubesim.apiserver.http.table import table
from kubesim.apiserver.http.table.columns import Printer
from kubesim.apiserver.http.versions import from_stored
from kubesim.apiserver.server import ApiServer
from kubesim.sim.wall_timers import WallTimers

EVENTS_PER_WRITE_MAX = 100  # Who reads slowly shall not hold the bytes of thousands.
TIMEOUT_SECONDS_MIN = 1800  # What a client gets that asks for no timeout.


class Streams:
    """All watches of one front."""

    def __init__(self, server: ApiServer, timers: WallTimers, metrics: Metrics, api: Api, patience: Patience) -> None:
        self._patience = patience
        self._server = server
        self._api = api
        self._timers = timers
        self._metrics = metrics
        self._open: dict[WatchStream, None] = {}

    def end(self) -> None:
        """The server stops."""
        for stream in list(self._open):
            stream.close()

    async def watch(self, http: web.BaseRequest, call: Call, audit_id: str) -> web.StreamResponse:
        """Sends events until the time is over, the client has gone or the server ends the watch."""
        request = call.request
        seconds = request.options.timeout_seconds or TIMEOUT_SECONDS_MIN
        asked = in_stored_version(request) if request.resource.stored_as else request
        options = msgspec.structs.replace(asked.options, timeout_seconds=None)
        with self._patience.answering():
            stream = await self._server.watch(msgspec.structs.replace(asked, options=options))
        self._open[stream] = None
        end = self._timers.call_later(seconds, stream.close)
        resource = request.resource
        gauge = self._metrics.watches.labels(resource.group, resource.plural, "WATCH", resource.version)
        gauge.inc()
        self._metrics.answered(request, 200)
        try:
            return await self._send(http, call, stream, audit_id)
        finally:
            gauge.dec()
            end.cancel()
            self._open.pop(stream, None)
            stream.close()

    async def _send(self, http: web.BaseRequest, call: Call, stream: WatchStream, audit_id: str) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_type = "application/json"
        response.headers["Audit-Id"] = audit_id
        response.headers["Cache-Control"] = "no-cache, private"
        for words in self._api.deprecations(call.request):
            response.headers.add("Warning", f'299 - "{words}"')
        response.enable_chunked_encoding()
        await response.prepare(http)
        lines = Lines(self._server, call, self._api.printer(call.request.resource))
        try:
            while events := await stream.next():
                for start in range(0, len(events), EVENTS_PER_WRITE_MAX):
                    await response.write(lines.of(events[start : start + EVENTS_PER_WRITE_MAX]))
        except ConnectionResetError:
            return response  # Who asked has hung up, and the news of it is only on its way.
        except ApiError as error:
            await response.write(answers.error_line(error))
        await response.write_eof()
        return response


class Lines:
    """Turns the events of one watch into bytes; the first rows of a table come with the columns."""

    def __init__(self, server: ApiServer, call: Call, printer: Printer) -> None:
        self._clock = server.sim.clock
        self._call = call
        self._printer = printer
        self._headers = True

    def of(self, events: Sequence[WatchEvent]) -> bytes:
        """The lines of some events."""
        form = self._call.form.as_
        resource = self._call.request.resource
        if resource.stored_as and form != TABLE:
            events = [WatchEvent(event.type, from_stored(resource, event.stored)) for event in events]
        if not form:
            return answers.watch_lines(events)
        if form != TABLE:
            return answers.watch_lines(events, answers.partial)
        return b"".join(self._table_line(event) for event in events)

    def _table_line(self, event: WatchEvent) -> bytes:
        rows: list[Stored] = [] if event.type == BOOKMARK else [event.stored]
        metadata: Object = {"resourceVersion": str(event.stored.revision)}
        obj = table(
            self._printer, rows, self._clock.unix_ns(), metadata=metadata, include=self._call.include,
            headers=self._headers,
        )  # fmt: skip
        self._headers = False
        return answers.encode({"type": event.type, "object": obj})
