"""Asks every kubelet each 15 s what its containers use, and answers `kubectl top` and the autoscaler from that.

The real one is a Pod that reads /metrics/resource of each kubelet, keeps two samples in memory and serves the API
metrics.k8s.io, to which an APIService points. Here the Pod of its Deployment stands for it: while that is not ready the
apiserver passes nothing on, but the work is done by this component on the control plane's machine, and the kubelets
are asked for /stats/summary, whose rates need no second sample.
Upstream: sigs.k8s.io/metrics-server. Left out: the history of usage, network and disk, watches.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from operator import attrgetter
from typing import NamedTuple

import orjson

from kubesim.api.errors import ApiError, MethodNotSupportedError, NotFoundError
from kubesim.api.extension import DISCOVER, METRICS_GROUP, NODE_METRICS, POD_METRICS, endpoint_of
from kubesim.api.kubelet_call import KubeletCall, KubeletError
from kubesim.api.resources import NODES, PODS, Resource
from kubesim.api.selectors import parse_label_selector
from kubesim.api.stored import Object, Stored
from kubesim.api.wire import Request, Response
from kubesim.client.client import Client
from kubesim.client.informer import Informer, Informers
from kubesim.client.pod_groups import PodGroups
from kubesim.metrics_server.manifests import NAMESPACE, SERVICE
from kubesim.sim import NetworkError, Simulation, Tasks

RESOLUTION_SECONDS = 15.0  # --metric-resolution
SCRAPE_SECONDS_MAX = 10.0
ENDPOINT = endpoint_of(NAMESPACE, SERVICE)
ALSO_KNOWN_AS = {NODE_METRICS: "nodemetrics", POD_METRICS: "podmetrics"}


class Sample(NamedTuple):
    """What something used when it was asked for."""

    timestamp: str
    usage: dict[str, tuple[int, int]]  # By container ("" for a node): nanocores, bytes.


class MetricsServer:
    """Works through `client`; its endpoint stands on the machine `host`."""

    def __init__(self, sim: Simulation, client: Client, host: str) -> None:
        self._sim = sim
        self._host = host
        self._tasks = Tasks("metrics-server")
        self.informers = Informers(sim, client)
        self._nodes = self.informers.of(NODES)
        self._pods = self.informers.of(PODS)
        self._groups = PodGroups(self._pods)  # Autoscalers ask for the same few Pods again and again.
        self._of_nodes: dict[str, Sample] = {}
        self._of_pods: dict[str, dict[str, Sample]] = {}  # By node, then by UID.

    async def run(self) -> None:
        """Works until cancelled."""
        try:
            self._tasks.spawn(self.informers.run(), "informers")
            await self._nodes.wait_synced()
            await self._pods.wait_synced()
            self._sim.network.attach(ENDPOINT, self._host, self.handle)
            while True:
                await self._scrape()
                await asyncio.sleep(RESOLUTION_SECONDS)
        finally:
            self._sim.network.detach(ENDPOINT)
            await self._tasks.stop()

    # -- asking the kubelets ------------------------------------------------------------------------------

    async def _scrape(self) -> None:
        """All nodes side by side; one that does not answer has no metrics until it does."""
        names = [node.name for node in self._nodes.list()]
        for gone in [name for name in self._of_nodes if name not in names]:
            self._forget(gone)
        for name in names:
            self._tasks.spawn(self._scrape_node(name), f"scrape/{name}")

    async def _scrape_node(self, name: str) -> None:
        try:
            async with asyncio.timeout(SCRAPE_SECONDS_MAX):
                session = await self._sim.network.request(
                    "metrics-server", f"kubelet/{name}", KubeletCall("stats/summary")
                )
                chunks = []
                while (frame := await session.receive()) is not None:
                    chunks.append(frame.data)
        except (NetworkError, KubeletError, TimeoutError):
            self._forget(name)
            return
        summary = orjson.loads(b"".join(chunks))
        node = summary["node"]
        self._of_nodes[name] = Sample(node["cpu"]["time"], {"": used_by(node)})
        self._of_pods[name] = {
            pod["podRef"]["uid"]: Sample(
                node["cpu"]["time"], {container["name"]: used_by(container) for container in pod["containers"]}
            )
            for pod in summary["pods"]
            if pod["containers"]
        }

    def _forget(self, node: str) -> None:
        self._of_nodes.pop(node, None)
        self._of_pods.pop(node, None)

    # -- answering ----------------------------------------------------------------------------------------

    async def handle(self, message: Request | str) -> object:
        """What the apiserver passes on."""
        if message == DISCOVER:
            return (NODE_METRICS, POD_METRICS)
        assert isinstance(message, Request), "an apiserver sends requests"
        if message.verb == "get":
            return self._get(message)
        if message.verb == "list":
            return self._list(message)
        raise MethodNotSupportedError("the server does not allow this method on the requested resource")

    def _get(self, request: Request) -> Response:
        key = f"{request.namespace}/{request.name}" if request.namespace else request.name
        about = self._source(request.resource).get(key)
        metrics = self._metrics(request.resource, about) if about is not None else None
        if metrics is None:
            raise self._not_found(request.resource, key)
        return Response(200, metrics)

    def _list(self, request: Request) -> Response:
        options = request.options
        try:
            selector = parse_label_selector(options.label_selector)
        except ValueError as error:
            raise ApiError(str(error)) from None
        field, _, value = options.field_selector.replace("==", "=").partition("=")
        if request.resource == POD_METRICS and request.namespace and options.label_selector:
            groups = self._groups.groups(request.namespace, options.label_selector, selector)
            candidates: Sequence[Stored] = self._groups.pods(request.namespace, groups)
        else:
            candidates = self._source(request.resource).list(request.namespace)
        found = [
            about
            for about in candidates
            if selector.matches(about.object["metadata"].get("labels"))
            and (field not in ("metadata.name", "metadata.namespace") or getattr(about, field[9:]) == value)
        ]
        found.sort(key=attrgetter("key"))
        items = [metrics for about in found if (metrics := self._metrics(request.resource, about)) is not None]
        return Response(200, items=items)

    def _source(self, resource: Resource) -> Informer:
        return self._nodes if resource == NODE_METRICS else self._pods

    def _metrics(self, resource: Resource, about: Stored) -> Stored | None:
        """The NodeMetrics or PodMetrics of a Node or Pod, None if there are none."""
        if resource == NODE_METRICS:
            sample = self._of_nodes.get(about.name)
        else:
            sample = self._of_pods.get(about.object["spec"].get("nodeName", ""), {}).get(about.uid)
        if sample is None:
            return None
        metadata = {"name": about.name, "creationTimestamp": self._sim.clock.timestamp()}
        if about.namespace:
            metadata["namespace"] = about.namespace
        if labels := about.object["metadata"].get("labels"):
            metadata["labels"] = labels
        obj: Object = {
            "kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata,
            "timestamp": sample.timestamp, "window": f"{RESOLUTION_SECONDS:g}s",
        }  # fmt: skip
        if resource == NODE_METRICS:
            obj["usage"] = usage_of(*sample.usage[""])
        else:
            obj["containers"] = [{"name": name, "usage": usage_of(*used)} for name, used in sample.usage.items()]
        return Stored(0, obj)

    def _not_found(self, resource: Resource, key: str) -> NotFoundError:
        plural = ALSO_KNOWN_AS[resource]
        details = {"name": key, "group": METRICS_GROUP, "kind": plural}
        return NotFoundError(f'{plural}.{METRICS_GROUP} "{key}" not found', details)


def used_by(stats: Object) -> tuple[int, int]:
    """Nanocores and bytes of an entry of a summary."""
    return stats["cpu"]["usageNanoCores"], stats["memory"]["workingSetBytes"]


def usage_of(nanocores: int, memory_bytes: int) -> Object:
    """As quantities."""
    return {"cpu": nanocores_quantity(nanocores), "memory": bytes_quantity(memory_bytes)}


def nanocores_quantity(nanocores: int) -> str:
    """The shortest: `250m`, `1`, `1500u`, `7n`."""
    for suffix, unit in (("", 10**9), ("m", 10**6), ("u", 10**3)):
        if nanocores % unit == 0:
            return f"{nanocores // unit}{suffix}" if nanocores else "0"
    return f"{nanocores}n"


def bytes_quantity(memory_bytes: int) -> str:
    """In the largest binary unit of which it is a multiple."""
    for suffix, unit in (("Gi", 1 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10)):
        if memory_bytes and memory_bytes % unit == 0:
            return f"{memory_bytes // unit}{suffix}"
    return str(memory_bytes)
