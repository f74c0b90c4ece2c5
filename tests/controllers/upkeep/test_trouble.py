"""Tests of the housekeeping controllers when the network between them and the apiserver fails."""

import asyncio
from typing import Any

from kubesim.api.resources import NODES, PODS
from kubesim.controllers.node_lifecycle import NodeLifecycleController
from kubesim.controllers.pod_gc import PodGarbageCollector
from kubesim.controllers.taint_eviction import TaintEvictionController
from kubesim.sim import Simulation

UNREACHABLE = {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}


def ready(node: dict[str, Any]) -> str:
    return next((c["status"] for c in (node.get("status") or {}).get("conditions") or () if c["type"] == "Ready"), "")


def cut(sim: Simulation, source: str, *, off: bool = True) -> None:
    """Nothing that `source` says arrives."""
    sim.network.link(source, "apiserver").partitioned = off
    sim.network.tidy()


async def test_a_controller_that_sees_nothing_takes_all_nodes_for_lost(sim: Simulation, plane: Any) -> None:
    """Teaches: silence is in the eye of the beholder. Its writes work, first refused because its cache is old; and
    since *all* nodes are lost nothing is evicted."""
    async with plane(sim, (NodeLifecycleController,)) as cluster:
        for name in ("node-1", "node-2"):
            await cluster.node(name)
        await cluster.at(12)
        sim.network.link("apiserver", "manager").held = asyncio.get_running_loop().create_future()
        await cluster.client.merge_patch(NODES, "node-1", {"metadata": {"labels": {"new": "label"}}})
        await cluster.at(90)
        assert cluster.story("node-1", ready)[-1] == (65.02, "Unknown")
        assert cluster.story("node-2", ready)[-1] == (65.02, "Unknown")
        taints = [taint["effect"] for taint in (await cluster.get(NODES, "node-2"))["spec"].get("taints") or ()]
        assert "NoExecute" not in taints


async def test_a_lost_node_is_written_once_the_apiserver_answers_again(sim: Simulation, plane: Any) -> None:
    """Teaches: what could not be written is looked at again five seconds later."""
    async with plane(sim, (NodeLifecycleController,)) as cluster:
        for name in ("node-1", "node-2", "node-3"):
            await cluster.node(name)
        await cluster.at(41)
        cluster.crash("node-1")
        cut(sim, "node-controller")
        await cluster.at(300)
        assert ready(await cluster.get(NODES, "node-1")) == "True"
        cut(sim, "node-controller", off=False)
        await cluster.at(400)
        assert ready(await cluster.get(NODES, "node-1")) == "Unknown"


async def test_an_eviction_is_tried_again_when_the_apiserver_was_not_reached(sim: Simulation, plane: Any) -> None:
    """Teaches: a request that gets no answer is given up after 30 s; five of them, and the Pod is let be."""
    async with plane(sim, (TaintEvictionController,)) as cluster:
        await cluster.node("node-1")
        await cluster.pod("web-1", "node-1", ready="True")
        await cluster.client.merge_patch(NODES, "node-1", {"spec": {"taints": [UNREACHABLE]}})
        await cluster.at(299)
        cut(sim, "taint-eviction-controller")
        await cluster.at(350)
        cut(sim, "taint-eviction-controller", off=False)
        await cluster.at(400)
        story = cluster.story("web-1", lambda pod: "deletionTimestamp" in pod["metadata"])
        assert story[-1] == (360.02, True)


async def test_the_sweep_goes_on_after_a_failure(sim: Simulation, plane: Any) -> None:
    """Teaches: a node is only believed to be gone when the apiserver says so."""
    async with plane(sim, (PodGarbageCollector,)) as cluster:
        await cluster.node("node-1", beating=False)
        await cluster.pod("web-1", "node-1", ready="True")
        await cluster.client.delete(NODES, "node-1")
        await cluster.at(30)
        cut(sim, "pod-garbage-collector")
        await cluster.at(200)
        assert (await cluster.get(PODS, "web-1"))["status"]["phase"] == "Running"
        cut(sim, "pod-garbage-collector", off=False)
        await cluster.at(400)
        assert await cluster.names(PODS) == []
