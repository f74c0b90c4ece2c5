"""What survives a crash of the kubelet, and what a crash of its machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from kubesim.api.errors import ServiceUnavailableError, TransportError
from kubesim.api.resources import PODS
from kubesim.kubelet import HOLLOW
from kubesim.sim import Simulation

NewWorld = Callable[..., Any]


async def test_containers_outlive_their_kubelet(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: a kubelet is not the parent of its containers; restarting it restarts nothing."""
    world = new_world(sim)
    world.bind()
    await world.run_until(10)
    before = world.status()
    await world.crash_kubelet()
    await world.run_until(100)
    world.start()
    await world.run_until(200)
    assert world.status() == before
    assert world.reasons().count("Started") == 1


async def test_an_exit_during_the_kubelets_absence_is_noticed_when_it_returns(
    sim: Simulation, new_world: NewWorld
) -> None:
    """Teaches: nobody restarts a container while there is no kubelet."""
    world = new_world(sim)
    world.bind(containers=[{"name": "c", "image": "busybox:1.36", "command": ["sh", "-c", "sleep 20; exit 1"]}])
    await world.run_until(10)
    await world.crash_kubelet()
    await world.run_until(100)
    assert world.container()["restartCount"] == 0
    world.start()
    await world.run_until(100.6)
    assert world.container()["restartCount"] == 0, "its sync loop waits until the runtime is known to be healthy"
    await world.run_until(102)
    assert world.container()["restartCount"] == 1
    assert world.container()["lastState"]["terminated"]["finishedAt"] == "2024-01-13T09:00:20Z"


async def test_after_a_power_cut_pods_start_again_in_new_sandboxes(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: exit code 255, reason Unknown, SandboxChanged, Rebooted; restartCount counts it."""
    world = new_world(sim)
    world.bind()
    await world.run_until(10)
    await world.crash_kubelet()
    world.runtime.power_off()
    await world.run_until(100)
    world.start()
    await world.run_until(110)
    container = world.container()
    assert (container["restartCount"], list(container["state"])) == (1, ["running"])
    last = container["lastState"]["terminated"]
    assert (last["exitCode"], last["reason"]) == (255, "Unknown")
    assert world.reasons().count("SandboxChanged") == 1
    assert "Rebooted" in world.reasons("node-1")
    assert world.condition("Ready")["status"] == "True"


async def test_a_hollow_node_forgets_its_containers(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: what the recordings show of a killed hollow node: ContainerStatusUnknown, restartCount 1."""
    world = new_world(sim, HOLLOW)
    world.bind()
    await world.run_until(10)
    await world.crash_kubelet()
    world.runtime.power_off()
    await world.run_until(100)
    world.start()
    await world.run_until(110)
    container = world.container()
    assert (container["restartCount"], list(container["state"])) == (1, ["running"])
    assert container["lastState"]["terminated"] == {
        "exitCode": 137, "reason": "ContainerStatusUnknown", "startedAt": None, "finishedAt": None,
        "message": "The container could not be located when the pod was deleted.  The container used to be Running",
    }  # fmt: skip


async def test_a_pod_deleted_while_its_hollow_node_was_down_fails_and_goes(
    sim: Simulation, new_world: NewWorld
) -> None:
    """Teaches: a terminating Pod on a dead node waits for the node; then it is Failed and removed."""
    world = new_world(sim, HOLLOW)
    world.bind()
    await world.run_until(10)
    await world.crash_kubelet()
    world.runtime.power_off()
    await world.delete()
    await world.run_until(100)
    assert world.status()["phase"] == "Running"
    world.start()
    await world.run_until(102)
    phases = list(dict.fromkeys(pod["status"]["phase"] for _, _, pod in world.history()))
    assert phases == ["Pending", "Running", "Failed"]
    assert world.pod() is None
    assert world.history()[-1][2]["status"]["containerStatuses"][0]["restartCount"] == 0


async def test_what_runs_of_a_pod_that_nobody_knows_any_more_is_stopped(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: a Pod that was deleted by force while the kubelet was down leaves an orphan."""
    world = new_world(sim)
    world.bind()
    await world.run_until(10)
    await world.crash_kubelet()
    world.api.remove(PODS, "default/web")
    assert len(world.runtime.pods()) == 1
    world.start()
    await world.run_until(20)
    assert world.runtime.pods() == ()


async def test_a_completed_pod_stays_completed(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: a restarted kubelet does not run a finished Job's Pod again."""
    world = new_world(sim)
    world.bind(containers=[{"name": "c", "image": "busybox:1.36"}], restartPolicy="Never")
    await world.run_until(10)
    before = world.status()
    await world.crash_kubelet()
    world.runtime.power_off()
    world.start()
    await world.run_until(30)
    assert (world.status()["phase"], world.status()) == ("Succeeded", before)


async def test_readiness_is_remembered_over_a_restart_of_the_kubelet(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: a ready Pod does not drop out of its Service because its kubelet was restarted."""
    world = new_world(sim)
    probe = {"httpGet": {"port": 80}, "periodSeconds": 10}
    world.bind(containers=[{"name": "c", "image": "nginx:1.27", "readinessProbe": probe, "livenessProbe": probe}])
    await world.run_until(10)
    await world.crash_kubelet()
    await world.run_until(20)
    world.start()
    await world.run_until(60)
    readiness = [
        each["status"]
        for _, _, pod in world.history()
        for each in pod["status"]["conditions"]
        if each["type"] == "Ready"
    ]
    assert "False" not in readiness[readiness.index("True") :]


async def test_the_status_is_sent_again_when_the_apiserver_was_away(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: what could not be written is tried again every 10 s."""
    world = new_world(sim)
    world.bind()
    await world.run_until(0.6)
    world.api.failing = lambda request: ServiceUnavailableError("away") if request.resource is PODS else None
    await world.run_until(5)
    assert world.status()["phase"] == "Pending"
    world.api.failing = lambda _: None
    await world.run_until(11)
    assert world.status()["phase"] == "Running"


async def test_one_status_that_is_refused_holds_up_no_other(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: statuses fail one by one."""
    world = new_world(sim)
    world.api.failing = lambda request: ServiceUnavailableError("no") if request.name == "a" else None
    world.bind("a")
    world.bind("b")
    await world.run_until(3)
    assert (world.status("a")["phase"], world.status("b")["phase"]) == ("Pending", "Running")
    world.api.failing = lambda _: None
    await world.run_until(21)
    assert world.status("a")["phase"] == "Running"


async def test_a_stopped_kubelet_does_not_wait_for_an_apiserver_that_is_away(
    sim: Simulation, new_world: NewWorld
) -> None:
    """Teaches: SIGTERM is obeyed within two seconds, reachable or not."""
    world = new_world(sim)
    await world.run_until(5)
    world.api.failing = lambda _: TransportError("away", definite=True)
    world.bind()
    await world.run_until(8)
    await world.kubelet.shutdown()
    assert sim.clock.now() == 10


async def test_two_runs_of_one_seed_are_the_same(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: ids, addresses and delays come from seeded streams named after the node."""
    worlds = []
    for _ in range(2):
        world = new_world(Simulation(seed=3), msgspec.structs.replace(HOLLOW, name="mine"))
        world.bind()
        began = sim.clock.now()
        await world.run_until(began + 5)
        worlds.append(world.container())
        await world.crash_kubelet()
    assert worlds[0]["containerID"] == worlds[1]["containerID"]


async def test_on_a_hollow_node_a_pod_stays_ready_while_it_starts_again(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: nobody probes there, as in the recordings: only restartCount tells of the new start."""
    world = new_world(sim, HOLLOW)
    world.bind()
    await world.run_until(10)
    await world.crash_kubelet()
    world.runtime.power_off()
    await world.run_until(20)
    seen = len(world.history())
    world.start()
    await world.run_until(30)
    ready = [
        condition["status"]
        for _, _, pod in world.history()[seen:]
        for condition in pod["status"]["conditions"]
        if condition["type"] == "Ready"
    ]
    assert set(ready) == {"True"}
    assert world.container()["restartCount"] == 1
