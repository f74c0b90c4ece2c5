"""The receiving end of a watch over HTTP: lines of JSON in chunks as they come.

Upstream: k8s.io/apimachinery/pkg/watch/streamwatcher.go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import aiohttp

from kubesim.api.errors import ApiError, TransportError
from kubesim.api.resources import Resource
from kubesim.api.wire import WatchEvent
from kubesim.client.http.answers import event_of


class HttpWatch:
    """One watch. What the last chunk left unfinished waits for the next."""

    def __init__(
        self, response: aiohttp.ClientResponse, resource: Resource, ended: Callable[[HttpWatch], None]
    ) -> None:
        self._response = response
        self._resource = resource
        self._ended = ended
        self._rest = b""
        self._error: ApiError | TransportError | None = None  # Raised after the events that came before it.
        self._closed = False

    async def next(self) -> Sequence[WatchEvent]:
        """Waits for events; empty when the server ended the watch."""
        while not self._closed:
            if self._error is not None:
                self.close()
                raise self._error
            if chunk := await self._read():
                *lines, self._rest = (self._rest + chunk).split(b"\n")
                if events := self._events(lines):
                    return events
        return ()

    def close(self) -> None:
        """Stops watching."""
        if not self._closed:
            self._closed = True
            self._response.close()
            self._ended(self)

    def _events(self, lines: Sequence[bytes]) -> list[WatchEvent]:
        events: list[WatchEvent] = []
        for line in lines:
            if not line.strip():
                continue
            try:
                events.append(event_of(line, self._resource))
            except (ApiError, TransportError) as error:
                self._error = error
                break
        return events

    async def _read(self) -> bytes:
        """Some bytes; none when the watch is over, in whatever way."""
        try:
            chunk = await self._response.content.readany()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            if not self._closed:  # Else it broke because we hung up.
                words = str(error) or type(error).__name__
                self._error = TransportError(f"a watch of {self._resource.plural} broke: {words}", definite=False)
            return b""
        if not chunk:
            self.close()
        return chunk
