"""A tiny apiserver for the client's tests: stores objects, lists and watches them, forgets history on demand."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from kubesim.api.errors import ExpiredError, already_exists, conflict, not_found
from kubesim.api.resources import Resource
from kubesim.api.stored import Object, Stored
from kubesim.api.wire import ADDED, BOOKMARK, DELETED, MODIFIED, Request, Response, WatchEvent


class TinyStream:
    """One watch on a TinyServer."""

    def __init__(self, server: TinyServer, request: Request, events: list[WatchEvent]) -> None:
        self._server = server
        self.request = request
        self._events = events
        self._closed = False
        self._waiter: asyncio.Future[None] | None = None

    async def next(self) -> Sequence[WatchEvent]:
        while not self._events and not self._closed:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        events, self._events = self._events, []
        return events

    def close(self) -> None:
        self._closed = True
        self._server.streams.pop(self, None)
        self._wake()

    def send(self, event: WatchEvent) -> None:
        self._events.append(event)
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class TinyServer:
    """Enough of an apiserver to be listed, watched and written to; `requests` keeps what was asked."""

    def __init__(self) -> None:
        self.revision = 1
        self.compacted = 0
        self.objects: dict[tuple[str, str], Stored] = {}
        self.log: list[tuple[str, WatchEvent]] = []
        self.streams: dict[TinyStream, None] = {}
        self.requests: list[Request] = []

    def put(self, resource: Resource, obj: Object) -> Stored:
        """Creates or replaces; the uid of what is there already stays."""
        metadata = obj["metadata"]
        key = (
            resource.plural,
            f"{metadata['namespace']}/{metadata['name']}" if "namespace" in metadata else metadata["name"],
        )
        known = self.objects.get(key)
        self.revision += 1
        uid = known.uid if known else f"uid-{self.revision}"
        metadata = {"uid": uid, **metadata, "resourceVersion": str(self.revision)}
        head = {"kind": resource.kind, "apiVersion": resource.api_version}
        stored = self.objects[key] = Stored(self.revision, {**head, **obj, "metadata": metadata})
        self._publish(resource, WatchEvent(MODIFIED if known else ADDED, stored))
        return stored

    def remove(self, resource: Resource, key: str) -> Stored:
        known = self.objects.pop((resource.plural, key))
        self.revision += 1
        metadata = {**known.object["metadata"], "resourceVersion": str(self.revision)}
        gone = Stored(self.revision, {**known.object, "metadata": metadata})
        self._publish(resource, WatchEvent(DELETED, gone))
        return gone

    def compact(self) -> None:
        """Forgets all history: who was not up to date has to list."""
        self.compacted = self.revision
        self.log.clear()

    def bookmark(self) -> None:
        """Tells every watcher how far it is."""
        for stream in list(self.streams):
            metadata = {"name": "", "resourceVersion": str(self.revision)}
            stream.send(WatchEvent(BOOKMARK, Stored(self.revision, {"metadata": metadata})))

    def close_watches(self) -> None:
        for stream in list(self.streams):
            stream.close()

    def of(self, resource: Resource) -> dict[str, Stored]:
        return {key: stored for (plural, key), stored in self.objects.items() if plural == resource.plural}

    async def handle(self, request: Request) -> Response:
        self.requests.append(request)
        resource = request.resource
        key = (resource.plural, f"{request.namespace}/{request.name}" if request.namespace else request.name)
        if request.verb == "list":
            return Response(items=list(self.of(resource).values()), revision=self.revision)
        if request.verb == "create":
            metadata = request.body["metadata"]
            key = (
                resource.plural,
                f"{request.namespace}/{metadata['name']}" if request.namespace else metadata["name"],
            )
            if key in self.objects:
                raise already_exists(resource, metadata["name"])
            return Response(201, stored=self.put(resource, request.body))
        known = self.objects.get(key)
        if known is None:
            raise not_found(resource, request.name)
        return Response(stored=self._change(request, known))

    async def watch(self, request: Request) -> TinyStream:
        self.requests.append(request)
        since = int(request.options.resource_version)
        if since < self.compacted:
            raise ExpiredError(f"too old resource version: {since} ({self.compacted})")
        missed = [
            event for plural, event in self.log if plural == request.resource.plural and event.stored.revision > since
        ]
        stream = TinyStream(self, request, missed)
        self.streams[stream] = None
        return stream

    def _change(self, request: Request, known: Stored) -> Stored:
        if request.verb == "get":
            return known
        if request.verb == "delete":
            return self.remove(request.resource, known.key)
        if request.verb == "patch":
            return self.put(request.resource, {**known.object, **request.body})
        assert request.verb == "update"
        if request.body["metadata"].get("resourceVersion") not in (None, str(known.revision)):
            raise conflict(request.resource, known.name)
        return self.put(request.resource, request.body)

    def _publish(self, resource: Resource, event: WatchEvent) -> None:
        self.log.append((resource.plural, event))
        for stream in list(self.streams):
            if stream.request.resource.plural == resource.plural:
                stream.send(event)


@pytest.fixture
def server() -> TinyServer:
    return TinyServer()


@pytest.fixture
def make_server() -> type[TinyServer]:
    """For tests that need a fresh one per example."""
    return TinyServer


@pytest.fixture
def pod() -> Any:
    """Makes a Pod: `pod("a", node="node-1")`."""

    def make(name: str, *, namespace: str = "default", owner: str = "", **spec: Any) -> Object:
        metadata: Object = {"name": name, "namespace": namespace}
        if owner:
            metadata["ownerReferences"] = [{"kind": "ReplicaSet", "name": owner, "uid": owner, "controller": True}]
        return {"metadata": metadata, "spec": spec}

    return make
