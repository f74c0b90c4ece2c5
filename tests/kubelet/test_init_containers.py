"""Init containers and sidecars at exact times."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubesim.sim import Simulation

NewWorld = Callable[..., Any]


def shell(name: str, script: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "image": "busybox:1.36", "command": ["sh", "-c", script], **more}


def started(world: Any) -> list[tuple[float, str]]:
    """(second, container) of every start."""
    told = []
    for second, _, plural, stored in world.api.log:
        if plural == "events" and stored.object["reason"] == "Started":
            told.append((round(second, 3), stored.object["involvedObject"]["fieldPath"]))
    return told


async def test_init_containers_run_one_after_another(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: the containers start when the last init container has ended."""
    world = new_world(sim)
    world.bind(initContainers=[shell("i", "sleep 2"), shell("j", "sleep 3")])
    await world.run_until(30)
    assert started(world) == [
        (0.8, "spec.initContainers{i}"),
        (3.1, "spec.initContainers{j}"),
        (6.4, "spec.containers{c}"),
    ]
    status = world.status()
    assert [each["state"]["terminated"]["reason"] for each in status["initContainerStatuses"]] == ["Completed"] * 2
    assert world.condition("Initialized")["status"] == "True"
    waiting = {
        each["state"]["waiting"]["reason"]
        for _, _, pod in world.history()
        for each in pod["status"].get("containerStatuses", ())
        if "waiting" in each["state"]
    }
    assert waiting == {"PodInitializing"}


async def test_a_failing_init_container_backs_off(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: Init:CrashLoopBackOff; the Pod stays Pending."""
    world = new_world(sim)
    world.bind(initContainers=[shell("i", "exit 1")])
    await world.run_until(30)
    init = world.status()["initContainerStatuses"][0]
    assert (init["state"]["waiting"]["reason"], init["restartCount"]) == ("CrashLoopBackOff", 2)
    assert world.status()["phase"] == "Pending"
    assert [name for _, name in started(world)] == ["spec.initContainers{i}"] * 3


async def test_a_failed_init_container_fails_a_pod_that_never_restarts(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: restartPolicy Never applies to init containers too."""
    world = new_world(sim)
    world.bind(initContainers=[shell("i", "exit 1")], restartPolicy="Never")
    await world.run_until(30)
    assert world.status()["phase"] == "Failed"


async def test_a_sidecar_starts_first_and_stops_last(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: a log shipper must outlive what it ships for."""
    world = new_world(sim)
    world.bind(
        initContainers=[{"name": "s", "image": "nginx:1.27", "restartPolicy": "Always"}],
        containers=[shell("c", "sleep 3600")],
        terminationGracePeriodSeconds=10,
    )
    await world.run_until(10)
    assert started(world) == [(0.8, "spec.initContainers{s}"), (1.1, "spec.containers{c}")]
    assert world.status()["phase"] == "Running"
    await world.delete()
    await world.run_until(40)
    killed = [(round(second, 1), message) for second, _, reason, message in world.events("web") if reason == "Killing"]
    assert killed == [(10.0, "Stopping container c"), (10.0, "Stopping container s")]  # s has its turn at 20.


async def test_a_sidecar_does_not_keep_a_job_alive(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: when the containers have ended, the sidecars are stopped and the Pod has succeeded."""
    world = new_world(sim)
    world.bind(
        initContainers=[{"name": "s", "image": "nginx:1.27", "restartPolicy": "Always"}],
        containers=[shell("c", "sleep 5")],
        restartPolicy="Never",
    )
    await world.run_until(30)
    assert world.status()["phase"] == "Succeeded"
    assert "terminated" in world.status()["initContainerStatuses"][0]["state"]


async def test_the_others_wait_for_a_sidecars_startup_probe(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: "started" is what a sidecar has to be, and its startup probe says when."""
    world = new_world(sim)
    sidecar = {"name": "s", "image": "nginx:1.27", "restartPolicy": "Always"}
    sidecar["startupProbe"] = {"tcpSocket": {"port": 80}, "periodSeconds": 2}
    behaviour = '{"s": {"readyAfterSeconds": 5}}'
    world.bind(initContainers=[sidecar], annotations={"kubesim.dev/behavior": behaviour})
    await world.run_until(30)
    assert started(world) == [(0.8, "spec.initContainers{s}"), (6.3, "spec.containers{c}")]
