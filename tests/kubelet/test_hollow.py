"""Hollow nodes: what the recordings of a real control plane were made with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubesim.sim import Simulation

NewWorld = Callable[..., Any]


async def test_a_hollow_pod_runs_within_half_a_second_with_one_write(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: every image exists, everything starts, and Running and Ready come together."""
    world = new_world(sim, "hollow")
    await world.run_until(1)
    world.bind(containers=[{"name": "c", "image": "no/such:image", "command": ["false"]}])
    await world.run_until(60)
    second, _, pod = world.history()[-1]
    assert 1.3 <= second <= 1.4
    assert len(world.history()) == 2
    assert pod["status"]["phase"] == "Running"
    assert world.condition("Ready")["status"] == "True"
    assert pod["status"]["podIP"] == "10.244.1.2"


async def test_a_deleted_hollow_pod_succeeds_and_is_gone_soon(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: containers exit 0 at once; Succeeded, not ready (PodCompleted), then deleted."""
    world = new_world(sim, "hollow")
    world.bind()
    await world.run_until(10)
    await world.delete()
    await world.run_until(12)
    *_, last, _, gone = world.history()  # Between them: grace 0, the beginning of the end.
    assert 10.1 <= last[0] <= 10.2
    assert last[2]["status"]["phase"] == "Succeeded"
    ready = next(each for each in last[2]["status"]["conditions"] if each["type"] == "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "PodCompleted")
    assert (gone[1], round(gone[0] - last[0], 3)) == ("DELETED", 0.02)
    assert world.events() == []


async def test_probes_of_hollow_containers_always_succeed(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: a hollow container is ready as soon as it runs, whatever its probe asks."""
    world = new_world(sim, "hollow")
    probe = {"exec": {"command": ["false"]}, "periodSeconds": 1}
    world.bind(containers=[{"name": "c", "image": "a", "readinessProbe": probe, "livenessProbe": probe}])
    await world.run_until(30)
    assert len(world.history()) == 2
    assert world.condition("Ready")["status"] == "True"
