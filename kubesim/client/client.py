"""The typed face of a transport: one method a verb, the same for every kind.

Controllers, scheduler and kubelets know the cluster only through this. Objects come back as `Stored`
handles: read them through `stored.view(Pod)`, change a copy of `stored.object`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any

import msgspec

from kubesim.api.resources import PODS, Resource
from kubesim.api.session import STDIN, Session
from kubesim.api.stored import Object, Stored
from kubesim.api.wire import (
    MERGE_PATCH,
    NO_OPTIONS,
    STRATEGIC_MERGE_PATCH,
    Credential,
    Options,
    Request,
    Response,
    Transport,
    WatchStream,
)
from kubesim.client.streams import Ended, ended, text_of
from kubesim.sim import CAUSES


class ListResult(msgspec.Struct, frozen=True):
    """A page of objects and the revision at which they were read."""

    items: Sequence[Stored]
    revision: int
    continue_: str = ""


class Client:
    """Talks to one apiserver as one user. `name` is the user agent; so is the field manager, up to a "/".

    `field_manager` is who owns what this client writes, where that is another: of many controllers it is the
    program that they are part of.
    """

    def __init__(
        self, transport: Transport, name: str, credential: Credential = None, *, field_manager: str = ""
    ) -> None:
        self.transport = transport
        self.name = name
        self.credential = credential
        self.field_manager = field_manager
        self._own_options = Options(field_manager=field_manager) if field_manager else NO_OPTIONS

    def managing_as(self, field_manager: str) -> Client:
        """The same client for another field manager."""
        return Client(self.transport, self.name, self.credential, field_manager=field_manager)

    async def get(self, resource: Resource, name: str, namespace: str = "", *, subresource: str = "") -> Stored:
        """The object (with `subresource`: what that says of it); NotFoundError if there is none."""
        return _object(await self._request("get", resource, namespace, name, subresource))

    async def list(self, resource: Resource, namespace: str = "", options: Options = NO_OPTIONS) -> ListResult:
        """All objects that match; "" means every namespace."""
        response = await self._request("list", resource, namespace, options=options)
        return ListResult(response.items, response.revision, response.continue_)

    async def watch(self, resource: Resource, namespace: str = "", options: Options = NO_OPTIONS) -> WatchStream:
        """Events after `options.resource_version`."""
        return await self.transport.watch(self._make("watch", resource, namespace, options=options))

    async def create(
        self, resource: Resource, obj: Object, namespace: str = "", *, subresource: str = "", name: str = "",
        options: Options = NO_OPTIONS,
    ) -> Stored:  # fmt: skip
        """Stores a new object (with `subresource`: for instance a Binding for the Pod called `name`)."""
        namespace = namespace or obj.get("metadata", {}).get("namespace", "")
        response = await self._request("create", resource, namespace, name, subresource, obj, options=options)
        return _object(response)

    async def update(
        self, resource: Resource, obj: Object, *, subresource: str = "", options: Options = NO_OPTIONS
    ) -> Stored:
        """Replaces an object; with a resourceVersion in it, ConflictError if somebody wrote since."""
        metadata = obj["metadata"]
        namespace = metadata.get("namespace", "")
        return _object(
            await self._request("update", resource, namespace, metadata["name"], subresource, obj, options=options)
        )

    async def update_status(self, resource: Resource, obj: Object) -> Stored:
        """Replaces only the status."""
        return await self.update(resource, obj, subresource="status")

    async def patch(
        self, resource: Resource, name: str, patch: Any, namespace: str = "", *,
        patch_type: str = STRATEGIC_MERGE_PATCH, subresource: str = "", options: Options = NO_OPTIONS,
    ) -> Stored:  # fmt: skip
        """Changes part of an object; `patch_type` is one of the content types in `kubesim.api.wire`."""
        return _object(await self._request("patch", resource, namespace, name, subresource, patch, patch_type, options))

    async def merge_patch(self, resource: Resource, name: str, patch: Object, namespace: str = "") -> Stored:
        """An RFC 7386 patch."""
        return await self.patch(resource, name, patch, namespace, patch_type=MERGE_PATCH)

    async def delete(
        self, resource: Resource, name: str, namespace: str = "", *, grace_period_seconds: int | None = None,
        propagation_policy: str = "", uid: str = "", resource_version: str = "", options: Options = NO_OPTIONS,
    ) -> Stored | None:  # fmt: skip
        """Deletes, gracefully where the kind knows how; `uid` and `resource_version` are preconditions.

        Returns the object as it is now if it still exists (grace, finalizers), else None.
        """
        body: Object = {"kind": "DeleteOptions", "apiVersion": "v1"}
        if grace_period_seconds is not None:
            body["gracePeriodSeconds"] = grace_period_seconds
        if propagation_policy:
            body["propagationPolicy"] = propagation_policy
        preconditions = {"uid": uid, "resourceVersion": resource_version}
        if uid or resource_version:
            body["preconditions"] = {key: value for key, value in preconditions.items() if value}
        response = await self._request("delete", resource, namespace, name, "", body, options=options)
        stored = response.stored
        return stored if stored is not None and still_exists(stored.object) else None

    async def delete_collection(
        self, resource: Resource, namespace: str = "", *, options: Options = NO_OPTIONS, body: Object | None = None
    ) -> None:
        """Deletes all objects that match the options' selectors."""
        await self._request("deletecollection", resource, namespace, body=body, options=options)

    async def bind(self, namespace: str, name: str, uid: str, node: str) -> None:
        """Assigns a Pod to a node, as a scheduler does; ConflictError if it is assigned already."""
        binding = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": name, "namespace": namespace, "uid": uid},
            "target": {"kind": "Node", "name": node},
        }
        await self._request("create", PODS, namespace, name, "binding", binding)

    async def connect(
        self, name: str, subresource: str, namespace: str = "default", *, verb: str = "create", **options: Any
    ) -> Session:
        """A session with what runs in a Pod; `options` are those of PodExecOptions, PodLogOptions, …."""
        return await self.transport.connect(self._make(verb, PODS, namespace, name, subresource, options))

    async def logs(self, name: str, namespace: str = "default", **options: Any) -> str:
        """What a container has printed; with `follow=True` all that it prints until it ends."""
        return await text_of(await self.connect(name, "log", namespace, verb="get", **options))

    async def execute(
        self, name: str, command: Sequence[str], namespace: str = "default", *, stdin: str | None = None, **options: Any
    ) -> Ended:
        """Runs a program in a container, to its end: `kubectl exec`."""
        session = await self.connect(
            name, "exec", namespace, command=list(command), stdout=True, stderr=True, stdin=stdin is not None, **options
        )
        if stdin is not None:
            session.send(STDIN, stdin.encode())
            session.end_channel(STDIN)
        return await ended(session)

    async def evict(self, namespace: str, name: str) -> None:
        """Asks a Pod to leave; TooManyRequestsError if its disruption budget says not now."""
        metadata = {"name": name, "namespace": namespace}
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata}
        await self._request("create", PODS, namespace, name, "eviction", eviction)

    def _request(
        self, verb: str, resource: Resource, namespace: str = "", name: str = "", subresource: str = "",
        body: Any = None, patch_type: str = "", options: Options = NO_OPTIONS,
    ) -> Awaitable[Response]:  # fmt: skip
        return self.transport.request(
            self._make(verb, resource, namespace, name, subresource, body, patch_type, options)
        )

    def _make(
        self, verb: str, resource: Resource, namespace: str = "", name: str = "", subresource: str = "",
        body: Any = None, patch_type: str = "", options: Options = NO_OPTIONS,
    ) -> Request:  # fmt: skip
        if options is NO_OPTIONS:
            options = self._own_options
        return Request(
            verb, resource, namespace, name, subresource, body, patch_type, options,
            self.credential, self.name, CAUSES.get(),
        )  # fmt: skip


def still_exists(deleted: Object) -> bool:
    """Whether an object with which a deletion was answered waits for something; else that was its last state."""
    metadata = deleted["metadata"]
    waits = bool(metadata.get("finalizers") or metadata.get("deletionGracePeriodSeconds"))
    return "deletionTimestamp" in metadata and waits


def _object(response: Response) -> Stored:
    assert response.stored is not None, "the apiserver answers this verb with an object"
    return response.stored
