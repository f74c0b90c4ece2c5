"""Lifecycle hooks, and the grace period that they share with SIGTERM."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubesim.sim import Simulation

NewWorld = Callable[..., Any]


def nginx(**lifecycle: Any) -> list[dict[str, Any]]:
    return [
        {"name": "c", "image": "nginx:1.27", "ports": [{"containerPort": 80, "name": "http"}], "lifecycle": lifecycle}
    ]


def sleeper(**lifecycle: Any) -> list[dict[str, Any]]:
    return [{"name": "c", "image": "busybox:1.36", "command": ["sleep", "3600"], "lifecycle": lifecycle}]


def shell(script: str) -> dict[str, Any]:
    return {"exec": {"command": ["sh", "-c", script]}}


def removed(world: Any) -> float:
    gone: float = next(second for second, kind, _ in world.history() if kind == "DELETED")
    return gone


def ended(world: Any) -> tuple[int, float]:
    """Exit code, and the second in which it was told."""
    for second, _, pod in world.history():
        state = (pod["status"].get("containerStatuses") or [{}])[0].get("state") or {}
        if "terminated" in state:
            return state["terminated"]["exitCode"], second
    raise AssertionError("it never ended")


async def test_a_pre_stop_pause_comes_before_sigterm(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: preStop sleep gives the proxies time to forget a Pod that still serves."""
    world = new_world(sim)
    world.bind(containers=nginx(preStop={"sleep": {"seconds": 7}}))
    await world.run_until(10)
    await world.delete()
    await world.run_until(16.9)
    assert "running" in world.container()["state"]
    await world.run_until(60)
    assert ended(world) == (0, 17.1)


async def test_a_pre_stop_hook_eats_the_grace_period(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: hook and SIGTERM share terminationGracePeriodSeconds; two seconds are left in any case."""
    world = new_world(sim)
    world.bind(containers=sleeper(preStop=shell("sleep 20")), terminationGracePeriodSeconds=30)
    await world.run_until(10)
    await world.delete()
    await world.run_until(60)
    assert ended(world) == (137, 40.0)  # 20 s of the hook, 10 s of a process that ignores SIGTERM.
    world = new_world(sim)
    world.bind(containers=sleeper(preStop=shell("sleep 100")), terminationGracePeriodSeconds=15)
    await world.run_until(70)
    await world.delete()
    await world.run_until(120)
    assert ended(world) == (137, 87.0)


async def test_a_pre_stop_hook_that_fails_is_told_and_stops_nothing(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: FailedPreStopHook; SIGTERM follows at once."""
    world = new_world(sim)
    world.bind(containers=nginx(preStop=shell("echo no; exit 3")))
    await world.run_until(10)
    await world.delete()
    await world.run_until(20)
    assert ended(world) == (0, 10.1)
    assert (10.0, "Warning", "FailedPreStopHook", "PreStopHook failed") in world.events("web")


async def test_a_pre_stop_hook_can_end_the_program_itself(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: nginx -s quit."""
    world = new_world(sim)
    world.bind(containers=nginx(preStop={"exec": {"command": ["nginx", "-s", "quit"]}}))
    await world.run_until(10)
    await world.delete()
    await world.run_until(20)
    assert ended(world)[0] == 0
    assert "FailedPreStopHook" not in world.reasons()


async def test_an_http_hook_needs_somebody_who_listens(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: httpGet hooks go to the Pod's own address, by the name of a port if you like; any answer will do."""
    world = new_world(sim)
    world.bind("good", nginx(preStop={"httpGet": {"port": "http", "path": "/nothing"}}))
    world.bind("bad", nginx(preStop={"httpGet": {"port": 8081}}))
    await world.run_until(10)
    await world.delete("good")
    await world.delete("bad")
    await world.run_until(20)
    assert "FailedPreStopHook" not in world.reasons("good")
    assert "FailedPreStopHook" in world.reasons("bad")


async def test_a_force_deletion_leaves_no_time_for_a_hook(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: --grace-period=1 gives the hook one second."""
    world = new_world(sim)
    world.bind(containers=nginx(preStop={"sleep": {"seconds": 20}}))
    await world.run_until(10)
    await world.delete(grace=1)
    await world.run_until(20)
    assert ended(world) == (0, 11.1)


async def test_a_post_start_hook_holds_up_the_pod(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: a container is not running for others before its postStart hook is through."""
    world = new_world(sim)
    world.bind(containers=nginx(postStart={"sleep": {"seconds": 5}}))
    await world.run_until(5)
    assert world.container()["state"] == {"waiting": {"reason": "ContainerCreating"}}
    await world.run_until(6)
    assert "running" in world.container()["state"]


async def test_a_container_whose_post_start_hook_fails_is_killed_and_tried_again(
    sim: Simulation, new_world: NewWorld
) -> None:
    """Teaches: PostStartHookError, and then a crash loop."""
    world = new_world(sim)
    world.bind(containers=nginx(postStart=shell("cat /missing")))
    await world.run_until(1.5)
    waiting = world.container()["state"]["waiting"]
    assert waiting["reason"] in ("PostStartHookError", "CrashLoopBackOff", "ContainerCreating")
    seen = [
        (pod["status"].get("containerStatuses") or [{}])[0].get("state", {}).get("waiting", {})
        for _, _, pod in world.history()
    ]
    await world.run_until(8)
    seen += [(pod["status"].get("containerStatuses") or [{}])[0].get("state", {}).get("waiting", {})
             for _, _, pod in world.history()]  # fmt: skip
    words = next(each["message"] for each in seen if each.get("reason") == "PostStartHookError")
    begin = 'Exec lifecycle hook ([sh -c cat /missing]) for Container "c" in Pod "web_default('
    assert words.startswith(begin)
    assert "command 'sh -c cat /missing' exited with 1: cat: " in words
    assert world.container()["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert ("Warning", "FailedPostStartHook", "PostStartHook failed") in [each[1:] for each in world.events("web")]
    assert ("Normal", "Killing", "FailedPostStartHook") in [each[1:] for each in world.events("web")]


async def test_the_stop_signal_can_be_another_one(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: lifecycle.stopSignal; SIGKILL is not a request."""
    world = new_world(sim)
    world.bind(containers=sleeper(stopSignal="SIGKILL"))
    await world.run_until(10)
    assert world.container()["stopSignal"] == "SIGKILL"
    await world.delete()
    await world.run_until(20)
    assert ended(world) == (137, 10.0)
