"""Containers that end although they should not: CrashLoopBackOff at exact times."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from kubesim.sim import Simulation

NewWorld = Callable[..., Any]
CRASHING = [{"name": "c", "image": "busybox:1.36", "command": ["sh", "-c", "sleep 1; exit 1"]}]
START = 0.3  # Create and start.


def starts(world: Any, name: str = "web") -> list[float]:
    """When the container began to run, by its status."""
    began: dict[int, float] = {}
    for second, _, pod in world.history(name):
        for status in pod["status"].get("containerStatuses", ()):
            if "running" in status["state"]:
                began.setdefault(status["restartCount"], round(second, 3))
    return list(began.values())


async def test_restarts_come_after_10_20_40_80_160_and_then_300_seconds(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: the first restart is immediate, then each waits twice as long, counted from the exit."""
    world = new_world(sim)
    world.bind(containers=CRASHING)
    await world.run_until(1500)
    begins = starts(world)
    waits = [round(later - earlier - 1 - START, 3) for earlier, later in itertools.pairwise(begins)]
    assert waits == [0, 10, 20, 40, 80, 160, 300, 300, 300]
    assert world.container()["restartCount"] == len(waits)


async def test_users_see_running_error_and_crash_loop_back_off(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: what `kubectl get pods --watch` shows of a crashing container."""
    world = new_world(sim)
    world.bind(containers=CRASHING)
    await world.run_until(20)
    seen: list[tuple[float, str, int]] = []
    for second, _, pod in world.history():
        for status in pod["status"].get("containerStatuses", ()):
            ((kind, state),) = status["state"].items()
            entry = (round(second, 2), state.get("reason", kind), status["restartCount"])
            if not seen or seen[-1][1:] != entry[1:]:
                seen.append(entry)
    assert seen == [
        (0.0, "ContainerCreating", 0),
        (0.8, "running", 0),
        (1.8, "Error", 0),
        (2.1, "running", 1),
        (3.1, "Error", 1),
        (4.1, "CrashLoopBackOff", 1),
        (13.4, "running", 2),
        (14.4, "Error", 2),
        (15.4, "CrashLoopBackOff", 2),
    ]
    uid = world.pod()["metadata"]["uid"]
    waiting = world.container()["state"]["waiting"]
    assert waiting["message"] == f"back-off 20s restarting failed container=c pod=web_default({uid})"
    assert world.container()["lastState"]["terminated"]["exitCode"] == 1
    kinds = {(kind, message) for _, kind, reason, message in world.events("web") if reason == "BackOff"}
    assert kinds == {("Warning", f"Back-off restarting failed container c in pod web_default({uid})")}


async def test_a_container_that_ends_at_once_is_never_seen_running(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: `exit 1` is over before the kubelet looks, so the Pod never becomes ready."""
    world = new_world(sim)
    world.bind(containers=[{"name": "c", "image": "busybox:1.36", "command": ["false"]}])
    await world.run_until(300)
    states = {
        kind
        for _, _, pod in world.history()
        for each in pod["status"].get("containerStatuses", ())
        for kind in each["state"]
    }
    assert states == {"waiting", "terminated"}


async def test_ten_good_minutes_reset_the_back_off(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: a container that ran long enough is restarted at once."""
    world = new_world(sim)
    long_run = [{"name": "c", "image": "busybox:1.36", "command": ["sh", "-c", "sleep 700; exit 1"]}]
    world.bind(containers=long_run)
    await world.run_until(3000)
    begins = starts(world)
    assert [round(later - earlier, 3) for earlier, later in itertools.pairwise(begins)] == [700 + START] * 4


async def test_a_flaky_container_comes_up_in_the_end(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: the annotation says what a container does; here it fails twice and then runs."""
    world = new_world(sim)
    world.bind(annotations={"kubesim.dev/behavior": '{"runSeconds": 1, "exitCode": 1, "failures": 2}'})
    await world.run_until(300)
    assert world.container()["restartCount"] == 2
    assert world.condition("Ready")["status"] == "True"
    assert world.container()["lastState"]["terminated"]["exitCode"] == 1


async def test_an_unreadable_annotation_is_an_error_of_the_container(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: a typing error in a behaviour shows in the Pod's events."""
    world = new_world(sim)
    world.bind(annotations={"kubesim.dev/behavior": '{"runSecond": 1}'})
    await world.run_until(5)
    assert world.container()["state"]["waiting"]["reason"] == "CreateContainerError"
    assert any("runSecond" in message for *_, message in world.events("web"))


@pytest.mark.parametrize("code", [0, 1])
async def test_a_deleted_pod_is_not_restarted(sim: Simulation, new_world: NewWorld, code: int) -> None:
    """Teaches: deletion beats the restart policy."""
    world = new_world(sim)
    world.bind(containers=[{**CRASHING[0], "command": ["sh", "-c", f"sleep 1; exit {code}"]}])
    await world.run_until(5)
    began = len(starts(world))
    await world.delete()
    await world.run_until(100)
    assert len(starts(world)) == began
    assert world.pod() is None
