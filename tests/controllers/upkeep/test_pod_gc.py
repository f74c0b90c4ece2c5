"""Tests of kubesim.controllers.pod_gc, against a real apiserver."""

from typing import Any

from kubesim.api.resources import NODES, PODS
from kubesim.controllers.pod_gc import PodGarbageCollector
from kubesim.sim import Simulation

CONTROLLERS = (PodGarbageCollector,)


def fate(pod: dict[str, Any]) -> str:
    return "deleting" if "deletionTimestamp" in pod["metadata"] else pod["status"]["phase"]


async def test_pods_of_a_node_that_is_gone_go_after_forty_seconds_of_quarantine(sim: Simulation, plane: Any) -> None:
    """Teaches: the sweep at 20 s misses the node, the one at 60 s is the first after the quarantine."""
    async with plane(sim, CONTROLLERS) as cluster:
        await cluster.node("node-1")
        await cluster.pod("web-1", "node-1", ready="True")
        await cluster.at(12)
        await cluster.client.delete(NODES, "node-1")
        await cluster.at(100)
        assert cluster.story("web-1", fate)[-3:] == [(60.0, "Failed"), (60.0, "deleting"), (60.0, None)]
        (failed,) = [
            s.object for _, _, s in cluster.seen if s.name == "web-1" and s.object["status"]["phase"] == "Failed"
        ][:1]
        condition = failed["status"]["conditions"][-1]
        assert (condition["reason"], condition["message"]) == ("DeletionByPodGC", "PodGC: node no longer exists")


async def test_a_node_that_comes_back_in_time_keeps_its_pods(sim: Simulation, plane: Any) -> None:
    """Teaches: the quarantine is for caches that lag and kubelets that register again."""
    async with plane(sim, CONTROLLERS) as cluster:
        await cluster.node("node-1", beating=False)
        await cluster.pod("web-1", "node-1", ready="True")
        await cluster.at(12)
        await cluster.client.delete(NODES, "node-1")
        await cluster.at(50)
        await cluster.node("node-1", beating=False)
        await cluster.at(200)
        assert fate(await cluster.get(PODS, "web-1")) == "Running"


async def test_a_terminating_pod_that_never_had_a_node_is_marked_failed(sim: Simulation, plane: Any) -> None:
    """Teaches: no kubelet will ever say how it ended; one that has a node is that kubelet's business."""
    async with plane(sim, CONTROLLERS) as cluster:
        await cluster.node("node-1")
        for name, node in (("unbound", ""), ("bound", "node-1")):
            await cluster.pod(name, node, ready="True")
            await cluster.client.merge_patch(PODS, name, {"metadata": {"finalizers": ["example.com/hold"]}}, "default")
            await cluster.client.delete(PODS, name, "default")
        await cluster.at(200)
        assert (await cluster.get(PODS, "unbound"))["status"]["phase"] == "Failed"
        assert (await cluster.get(PODS, "bound"))["status"]["phase"] == "Running"


async def test_pods_stuck_on_a_node_out_of_service_are_freed(sim: Simulation, plane: Any) -> None:
    """Teaches: the out-of-service taint is somebody's word that the machine is off."""
    async with plane(sim, CONTROLLERS) as cluster:
        await cluster.node("node-1", ready="Unknown")
        await cluster.pod("db-0", "node-1", ready="True")
        await cluster.client.delete(PODS, "db-0", "default")
        await cluster.at(50)
        assert fate(await cluster.get(PODS, "db-0")) == "deleting"
        taint = {"key": "node.kubernetes.io/out-of-service", "effect": "NoExecute", "value": "nodeshutdown"}
        await cluster.client.merge_patch(NODES, "node-1", {"spec": {"taints": [taint]}})
        await cluster.at(61)
        assert "db-0" not in await cluster.names(PODS)
        assert cluster.story("db-0", fate)[-1] == (60.0, None)
