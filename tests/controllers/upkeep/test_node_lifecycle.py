"""Tests of kubesim.controllers.node_lifecycle, against a real apiserver."""

from typing import Any

from kubesim.api.resources import NODES, PODS
from kubesim.controllers.node_lifecycle import NodeLifecycleController
from kubesim.sim import Simulation

CONTROLLERS = (NodeLifecycleController,)
NAMES = ("node-1", "node-2", "node-3")


def ready(node: dict[str, Any]) -> str:
    return next((c["status"] for c in (node.get("status") or {}).get("conditions") or () if c["type"] == "Ready"), "")


def taints(node: dict[str, Any]) -> list[str]:
    taints = node["spec"].get("taints") or []
    return [f"{taint['key'].removeprefix('node.kubernetes.io/')}:{taint['effect']}" for taint in taints]


async def test_a_silent_node_is_unknown_at_the_first_look_after_fifty_seconds(sim: Simulation, plane: Any) -> None:
    """Teaches: the whole chain of a crash, with its times: last renewal seen at 25 s, Unknown at 75 s, taints after."""
    async with plane(sim, CONTROLLERS) as cluster:
        await cluster.at(2)
        for name in NAMES:
            await cluster.node(name)
        await cluster.pod("web-1", "node-2", ready="True")
        await cluster.at(30)  # The last renewal was at 22 s and was seen at 25 s.
        cluster.crash("node-2")
        await cluster.at(100)
        assert cluster.story("node-2", ready)[1:] == [(2.0, "True"), (75.0, "Unknown")]
        assert cluster.story("node-2", taints)[-2:] == [
            (75.0, ["unreachable:NoSchedule"]),
            (75.1, ["unreachable:NoSchedule", "unreachable:NoExecute"]),
        ]
        assert [time for time, status in cluster.story("web-1", ready) if status == "False"] == [75.0]
        assert cluster.story("node-1", ready)[-1] == (2.0, "True")
        assert await cluster.events("NodeNotReady") == [
            ("node-2", "Normal", "Node node-2 status is now: NodeNotReady", 1),
            ("web-1", "Warning", "Node is not ready", 1),
        ]


async def test_the_first_event_of_a_node_is_its_registration(sim: Simulation, plane: Any) -> None:
    """Teaches: nodes are taken in and let go at the periodic look, not when they appear."""
    async with plane(sim, CONTROLLERS) as cluster:
        await cluster.at(2)
        await cluster.node("node-1")
        await cluster.at(4.9)
        assert await cluster.events() == []
        await cluster.at(5.1)
        await cluster.client.delete(NODES, "node-1")
        assert await cluster.events() == [
            ("node-1", "Normal", "Node node-1 event: Registered Node node-1 in Controller", 1)
        ]
        await cluster.at(10.1)
        assert (await cluster.events("RemovingNode")) == [
            ("node-1", "Normal", "Node node-1 event: Removing Node node-1 from Controller", 1)
        ]


async def test_a_node_that_comes_back_loses_no_schedule_at_once_and_no_execute_at_the_next_look(
    sim: Simulation, plane: Any
) -> None:
    """Teaches: two loops, two delays."""
    async with plane(sim, CONTROLLERS) as cluster:
        for name in NAMES:
            await cluster.node(name)
        cluster.crash("node-2")
        await cluster.at(100.5)
        assert len(taints(await cluster.get(NODES, "node-2"))) == 2
        await cluster.post_status("node-2")
        await cluster.at(110)
        assert cluster.story("node-2", taints)[-2:] == [(100.5, ["unreachable:NoExecute"]), (105.0, [])]


async def test_a_node_that_says_it_is_not_ready_is_tainted_but_its_pods_are_left_alone(
    sim: Simulation, plane: Any
) -> None:
    """Teaches: its kubelet is alive and speaks for the Pods itself; when it falls silent the taint is swapped."""
    async with plane(sim, CONTROLLERS) as cluster:
        for name in NAMES:
            await cluster.node(name)
        await cluster.pod("web-1", "node-2", ready="True")
        await cluster.at(12)
        await cluster.post_status("node-2", Ready="False")
        await cluster.at(20)
        assert cluster.story("node-2", taints)[-1] == (15.1, ["not-ready:NoSchedule", "not-ready:NoExecute"])
        assert ready(await cluster.get(PODS, "web-1")) == "True"
        cluster.crash("node-2")
        await cluster.at(100)
        both = ["unreachable:NoSchedule", "unreachable:NoExecute"]
        assert sorted(taints(await cluster.get(NODES, "node-2"))) == sorted(both)


async def test_pressure_and_cordon_become_taints_at_once(sim: Simulation, plane: Any) -> None:
    """Teaches: what mirrors a condition does not wait for a periodic look."""
    async with plane(sim, CONTROLLERS) as cluster:
        await cluster.node("node-1")
        await cluster.at(1.5)
        await cluster.client.merge_patch(NODES, "node-1", {"spec": {"unschedulable": True}})
        await cluster.at(2.5)
        await cluster.post_status("node-1", MemoryPressure="True")
        await cluster.at(3)
        assert cluster.story("node-1", taints)[-2:] == [
            (1.5, ["unschedulable:NoSchedule"]),
            (2.5, ["unschedulable:NoSchedule", "memory-pressure:NoSchedule"]),
        ]


async def test_a_pod_bound_to_a_lost_node_is_marked_too(sim: Simulation, plane: Any) -> None:
    """Teaches: the scheduler may not have heard yet."""
    async with plane(sim, CONTROLLERS) as cluster:
        for name in NAMES:
            await cluster.node(name)
        cluster.crash("node-2")
        await cluster.at(70)
        await cluster.pod("late", ready="True")
        uid = (await cluster.get(PODS, "late"))["metadata"]["uid"]
        await cluster.client.bind("default", "late", uid, "node-2")
        await cluster.at(71)
        assert ready(await cluster.get(PODS, "late")) == "False"


async def test_a_node_whose_kubelet_never_posted_is_unknown_after_a_minute(sim: Simulation, plane: Any) -> None:
    """Teaches: the start-up grace period is longer, and the message another."""
    async with plane(sim, CONTROLLERS) as cluster:
        await cluster.node("node-2")
        await cluster.client.create(NODES, {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1"}})
        await cluster.at(100)
        assert cluster.story("node-1", ready)[-1] == (60.0, "Unknown")
        conditions = (await cluster.get(NODES, "node-1"))["status"]["conditions"]
        assert {condition["message"] for condition in conditions} == {"Kubelet never posted node status."}
        assert len(conditions) == 4


async def test_lost_nodes_are_tainted_one_every_ten_seconds(sim: Simulation, plane: Any) -> None:
    """Teaches: NoSchedule taints come at once, evictions slowly."""
    async with plane(sim, CONTROLLERS) as cluster:
        names = [f"node-{number}" for number in range(1, 8)]
        for name in names:
            await cluster.node(name)
        cluster.crash("node-2", "node-3", "node-4")
        await cluster.at(100)
        tainted = [
            time
            for name in ("node-2", "node-3", "node-4")
            for time, facts in cluster.story(name, taints)
            if "unreachable:NoExecute" in facts
        ]
        assert tainted == [55.1, 65.1, 75.1]


async def test_when_all_nodes_are_lost_none_is_evicted_from(sim: Simulation, plane: Any) -> None:
    """Teaches: the control plane suspects itself; NoSchedule taints it keeps, since they do no harm."""
    async with plane(sim, CONTROLLERS) as cluster:
        for name in NAMES:
            await cluster.node(name)
        cluster.crash(*NAMES)
        await cluster.at(200)
        assert [taints(await cluster.get(NODES, name)) for name in NAMES] == [["unreachable:NoSchedule"]] * 3
        await cluster.post_status("node-1")
        await cluster.at(230)
        assert taints(await cluster.get(NODES, "node-1")) == []
        assert "unreachable:NoExecute" in taints(await cluster.get(NODES, "node-2"))
