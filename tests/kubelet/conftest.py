"""One kubelet on a tiny apiserver: fast, and every write can be looked at with its time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest

from kubesim.api.errors import already_exists, conflict, not_found
from kubesim.api.resources import EVENTS, NODES, PODS, Resource
from kubesim.api.stored import Object, Stored
from kubesim.api.wire import ADDED, DELETED, MODIFIED, Request, Response, WatchEvent
from kubesim.client.client import Client
from kubesim.client.in_process import InProcessTransport
from kubesim.kubelet import PLAUSIBLE, Kubelet, NodeConfig, make_runtime
from kubesim.sim import Simulation

# Plausible, but without chance: a container runs 0.5 + 0.1 + 0.2 s after its Pod was bound.
EXACT = msgspec.structs.replace(PLAUSIBLE, sandbox_seconds=(0.5, 0.5), create_seconds=0.1)
LIST_KEYS = {"conditions": "type", "podIPs": "ip", "hostIPs": "ip", "addresses": "type"}


def merged(old: Any, patch: Any, name: str = "") -> Any:
    """Strategic merge, as far as kubelets use it."""
    if isinstance(patch, dict):
        result = dict(old or {})
        order = {key.split("/")[1]: value for key, value in patch.items() if key.startswith("$setElementOrder/")}
        for key, value in patch.items():
            if value is None:
                result.pop(key, None)
            elif not key.startswith("$"):
                result[key] = merged(result.get(key), value, key)
        for key, names in order.items():
            by = LIST_KEYS[key]
            items = {item[by]: item for item in result[key]}
            result[key] = [items[item[by]] for item in names]
        return result
    if name in LIST_KEYS:
        by = LIST_KEYS[name]
        items = {item[by]: item for item in old or ()}
        for item in patch:
            if item.get("$patch") == "delete":
                items.pop(item[by], None)
            else:
                items[item[by]] = merged(items.get(item[by]), item)
                items[item[by]] |= {
                    key: None for key, value in item.items() if value is None and key == "lastProbeTime"
                }
        return list(items.values())
    return patch


class Stream:
    """One watch."""

    def __init__(self, request: Request, events: list[WatchEvent]) -> None:
        self.request = request
        self.events = events
        self._waiter: asyncio.Future[None] | None = None

    async def next(self) -> Sequence[WatchEvent]:
        while not self.events:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        events, self.events = self.events, []
        return events

    def close(self) -> None:
        pass

    def send(self, event: WatchEvent) -> None:
        self.events.append(event)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class TinyApi:
    """Enough of an apiserver for a kubelet. `log` keeps every write to every object with its virtual second."""

    def __init__(self, sim: Simulation) -> None:
        self.sim = sim
        self.revision = 1
        self.objects: dict[tuple[str, str], Stored] = {}
        self.log: list[tuple[float, str, str, Stored]] = []
        self.requests: list[tuple[float, Request]] = []
        self.streams: list[Stream] = []
        self.failing: Callable[[Request], Exception | None] = lambda _: None

    def put(self, resource: Resource, obj: Object) -> Stored:
        metadata = obj["metadata"]
        namespace = metadata.get("namespace", "")
        key = (resource.plural, f"{namespace}/{metadata['name']}" if namespace else metadata["name"])
        known = self.objects.get(key)
        self.revision += 1
        metadata = {
            "uid": known.uid if known else f"uid-{self.revision}",
            "creationTimestamp": self.sim.clock.timestamp(),
            **metadata,
            "resourceVersion": str(self.revision),
        }
        head = {"kind": resource.kind, "apiVersion": resource.api_version}
        stored = self.objects[key] = Stored(self.revision, {**head, **obj, "metadata": metadata})
        self._publish(resource, MODIFIED if known else ADDED, stored)
        return stored

    def remove(self, resource: Resource, key: str) -> None:
        known = self.objects.pop((resource.plural, key))
        self.revision += 1
        metadata = {**known.object["metadata"], "resourceVersion": str(self.revision)}
        self._publish(resource, DELETED, Stored(self.revision, {**known.object, "metadata": metadata}))

    async def handle(self, request: Request) -> Response:
        self.requests.append((self.sim.clock.now(), request))
        if (error := self.failing(request)) is not None:
            raise error
        resource, body = request.resource, request.body
        if request.verb == "list":
            items = [stored for (plural, _), stored in self.objects.items() if plural == resource.plural]
            return Response(items=[stored for stored in items if self._wanted(request, stored)], revision=self.revision)
        name = request.name or body["metadata"]["name"]
        known = self.objects.get((resource.plural, f"{request.namespace}/{name}" if request.namespace else name))
        if request.verb == "create":
            if known is not None:
                raise already_exists(resource, name)
            return Response(201, stored=self.put(resource, body))
        if known is None:
            raise not_found(resource, name)
        if request.verb == "get":
            return Response(stored=known)
        if request.verb == "delete":
            return Response(stored=self.delete(resource, known, body))
        if request.verb == "patch":
            if body.get("metadata", {}).get("uid", known.uid) != known.uid:
                raise conflict(resource, name)
            return Response(stored=self.put(resource, merged(known.object, body)))
        if body["metadata"].get("resourceVersion", str(known.revision)) != str(known.revision):
            raise conflict(resource, name)
        return Response(stored=self.put(resource, body))

    def delete(self, resource: Resource, known: Stored, body: Object) -> Stored | None:
        """Graceful for bound Pods, at once for everything else."""
        if body.get("preconditions", {}).get("uid", known.uid) != known.uid:
            raise conflict(resource, known.name)
        grace = body.get("gracePeriodSeconds")
        if grace is None:
            grace = known.object.get("spec", {}).get("terminationGracePeriodSeconds", 30)
        if resource is not PODS:
            self.remove(resource, known.key)
            return None
        metadata = known.object["metadata"]
        changes = {
            "deletionTimestamp": self.sim.clock.timestamp(),
            "deletionGracePeriodSeconds": grace,
            "generation": metadata.get("generation", 0) + 1,
        }
        stored = self.put(resource, {**known.object, "metadata": metadata | changes})
        if grace == 0:
            self.remove(resource, known.key)
        return stored

    async def watch(self, request: Request) -> Stream:
        stream = Stream(request, [])
        self.streams.append(stream)
        return stream

    def _wanted(self, request: Request, stored: Stored) -> bool:
        node = request.options.field_selector.partition("spec.nodeName=")[2]
        return not node or stored.object["spec"].get("nodeName") == node

    def _publish(self, resource: Resource, kind: str, stored: Stored) -> None:
        self.log.append((self.sim.clock.now(), kind, resource.plural, stored))
        for stream in self.streams:
            if stream.request.resource is resource and self._wanted(stream.request, stored):
                stream.send(WatchEvent(kind, stored))


class World:
    """A kubelet on a node called node-1, and what a test wants to know of it."""

    def __init__(self, sim: Simulation, node: NodeConfig, behavior: Any) -> None:
        self.sim = sim
        self.node = node
        self.api = TinyApi(sim)
        self.runtime = make_runtime(sim, node, behavior)
        self.client = self._client("kubectl")
        self.kubelet = self._new_kubelet()
        self.task: asyncio.Task[None] | None = None

    def _client(self, name: str) -> Client:
        return Client(InProcessTransport(self.sim, self.api, source=f"kubelet/{self.node.name}"), name)

    def _new_kubelet(self) -> Kubelet:
        return Kubelet(self.sim, self._client("kubelet"), self.node, runtime=self.runtime)

    def start(self) -> None:
        self.kubelet = self._new_kubelet()
        self.task = self.sim.loop.create_task(self.kubelet.run())

    async def crash_kubelet(self) -> None:
        assert self.task is not None
        self.task.cancel()
        await asyncio.wait_for(asyncio.gather(self.task, return_exceptions=True), 1)

    async def run_until(self, second: float) -> None:
        """Lets the world run until this virtual second."""
        await asyncio.sleep(second - self.sim.clock.now())

    def bind(self, name: str = "web", containers: Any = None, *, annotations: Any = None, **spec: Any) -> None:
        """A Pod appears, bound to the node."""
        containers = containers or [{"name": "c", "image": "nginx:1.27"}]
        scheduled = {"type": "PodScheduled", "status": "True", "lastProbeTime": None}
        scheduled["lastTransitionTime"] = self.sim.clock.timestamp()
        metadata = {"name": name, "namespace": "default", "generation": 1}
        if annotations:
            metadata["annotations"] = annotations
        defaults = {"nodeName": self.node.name, "restartPolicy": "Always", "terminationGracePeriodSeconds": 30}
        status = {"phase": "Pending", "conditions": [scheduled], "qosClass": "BestEffort"}
        self.api.put(
            PODS, {"metadata": metadata, "spec": {**defaults, "containers": containers, **spec}, "status": status}
        )

    async def delete(self, name: str = "web", grace: int | None = None) -> None:
        await self.client.delete(PODS, name, "default", grace_period_seconds=grace)

    def pod(self, name: str = "web") -> Object | None:
        stored = self.api.objects.get(("pods", f"default/{name}"))
        return stored.object if stored is not None else None

    def status(self, name: str = "web") -> Object:
        pod = self.pod(name)
        assert pod is not None, f"Pod {name} is gone"
        status: Object = pod["status"]
        return status

    def container(self, name: str = "web", number: int = 0) -> Object:
        status: Object = self.status(name)["containerStatuses"][number]
        return status

    def condition(self, kind: str, name: str = "web") -> Object:
        return next(each for each in self.status(name)["conditions"] if each["type"] == kind)

    def node_object(self) -> Object:
        return self.api.objects[NODES.plural, self.node.name].object

    def history(self, name: str = "web") -> list[tuple[float, str, Object]]:
        """(second, ADDED…, object) of every write to a Pod."""
        return [
            (second, kind, stored.object)
            for second, kind, plural, stored in self.api.log
            if plural == "pods" and stored.name == name
        ]

    def events(self, about: str = "") -> list[tuple[float, str, str, str]]:
        """(second, type, reason, message) of every event written, counts as repeats."""
        return [
            (second, stored.object["type"], stored.object["reason"], stored.object["message"])
            for second, _, plural, stored in self.api.log
            if plural == EVENTS.plural and about in ("", stored.object["involvedObject"]["name"])
        ]

    def reasons(self, about: str = "web") -> list[str]:
        return [reason for _, _, reason, _ in self.events(about)]


@pytest.fixture
def new_world() -> Callable[..., World]:
    """Makes a world with a running kubelet: `new_world(sim)`, `behavior="hollow"`, `node=NodeConfig(…)`."""

    def make(sim: Simulation, behavior: Any = EXACT, node: NodeConfig | None = None, *, start: bool = True) -> World:
        images = ("nginx:1.27", "busybox:1.36")
        world = World(sim, node or NodeConfig("node-1", images=images), behavior)
        if start:
            world.start()
        return world

    return make
