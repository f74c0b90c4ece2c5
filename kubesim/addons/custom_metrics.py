"""An adapter for custom and external metrics: what a Prometheus adapter is on a real cluster.

Its figures come from what anybody can write: the annotation `metrics.kubesim.dev/NAME` of a Pod or other object is that
object's metric NAME; an entry NAME of the ConfigMap `external-metrics` in the asker's namespace is an external one.
Upstream: sigs.k8s.io/custom-metrics-apiserver. Left out: series over time, labels of external metrics;
discovery names one resource for all.
"""

from __future__ import annotations

from kubesim.api.errors import ApiError, MethodNotSupportedError, NotFoundError
from kubesim.api.extension import (
    CUSTOM_METRICS_GROUP,
    CUSTOM_METRICS_VERSION,
    DISCOVER,
    EXTERNAL_METRICS_GROUP,
    EXTERNAL_METRICS_VERSION,
    custom_metric_of,
    endpoint_of,
    external_metric,
)
from kubesim.api.quantity import parse
from kubesim.api.resources import CONFIG_MAPS, PODS, Resource, find_resource
from kubesim.api.selectors import parse_label_selector
from kubesim.api.stored import Object, Stored
from kubesim.api.wire import Request, Response
from kubesim.client.client import Client
from kubesim.client.informer import Informers
from kubesim.sim import Simulation, Tasks

NAME, NAMESPACE = "custom-metrics-adapter", "kube-system"
ENDPOINT = endpoint_of(NAMESPACE, NAME)
PREFIX = "metrics.kubesim.dev/"
EXTERNAL = "external-metrics"
APP = {"app": NAME}


def _api_service(group: str, version: str) -> Object:
    return {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": f"{version}.{group}"},
        "spec": {
            "group": group, "version": version, "groupPriorityMinimum": 100, "versionPriority": 100,
            "insecureSkipTLSVerify": True, "service": {"name": NAME, "namespace": NAMESPACE, "port": 443},
        },
    }  # fmt: skip


OBJECTS: tuple[Object, ...] = (
    {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": NAME, "namespace": NAMESPACE},
        "spec": {"selector": APP, "ports": [{"name": "https", "port": 443, "targetPort": 6443}]},
    },
    {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": NAME, "namespace": NAMESPACE, "labels": APP},
        "spec": {
            "selector": {"matchLabels": APP},
            "template": {
                "metadata": {"labels": APP},
                "spec": {
                    "containers": [
                        {
                            "name": "adapter",
                            "image": "registry.k8s.io/prometheus-adapter/prometheus-adapter:v0.12.0",
                            "ports": [{"containerPort": 6443}],
                        }
                    ]
                },
            },
        },
    },
    _api_service(CUSTOM_METRICS_GROUP, CUSTOM_METRICS_VERSION),
    _api_service(EXTERNAL_METRICS_GROUP, EXTERNAL_METRICS_VERSION),
)


class CustomMetricsAdapter:
    """Works through `client`; its endpoint stands on the machine `host`."""

    def __init__(self, sim: Simulation, client: Client, host: str) -> None:
        self._sim = sim
        self._client = client
        self._host = host
        self._tasks = Tasks(NAME)
        self.informers = Informers(sim, client)
        self._pods = self.informers.of(PODS)

    async def run(self) -> None:
        """Works until cancelled."""
        try:
            self._tasks.spawn(self.informers.run(), "informers")
            await self._pods.wait_synced()
            self._sim.network.attach(ENDPOINT, self._host, self.handle)
            await self._sim.loop.create_future()
        finally:
            self._sim.network.detach(ENDPOINT)
            await self._tasks.stop()

    async def handle(self, message: Request | str) -> object:
        """What the apiserver passes on."""
        if message == DISCOVER:
            return (custom_metric_of(PODS), external_metric("externalmetrics"))
        assert isinstance(message, Request), "an apiserver sends requests"
        if message.resource.group == EXTERNAL_METRICS_GROUP and message.verb == "list":
            return await self._external(message)
        if message.verb == "get":
            return await self._custom(message)
        raise MethodNotSupportedError("the server does not allow this method on the requested resource")

    async def _external(self, request: Request) -> Response:
        name = request.resource.plural
        try:
            config = await self._client.get(CONFIG_MAPS, EXTERNAL, request.namespace)
        except NotFoundError:
            return Response(200, items=())
        text = (config.object.get("data") or {}).get(name)
        if text is None:
            return Response(200, items=())
        return Response(200, items=(self._item({"metricName": name, "metricLabels": {}}, text),))

    async def _custom(self, request: Request) -> Response:
        plural, metric = request.resource.plural, request.subresource
        found = find_resource(plural)
        if found is PODS and request.name == "*":
            selector = parse_label_selector(request.options.label_selector)
            about = [
                pod
                for pod in sorted(self._pods.list(request.namespace), key=lambda one: one.name)
                if selector.matches(pod.object["metadata"].get("labels"))
            ]
        else:
            about = await self._one(found, request)
        items = [
            self._item({"describedObject": reference(one), "metric": {"name": metric}}, text)
            for one in about
            if (text := (one.object["metadata"].get("annotations") or {}).get(PREFIX + metric)) is not None
        ]
        if not items:
            name = "" if request.name == "*" else f" {request.name}"
            raise NotFoundError(f"the server could not find the metric {metric} for {plural}{name}")
        return Response(200, items=tuple(items))

    async def _one(self, resource: Resource | None, request: Request) -> list[Stored]:
        if resource is None:
            return []
        try:
            return [await self._client.get(resource, request.name, request.namespace)]
        except NotFoundError:
            return []

    def _item(self, fields: Object, text: str) -> Stored:
        try:
            parse(text)
        except ValueError:
            raise ApiError(f'the value "{text}" of a metric is no quantity') from None
        return Stored(0, {"metadata": {"name": ""}, **fields, "timestamp": self._sim.clock.timestamp(), "value": text})


def reference(stored: Stored) -> Object:
    """What a metric is about."""
    obj = stored.object
    return {
        "kind": obj.get("kind", ""), "namespace": stored.namespace, "name": stored.name,
        "apiVersion": obj.get("apiVersion", "v1"),
    }  # fmt: skip
