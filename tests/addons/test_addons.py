"""Addons: objects that anybody can see, and a component that works behind them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from kubesim.addons import Addons
from kubesim.api.errors import ApiError, BadRequestError, NotFoundError, ServiceUnavailableError
from kubesim.api.extension import NODE_METRICS, POD_METRICS
from kubesim.api.resources import API_SERVICES, DEPLOYMENTS, HORIZONTAL_POD_AUTOSCALERS, PODS
from kubesim.api.stored import Object
from kubesim.api.wire import Options
from kubesim.apiserver.authn import MASTERS, User
from kubesim.cluster import SimCluster
from kubesim.service.control import PREFIX, Control

ADMIN = User("kubernetes-admin", (MASTERS,))
NAME = "v1beta1.metrics.k8s.io"
Ask = Callable[[str, str], Awaitable[dict[str, Any]]]


def asking(cluster: SimCluster) -> Ask:
    control = Control(cluster)
    return lambda method, path: control.handle(ADMIN, method, PREFIX + path, None)


def available(cluster: SimCluster) -> tuple[str, str, str]:
    assert cluster.apiserver is not None
    stored = cluster.apiserver.latest(API_SERVICES, NAME)
    assert stored is not None
    (condition,) = stored.object["status"]["conditions"]
    return condition["status"], condition["reason"], condition["message"]


def pod(name: str, behaviour: str = "{}", **labels: str) -> Object:
    metadata = {"name": name, "labels": labels, "annotations": {"kubesim.dev/behavior": behaviour}}
    containers = [{"name": name, "image": "nginx"} for name in ("first", "second")]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": containers}}


async def test_addons_are_off_until_somebody_wants_them(cluster: SimCluster) -> None:
    """Teaches: a fresh cluster has no metrics API, and says so as a real one does."""
    ask = asking(cluster)
    addon, *_ = (await ask("GET", "addons"))["addons"]
    assert (addon["name"], addon["enabled"]) == ("metrics-server", False)
    with pytest.raises(NotFoundError, match="the server could not find the requested resource"):
        await cluster.client.list(NODE_METRICS)
    with pytest.raises(
        BadRequestError, match='there is no addon "dashboard"; there is metrics-server, default-storageclass'
    ):
        await ask("POST", "addons/dashboard/enable")
    for method, path in (("POST", "addons/metrics-server/restart"), ("GET", "addons/metrics-server/enable")):
        with pytest.raises(NotFoundError, match=f"there is no {method}"):
            await ask(method, path)


async def test_the_api_is_there_when_its_pod_is_ready(cluster: SimCluster) -> None:
    """Teaches: an aggregated API is an APIService, which points to a Service, which points to ready Pods."""
    ask = asking(cluster)
    assert await ask("POST", "addons/metrics-server/enable") == {"name": "metrics-server", "enabled": True}
    await cluster.run_for(0.5)
    words = 'endpoints for service/metrics-server in "kube-system" have no addresses with port name "https"'
    assert available(cluster) == ("False", "MissingEndpoints", words)
    with pytest.raises(ServiceUnavailableError, match=r"unable to handle the request \(list nodes.metrics.k8s.io\)"):
        await cluster.client.list(NODE_METRICS)
    await cluster.run_until(lambda: available(cluster)[1] == "Passed", timeout_seconds=30)
    await cluster.run_for(15)
    names = [item.name for item in (await cluster.client.list(NODE_METRICS)).items]
    assert names == ["node-1", "node-2", "node-3"]
    await cluster.client.delete(PODS, cluster.all(PODS)[0].name, "kube-system")
    await cluster.run_for(0.5)
    assert available(cluster)[1] == "MissingEndpoints"
    await cluster.run_for(10)
    assert available(cluster)[1] == "Passed"


async def test_what_pods_use_is_what_their_behaviour_says(cluster: SimCluster) -> None:
    """Teaches: usage is data, in whole pages of memory; it is read every 15 s, and told per container."""
    ask = asking(cluster)
    await ask("POST", "addons/metrics-server/enable")
    rising = '{"cpuMilli": 5, "memoryBytes": 1048576, "usage": [{"afterSeconds": 40, "cpuMilli": 700}]}'
    await cluster.apply(pod("quiet", '{"cpuMilli": 1, "memoryBytes": 9000}', tier="back"))
    await cluster.apply(pod("rising", rising, tier="front"))
    await cluster.run_for(35)
    options = Options(label_selector="tier=front")
    (metrics,) = (await cluster.client.list(POD_METRICS, "default", options)).items
    assert metrics.object["kind"] == "PodMetrics"
    assert metrics.object["window"] == "15s"
    assert metrics.object["containers"] == [
        {"name": name, "usage": {"cpu": "5m", "memory": "1Mi"}} for name in ("first", "second")
    ]
    await cluster.run_for(25)
    one = await cluster.client.get(POD_METRICS, "rising", "default")
    assert one.object["containers"][0]["usage"] == {"cpu": "700m", "memory": "1Mi"}
    quiet = await cluster.client.get(POD_METRICS, "quiet", "default")
    assert quiet.object["containers"][0]["usage"] == {"cpu": "1m", "memory": "8Ki"}
    with pytest.raises(NotFoundError, match=r'^podmetrics.metrics.k8s.io "default/nope" not found$'):
        await cluster.client.get(POD_METRICS, "nope", "default")
    with pytest.raises(ApiError, match="does not allow this method"):
        await cluster.client.delete(POD_METRICS, "quiet", "default")


async def test_a_node_that_is_off_has_no_metrics(cluster: SimCluster) -> None:
    """Teaches: metrics come from the kubelets."""
    ask = asking(cluster)
    await ask("POST", "addons/metrics-server/enable")
    await cluster.run_for(20)
    carrier = cluster.all(PODS)[0].object["spec"]["nodeName"]
    other = next(node.name for node in cluster.nodes if node.name != carrier)
    cluster.faults.crash(other)
    await cluster.run_for(30)
    assert other not in [item.name for item in (await cluster.client.list(NODE_METRICS)).items]


async def test_the_autoscaler_reads_them(cluster: SimCluster) -> None:
    """Teaches: kubectl autoscale needs the addon; usage is compared with what the containers request."""
    ask = asking(cluster)
    template = pod("web", '{"cpuMilli": 160}', app="web")
    for container in template["spec"]["containers"]:
        container["resources"] = {"requests": {"cpu": "100m"}}
    template = {"metadata": {**template["metadata"], "name": None}, "spec": template["spec"]}
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    await cluster.apply({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec})
    metric = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
    }
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    scaling = {"scaleTargetRef": reference, "minReplicas": 1, "maxReplicas": 4, "metrics": [metric]}
    autoscaler = {"kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"}, "spec": scaling}
    await cluster.apply({"apiVersion": "autoscaling/v2", **autoscaler})
    await cluster.run_for(60)
    assert conditions(cluster)["ScalingActive"]["reason"] == "FailedGetResourceMetric"
    await ask("POST", "addons/metrics-server/enable")
    await cluster.run_for(120)
    assert conditions(cluster)["ScalingActive"]["reason"] == "ValidMetricFound"
    web = cluster.get(DEPLOYMENTS, "default/web")
    assert web is not None
    assert web.object["spec"]["replicas"] == 4


def conditions(cluster: SimCluster) -> dict[str, Object]:
    stored = cluster.get(HORIZONTAL_POD_AUTOSCALERS, "default/web")
    assert stored is not None
    return {condition["type"]: condition for condition in stored.object["status"]["conditions"]}


async def test_what_is_disabled_leaves_nothing_behind(cluster: SimCluster) -> None:
    """Teaches: an addon is its objects; a profile remembers by name which are on."""
    kept: list[tuple[str, ...]] = []
    addons = Addons(cluster, kept.append)
    await addons.restore(("metrics-server", "of-another-version"))
    await cluster.run_for(30)
    await addons.enable("metrics-server")  # Again: nothing happens.
    await addons.disable("metrics-server")
    await addons.disable("metrics-server")
    assert kept == [("metrics-server",), ()]
    await cluster.run_for(60)
    assert cluster.all(PODS) == []
    assert not (await cluster.client.list(API_SERVICES)).items
    assert "metrics-server" not in cluster.faults.targets()
    with pytest.raises(NotFoundError):
        await cluster.client.list(NODE_METRICS)
    await addons.enable("metrics-server")
    await cluster.run_for(30)
    assert (await cluster.client.list(NODE_METRICS)).items
