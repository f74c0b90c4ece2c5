"""A container runtime that dies: the node is not ready, and its containers go on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from kubesim.kubelet import NodeConfig
from kubesim.sim import Simulation

NewWorld = Callable[..., Any]
SLEEPING = [{"name": "c", "image": "busybox:1.36", "command": ["sleep", "infinity"]}]
SOCKET = "/run/containerd/containerd.sock"
UNAVAILABLE = (
    'rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial unix '
    f'{SOCKET}: connect: connection refused"'
)


class Daemon:
    """The runtime's own process."""

    def __init__(self, world: Any) -> None:
        self._world = world
        self._task = world.sim.loop.create_task(world.runtime.run())

    async def crash(self) -> None:
        self._task.cancel()
        await asyncio.sleep(0)

    async def restart(self) -> None:
        self._task = self._world.sim.loop.create_task(self._world.runtime.run())
        await asyncio.sleep(0)


def ready(world: Any) -> list[tuple[float, str, str]]:
    """(second, status, message) of the node's condition Ready whenever it changed."""
    told: list[tuple[float, str, str]] = []
    for second, _, plural, stored in world.api.log:
        if plural == "nodes":
            condition = next(each for each in stored.object["status"]["conditions"] if each["type"] == "Ready")
            if not told or told[-1][1:] != (condition["status"], condition["message"]):
                told.append((second, condition["status"], condition["message"]))
    return told


async def test_a_node_without_its_runtime_is_not_ready_after_half_a_minute(
    sim: Simulation, new_world: NewWorld
) -> None:
    """Teaches: NotReady is not Unknown: the kubelet lives, and says what is wrong."""
    world = new_world(sim)
    daemon = Daemon(world)
    world.bind(containers=SLEEPING)
    await world.run_until(100.5)
    await daemon.crash()
    await world.run_until(400)
    second, status, message = next(each for each in ready(world) if each[0] > 100)
    assert 130 < second < 141  # The last answer was at 100 s; the status is looked at every 10 s.
    assert (status, message) == ("False", "container runtime is down")
    later = [each for each in ready(world) if each[0] > 290]
    ago = f"{later[0][0] - 100:.3f}".rstrip("0").rstrip(".")
    assert later[0][2].startswith("[container runtime is down, PLEG is not healthy: pleg was last seen active 3m"), (
        f"{ago} s after the last list"
    )
    assert later[0][2].endswith(" ago; threshold is 3m0s]")
    assert world.node_object()["status"]["nodeInfo"]["containerRuntimeVersion"] == "containerd://Unknown"
    assert ("Normal", "NodeNotReady", "Node node-1 status is now: NodeNotReady") in [
        event[1:] for event in world.events("node-1")
    ]
    assert ("Warning", "ContainerGCFailed", UNAVAILABLE) in [event[1:] for event in world.events("node-1")]
    assert "running" in world.container()["state"]
    assert sum(plural == "leases" for second, _, plural, _ in world.api.log if second > 150) > 20


async def test_a_runtime_that_is_back_in_time_was_never_missed(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: containerd can be restarted under running containers."""
    world = new_world(sim)
    daemon = Daemon(world)
    world.bind(containers=SLEEPING)
    await world.run_until(100.5)
    await daemon.crash()
    await world.run_until(120)
    await daemon.restart()
    await world.run_until(300)
    assert [each for each in ready(world) if each[0] > 100] == []
    assert world.container()["restartCount"] == 0


async def test_a_pod_waits_for_the_runtime(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: at first a sandbox cannot be made; once the runtime counts as down, Pods are left alone."""
    world = new_world(sim)
    daemon = Daemon(world)
    await world.run_until(100.5)
    await daemon.crash()
    await world.run_until(110)
    world.bind(containers=SLEEPING)
    await world.run_until(125)
    failed = [message for *_, reason, message in world.events("web") if reason == "FailedCreatePodSandBox"]
    assert failed[0] == f"Failed to create pod sandbox: {UNAVAILABLE}"
    tries = len(failed)
    await world.run_until(200)
    assert len([1 for *_, reason, _ in world.events("web") if reason == "FailedCreatePodSandBox"]) <= tries + 2
    await daemon.restart()
    await world.run_until(220)
    assert "running" in world.container()["state"]
    assert ready(world)[-1][1] == "True"


async def test_a_deleted_pod_ends_when_the_runtime_is_back(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: without its runtime a node can end nothing: the Pod stays Terminating."""
    world = new_world(sim)
    daemon = Daemon(world)
    world.bind(containers=SLEEPING, terminationGracePeriodSeconds=5)
    await world.run_until(100.5)
    await daemon.crash()
    await world.run_until(101)
    await world.delete()
    await world.run_until(300)
    assert world.pod() is not None
    uid = world.pod()["metadata"]["uid"]
    quoted = UNAVAILABLE.replace('"', '\\"')
    assert (
        f'error killing pod: [failed to "KillContainer" for "c" with KillContainerError: "{quoted}", '
        f'failed to "KillPodSandbox" for "{uid}" with KillPodSandboxError: "{quoted}"]'
    ) in [message for *_, reason, message in world.events("web") if reason == "FailedKillPod"]
    await daemon.restart()
    await world.run_until(320)
    assert world.pod() is None


async def test_docker_takes_its_containers_with_it(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: without live-restore every Pod of the node starts again, in a new sandbox."""
    images = ("busybox:1.36",)
    world = new_world(sim, node=NodeConfig("node-1", images=images, runtime="docker"))
    daemon = Daemon(world)
    world.bind(containers=SLEEPING)
    await world.run_until(100.5)
    before = world.container()["containerID"]
    assert before.startswith("docker://")
    await daemon.crash()
    await world.run_until(110)
    assert world.container()["containerID"] == before  # Nobody has looked yet.
    await daemon.restart()
    await world.run_until(130)
    assert world.container()["restartCount"] == 1
    assert world.container()["containerID"] != before
    assert "SandboxChanged" in world.reasons()
    assert world.node_object()["status"]["nodeInfo"]["containerRuntimeVersion"] == "docker://28.5.2"


@pytest.mark.parametrize("kind", ["containerd", "docker", "cri-o"])
async def test_ids_and_images_are_the_runtimes(sim: Simulation, new_world: NewWorld, kind: str) -> None:
    """Teaches: a container id begins with the name of its runtime."""
    world = new_world(sim, node=NodeConfig("node-1", images=("busybox:1.36",), runtime=kind))
    world.bind(containers=SLEEPING)
    await world.run_until(10)
    assert world.container()["containerID"].startswith(f"{kind}://")
    assert world.node_object()["status"]["nodeInfo"]["containerRuntimeVersion"].startswith(f"{kind}://")
    name = "busybox:1.36" if kind == "docker" else "docker.io/library/busybox:1.36"
    assert world.container()["image"] == name
    assert name in [each["names"][1] for each in world.node_object()["status"]["images"]]
