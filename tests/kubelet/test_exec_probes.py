"""Exec probes run their program in the container, on the files that are there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubesim.sim import Simulation

NewWorld = Callable[..., Any]
SCRIPT = "touch /tmp/healthy; sleep 30; rm -f /tmp/healthy; sleep 600"


def container(script: str, kind: str, command: list[str], **probe: Any) -> list[dict[str, Any]]:
    asked = {"exec": {"command": command}, "periodSeconds": 5, **probe}
    return [{"name": "c", "image": "busybox:1.36", "args": ["/bin/sh", "-c", script], kind: asked}]


async def test_the_example_of_the_documentation_is_restarted(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: a liveness probe that looks for a file fails when the file is gone, and the third failure kills."""
    world = new_world(sim)
    probe = container(SCRIPT, "livenessProbe", ["cat", "/tmp/healthy"], initialDelaySeconds=5)
    world.bind(containers=probe, terminationGracePeriodSeconds=10)
    await world.run_until(34)
    assert world.reasons().count("Unhealthy") == 0
    await world.run_until(70)
    message = "Liveness probe failed: cat: can't open '/tmp/healthy': No such file or directory\n"
    unhealthy = [(round(second), each) for second, _, reason, each in world.events("web") if reason == "Unhealthy"]
    assert unhealthy[:3] == [(35, message), (40, message), (45, message)]
    assert world.container()["restartCount"] == 1
    assert ("Killing", "Container c failed liveness probe, will be restarted") in [
        (reason, each) for *_, reason, each in world.events("web")
    ]


async def test_a_readiness_probe_sees_what_process_1_writes(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: a container says that it is ready by making a file."""
    world = new_world(sim)
    world.bind(containers=container("sleep 12; touch /tmp/ready; sleep 600", "readinessProbe", ["ls", "/tmp/ready"]))
    await world.run_until(12)
    assert world.container()["ready"] is False
    await world.run_until(20)
    assert world.container()["ready"] is True


async def test_a_program_that_takes_too_long_is_a_failure(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: timeoutSeconds is 1 unless it is said."""
    world = new_world(sim)
    world.bind(containers=container("sleep 600", "readinessProbe", ["sh", "-c", "sleep 3"]))
    await world.run_until(8)
    assert world.container()["ready"] is False
    said = [message for *_, reason, message in world.events("web") if reason == "Unhealthy"]
    assert said[0] == 'Readiness probe failed: command timed out: "sh -c sleep 3" timed out after 1s'


async def test_what_cannot_be_played_is_believed(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: a probe that looks at a mounted volume, or a program that nobody knows, succeeds by default."""
    world = new_world(sim)
    mounted = container("sleep 600", "readinessProbe", ["cat", "/data/x"])
    mounted[0]["volumeMounts"] = [{"name": "v", "mountPath": "/data"}]
    world.bind("mounted", mounted, volumes=[{"name": "v", "emptyDir": {}}])
    world.bind("unknown", container("sleep 600", "readinessProbe", ["nosuch"]))
    await world.run_until(20)
    assert world.container("mounted")["ready"] is True
    assert world.container("unknown")["ready"] is True
