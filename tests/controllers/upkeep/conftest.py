"""A real apiserver and etcd with some controllers, and kubelets that only beat: for the controllers that keep house."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

import pytest

from kubesim.api.meta import with_fields
from kubesim.api.resources import EVENTS, LEASES, NODES, PODS, SERVICE_ACCOUNTS, Resource
from kubesim.api.stored import Object, Stored
from kubesim.api.tokens import KeyedSigner, Trust
from kubesim.api.wire import ClientCertificate, Options
from kubesim.apiserver import ApiServer
from kubesim.client.client import Client
from kubesim.client.in_process import InProcessTransport
from kubesim.client.informer import Informers
from kubesim.controllers import Controller, ControllerManager
from kubesim.etcd import Member
from kubesim.sim import Simulation, Tasks

ADMIN = ClientCertificate("kubernetes-admin", ("system:masters",))
HEARTBEAT_SECONDS = 10.0
CONDITIONS = {"MemoryPressure": "False", "DiskPressure": "False", "PIDPressure": "False", "Ready": "True"}


CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n"


class Plane:
    """`async with Plane(sim, controllers) as plane:`; `seen` is every version of Nodes, Pods and watched kinds."""

    def __init__(
        self, sim: Simulation, controllers: Sequence[type[Controller]], watched: Sequence[Resource] = (NODES, PODS)
    ) -> None:
        self.sim = sim
        self.server = ApiServer(sim, Member(sim))
        self.client = self.client_for("test")
        trust = Trust(KeyedSigner(b"key"), CERTIFICATE)
        self.manager = ControllerManager(sim, self.client_for, controllers=controllers, leader_elect=False, trust=trust)
        self.watched = watched
        self.informers = Informers(sim, self.client)
        self.seen: list[tuple[float, str, Stored]] = []
        self.tasks = Tasks("plane")
        self.beats: dict[str, asyncio.Task[None]] = {}

    def client_for(self, name: str) -> Client:
        return Client(InProcessTransport(self.sim, self.server, source=name or "manager"), name, ADMIN)

    async def __aenter__(self) -> Self:
        await self.server.start()
        for resource in self.watched:
            self.informers.of(resource).add_handler(
                on_add=lambda new: self.note("ADDED", new),
                on_update=lambda old, new: self.note("MODIFIED", new),
                on_delete=lambda old: self.note("DELETED", old),
            )
        self.tasks.spawn(self.informers.run(), "informers")
        await self.informers.wait_synced()
        account = {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": "default", "namespace": "default"},
        }
        await self.client.create(SERVICE_ACCOUNTS, account)
        self.tasks.spawn(self.manager.run(), "manager")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.tasks.stop()
        await self.server.stop()

    # -- making things ------------------------------------------------------------------------------------

    async def node(self, name: str, *, ready: str = "True", beating: bool = True, **labels: str) -> Stored:
        """A Node whose kubelet posted its status once and, if `beating`, renews a Lease every 10 s."""
        metadata = {"name": name, "labels": {key.replace("__", "/"): value for key, value in labels.items()}}
        await self.client.create(NODES, {"apiVersion": "v1", "kind": "Node", "metadata": metadata})
        node = await self.post_status(name, Ready=ready)
        if beating:
            self.start_beating(name)
        return node

    async def post_status(self, name: str, **statuses: str) -> Stored:
        """What a kubelet posts."""
        now = self.sim.clock.timestamp()
        conditions = [
            {"type": type_, "status": status, "reason": "KubeletSaysSo", "message": "", "lastHeartbeatTime": now,
             "lastTransitionTime": now}
            for type_, status in (CONDITIONS | statuses).items()
        ]  # fmt: skip
        node = await self.client.get(NODES, name)
        return await self.client.update_status(NODES, with_fields(node.object, {"conditions": conditions}, "status"))

    def start_beating(self, name: str) -> None:
        self.beats[name] = self.tasks.spawn(self._beat(name), f"beat-{name}")

    def crash(self, *names: str) -> None:
        """Their kubelets fall silent."""
        for name in names:
            self.beats[name].cancel()

    async def pod(self, name: str, node: str = "", *, ready: str = "", ip: str = "", **spec: Any) -> Stored:
        """A Pod, bound to `node` if there is one, and with a Ready condition if `ready` says so."""
        spec = {"containers": [{"name": "c", "image": "nginx"}]} | spec
        labels = spec.pop("labels", {"app": "web"})
        metadata: Object = {"name": name, "namespace": "default", "labels": labels}
        if owners := spec.pop("owners", ()):
            metadata["ownerReferences"] = owners
        pod = await self.client.create(PODS, {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
        if node:
            await self.client.bind("default", name, pod.uid, node)
            pod = await self.client.get(PODS, name, "default")
        return await self.pod_status(name, ready, ip=ip) if ready else pod

    async def pod_status(self, name: str, ready: str, *, ip: str = "", phase: str = "Running") -> Stored:
        """What a kubelet says about a Pod."""
        pod = await self.client.get(PODS, name, "default")
        condition = {"type": "Ready", "status": ready, "lastTransitionTime": self.sim.clock.timestamp()}
        status = pod.object["status"] | {"phase": phase, "conditions": [condition]}
        if ip:
            status |= {"podIP": ip, "podIPs": [{"ip": ip}]}
        return await self.client.update_status(PODS, pod.object | {"status": status})

    async def at(self, second: float) -> None:
        """Lets time pass until then."""
        await asyncio.sleep(second - self.sim.clock.now())

    # -- looking ------------------------------------------------------------------------------------------

    def note(self, verb: str, stored: Stored) -> None:
        self.seen.append((round(self.sim.clock.now(), 6), verb, stored))

    def story(self, name: str, fact: Callable[[Object], Any]) -> list[tuple[float, Any]]:
        """When which fact about the objects called `name` became another; None once it is deleted."""
        story: list[tuple[float, Any]] = []
        last: Any = object()
        for time, verb, stored in self.seen:
            if stored.name == name:
                value = None if verb == "DELETED" else fact(stored.object)
                if value != last:
                    story.append((time, value))
                    last = value
        return story

    async def get(self, resource: Resource, name: str, namespace: str = "default") -> Object:
        return (await self.client.get(resource, name, namespace if resource.namespaced else "")).object

    async def names(self, resource: Resource, namespace: str = "") -> list[str]:
        return [stored.name for stored in (await self.client.list(resource, namespace)).items]

    async def events(self, reason: str = "") -> list[tuple[str, str, str, int]]:
        """(about, type, message, count) of the events of that reason."""
        items = (await self.client.list(EVENTS, "", Options())).items
        return [
            (e["involvedObject"]["name"], e["type"], e["message"], e["count"])
            for e in (stored.object for stored in items)
            if not reason or e["reason"] == reason
        ]

    async def _beat(self, name: str) -> None:
        lease = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": name, "namespace": "kube-node-lease"},
            "spec": {"holderIdentity": name, "leaseDurationSeconds": 40},
        }
        stored = await self.client.create(LEASES, renewed(lease, self.sim))
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            stored = await self.client.update(LEASES, renewed(stored.object, self.sim))


def renewed(lease: Object, sim: Simulation) -> Object:
    return with_fields(lease, {"renewTime": sim.clock.micro_timestamp()}, "spec")


@pytest.fixture
def plane() -> type[Plane]:
    return Plane
