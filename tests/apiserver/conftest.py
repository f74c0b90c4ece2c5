"""An apiserver on a real etcd member, asked without a transport in between: the server and nothing else."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, Self

import pytest

from kubesim.api.meta import with_fields
from kubesim.api.resources import DEPLOYMENTS, NODES, PODS, SERVICE_ACCOUNTS, Resource
from kubesim.api.stored import Object, Stored
from kubesim.api.wire import (
    MERGE_PATCH,
    ClientCertificate,
    Credential,
    Options,
    Request,
    Response,
    WatchEvent,
    WatchStream,
)
from kubesim.apiserver import ApiServer
from kubesim.etcd import Member
from kubesim.sim import Simulation

ADMIN = ClientCertificate("kubernetes-admin", ("system:masters",))


class Api:
    """`async with Api(sim) as api:` a started server. Objects go to the namespace `default` unless said."""

    def __init__(self, sim: Simulation, member: Member | None = None, **settings: Any) -> None:
        self.sim = sim
        self.etcd = member or Member(sim)
        self.server = ApiServer(sim, self.etcd, **settings)
        self.credential: Credential = ADMIN

    async def __aenter__(self) -> Self:
        await self.server.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.server.stop()

    # -- verbs --------------------------------------------------------------------------------------------

    async def call(
        self,
        verb: str,
        resource: Resource,
        name: str = "",
        body: Any = None,
        *,
        namespace: str = "default",
        subresource: str = "",
        patch_type: str = "",
        credential: Credential = None,
        causes: tuple[Any, ...] = (),
        **options: Any,
    ) -> Response:
        scope = namespace if resource.namespaced else ""
        asking = credential or self.credential
        request = Request(
            verb, resource, scope, name, subresource, body, patch_type, Options(**options), asking, "test", causes
        )
        return await self.server.handle(request)

    async def create(self, resource: Resource, obj: Object, **more: Any) -> Stored:
        return stored(await self.call("create", resource, "", obj, **more))

    async def get(self, resource: Resource, name: str, **more: Any) -> Stored:
        return stored(await self.call("get", resource, name, **more))

    async def update(self, resource: Resource, obj: Object, **more: Any) -> Stored:
        return stored(await self.call("update", resource, obj["metadata"]["name"], obj, **more))

    async def patch(
        self, resource: Resource, name: str, body: Any, patch_type: str = MERGE_PATCH, **more: Any
    ) -> Stored:
        return stored(await self.call("patch", resource, name, body, patch_type=patch_type, **more))

    async def delete(self, resource: Resource, name: str, body: Object | None = None, **more: Any) -> Response:
        return await self.call("delete", resource, name, body, **more)

    async def list(self, resource: Resource, *, namespace: str = "", **options: Any) -> Response:
        return await self.call("list", resource, namespace=namespace, **options)

    async def watch(self, resource: Resource, *, namespace: str = "", **options: Any) -> WatchStream:
        return await self.server.watch(
            Request("watch", resource, namespace, options=Options(**options), credential=self.credential)
        )

    # -- things -------------------------------------------------------------------------------------------

    async def account(self, namespace: str = "default") -> None:
        """The service account without which no Pod can be made."""
        await self.create(SERVICE_ACCOUNTS, {"metadata": {"name": "default"}}, namespace=namespace)

    async def pod(self, name: str = "web", node: str = "", labels: dict[str, str] | None = None, **spec: Any) -> Stored:
        """A Pod of one container, bound at creation if a node is given."""
        if self.server.latest(SERVICE_ACCOUNTS, "default", "default") is None:
            await self.account()
        obj = pod_object(name, labels, **spec)
        return await self.create(PODS, with_fields(obj, {"nodeName": node}, "spec") if node else obj)

    async def node(self, name: str = "n1") -> Stored:
        return await self.create(NODES, {"metadata": {"name": name}})

    async def bind(self, name: str, node: str, uid: str = "") -> Response:
        binding = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": name, **({"uid": uid} if uid else {})},
            "target": {"kind": "Node", "name": node},
        }
        return await self.call("create", PODS, name, binding, subresource="binding")

    async def deployment(self, name: str = "web", **spec: Any) -> Stored:
        template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}}
        body = {"replicas": 3, "selector": {"matchLabels": {"app": name}}, "template": template, **spec}
        return await self.create(DEPLOYMENTS, {"metadata": {"name": name}, "spec": body})


def stored(response: Response) -> Stored:
    assert response.stored is not None
    return response.stored


def pod_object(name: str, labels: dict[str, str] | None = None, **spec: Any) -> Object:
    metadata: Object = {"name": name}
    if labels:
        metadata["labels"] = labels
    return {"metadata": metadata, "spec": {"containers": [{"name": "c", "image": "nginx"}], **spec}}


async def drain(stream: WatchStream) -> list[WatchEvent]:
    """All events that are there when nothing happens any more at this instant."""
    events: list[WatchEvent] = []
    while True:
        try:
            async with asyncio.timeout(0.001):
                batch = await stream.next()
        except TimeoutError:
            return events
        if not batch:
            return events
        events += batch


@pytest.fixture(scope="session")
def boot() -> type[Api]:
    """The class of started servers."""
    return Api


@pytest.fixture(scope="session")
def events_of() -> Any:
    """Reads what a watch has to say now, as (type, name) pairs."""

    async def read(stream: WatchStream) -> list[tuple[str, str]]:
        return [(event.type, event.stored.name) for event in await drain(stream)]

    return read


@pytest.fixture(scope="session")
def drained() -> Any:
    """Reads what a watch has to say now."""
    return drain
