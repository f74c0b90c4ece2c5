"""A Pod's life on a node, from bound to gone, at exact times."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kubesim.api.resources import PODS
from kubesim.sim import Simulation

NewWorld = Callable[..., Any]
SLEEPER = [{"name": "c", "image": "busybox:1.36", "command": ["sleep", "3600"]}]


def story(world: Any, name: str = "web") -> list[tuple[float, str, str]]:
    """(second, phase, Ready) whenever phase or readiness changed; "gone" at the end."""
    told: list[tuple[float, str, str]] = []
    for second, kind, pod in world.history(name):
        status = pod["status"]
        ready = next((each["status"] for each in status["conditions"] if each["type"] == "Ready"), "")
        entry = (round(second, 3), "gone" if kind == "DELETED" else status["phase"], ready)
        if not told or told[-1][1:] != entry[1:]:
            told.append(entry)
    return told


async def test_a_pod_runs_after_sandbox_image_and_start(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: what a kubelet does for a Pod, and the events that tell of it."""
    world = new_world(sim)
    await world.run_until(1)
    world.bind()
    await world.run_until(10)
    assert story(world) == [(1.0, "Pending", ""), (1.0, "Pending", "False"), (1.8, "Running", "True")]
    assert world.events("web") == [
        (
            1.5, "Normal", "Pulled",
            'Container image "nginx:1.27" already present on machine and can be accessed by the pod',
        ),
        (1.6, "Normal", "Created", "Container created"),
        (1.8, "Normal", "Started", "Container started"),
    ]  # fmt: skip
    event = next(
        stored.object for *_, stored in world.api.log if stored.object["kind"] == "Event" and stored.name[0] == "w"
    )
    assert event["involvedObject"]["fieldPath"] == "spec.containers{c}"
    assert event["source"] == {"component": "kubelet", "host": "node-1"}


async def test_a_quiet_pod_costs_nothing(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: nobody writes when nothing changes."""
    world = new_world(sim)
    world.bind()
    await world.run_until(100)
    writes = len(world.history())
    (pod,) = world.kubelet.pods.values()
    assert (pod.task, pod.timer) == (None, None)
    await world.run_until(4000)
    assert len(world.history()) == writes


async def test_a_missing_image_is_pulled_first(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: the first Pod of an image on a node starts later than the second."""
    world = new_world(sim)
    world.bind("first", [{"name": "c", "image": "redis:7"}])
    await world.run_until(10)
    world.bind("second", [{"name": "c", "image": "redis:7"}])
    await world.run_until(20)
    assert story(world, "first")[-1][0] == pytest.approx(0.5 + 0.15 + (45 - 28) / 80 + 0.3, abs=0.001)
    assert story(world, "second")[-1] == (10.8, "Running", "True")
    assert [message for *_, message in world.events("first")][:2] == [
        'Pulling image "redis:7"',
        'Successfully pulled image "redis:7" in 362ms (362ms including waiting). Image size: 45000000 bytes.',
    ]


async def test_a_deleted_pod_stops_reports_and_then_goes(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: the object disappears only after its containers have ended, and it is the kubelet who removes it."""
    world = new_world(sim)
    world.bind()
    await world.run_until(10)
    await world.delete()
    await world.run_until(20)
    assert story(world)[-2:] == [(10.1, "Succeeded", "False"), (10.2, "gone", "False")]
    assert world.events("web")[-1] == (10.0, "Normal", "Killing", "Stopping container c")
    deletion = [request for _, request in world.api.requests if request.verb == "delete"][-1]
    assert deletion.body["gracePeriodSeconds"] == 0
    assert deletion.body["preconditions"] == {"uid": world.history()[0][2]["metadata"]["uid"]}
    assert world.kubelet.pods == {}
    assert world.runtime.pods() == ()


async def test_the_status_tells_of_the_new_generation_while_the_pod_ends(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: observedGeneration follows the deletion, which is a change of the Pod."""
    world = new_world(sim)
    world.bind(containers=SLEEPER)
    await world.run_until(10)
    await world.delete()
    await world.run_until(11)
    assert world.status()["observedGeneration"] == 2
    assert world.condition("Ready")["status"] == "True"  # Still serving.


async def test_a_process_that_ignores_sigterm_is_killed_when_its_grace_is_over(
    sim: Simulation, new_world: NewWorld
) -> None:
    """Teaches: exit code 137 after terminationGracePeriodSeconds, and the Pod has Failed."""
    world = new_world(sim)
    world.bind(containers=SLEEPER, terminationGracePeriodSeconds=20)
    await world.run_until(10)
    await world.delete()
    await world.run_until(60)
    assert story(world)[-2:] == [(30.0, "Failed", "False"), (30.1, "gone", "False")]
    last = world.history()[-1][2]["status"]["containerStatuses"][0]["state"]["terminated"]
    assert (last["exitCode"], last["reason"]) == (137, "Error")


async def test_a_shorter_grace_hastens_the_end(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: a second delete may only shorten the time."""
    world = new_world(sim)
    world.bind(containers=SLEEPER)
    await world.run_until(10)
    await world.delete()
    await world.run_until(15)
    await world.delete(grace=5)
    await world.run_until(60)
    assert story(world)[-1] == (20.1, "gone", "False")


async def test_a_forced_deletion_does_not_wait_but_still_stops_the_container(
    sim: Simulation, new_world: NewWorld
) -> None:
    """Teaches: --force removes the object at once; the process may run a little longer."""
    world = new_world(sim)
    world.bind(containers=SLEEPER)
    await world.run_until(10)
    await world.delete(grace=0)
    await world.run_until(10.5)
    assert world.pod() is None
    assert len(world.runtime.pods()) == 1
    await world.run_until(20)
    assert world.runtime.pods() == ()
    assert story(world)[-1] == (10.0, "gone", "True")
    assert sim.clock.now() == 20.0


async def test_a_pod_deleted_while_it_is_pulling_does_not_wait_for_the_pull(
    sim: Simulation, new_world: NewWorld
) -> None:
    """Teaches: a deletion cancels whatever the worker was doing."""
    world = new_world(sim)
    world.bind(containers=[{"name": "c", "image": "mysql:8"}])
    await world.run_until(1)
    await world.delete()
    await world.run_until(5)
    assert story(world)[-1][:2] == (1.1, "gone")


async def test_a_pod_that_may_end_completes(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: restartPolicy Never or OnFailure: Succeeded, and the object stays."""
    world = new_world(sim)
    job = [{"name": "c", "image": "busybox:1.36", "command": ["sh", "-c", "sleep 5"]}]
    world.bind("done", job, restartPolicy="OnFailure")
    failing = [{"name": "c", "image": "busybox:1.36", "command": ["sh", "-c", "sleep 5; exit 4"]}]
    world.bind("failed", failing, restartPolicy="Never")
    await world.run_until(60)
    assert story(world, "done")[-2:] == [(0.8, "Running", "True"), (5.8, "Succeeded", "False")]
    assert story(world, "failed")[-1] == (5.8, "Failed", "False")
    assert world.condition("Ready", "done")["reason"] == "PodCompleted"
    assert world.condition("PodReadyToStartContainers", "done")["status"] == "False"
    await world.delete("done", grace=30)
    await world.run_until(70)
    assert world.pod("done") is None


async def test_containers_of_one_pod_stop_together(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: the grace period is the Pod's, not each container's."""
    world = new_world(sim)
    world.bind(containers=[{**SLEEPER[0], "name": "a"}, {**SLEEPER[0], "name": "b"}], terminationGracePeriodSeconds=10)
    await world.run_until(10)
    await world.delete()
    await world.run_until(60)
    assert story(world)[-1][:2] == (20.1, "gone")


async def test_time_runs_out(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: activeDeadlineSeconds ends a Pod with reason DeadlineExceeded."""
    world = new_world(sim)
    world.bind(activeDeadlineSeconds=30)
    await world.run_until(60)
    assert story(world)[-1] == (30.1, "Failed", "False")
    assert (world.status()["reason"], world.status()["message"]) == (
        "DeadlineExceeded", "Pod was active on the node longer than the specified deadline",
    )  # fmt: skip
    assert "DeadlineExceeded" in world.reasons()


async def test_a_changed_image_restarts_the_container(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: `kubectl set image pod/…` restarts in place, in the same sandbox."""
    world = new_world(sim)
    world.bind()
    await world.run_until(10)
    pod = world.pod()
    changed = {**pod, "spec": {**pod["spec"], "containers": [{"name": "c", "image": "redis:7"}]}}
    world.api.put(PODS, {**changed, "metadata": {**pod["metadata"], "generation": 2}})
    await world.run_until(30)
    assert world.container()["image"] == "docker.io/library/redis:7"
    assert world.container()["restartCount"] == 1
    assert (10.0, "Normal", "Killing", "Container c definition changed, will be restarted") in world.events("web")


@pytest.mark.parametrize(
    "conditions", [[], [{"type": "DisruptionTarget", "status": "True", "lastTransitionTime": "x"}]]
)
async def test_conditions_of_others_are_left_alone(
    sim: Simulation, new_world: NewWorld, conditions: list[dict[str, Any]]
) -> None:
    """Teaches: a Pod's status has several authors."""
    world = new_world(sim)
    world.bind()
    await world.run_until(5)
    pod = world.pod()
    merged = conditions + pod["status"]["conditions"]
    world.api.put(PODS, {**pod, "status": {**pod["status"], "conditions": merged}})
    await world.run_until(10)
    await world.delete()
    await world.run_until(10.15)
    assert [each["type"] for each in world.status()["conditions"]] == [
        *(each["type"] for each in conditions),
        "PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled",
    ]  # fmt: skip
