"""Startup, readiness and liveness probes at exact times. A container runs 0.8 s after its Pod was bound."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from kubesim.api.views import ContainerPort, Probe
from kubesim.kubelet.probe_words import failure_words
from kubesim.kubelet.runtime.cri import Container, Sandbox
from kubesim.kubelet.runtime.model import Behaviour
from kubesim.sim import Simulation

SANDBOX = Sandbox("s", "uid", 0, "10.0.0.9")
SLOW = Container("id", "c", "uid", "s", 0, "i", "r", Behaviour(ready_after_seconds=5))

NewWorld = Callable[..., Any]
HTTP = {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 10, "timeoutSeconds": 1}


def behaviour(text: str) -> dict[str, str]:
    return {"kubesim.dev/behavior": text}


def containers(**probes: Any) -> list[dict[str, Any]]:
    return [{"name": "c", "image": "nginx:1.27", **{name: {**HTTP, **probe} for name, probe in probes.items()}}]


def readiness(world: Any) -> list[tuple[float, str]]:
    """When the Pod's Ready condition changed."""
    told: list[tuple[float, str]] = []
    for second, _, pod in world.history():
        for each in pod["status"]["conditions"]:
            if each["type"] == "Ready" and (not told or told[-1][1] != each["status"]):
                told.append((round(second, 3), each["status"]))
    return told


async def test_a_ready_container_is_ready_at_once(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: the first readiness probe comes with the start, not a period later."""
    world = new_world(sim)
    world.bind(containers=containers(readinessProbe={}))
    await world.run_until(60)
    assert readiness(world) == [(0.0, "False"), (0.8, "True")]
    assert len(world.history()) == 4  # Created, creating, sandbox, running and ready: one write.


async def test_a_slow_container_is_ready_at_the_next_probe(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: the period decides how late readiness is noticed."""
    world = new_world(sim)
    world.bind(containers=containers(readinessProbe={}), annotations=behaviour('{"readyAfterSeconds": 12}'))
    await world.run_until(60)
    started = 0.5 + 0.1 + 0.2
    assert readiness(world) == [(0.0, "False"), (round(started + 20, 3), "True")]
    unhealthy = [
        (round(second, 3), message) for second, _, reason, message in world.events("web") if reason == "Unhealthy"
    ]
    refused = (
        'Readiness probe failed: Get "http://10.244.1.2:8080/healthz": '
        "dial tcp 10.244.1.2:8080: connect: connection refused"
    )
    assert unhealthy == [(0.8, refused), (10.8, refused)]


async def test_the_initial_delay_is_waited_for(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: initialDelaySeconds counts from the container's start; ticks go on meanwhile."""
    world = new_world(sim)
    world.bind(containers=containers(readinessProbe={"initialDelaySeconds": 5, "periodSeconds": 2}))
    await world.run_until(60)
    assert readiness(world)[-1] == (6.8, "True")


async def test_thresholds_want_several_answers_in_a_row(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: failureThreshold and successThreshold keep a flapping container from flapping the Service."""
    world = new_world(sim)
    probe = {"periodSeconds": 5, "failureThreshold": 3, "successThreshold": 2}
    world.bind(containers=containers(readinessProbe=probe), annotations=behaviour('{"readyForSeconds": 21}'))
    await world.run_until(60)
    assert readiness(world) == [(0.0, "False"), (5.8, "True"), (35.8, "False")]
    words = {message for *_, reason, message in world.events("web") if reason == "Unhealthy"}
    assert words == {"Readiness probe failed: HTTP probe failed with statuscode: 503"}
    assert world.container()["restartCount"] == 0


async def test_a_failed_liveness_probe_restarts_the_container(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: three failures in a row, then the container is killed and started again."""
    world = new_world(sim)
    world.bind(containers=containers(livenessProbe={}), annotations=behaviour('{"liveForSeconds": 15}'))
    await world.run_until(45)
    # Ticks since the Pod was admitted: 10, 20, 30, 40. Unhealthy from 15.8 on.
    failures = [second for second, _, reason, _ in world.events("web") if reason == "Unhealthy"]
    assert failures == [20, 30, 40]
    killing = next(event for event in world.events("web") if event[2] == "Killing")
    assert killing == (40.0, "Normal", "Killing", "Container c failed liveness probe, will be restarted")
    assert world.container()["restartCount"] == 1
    assert (world.container()["ready"], world.container()["started"]) == (True, True)


async def test_a_liveness_crash_loop_backs_off_too(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: a container that is killed again and again is restarted more and more slowly."""
    world = new_world(sim)
    probe = {"periodSeconds": 1, "failureThreshold": 1}
    world.bind(containers=containers(livenessProbe=probe), annotations=behaviour('{"liveForSeconds": 1.5}'))
    await world.run_until(20)
    starts = [round(second, 2) for second, _, reason, _ in world.events("web") if reason == "Started"]
    # Killed at the tick after 1.5 s, ended 0.1 s later; first at once, then 10 s after the exit.
    assert starts == [0.8, 3.4, 15.4]


async def test_a_startup_probe_holds_the_others_back(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: liveness does not kill what is still starting; readiness is asked as soon as it has started."""
    world = new_world(sim)
    probes = {
        "startupProbe": {"periodSeconds": 5, "failureThreshold": 10},
        "readinessProbe": {"periodSeconds": 60},
        "livenessProbe": {"periodSeconds": 1, "failureThreshold": 1},
    }
    world.bind(containers=containers(**probes), annotations=behaviour('{"readyAfterSeconds": 12}'))
    await world.run_until(14)
    assert world.container()["started"] is False
    await world.run_until(60)
    assert readiness(world)[-1] == (15.0, "True")
    assert world.container()["restartCount"] == 0
    assert {message.split(":")[0] for *_, reason, message in world.events("web") if reason == "Unhealthy"} == {
        "Startup probe failed"
    }


async def test_a_container_that_never_starts_up_is_killed(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: failureThreshold times periodSeconds is the time that a start may take."""
    world = new_world(sim)
    probe = {"periodSeconds": 2, "failureThreshold": 3}
    world.bind(containers=containers(startupProbe=probe), annotations=behaviour('{"readyAfterSeconds": 1000}'))
    await world.run_until(6.5)
    assert (6.0, "Normal", "Killing", "Container c failed startup probe, will be restarted") in world.events("web")


async def test_an_answer_that_comes_too_late_is_a_failure(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: timeoutSeconds is 1 by default, a classic trap."""
    world = new_world(sim)
    world.bind(containers=containers(readinessProbe={}), annotations=behaviour('{"answerSeconds": 1.5}'))
    await world.run_until(5)
    assert world.condition("Ready")["status"] == "False"
    assert world.events("web")[-1][3] == (
        'Readiness probe failed: Get "http://10.244.1.2:8080/healthz": '
        "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
    )


async def test_a_probe_that_changes_nothing_writes_nothing(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: probing is between kubelet and container; the apiserver hears only of changes."""
    world = new_world(sim)
    world.bind(containers=containers(readinessProbe={"periodSeconds": 1}, livenessProbe={"periodSeconds": 1}))
    await world.run_until(10)
    writes = len(world.history())
    await world.run_until(600)
    assert len(world.history()) == writes


async def test_a_terminating_pod_is_not_restarted_by_its_probes(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: liveness ends with the deletion; readiness is still asked while the container stops."""
    world = new_world(sim)
    probes = {"readinessProbe": {"periodSeconds": 1, "failureThreshold": 1}, "livenessProbe": {"periodSeconds": 1}}
    slow = '{"readyForSeconds": 12, "liveForSeconds": 12, "stopSeconds": 20}'
    world.bind(containers=containers(**probes), annotations=behaviour(slow))
    await world.run_until(10)
    await world.delete()
    await world.run_until(25)
    assert world.condition("Ready")["status"] == "False"
    assert [message for *_, reason, message in world.events("web") if reason == "Killing"] == ["Stopping container c"]


@pytest.mark.parametrize(
    ("handler", "age", "timed_out", "words"),
    [
        ({"tcpSocket": {"port": 6379}}, 0, False, "dial tcp 10.0.0.9:6379: connect: connection refused"),
        ({"tcpSocket": {"port": 6379}}, 9, True, "dial tcp 10.0.0.9:6379: i/o timeout"),
        ({"grpc": {"port": 5000}}, 9, False, 'service unhealthy (responded with "NOT_SERVING")'),
        (
            {"grpc": {"port": 5000}}, 0, False,
            'timeout: failed to connect service "10.0.0.9:5000" within 1s: context deadline exceeded',
        ),
        ({"exec": {"command": ["cat", "/tmp/ok"]}}, 9, False, "cat: can't open '/tmp/ok': No such file or directory\n"),
        ({"exec": {"command": ["check"]}}, 9, True, 'command timed out: "check" timed out after 1s'),
        ({"exec": {"command": ["check"]}}, 9, False, ""),
        ({"httpGet": {"port": 80, "scheme": "HTTPS"}}, 9, False, "HTTP probe failed with statuscode: 503"),
        (
            {"httpGet": {"port": 80, "scheme": "HTTPS"}}, 0, False,
            'Get "https://10.0.0.9:80/": dial tcp 10.0.0.9:80: connect: connection refused',
        ),
    ],
)  # fmt: skip
def test_every_kind_of_probe_fails_in_its_own_words(handler: Any, age: float, timed_out: bool, words: str) -> None:
    """Teaches: the text says what went wrong: refused, too late, or an answer that says no."""
    probe = msgspec.convert(handler, Probe)
    assert failure_words(probe, "readiness", SLOW, (), SANDBOX, age, timed_out) == words


def test_a_port_with_a_name_is_told_by_its_number() -> None:
    """Teaches: names of ports are for people who write manifests; a connection has a number."""
    probe = msgspec.convert({"tcpSocket": {"port": "db"}}, Probe)
    ports = (msgspec.convert({"name": "db", "containerPort": 5432}, ContainerPort),)
    words = failure_words(probe, "readiness", SLOW, ports, SANDBOX, 0, False)
    assert words == "dial tcp 10.0.0.9:5432: connect: connection refused"
