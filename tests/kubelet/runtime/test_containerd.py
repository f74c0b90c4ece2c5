"""The simulated containerd: sandboxes, containers, images, and what a power cut leaves."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from kubesim.api.views import Container
from kubesim.kubelet.runtime.behaviour import HOLLOW, PLAUSIBLE, Profile
from kubesim.kubelet.runtime.containerd import Containerd
from kubesim.kubelet.runtime.cri import ContainerState, CriError, SandboxConfig
from kubesim.kubelet.runtime.model import Behaviour
from kubesim.sim import Simulation

EXACT = msgspec.structs.replace(PLAUSIBLE, sandbox_seconds=(0.5, 0.5), create_seconds=0.1)
SANDBOX = SandboxConfig("uid-1", "default", "web")


def runtime(sim: Simulation, profile: Profile = EXACT) -> Containerd:
    return Containerd(sim, "node-1", profile, pod_cidr="10.244.1.0/24", present_images=["nginx:1.27", "busybox:1.36"])


async def test_a_container_runs_after_sandbox_creation_and_start(sim: Simulation) -> None:
    """Teaches: the CRI verbs, and that each takes time."""
    containerd = runtime(sim)
    sandbox = await containerd.run_pod_sandbox(SANDBOX)
    assert (sim.clock.now(), sandbox.ip, len(sandbox.id)) == (0.5, "10.244.1.2", 64)
    container = await containerd.create_container(sandbox, Container(name="c", image="nginx:1.27"), 0)
    assert (sim.clock.now(), container.state) == (0.6, ContainerState.CREATED)
    await containerd.start_container(container)
    assert (sim.clock.now(), container.state) == (0.8, ContainerState.RUNNING)
    assert containerd.pod_status("uid-1").latest("c") is container
    assert containerd.pods() == ("uid-1",)


async def test_a_container_needs_its_image(sim: Simulation) -> None:
    """Teaches: creating does not pull; that is a verb of its own."""
    containerd = runtime(sim)
    sandbox = await containerd.run_pod_sandbox(SANDBOX)
    with pytest.raises(CriError, match="code = NotFound"):
        await containerd.create_container(sandbox, Container(name="c", image="redis:7"), 0)


async def test_an_exit_is_told_to_listeners(sim: Simulation) -> None:
    """Teaches: the kubelet hears of a container's end, it does not look for it."""
    containerd = runtime(sim)
    heard: list[tuple[float, ContainerState]] = []
    unsubscribe = containerd.subscribe(lambda _, container: heard.append((sim.clock.now(), container.state)))
    sandbox = await containerd.run_pod_sandbox(SANDBOX)
    spec = Container(name="c", image="busybox:1.36", command=("sh", "-c", "sleep 5; exit 3"))
    container = await containerd.create_container(sandbox, spec, 0)
    await containerd.start_container(container)
    await asyncio.sleep(10)
    assert heard == [(0.8, ContainerState.RUNNING), (5.8, ContainerState.EXITED)]
    assert (container.exit_code, container.reason, container.finished_at) == (3, "Error", "2024-01-13T09:00:05Z")
    unsubscribe()


@pytest.mark.parametrize(
    ("behaviour", "timeout", "code", "seconds"),
    [
        (Behaviour(stop_seconds=3.0), 30.0, 0, 3.0),
        (Behaviour(stop_seconds=3.0, stop_exit_code=143), 30.0, 143, 3.0),
        (Behaviour(stop_seconds=60.0), 30.0, 137, 30.0),
        (Behaviour(stop_seconds=None), 30.0, 137, 30.0),
    ],
)
async def test_sigkill_follows_sigterm(
    sim: Simulation, behaviour: Behaviour, timeout: float, code: int, seconds: float
) -> None:
    """Teaches: exit code 137 is 128 + 9, a process that did not listen in time."""
    containerd = runtime(sim, msgspec.structs.replace(EXACT, behaviours={"nginx": behaviour}))
    sandbox = await containerd.run_pod_sandbox(SANDBOX)
    container = await containerd.create_container(sandbox, Container(name="c", image="nginx:1.27"), 0)
    await containerd.start_container(container)
    began = sim.clock.now()
    await containerd.stop_container(container, timeout)
    assert sim.clock.now() - began == pytest.approx(seconds)
    assert (container.state, container.exit_code) == (ContainerState.EXITED, code)


async def test_only_one_dead_container_is_kept(sim: Simulation) -> None:
    """Teaches: why `kubectl logs --previous` reaches back exactly one restart."""
    containerd = runtime(sim)
    sandbox = await containerd.run_pod_sandbox(SANDBOX)
    spec = Container(name="c", image="busybox:1.36", command=("true",))
    for attempt in range(4):
        await containerd.start_container(await containerd.create_container(sandbox, spec, attempt))
    pod = containerd.pod_status("uid-1")
    assert [container.attempt for container in pod.containers] == [2, 3]
    previous = pod.previous("c")
    assert previous is not None
    assert previous.attempt == 2


async def test_after_a_power_cut_the_records_are_there_but_nothing_runs(sim: Simulation) -> None:
    """Teaches: containerd knows its dead containers after a reboot: exit code 255, reason Unknown."""
    containerd = runtime(sim)
    boot_id = containerd.boot_id
    sandbox = await containerd.run_pod_sandbox(SANDBOX)
    spec = Container(name="c", image="busybox:1.36", command=("sleep", "5"))
    container = await containerd.create_container(sandbox, spec, 0)
    await containerd.start_container(container)
    containerd.power_off()
    await asyncio.sleep(10)
    assert (container.state, container.exit_code, container.reason) == (ContainerState.EXITED, 255, "Unknown")
    assert not sandbox.ready
    assert containerd.boot_id != boot_id


async def test_a_hollow_runtime_forgets_everything(sim: Simulation) -> None:
    """Teaches: a hollow node's runtime is part of its kubelet process and dies with it."""
    containerd = runtime(sim, HOLLOW)
    await containerd.run_pod_sandbox(SANDBOX)
    containerd.power_off()
    assert containerd.pods() == ()


async def test_addresses_go_round_before_one_is_given_again(sim: Simulation) -> None:
    """Teaches: a new Pod does not get the address of one that has just died."""
    containerd = runtime(sim, HOLLOW)
    first = await containerd.run_pod_sandbox(SANDBOX)
    await containerd.stop_pod_sandbox(first)
    second = await containerd.run_pod_sandbox(SandboxConfig("uid-2", "default", "b"))
    on_host = await containerd.run_pod_sandbox(SandboxConfig("uid-3", "default", "c", host_network=True))
    assert (first.ip, second.ip, on_host.ip) == ("10.244.1.2", "10.244.1.3", "")
