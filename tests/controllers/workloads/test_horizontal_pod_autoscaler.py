"""Autoscalers against a real apiserver, with and without a metrics API."""

from __future__ import annotations

from typing import Any

from kubesim.api.resources import DEPLOYMENTS, HORIZONTAL_POD_AUTOSCALERS, PODS
from kubesim.api.stored import Object, Stored
from kubesim.api.wire import Request, Response
from kubesim.controllers.deployment import DeploymentController
from kubesim.controllers.horizontal_pod_autoscaler import HorizontalPodAutoscalerController
from kubesim.controllers.pod_metrics import POD_METRICS
from kubesim.controllers.replica_set import ReplicaSetController
from kubesim.sim import Simulation

CONTROLLERS = (DeploymentController, ReplicaSetController, HorizontalPodAutoscalerController)


def with_metrics(world: Any, cpu: str) -> None:
    """Puts a metrics API before the apiserver: every Pod uses as much."""
    plain = world.handle

    async def handle(request: Request) -> Response:
        if request.resource is not POD_METRICS:
            answer: Response = await plain(request)
            return answer
        items = [
            Stored(1, {
                "metadata": {"name": pod.name, "namespace": pod.namespace},
                "timestamp": world.sim.clock.timestamp(), "window": "15s",
                "containers": [{"name": "c", "usage": {"cpu": cpu}}],
            })
            for pod in world.all(PODS)
        ]  # fmt: skip
        return Response(200, items=tuple(items), revision=1)

    world.handle = handle


def autoscaler(name: str = "web", **spec: Any) -> Object:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    metric = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}
    wanted = {"scaleTargetRef": target, "maxReplicas": 6, "metrics": [{"type": "Resource", "resource": metric}]}
    return {"metadata": {"name": name, "namespace": "default"}, "spec": {**wanted, **spec}}


async def status_of(world: Any) -> Object:
    status: Object = (await world.client.get(HORIZONTAL_POD_AUTOSCALERS, "web", "default")).object["status"]
    return status


async def world_with_pods(world: Any, make_deployment: Any) -> None:
    made = make_deployment(2)
    made["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "100m"}}
    await world.client.create(DEPLOYMENTS, made)
    await world.run_for(2)
    for pod in world.all(PODS):  # A kubelet says when a Pod began; else its cpu counts as that of its start.
        status = {**pod.object["status"], "startTime": "2024-01-13T08:00:00Z"}
        await world.client.update_status(PODS, {**pod.object, "status": status})


async def test_busy_pods_get_company(sim: Simulation, make_world: Any, make_deployment: Any) -> None:
    """Teaches: every 15 s; conditions, metrics and event of a scale-up."""
    async with make_world(sim, CONTROLLERS) as world:
        with_metrics(world, "80m")
        await world_with_pods(world, make_deployment)
        await world.client.create(HORIZONTAL_POD_AUTOSCALERS, autoscaler())
        assert await status_of(world) == {"desiredReplicas": 0, "currentMetrics": None}
        await world.run_for(14.9)
        assert world.one(DEPLOYMENTS, "web")["spec"]["replicas"] == 2
        await world.run_for(0.2)
        assert world.one(DEPLOYMENTS, "web")["spec"]["replicas"] == 4
        status = await status_of(world)
        assert (status["currentReplicas"], status["desiredReplicas"]) == (2, 4)
        current = {"averageUtilization": 80, "averageValue": "80m"}
        assert status["currentMetrics"] == [{"type": "Resource", "resource": {"name": "cpu", "current": current}}]
        assert [(each["type"], each["reason"]) for each in status["conditions"]] == [
            ("AbleToScale", "SucceededRescale"),
            ("ScalingActive", "ValidMetricFound"),
            ("ScalingLimited", "DesiredWithinRange"),
        ]
        words = "New size: 4; reason: cpu resource utilization (percentage of request) above target"
        assert world.events("SuccessfulRescale") == [words]


async def test_a_target_that_is_not_there_is_said_to_be_missing(sim: Simulation, make_world: Any) -> None:
    """Teaches: FailedGetScale, in the apiserver's words, and for kinds that nobody knows."""
    async with make_world(sim, (HorizontalPodAutoscalerController,)) as world:
        await world.client.create(HORIZONTAL_POD_AUTOSCALERS, autoscaler())
        unknown = {"apiVersion": "apps/v1", "kind": "Nothing", "name": "x"}
        await world.client.create(HORIZONTAL_POD_AUTOSCALERS, autoscaler("odd", scaleTargetRef=unknown))
        await world.run_for(16)
        assert sorted(world.events("FailedGetScale")) == [
            'deployments/scale.apps "web" not found',
            'no matches for kind "Nothing" in group "apps"',
        ]
        (condition,) = (await status_of(world))["conditions"]
        assert (condition["type"], condition["status"], condition["reason"]) == (
            "AbleToScale",
            "False",
            "FailedGetScale",
        )
