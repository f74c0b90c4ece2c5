"""In-place resize: what a running Pod gets, what it waits for, and what it never gets."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from kubesim.api.resources import PODS
from kubesim.sim import Simulation

NewWorld = Callable[..., Any]
MI = 1 << 20


def asking(cpu: str, memory: str = "100Mi", **more: Any) -> list[dict[str, Any]]:
    amounts = {"cpu": cpu, "memory": memory}
    return [{"name": "c", "image": "nginx:1.27", "resources": {"requests": amounts, "limits": amounts}, **more}]


def resize(world: Any, name: str, containers: list[dict[str, Any]]) -> None:
    pod = world.pod(name)
    metadata = {**pod["metadata"], "generation": pod["metadata"]["generation"] + 1}
    world.api.put(PODS, {**pod, "metadata": metadata, "spec": {**pod["spec"], "containers": containers}})


def pending(world: Any, name: str) -> dict[str, Any] | None:
    return next((each for each in world.status(name)["conditions"] if each["type"] == "PodResizePending"), None)


def cpu(world: Any, name: str) -> str:
    found: str = world.container(name)["resources"]["requests"]["cpu"]
    return found


async def test_a_pod_grows_without_a_restart(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: the container runs on with more; two events say so."""
    world = new_world(sim)
    world.bind("web", asking("500m"))
    await world.run_until(5)
    resize(world, "web", asking("1"))
    await world.run_until(6)
    assert (cpu(world, "web"), world.container("web")["restartCount"]) == ("1", 0)
    assert world.container("web")["allocatedResources"]["cpu"] == "1"
    assert pending(world, "web") is None
    told = {reason: message for _, _, reason, message in world.events("web")}
    amounts = {"limits": {"cpu": "1", "memory": "100Mi"}, "requests": {"cpu": "1", "memory": "100Mi"}}
    said = json.dumps({"containers": [{"name": "c", "resources": amounts}], "generation": 2}, separators=(",", ":"))
    assert told["ResizeStarted"] == f"Pod resize started: {said}"
    assert told["ResizeCompleted"] == f"Pod resize completed: {said}"


async def test_more_than_the_node_has_is_infeasible(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: PodResizePending, reason Infeasible; the Pod keeps what it has."""
    world = new_world(sim)
    world.bind("web", asking("500m"))
    await world.run_until(5)
    resize(world, "web", asking("4"))
    await world.run_until(6)
    condition = pending(world, "web")
    assert condition is not None
    assert (condition["status"], condition["reason"]) == ("True", "Infeasible")
    assert condition["message"] == "Node didn't have enough capacity: cpu, requested: 4000, capacity: 2000"
    assert cpu(world, "web") == "500m"
    assert "ResizeInfeasible" in world.reasons("web")
    resize(world, "web", asking("500m"))
    await world.run_until(7)
    assert pending(world, "web") is None


async def test_a_resize_waits_until_another_pod_goes(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: Deferred is tried again as soon as there is room."""
    world = new_world(sim)
    world.bind("web", asking("500m"))
    world.bind("other", asking("1"))
    await world.run_until(5)
    resize(world, "web", asking("1500m"))
    await world.run_until(6)
    condition = pending(world, "web")
    assert condition is not None
    assert condition["reason"] == "Deferred"
    message = "Node didn't have enough resource: cpu, requested: 1500, used: 1000, capacity: 2000"
    assert condition["message"] == message
    await world.delete("other")
    await world.run_until(8)
    assert (cpu(world, "web"), pending(world, "web")) == ("1500m", None)
    assert world.reasons("web")[-2:] == ["ResizeStarted", "ResizeCompleted"]


async def test_a_resize_policy_can_ask_for_a_restart(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: resizePolicy RestartContainer, for programs that read their memory once."""
    world = new_world(sim)
    policy = [{"resourceName": "memory", "restartPolicy": "RestartContainer"}]
    world.bind("web", asking("500m", resizePolicy=policy))
    await world.run_until(5)
    resize(world, "web", asking("600m", resizePolicy=policy))
    await world.run_until(6)
    assert (cpu(world, "web"), world.container("web")["restartCount"]) == ("600m", 0)
    resize(world, "web", asking("600m", "200Mi", resizePolicy=policy))
    await world.run_until(8)
    assert world.container("web")["restartCount"] == 1
    assert world.container("web")["resources"]["limits"]["memory"] == "200Mi"
    assert ("Killing", "Container c resize requires restart") in [each[2:] for each in world.events("web")]


async def test_a_larger_limit_saves_a_container_that_leaks(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: the kernel's limit is the resized one at once."""
    world = new_world(sim)
    leak = json.dumps({"memoryBytes": 50 * MI, "leakBytesPerSecond": 5 * MI})
    world.bind("web", asking("500m"), annotations={"kubesim.dev/behavior": leak})
    await world.run_until(8)
    resize(world, "web", asking("500m", "200Mi"))
    await world.run_until(20)
    assert world.container("web")["restartCount"] == 0
    await world.run_until(35)
    assert world.container("web")["lastState"]["terminated"]["reason"] == "OOMKilled"
