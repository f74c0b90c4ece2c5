"""A machine that is shut down: with and without a kubelet that holds it up."""

from __future__ import annotations

from typing import Any

import msgspec

from kubesim.api.resources import EVENTS, NODES, PODS
from kubesim.cluster import SimCluster
from kubesim.kubelet import KubeletConfiguration, PriorityGrace, default_nodes


def nodes(**fields: Any) -> tuple[Any, ...]:
    configuration = KubeletConfiguration(**fields)
    return tuple(msgspec.structs.replace(node, configuration=configuration) for node in default_nodes(2))


def pod(name: str, behavior: str = "", **spec: Any) -> dict[str, Any]:
    annotations = {"kubesim.dev/behavior": behavior} if behavior else {}
    containers = [{"name": "c", "image": "nginx:1.29"}]
    metadata = {"name": name, "namespace": "default", "annotations": annotations}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata,
            "spec": {"nodeName": "node-1", "containers": containers, **spec}}  # fmt: skip


def status(cluster: SimCluster, name: str) -> dict[str, Any]:
    found = cluster.get(PODS, f"default/{name}")
    assert found is not None
    answer: dict[str, Any] = found.object["status"]
    return answer


def ended(cluster: SimCluster, name: str) -> float:
    """Seconds since the beginning of time at which its container ended."""
    date = status(cluster, name)["containerStatuses"][0]["state"]["terminated"]["finishedAt"]
    return cluster.sim.clock.now() - cluster.sim.clock.since(date)


def ready(cluster: SimCluster) -> dict[str, Any]:
    found = cluster.get(NODES, "node-1")
    assert found is not None
    condition: dict[str, Any] = next(each for each in found.object["status"]["conditions"] if each["type"] == "Ready")
    return condition


async def test_pods_end_before_the_machine_does() -> None:
    """Teaches: shutdownGracePeriod; the Pods are Failed with reason Terminated, the node says why it is not ready."""
    async with SimCluster(nodes(shutdown_grace_period=30, shutdown_grace_period_critical_pods=10), seed=1) as cluster:
        await cluster.apply(pod("quick"))
        await cluster.apply(pod("slow", '{"stopSeconds": 15}'))
        await cluster.apply(pod("stubborn", '{"stopSeconds": null}'))
        await cluster.apply(pod("critical", priorityClassName="system-node-critical"))
        await cluster.run_for(20)
        began = cluster.sim.clock.now()
        await cluster.faults.stop("node-1")
        assert 20 <= cluster.sim.clock.now() - began <= 20.5
        message = "Pod was terminated in response to imminent node shutdown."
        for name in ("quick", "slow", "stubborn", "critical"):
            found = status(cluster, name)
            assert (found["phase"], found["reason"], found["message"]) == ("Failed", "Terminated", message), name
            condition = next(each for each in found["conditions"] if each["type"] == "DisruptionTarget")
            assert (condition["reason"], condition["message"]) == ("TerminationByKubelet", message)
        codes = [
            status(cluster, name)["containerStatuses"][0]["state"]["terminated"]["exitCode"]
            for name in ("quick", "slow", "stubborn")
        ]
        assert codes == [0, 0, 137]
        assert ended(cluster, "critical") >= began + 19  # After all the others.
        assert (ready(cluster)["reason"], ready(cluster)["message"]) == ("KubeletNotReady", "node is shutting down")
        reasons = [each.object["reason"] for each in cluster.all(EVENTS)]
        assert {"NodeShutdown", "NodeNotReady"} <= set(reasons)


async def test_a_node_that_shuts_down_takes_no_pods() -> None:
    """Teaches: NodeShutdown."""
    async with SimCluster(nodes(shutdown_grace_period=30), seed=1) as cluster:
        await cluster.apply(pod("slow", '{"stopSeconds": 15}'))
        await cluster.run_for(20)
        stopping = cluster.sim.loop.create_task(cluster.faults.stop("node-1"))
        await cluster.run_for(5)
        await cluster.apply(pod("late"))
        await cluster.run_for(1)
        found = status(cluster, "late")
        assert (found["phase"], found["reason"]) == ("Failed", "NodeShutdown")
        assert found["message"] == "Pod was rejected: Pod was rejected as the node is shutting down."
        await stopping


async def test_priorities_can_have_shares_of_their_own() -> None:
    """Teaches: shutdownGracePeriodByPodPriority."""
    shares = (PriorityGrace(0, 5), PriorityGrace(1000, 8))
    configuration = {"shutdown_grace_period_by_pod_priority": shares}
    async with SimCluster(nodes(**configuration), seed=1) as cluster:
        await cluster.apply(
            {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "high"}, "value": 1000}
        )
        await cluster.apply(pod("low", '{"stopSeconds": null}'))
        await cluster.apply(pod("high", '{"stopSeconds": null}', priorityClassName="high"))
        await cluster.run_for(20)
        began = cluster.sim.clock.now()
        await cluster.faults.stop("node-1")
        assert [round(ended(cluster, name) - began) for name in ("low", "high")] == [5, 13]


async def test_without_a_grace_period_nobody_is_told() -> None:
    """Teaches: the default: the control plane hears of it by silence."""
    async with SimCluster(nodes(), seed=1) as cluster:
        await cluster.apply(pod("web"))
        await cluster.run_for(20)
        began = cluster.sim.clock.now()
        await cluster.faults.stop("node-1")
        assert cluster.sim.clock.now() == began
        assert status(cluster, "web")["phase"] == "Running"
        await cluster.run_for(60)
        assert ready(cluster)["status"] == "Unknown"
