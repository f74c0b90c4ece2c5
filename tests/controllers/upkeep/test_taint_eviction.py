"""Tests of kubesim.controllers.taint_eviction, against a real apiserver."""

from typing import Any

from kubesim.api.resources import NODES, PODS
from kubesim.controllers.taint_eviction import TaintEvictionController
from kubesim.sim import Simulation

CONTROLLERS = (TaintEvictionController,)
UNREACHABLE = {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}
FOREVER = {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute"}


async def taint(cluster: Any, node: str, *taints: dict[str, str]) -> None:
    await cluster.client.merge_patch(NODES, node, {"spec": {"taints": list(taints) or None}})


def is_leaving(pod: dict[str, Any]) -> bool:
    return "deletionTimestamp" in pod["metadata"]


async def test_a_pod_is_evicted_exactly_three_hundred_seconds_after_the_taint(sim: Simulation, plane: Any) -> None:
    """Teaches: the five minutes of every eviction are the toleration that admission gives to every Pod."""
    async with plane(sim, CONTROLLERS) as cluster:
        await cluster.node("node-1")
        await cluster.pod("web-1", "node-1", ready="True")
        await cluster.at(10.25)
        await taint(cluster, "node-1", UNREACHABLE)
        await cluster.at(320)
        assert cluster.story("web-1", is_leaving)[-1] == (310.25, True)
        assert await cluster.events("TaintManagerEviction") == [
            ("web-1", "Normal", "Marking for deletion Pod default/web-1", 1)
        ]


async def test_the_pod_says_why_before_it_is_deleted(sim: Simulation, plane: Any) -> None:
    """Teaches: the DisruptionTarget condition, last of all, in a write of its own."""
    async with plane(sim, CONTROLLERS) as cluster:
        await cluster.node("node-1")
        await cluster.pod("web-1", "node-1", ready="True")
        await taint(cluster, "node-1", UNREACHABLE)
        await cluster.at(301)
        versions = [stored.object for _, verb, stored in cluster.seen if stored.name == "web-1"][-2:]
        condition = versions[0]["status"]["conditions"][-1]
        assert [is_leaving(version) for version in versions] == [False, True]
        assert condition == {
            "type": "DisruptionTarget",
            "observedGeneration": 1,
            "status": "True",
            "lastTransitionTime": "2024-01-13T09:05:00Z",
            "reason": "DeletionByTaintManager",
            "message": "Taint manager: deleting due to NoExecute taint",
        }
        assert versions[1]["metadata"]["deletionGracePeriodSeconds"] == 30


async def test_the_cause_of_an_eviction_is_the_taint(sim: Simulation, plane: Any) -> None:
    """Teaches: `kubesim why` can lead from a deleted Pod back to its node, over five minutes of silence."""
    async with plane(sim, CONTROLLERS) as cluster:
        await cluster.node("node-1")
        await cluster.pod("web-1", "node-1", ready="True")
        await taint(cluster, "node-1", UNREACHABLE)
        tainted = (await cluster.client.get(NODES, "node-1")).revision
        await cluster.at(301)
        deleted = (await cluster.client.get(PODS, "web-1", "default")).revision
        assert sim.trace.origins[deleted].causes == (tainted,)


async def test_a_taint_that_goes_in_time_cancels_the_eviction(sim: Simulation, plane: Any) -> None:
    """Teaches: a node that was only away for a while keeps its Pods."""
    async with plane(sim, CONTROLLERS) as cluster:
        await cluster.node("node-1")
        await cluster.pod("web-1", "node-1", ready="True")
        await taint(cluster, "node-1", UNREACHABLE)
        await cluster.at(299)
        await taint(cluster, "node-1")
        await cluster.at(400)
        assert not is_leaving(await cluster.get(PODS, "web-1"))
        assert await cluster.events("TaintManagerEviction") == [
            ("web-1", "Normal", "Cancelling deletion of Pod default/web-1", 1)
        ]


async def test_who_tolerates_forever_stays_and_who_does_not_at_all_goes_at_once(sim: Simulation, plane: Any) -> None:
    """Teaches: a DaemonSet's Pods stay on a dead node; a taint nobody expected leaves no time."""
    async with plane(sim, CONTROLLERS) as cluster:
        await cluster.node("node-1")
        await cluster.pod("agent", "node-1", ready="True", tolerations=[FOREVER])
        await cluster.pod("web-1", "node-1", ready="True")
        await cluster.at(1)
        await taint(cluster, "node-1", UNREACHABLE)
        await cluster.at(5)
        await taint(cluster, "node-1", UNREACHABLE, {"key": "maintenance", "effect": "NoExecute", "value": "now"})
        await cluster.at(6)
        assert cluster.story("agent", is_leaving)[-1] == (5.0, True)
        assert cluster.story("web-1", is_leaving)[-1] == (5.0, True)
        await cluster.at(400)
        messages = [
            (about, message.split()[0]) for about, _, message, _ in await cluster.events("TaintManagerEviction")
        ]
        assert messages == [("agent", "Marking"), ("web-1", "Cancelling"), ("web-1", "Marking")]


async def test_a_pod_that_arrives_on_a_tainted_node_has_its_full_time_from_then(sim: Simulation, plane: Any) -> None:
    """Teaches: the countdown is each Pod's own; deleting the Pod cancels it."""
    async with plane(sim, CONTROLLERS) as cluster:
        await cluster.node("node-1")
        await taint(cluster, "node-1", UNREACHABLE)
        await cluster.at(100)
        await cluster.pod("late", "node-1", ready="True")
        await cluster.pod("gone", "node-1", ready="True")
        await cluster.at(150)
        await cluster.client.delete(PODS, "gone", "default", grace_period_seconds=0)
        await cluster.at(500)
        assert cluster.story("late", is_leaving)[-1] == (400.0, True)
        assert [m for _, _, m, _ in await cluster.events("TaintManagerEviction")] == [
            "Cancelling deletion of Pod default/gone",
            "Marking for deletion Pod default/late",
        ]


async def test_pods_of_other_nodes_are_none_of_its_business(sim: Simulation, plane: Any) -> None:
    """Teaches: work is proportional to what stands on the tainted node."""
    async with plane(sim, CONTROLLERS) as cluster:
        await cluster.node("node-1")
        await cluster.node("node-2")
        await cluster.pod("web-1", "node-1", ready="True")
        await cluster.pod("web-2", "node-2", ready="True")
        await cluster.pod("web-3", ready="True")
        await taint(cluster, "node-1", UNREACHABLE)
        await cluster.at(400)
        leaving = [name for name in ("web-1", "web-2", "web-3") if is_leaving(await cluster.get(PODS, name))]
        assert leaving == ["web-1"]
