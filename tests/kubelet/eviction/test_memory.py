"""A node that runs out of memory: the condition, who goes, what is told, and what is not let in."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec

from kubesim.kubelet import KubeletConfiguration, NodeConfig
from kubesim.sim import Simulation

NewWorld = Callable[..., Any]
MI = 1 << 20
CAPACITY = {"cpu": "2", "memory": "1Gi", "ephemeral-storage": "20Gi", "pods": "110"}  # The system uses 128Mi.
SMALL = NodeConfig("node-1", capacity=CAPACITY, images=("nginx:1.27", "busybox:1.36"))


def configured(**fields: Any) -> NodeConfig:
    return msgspec.structs.replace(SMALL, configuration=KubeletConfiguration(**fields))


def leaking(mebibytes: int, start: int = 20) -> dict[str, str]:
    return {"kubesim.dev/behavior": json.dumps({"leakBytesPerSecond": mebibytes * MI, "memoryBytes": start * MI})}


def using(mebibytes: int) -> dict[str, str]:
    return {"kubesim.dev/behavior": json.dumps({"memoryBytes": mebibytes * MI})}


def asking(memory: str) -> list[dict[str, Any]]:
    return [{"name": "c", "image": "nginx:1.27", "resources": {"requests": {"memory": memory}}}]


def node_condition(world: Any, kind: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in world.node_object()["status"]["conditions"] if each["type"] == kind)
    return found


async def test_a_pod_that_leaks_is_evicted_when_less_than_100_mi_are_left(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: the kubelet looks every ten seconds, and ends a Pod before the kernel must."""
    world = new_world(sim, node=SMALL)
    world.bind(annotations=leaking(41))
    await world.run_until(10.5)
    assert world.status()["phase"] == "Running"
    await world.run_until(25)
    status = world.status()
    message = (
        "The node was low on resource: memory. Threshold quantity: 100Mi, available: 90932Ki. "
        "Container c was using 826572Ki, request is 0, has larger consumption of memory. "
    )
    assert (status["phase"], status["reason"], status["message"]) == ("Failed", "Evicted", message)
    condition = world.condition("DisruptionTarget")
    assert (condition["status"], condition["reason"]) == ("True", "TerminationByKubelet")
    assert condition["message"] == message
    assert (20.0, "Warning", "Evicted", message) in world.events("web")
    assert (20.0, "Warning", "EvictionThresholdMet", "Attempting to reclaim memory") in world.events("node-1")
    assert "Killing" in world.reasons()
    failed = next(second for second, _, pod in world.history() if pod["status"]["phase"] == "Failed")
    assert failed == 20.1  # When nothing of it runs any more.


async def test_the_condition_comes_at_once_and_stays_for_five_minutes(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: MemoryPressure outlasts its cause, so that a node does not flap."""
    world = new_world(sim, node=SMALL)
    world.bind(annotations=leaking(41))
    await world.run_until(31)
    condition = node_condition(world, "MemoryPressure")
    assert (condition["status"], condition["reason"]) == ("True", "KubeletHasInsufficientMemory")
    assert condition["message"] == "kubelet has insufficient memory available"
    assert "NodeHasInsufficientMemory" in world.reasons("node-1")
    await world.run_until(315)
    assert node_condition(world, "MemoryPressure")["status"] == "True"
    await world.run_until(342)
    assert node_condition(world, "MemoryPressure")["reason"] == "KubeletHasSufficientMemory"
    assert world.reasons("node-1").count("NodeHasSufficientMemory") == 2


async def test_those_above_their_requests_go_first_then_the_less_important_then_the_larger(
    sim: Simulation, new_world: NewWorld
) -> None:
    """Teaches: it is not the QoS class that decides, but use above the request, then priority, then how much."""
    world = new_world(sim, node=SMALL)
    world.bind("within", asking("400Mi"), annotations=using(350))
    world.bind("important", annotations=using(250), priority=1000)
    world.bind("large", annotations=using(150))
    world.bind("small", annotations=using(70))
    await world.run_until(12)
    assert world.status("large")["reason"] == "Evicted"
    assert {world.status(name)["phase"] for name in ("within", "important", "small")} == {"Running"}


async def test_a_critical_pod_is_spared(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: what the cluster needs stays, even if it is the one that uses the memory."""
    world = new_world(sim, node=SMALL)
    world.bind("dns", annotations=using(700), priority=2_000_000_000)
    world.bind("web", annotations=using(120))
    await world.run_until(12)
    assert world.status("web")["reason"] == "Evicted"
    assert world.status("dns")["phase"] == "Running"


async def test_a_node_under_memory_pressure_takes_no_best_effort_pods(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: who asks for nothing gets nothing when there is little."""
    world = new_world(sim, node=SMALL)
    world.bind(annotations=leaking(41))
    await world.run_until(25)
    world.bind("late")
    world.bind("asks", asking("10Mi"))
    tolerated = {"key": "node.kubernetes.io/memory-pressure", "operator": "Exists", "effect": "NoSchedule"}
    world.bind("tolerates", tolerations=[tolerated])
    await world.run_until(27)
    status = world.status("late")
    message = "Pod was rejected: The node had condition: [MemoryPressure]. "
    assert (status["phase"], status["reason"], status["message"]) == ("Failed", "Evicted", message)
    assert (25.0, "Warning", "Evicted", "The node had condition: [MemoryPressure]. ") in world.events("late")
    assert {world.status(name)["phase"] for name in ("asks", "tolerates")} == {"Running"}


async def test_a_soft_threshold_waits_and_then_lets_the_pod_end_in_peace(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: a soft threshold has a grace period; the condition is there from its beginning."""
    node = configured(
        eviction_soft={"memory.available": "300Mi"},
        eviction_soft_grace_period={"memory.available": 30.0},
        eviction_max_pod_grace_period=20,
    )
    world = new_world(sim, node=node)
    stubborn = json.dumps({"memoryBytes": 650 * MI, "stopSeconds": 15})
    world.bind(annotations={"kubesim.dev/behavior": stubborn})
    await world.run_until(39)
    assert node_condition(world, "MemoryPressure")["status"] == "True"
    assert world.status()["phase"] == "Running"
    await world.run_until(54.9)
    assert world.status()["phase"] == "Running"  # It is ending since second 40.
    await world.run_until(56)
    assert world.status()["reason"] == "Evicted"
    assert "Threshold quantity: 300Mi, available: 246Mi. " in world.status()["message"]


async def test_a_minimum_to_reclaim_takes_more_pods_than_one(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: eviction-minimum-reclaim, so that the next leak does not begin at the edge."""
    node = configured(eviction_minimum_reclaim={"memory.available": "200Mi"})
    world = new_world(sim, node=node)
    for name, used in (("a", 300), ("b", 260), ("c", 250)):
        world.bind(name, annotations=using(used))
    await world.run_until(30)
    evicted = [name for name in "abc" if world.status(name).get("reason") == "Evicted"]
    assert evicted == ["a"]  # 896 - 510 Mi are left: more than 300.
    world = new_world(sim, node=configured(eviction_minimum_reclaim={"memory.available": "400Mi"}))
    for name, used in (("a", 300), ("b", 260), ("c", 250)):
        world.bind(name, annotations=using(used))
    await world.run_until(60)
    assert [name for name in "abc" if world.status(name).get("reason") == "Evicted"] == ["a", "b"]


async def test_a_burst_between_two_looks_is_the_kernels_business(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: faster than the kubelet looks, the kernel kills; BestEffort first, and the container runs again."""
    world = new_world(sim, node=SMALL)
    world.bind("calm", asking("500Mi"), annotations=using(400))
    world.bind("burst", annotations=leaking(200))
    await world.run_until(6)
    killed = world.container("burst")["lastState"]["terminated"]
    assert (killed["exitCode"], killed["reason"]) == (137, "OOMKilled")
    assert world.status("calm")["phase"] == "Running"
    assert "SystemOOM" in world.reasons("node-1")


async def test_a_node_with_room_has_no_timer(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: eviction costs nothing as long as nothing can run out."""
    world = new_world(sim, node=SMALL)
    world.bind(annotations=using(100))
    await world.run_until(15)
    assert world.kubelet._eviction._timer is None


async def test_reserved_memory_is_not_for_pods(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: allocatable is capacity without reservations and without the hard threshold; Pods stay below it."""
    node = configured(kube_reserved={"memory": "100Mi", "cpu": "250m"}, system_reserved={"memory": "124Mi"})
    world = new_world(sim, node=node)
    await world.run_until(1)
    allocatable = world.node_object()["status"]["allocatable"]
    assert (allocatable["memory"], allocatable["cpu"]) == (f"{700 * 1024}Ki", "1750m")
    world.bind(annotations=using(750))  # 146 Mi are left on the node, but of what is for Pods only 50.
    await world.run_until(12)
    assert "Threshold quantity: 100Mi, available: 50Mi. " in world.status()["message"]
