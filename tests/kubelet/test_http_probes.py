"""HTTP probes hear what the program answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from kubesim.sim import Simulation

NewWorld = Callable[..., Any]


def probed(path: str, port: Any = 80, kind: str = "readinessProbe", **more: Any) -> list[dict[str, Any]]:
    probe = {"httpGet": {"path": path, "port": port}, "periodSeconds": 5, **more}
    ports = [{"name": "http", "containerPort": 80}]
    return [{"name": "c", "image": "nginx:1.27", "ports": ports, kind: probe}]


@pytest.mark.parametrize(
    ("path", "port", "words"),
    [
        ("/", 80, ""),
        ("/index.html", "http", ""),
        ("/healthz", 80, "HTTP probe failed with statuscode: 404"),
        ("/", 8080, 'Get "http://{ip}:8080/": dial tcp {ip}:8080: connect: connection refused'),
    ],
)
async def test_the_program_decides(sim: Simulation, new_world: NewWorld, path: str, port: Any, words: str) -> None:
    """Teaches: nginx has no /healthz and listens at one port; a Pod with such a probe is never ready."""
    world = new_world(sim)
    world.bind(containers=probed(path, port))
    await world.run_until(10)
    assert world.container()["ready"] is not bool(words)
    told = {message for _, _, reason, message in world.events("web") if reason == "Unhealthy"}
    expected = words.format(ip=world.status()["podIP"])
    assert told == ({f"Readiness probe failed: {expected}"} if words else set())


async def test_answers_of_a_behaviour_count(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: a program that answers 500 after a while is restarted by its liveness probe."""
    world = new_world(sim)
    answers = [{"path": "/alive", "code": 200, "untilSeconds": 12}, {"path": "/", "code": 500}]
    containers = probed("/alive", kind="livenessProbe", failureThreshold=1)
    world.bind(containers=containers, annotations={"kubesim.dev/behavior": json.dumps({"http": answers})})
    await world.run_until(12)
    assert world.container()["restartCount"] == 0
    await world.run_until(18)
    assert world.container()["restartCount"] == 1
    message = "Liveness probe failed: HTTP probe failed with statuscode: 500"
    assert message in {message for _, _, reason, message in world.events("web") if reason == "Unhealthy"}
