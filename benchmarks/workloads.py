"""Whole clusters at work: a rolling update, a rack that is drained, many autoscalers, and what idle objects cost.

All parts run, with hollow kubelets. Measured is the processor time of the only thread.
"""

from __future__ import annotations

from time import process_time

from benchmarks.measure import Figure
from kubesim.addons import Addons
from kubesim.api.resources import DEPLOYMENTS, HORIZONTAL_POD_AUTOSCALERS, PODS
from kubesim.api.stored import Object
from kubesim.cluster import SimCluster
from kubesim.sim import Tasks, run

REPLICAS = 1000
RACK, RACK_PODS = 50, 10
AUTOSCALERS = 500
IDLE = 500
LIMIT_SECONDS = 7200


def rollout(nodes: int = 100) -> list[Figure]:
    """A Deployment of 1,000 gets another image."""

    async def main() -> tuple[float, float]:
        async with SimCluster(nodes, behavior="hollow") as cluster:
            await cluster.kubectl.run(f"create deployment web --image=nginx:1 --replicas={REPLICAS}")
            await rolled_out(cluster, "web")
            began, at = process_time(), cluster.sim.clock.now()
            await cluster.kubectl.run("set image deployment/web nginx=nginx:2")
            await rolled_out(cluster, "web")
            return process_time() - began, cluster.sim.clock.now() - at

    seconds, virtual = run(main)
    what = f"rolling update of {REPLICAS:,} replicas on {nodes} nodes"
    return [Figure(what, REPLICAS / seconds, "Pods per s"), Figure("the same, virtual time", virtual, "s")]


async def rolled_out(cluster: SimCluster, name: str) -> None:
    """Waits until a Deployment is as it should be."""
    await cluster.run_for(0.001)  # What was just asked for counts.
    await cluster.run_until(lambda: is_rolled_out(cluster, name), timeout_seconds=LIMIT_SECONDS)


def is_rolled_out(cluster: SimCluster, name: str) -> bool:
    """Whether all replicas are new and available."""
    stored = cluster.get(DEPLOYMENTS, f"default/{name}")
    if stored is None:
        return False
    status, metadata = stored.object.get("status") or {}, stored.object["metadata"]
    wanted = stored.object["spec"]["replicas"]
    counts = [status.get(field, 0) for field in ("replicas", "updatedReplicas", "availableReplicas")]
    return status.get("observedGeneration") == metadata["generation"] and counts == [wanted] * 3


def rack(nodes: int = 250) -> list[Figure]:
    """50 of 250 nodes are drained at once; their Pods have to run elsewhere."""
    pods = nodes * RACK_PODS

    async def main() -> tuple[int, float]:
        async with SimCluster(nodes, behavior="hollow") as cluster:
            await cluster.kubectl.run(f"create deployment web --image=nginx --replicas={pods}")
            await rolled_out(cluster, "web")
            drained = [f"node-{number}" for number in range(1, RACK + 1)]
            moved = sum(pod.object["spec"]["nodeName"] in drained for pod in cluster.all(PODS))
            began = process_time()
            async with Tasks("drain") as tasks:
                drains = [tasks.spawn(cluster.kubectl.run(f"drain {name}"), name) for name in drained]
                for drain in drains:
                    await drain
                await rolled_out(cluster, "web")
            return moved, process_time() - began

    moved, seconds = run(main)
    return [Figure(f"a rack of {RACK} of {nodes} nodes drained: Pods moved", moved / seconds, "Pods per s")]


def autoscalers(nodes: int = 50, virtual_seconds: float = 30) -> list[Figure]:
    """500 Deployments, each with an autoscaler that looks at the metrics every 15 seconds."""

    async def main() -> float:
        async with SimCluster(nodes, behavior="hollow") as cluster:
            await Addons(cluster).enable("metrics-server")
            for number in range(AUTOSCALERS):
                await cluster.client.create(DEPLOYMENTS, deployment(f"web-{number}"), "default")
                await cluster.client.create(HORIZONTAL_POD_AUTOSCALERS, autoscaler(f"web-{number}"), "default")
            await cluster.run_for(45)
            began = process_time()
            await cluster.run_for(virtual_seconds)
            return virtual_seconds / (process_time() - began)

    return [Figure(f"{AUTOSCALERS} autoscalers on {nodes} nodes", run(main), "virtual s per s")]


def idle_objects(nodes: int = 20) -> list[Figure]:
    """What it costs to scale one Deployment, beside no others and beside many that do nothing."""
    alone, beside = (run(lambda others=others: scaling(nodes, others)) for others in (0, IDLE))
    return [
        Figure("a Pod of a Deployment that is scaled up and down", alone * 1e6, "µs"),
        Figure(f"the same beside {IDLE} idle Deployments", beside * 1e6, "µs"),
        Figure("the second to the first", beside / alone, "times", "≤", 1.5),
    ]


async def scaling(nodes: int, others: int) -> float:
    """Seconds for each Pod that comes and goes again."""
    async with SimCluster(nodes, behavior="hollow") as cluster:
        for number in range(others):
            await cluster.client.create(DEPLOYMENTS, deployment(f"idle-{number}"), "default")
        await cluster.client.create(DEPLOYMENTS, deployment("web"), "default")
        await cluster.settle()
        began = process_time()
        for _ in range(4):
            for replicas in (100, 1):
                await cluster.kubectl.run(f"scale deployment/web --replicas={replicas}")
                await rolled_out(cluster, "web")
        return (process_time() - began) / 400


def deployment(name: str, replicas: int = 1) -> Object:
    """A small Deployment."""
    container = {"name": "c", "image": "nginx:1", "resources": {"requests": {"cpu": "10m"}}}
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def autoscaler(name: str) -> Object:
    """An autoscaler of a Deployment of the same name."""
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    metric = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
    }
    spec = {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 3, "metrics": [metric]}
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": name}, "spec": spec}
