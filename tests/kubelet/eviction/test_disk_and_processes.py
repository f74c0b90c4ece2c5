"""Disk and processes: what a node removes first, who goes, and limits of a Pod's own."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec

from kubesim.kubelet import KubeletConfiguration, NodeConfig
from kubesim.sim import Simulation

NewWorld = Callable[..., Any]
GI = 1 << 30
CAPACITY = {"cpu": "2", "memory": "4Gi", "ephemeral-storage": "10Gi", "pods": "110"}
SMALL = NodeConfig("node-1", capacity=CAPACITY, images=("nginx:1.27", "busybox:1.36"))


def writing(**fields: Any) -> dict[str, str]:
    return {"kubesim.dev/behavior": json.dumps(fields)}


def limited(**limits: str) -> list[dict[str, Any]]:
    return [{"name": "c", "image": "nginx:1.27", "resources": {"limits": {"ephemeral-storage": limits["disk"]}}}]


def pressures(world: Any) -> list[str]:
    return [each["type"] for each in world.node_object()["status"]["conditions"] if each["status"] == "True"]


async def test_images_that_nobody_uses_go_before_pods(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: DiskPressure first removes what can be fetched again."""
    world = new_world(sim, node=msgspec.structs.replace(SMALL, images=("nginx:1.27", "mysql:8.4")))
    before = world.runtime.disk.available_bytes()
    await world.run_until(125)  # Images that have just come stay.
    world.bind(annotations=writing(diskBytes=before - int(1.5 * GI) + 100_000_000))
    await world.run_until(140)
    assert world.status()["phase"] == "Running"
    assert "mysql:8.4" not in str(world.node_object()["status"]["images"])
    assert pressures(world) == ["DiskPressure", "Ready"]
    told = (130.0, "Warning", "EvictionThresholdMet", "Attempting to reclaim ephemeral-storage")
    assert told in world.events("node-1")


async def test_who_fills_the_disk_is_evicted(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: a log that nobody rotates ends like a leak; a node with DiskPressure takes nobody."""
    world = new_world(sim, node=SMALL)
    world.bind("logger", annotations=writing(diskBytesPerSecond=GI // 5))
    world.bind("calm", annotations=writing(diskBytes=1000))
    await world.run_until(45)
    status = world.status("logger")
    assert status["reason"] == "Evicted"
    begin = "The node was low on resource: ephemeral-storage. Threshold quantity: 1536Mi, available: "
    assert status["message"].startswith(begin)
    assert "request is 0, has larger consumption of ephemeral-storage. " in status["message"]
    assert world.status("calm")["phase"] == "Running"
    world.bind("late")
    await world.run_until(46)
    assert world.status("late")["message"] == "Pod was rejected: The node had condition: [DiskPressure]. "
    assert "NodeHasDiskPressure" in world.reasons("node-1")


async def test_a_pod_above_its_own_limit_goes_though_the_node_has_room(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: limits.ephemeral-storage is kept by eviction, not by an error of write()."""
    world = new_world(sim, node=SMALL)
    world.bind(containers=limited(disk="1Gi"), annotations=writing(diskBytesPerSecond=GI // 10))
    await world.run_until(25)
    status = world.status()
    message = "Pod ephemeral local storage usage exceeds the total limit of containers 1Gi. "
    assert (status["reason"], status["message"]) == ("Evicted", message)
    assert pressures(world) == ["Ready"]
    assert not any(each["type"] == "DisruptionTarget" for each in status["conditions"])


async def test_an_empty_dir_has_a_size_limit(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: sizeLimit of an emptyDir."""
    world = new_world(sim, node=SMALL)
    world.bind(
        containers=[
            {"name": "c", "image": "nginx:1.27", "volumeMounts": [{"name": "cache", "mountPath": "/cache"}]},
        ],
        volumes=[{"name": "cache", "emptyDir": {"sizeLimit": "500Mi"}}],
        annotations=writing(diskBytes=GI, diskVolume="cache"),
    )
    await world.run_until(12)
    message = 'Usage of EmptyDir volume "cache" exceeds the limit "500Mi". '
    assert (world.status()["reason"], world.status()["message"]) == ("Evicted", message)


async def test_a_fork_bomb_takes_the_nodes_processes(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: PIDPressure, for kubelets that have a threshold for it."""
    configuration = KubeletConfiguration(eviction_hard={"pid.available": "1000"}, pid_max=10_000)
    world = new_world(sim, node=msgspec.structs.replace(SMALL, configuration=configuration))
    world.bind("bomb", annotations=writing(processesPerSecond=500))
    world.bind("calm")
    await world.run_until(25)
    assert world.status("bomb")["reason"] == "Evicted"
    begin = "The node was low on resource: pids. Threshold quantity: 1000, available: "
    assert world.status("bomb")["message"].startswith(begin)
    assert pressures(world) == ["PIDPressure", "Ready"]
    assert world.status("calm")["phase"] == "Running"


async def test_a_threshold_of_zero_is_none(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: minikube's setting, under which a full disk evicts nobody."""
    hard = {"nodefs.available": "0%", "nodefs.inodesFree": "0%", "imagefs.available": "0%"}
    node = msgspec.structs.replace(SMALL, configuration=KubeletConfiguration(eviction_hard=hard))
    world = new_world(sim, node=node)
    world.bind("logger", annotations=writing(diskBytesPerSecond=GI))
    await world.run_until(60)
    assert world.status("logger")["phase"] == "Running"
