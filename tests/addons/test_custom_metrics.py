"""Autoscalers that go by metrics of Pods, of other objects and of the outside world; and what is said without them."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.addons import Addons
from kubesim.api.resources import CONFIG_MAPS, DEPLOYMENTS, EVENTS, HORIZONTAL_POD_AUTOSCALERS, PODS, SERVICES
from kubesim.api.stored import Object
from kubesim.cluster import SimCluster

RATE = "http_requests"


def autoscaler(metric: Object) -> Object:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    spec = {"scaleTargetRef": target, "maxReplicas": 8, "metrics": [metric]}
    metadata = {"name": "web", "namespace": "default"}
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": metadata, "spec": spec}


def of_pods(target: str = "10") -> Object:
    return {
        "type": "Pods",
        "pods": {"metric": {"name": RATE}, "target": {"type": "AverageValue", "averageValue": target}},
    }


def of_service(kind: str = "Value", field: str = "value", target: str = "100") -> Object:
    about = {"apiVersion": "v1", "kind": "Service", "name": "web"}
    return {
        "type": "Object",
        "object": {"describedObject": about, "metric": {"name": RATE}, "target": {"type": kind, field: target}},
    }


def of_queue(kind: str = "AverageValue", field: str = "averageValue", target: str = "30") -> Object:
    selector = {"matchLabels": {"queue": "mail"}}
    source = {"metric": {"name": "queue_length", "selector": selector}, "target": {"type": kind, field: target}}
    return {"type": "External", "external": source}


async def begin(cluster: SimCluster, metric: Object, *, adapter: bool = True) -> None:
    if adapter:
        await Addons(cluster).enable("custom-metrics")
    await cluster.kubectl.run("create deployment web --image=nginx --replicas=2")
    spec = {"selector": {"app": "web"}, "ports": [{"port": 80}]}
    await cluster.apply({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": spec})
    await cluster.run_for(30)
    await cluster.apply(autoscaler(metric))


async def annotate(cluster: SimCluster, value: str) -> None:
    patch = {"metadata": {"annotations": {f"metrics.kubesim.dev/{RATE}": value}}}
    for pod in cluster.all(PODS):
        if pod.namespace == "default":
            await cluster.client.merge_patch(PODS, pod.name, patch, "default")
    await cluster.client.merge_patch(SERVICES, "web", patch, "default")


def status(cluster: SimCluster) -> Object:
    stored = cluster.get(HORIZONTAL_POD_AUTOSCALERS, "default/web")
    assert stored is not None
    found: Object = stored.object["status"]
    return found


def said(cluster: SimCluster) -> list[tuple[str, str]]:
    found = [one.object for one in cluster.all(EVENTS)]
    return sorted(
        (one["reason"], one["message"])
        for one in found
        if one["involvedObject"]["kind"] == "HorizontalPodAutoscaler"
    )  # fmt: skip


def replicas(cluster: SimCluster) -> int:
    stored = cluster.get(DEPLOYMENTS, "default/web")
    assert stored is not None
    found: int = stored.object["spec"]["replicas"]
    return found


async def test_the_average_of_a_metric_of_the_pods(cluster: SimCluster) -> None:
    """Teaches: 20 requests a Pod where 10 are wanted: four Pods instead of two, at the first look after 15 s."""
    await begin(cluster, of_pods())
    await annotate(cluster, "20")
    await cluster.run_for(14.9)
    assert replicas(cluster) == 2
    await cluster.run_for(0.2)
    assert replicas(cluster) == 4
    assert said(cluster) == [("SuccessfulRescale", f"New size: 4; reason: pods metric {RATE} above target")]
    assert status(cluster)["currentMetrics"] == [
        {"type": "Pods", "pods": {"metric": {"name": RATE}, "current": {"averageValue": "20"}}}
    ]


async def test_a_metric_of_another_object(cluster: SimCluster) -> None:
    """Teaches: 150 where 100 are wanted: half as many Pods again; the Pods themselves need not say anything."""
    await begin(cluster, of_service())
    await annotate(cluster, "150")
    await cluster.run_for(16)
    assert replicas(cluster) == 3
    assert said(cluster) == [("SuccessfulRescale", f"New size: 3; reason: Service metric {RATE} above target")]
    (shown,) = status(cluster)["currentMetrics"]
    assert shown["object"]["current"] == {"value": "150"}


async def test_a_metric_of_another_object_for_each_pod(cluster: SimCluster) -> None:
    """Teaches: 100 requests at 25 a Pod are four Pods."""
    await begin(cluster, of_service("AverageValue", "averageValue", "25"))
    await annotate(cluster, "100")
    await cluster.run_for(16)
    assert replicas(cluster) == 4
    (shown,) = status(cluster)["currentMetrics"]
    assert shown["object"]["current"] == {"averageValue": "50"}


@pytest.mark.parametrize(
    ("metric", "wanted", "current"),
    [
        (of_queue(), 4, {"averageValue": "60"}),
        (of_queue("Value", "value", "60"), 4, {"value": "120"}),
        (of_queue("Value", "value", "115"), 2, {"value": "120"}),
    ],
)
async def test_a_metric_from_outside(cluster: SimCluster, metric: Object, wanted: int, current: Object) -> None:
    """Teaches: the length of a queue, for each Pod or as a whole; within a tenth of the target nothing changes."""
    await begin(cluster, metric)
    queue = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "external-metrics", "namespace": "default"}}
    await cluster.client.create(CONFIG_MAPS, {**queue, "data": {"queue_length": "120"}})
    await cluster.run_for(16)
    assert replicas(cluster) == wanted
    (shown,) = status(cluster)["currentMetrics"]
    assert shown["external"]["current"] == current
    if wanted != 2:
        words = f"New size: {wanted}; reason: external metric queue_length({SELECTOR}) above target"
        assert said(cluster) == [("SuccessfulRescale", words)]


FETCH = "unable to fetch metrics from"
NO_API = f"{FETCH} custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered"
UNKNOWN = f"{FETCH} custom metrics API: the server could not find the metric {RATE} for"
SELECTOR = "&LabelSelector{MatchLabels:map[string]string{queue: mail,},MatchExpressions:[]LabelSelectorRequirement{},}"
OUTSIDE = f"unable to get external metric default/queue_length/{SELECTOR}:"
NOT_SERVED = f"{FETCH} external metrics API: the server could not find the requested resource"


@pytest.mark.parametrize(
    ("metric", "adapter", "reason", "words"),
    [
        (of_pods(), False, "FailedGetPodsMetric", f"unable to get metric {RATE}: {NO_API}"),
        (of_pods(), True, "FailedGetPodsMetric", f"unable to get metric {RATE}: {UNKNOWN} pods"),
        (of_service(), False, "FailedGetObjectMetric", f"unable to get metric {RATE}: Service on default web/{NO_API}"),
        (
            of_service(), True, "FailedGetObjectMetric",
            f"unable to get metric {RATE}: Service on default web/{UNKNOWN} services web",
        ),
        (
            of_queue(), False, "FailedGetExternalMetric",
            f"{OUTSIDE} {NOT_SERVED} (get queue_length.external.metrics.k8s.io)",
        ),
        (of_queue(), True, "FailedGetExternalMetric", f"{OUTSIDE} no metrics returned from external metrics API"),
    ],
)  # fmt: skip
async def test_what_is_said_when_there_is_no_such_metric(
    cluster: SimCluster, metric: Object, adapter: bool, reason: str, words: str
) -> None:
    """Teaches: no adapter, or an adapter that does not know the metric; nothing is scaled then."""
    await begin(cluster, metric, adapter=adapter)
    await cluster.run_for(16)
    assert (reason, words) in said(cluster)
    conditions: list[Any] = [one for one in status(cluster)["conditions"] if one["type"] == "ScalingActive"]
    assert (conditions[0]["status"], conditions[0]["reason"]) == ("False", reason)
    assert conditions[0]["message"] == f"the HPA was unable to compute the replica count: {words}"
    assert replicas(cluster) == 2
