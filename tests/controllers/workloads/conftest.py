"""A small world for workload controllers: a real apiserver and etcd, the controllers, and a stand-in for nodes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import pytest

from kubesim.api.errors import ApiError
from kubesim.api.meta import with_fields
from kubesim.api.resources import DEPLOYMENTS, EVENTS, PODS, REPLICA_SETS, SERVICE_ACCOUNTS, Resource
from kubesim.api.stored import Object, Stored
from kubesim.api.wire import ClientCertificate, Request, Response, WatchStream
from kubesim.apiserver import ApiServer
from kubesim.client.client import Client
from kubesim.client.in_process import InProcessTransport
from kubesim.client.informer import Informers
from kubesim.controllers import Controller, ControllerManager
from kubesim.controllers.deployment import DeploymentController
from kubesim.controllers.deployment_revision import REVISION
from kubesim.controllers.replica_set import ReplicaSetController
from kubesim.controllers.replication_controller import ReplicationControllerController
from kubesim.etcd import Member
from kubesim.sim import Simulation, Tasks

WORKLOADS = (DeploymentController, ReplicaSetController, ReplicationControllerController)
ADMIN = ClientCertificate("kubernetes-admin", ("system:masters",))
READY_SECONDS, END_SECONDS = 0.3, 0.2
NODES = ("node-1", "node-2", "node-3", "node-4")


class Nodes:
    """Scheduler and kubelets in one: binds Pods in turn, makes them Running and Ready, ends deleted ones.

    Pods whose image is "broken" never become ready.
    """

    def __init__(self, sim: Simulation, client: Client) -> None:
        self.sim = sim
        self.client = client
        self.informers = Informers(sim, client)
        self.pods = self.informers.of(PODS)
        self.pods.add_handler(on_add=self.added, on_update=self.updated)
        self.tasks = Tasks("nodes")
        self.places: Sequence[str] = NODES
        self.bound = 0

    def added(self, pod: Stored) -> None:
        if not pod.object["spec"].get("nodeName"):
            node = self.places[self.bound % len(self.places)]
            self.bound += 1
            self.tasks.spawn(self.attempt(self.client.bind(pod.namespace, pod.name, pod.uid, node)), "bind")

    def updated(self, old: Stored, new: Stored) -> None:
        if new.object["metadata"].get("deletionTimestamp") and not old.object["metadata"].get("deletionTimestamp"):
            self.tasks.spawn(self.end(new), "end")
        elif new.object["spec"].get("nodeName") and not old.object["spec"].get("nodeName"):
            self.tasks.spawn(self.begin(new), "begin")

    async def begin(self, pod: Stored) -> None:
        await asyncio.sleep(READY_SECONDS)
        image = pod.object["spec"]["containers"][0]["image"]
        ready = {"type": "Ready", "status": "False" if image == "broken" else "True"}
        ready["lastTransitionTime"] = self.sim.clock.timestamp()
        await self.write(pod, {"phase": "Running", "conditions": [ready]})

    async def end(self, pod: Stored) -> None:
        await asyncio.sleep(END_SECONDS)
        await self.write(pod, {"phase": "Succeeded"})
        await self.attempt(self.client.delete(PODS, pod.name, pod.namespace, grace_period_seconds=0))

    async def write(self, pod: Stored, status: Object) -> None:
        latest = self.pods.get(pod.key)
        if latest is not None and latest.uid == pod.uid:
            merged = {**latest.object.get("status", {}), **status}
            await self.attempt(self.client.update_status(PODS, with_fields(latest.object, {"status": merged})))

    async def attempt(self, call: Any) -> None:
        with suppress(ApiError):  # Deleted meanwhile.
            await call

    async def run(self) -> None:
        async with self.tasks:
            await self.informers.run()


class World:
    """`async with World(sim) as world:`; `client` is an administrator's, `seen` every object's versions in order."""

    def __init__(self, sim: Simulation, controllers: Sequence[type[Controller]] = WORKLOADS) -> None:
        self.sim = sim
        self.server = ApiServer(sim, Member(sim))
        self.client = self.client_for("test")
        self.nodes = Nodes(sim, self.client_for("nodes"))
        self.manager = ControllerManager(sim, self.client_for, controllers=controllers, leader_elect=False)
        self.informers = Informers(sim, self.client)
        self.seen: list[tuple[float, str, Stored]] = []
        self.tasks = Tasks("world")
        self.refused_at: list[float] = []
        self._refusal: tuple[Exception, str, Resource] | None = None
        self._refusals_left = 0

    def client_for(self, name: str) -> Client:
        return Client(InProcessTransport(self.sim, self, source=name or "manager"), name, ADMIN)

    async def handle(self, request: Request) -> Response:
        """The way to the apiserver, which refuses the controllers what a test says."""
        if self._refusals_left and request.user_agent not in ("test", "nodes"):
            assert self._refusal is not None
            error, verb, resource = self._refusal
            if request.verb == verb and request.resource is resource and request.subresource in ("", "status"):
                self._refusals_left -= 1
                self.refused_at.append(self.sim.clock.now())
                raise error
        return await self.server.handle(request)

    def refuse(self, error: Exception, verb: str, resource: Resource, times: int = 10**9) -> None:
        """Answers so many requests of controllers with `error`; 0 times: no more of that."""
        self._refusal = (error, verb, resource)
        self._refusals_left = times

    async def watch(self, request: Request) -> WatchStream:
        return await self.server.watch(request)

    async def __aenter__(self) -> Self:
        await self.server.start()
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
        await self.client.create(SERVICE_ACCOUNTS, account, "default")  # No Pod is created without one.
        for resource in (DEPLOYMENTS, REPLICA_SETS, PODS, EVENTS):
            self.informers.of(resource).add_handler(
                on_add=self.see("ADDED"),
                on_update=lambda _, new: self.see("MODIFIED")(new),
                on_delete=self.see("DELETED"),
            )
        for name, work in (("see", self.informers.run()), ("nodes", self.nodes.run()), ("manager", self.manager.run())):
            self.tasks.spawn(work, name)
        await asyncio.sleep(1 - self.sim.clock.now() % 1)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.tasks.stop()
        await self.server.stop()

    def see(self, verb: str) -> Callable[[Stored], None]:
        return lambda stored: self.seen.append((self.sim.clock.now(), verb, stored))

    async def run_for(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def all(self, resource: Resource, namespace: str = "default") -> list[Stored]:
        """What exists now, by age and name."""
        found = self.informers.of(resource).list(namespace)
        return sorted(found, key=lambda stored: (stored.object["metadata"]["creationTimestamp"], stored.name))

    def one(self, resource: Resource, name: str) -> Object:
        stored = self.informers.of(resource).get(f"default/{name}")
        assert stored is not None, f"there is no {resource.kind} {name}"
        return stored.object

    def active(self) -> list[Stored]:
        return [pod for pod in self.all(PODS) if "deletionTimestamp" not in pod.object["metadata"]]

    async def change(self, **spec: Any) -> None:
        """Changes fields of the Deployment's spec."""
        await self.client.merge_patch(DEPLOYMENTS, "web", {"spec": spec}, "default")

    async def set_image(self, image: str) -> None:
        """`kubectl set image`."""
        await self.change(template={"spec": {"containers": [{"name": "c", "image": image}]}})

    def sizes(self) -> dict[str, int]:
        """The ReplicaSets' spec.replicas by image."""
        return {image_of(stored): stored.object["spec"]["replicas"] for stored in self.all(REPLICA_SETS)}

    def revisions(self) -> dict[str, str]:
        """The ReplicaSets' revision numbers by image."""
        sets = self.all(REPLICA_SETS)
        return {image_of(stored): stored.object["metadata"]["annotations"][REVISION] for stored in sets}

    def events(self, reason: str = "") -> list[str]:
        """The messages of all events (of a reason), in order; a repeated one as often as it happened."""
        told = [stored.object for _, verb, stored in self.seen if stored.object["kind"] == "Event" and verb == "ADDED"]
        return [event["message"] for event in told if reason in ("", event["reason"])]

    def story(self, name: str, type_: str) -> list[str]:
        """How a Deployment's condition went: status/reason."""
        steps: list[str] = []
        for _, _, stored in self.seen:
            if stored.object["kind"] == "Deployment" and stored.name == name:
                for condition in stored.object.get("status", {}).get("conditions", ()):
                    step = f"{condition['status']}/{condition['reason']}"
                    if condition["type"] == type_ and (not steps or steps[-1] != step):
                        steps.append(step)
        return steps


def image_of(replica_set: Stored) -> str:
    image: str = replica_set.object["spec"]["template"]["spec"]["containers"][0]["image"]
    return image


def deployment(replicas: int = 3, image: str = "nginx:1", **spec: Any) -> Object:
    """A Deployment called web."""
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": image}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template, **spec}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": spec,
    }


def replica_set(replicas: int = 3, **spec: Any) -> Object:
    """A ReplicaSet called web."""
    return {**deployment(replicas, **spec), "kind": "ReplicaSet"}


@pytest.fixture
def make_world() -> type[World]:
    """The class to make a world of."""
    return World


@pytest.fixture
def make_deployment() -> Callable[..., Object]:
    """Makes a Deployment."""
    return deployment


@pytest.fixture
def make_replica_set() -> Callable[..., Object]:
    """Makes a ReplicaSet."""
    return replica_set
