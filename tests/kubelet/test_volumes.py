"""Volumes: what a Pod waits for, in which words, how often it is tried, and what its containers see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kubesim.api.kubelet_call import EXEC, KubeletCall
from kubesim.api.resources import (
    CONFIG_MAPS,
    CSI_DRIVERS,
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    SECRETS,
)
from kubesim.api.session import STDOUT
from kubesim.sim import Simulation

NewWorld = Callable[..., Any]


def mounting(**more: Any) -> list[dict[str, Any]]:
    return [{"name": "c", "image": "nginx:1.27", "volumeMounts": [{"name": "v", "mountPath": "/etc/v", **more}]}]


def bind(world: Any, source: dict[str, Any], **more: Any) -> None:
    world.bind(containers=mounting(**more), volumes=[{"name": "v", **source}])


def put(world: Any, resource: Any, name: str, **fields: Any) -> None:
    namespace = {"namespace": "default"} if resource.namespaced else {}
    world.api.put(resource, {"metadata": {"name": name, **namespace}, **fields})


def failures(world: Any) -> list[tuple[float, str]]:
    return [
        (round(second, 3), message) for second, _, reason, message in world.events("web") if reason == "FailedMount"
    ]


async def cat(world: Any, path: str) -> str:
    call = KubeletCall(EXEC, "default", "web", "c", {"command": ["cat", path], "stdin": False, "tty": False})
    session = await world.kubelet._server.handle(call)
    text = b""
    while (frame := await session.receive()) is not None:
        if frame.channel == STDOUT:
            text += frame.data
    return text.decode()


async def test_a_missing_config_map_holds_up_the_pod(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: ContainerCreating for ever; the event says why, after pauses that double from half a second."""
    world = new_world(sim)
    bind(world, {"configMap": {"name": "settings"}})
    await world.run_until(20)
    words = 'MountVolume.SetUp failed for volume "v" : configmap "settings" not found'
    tried = sorted({second for second, message in failures(world) if message == words})
    assert tried == [0.0, 0.5, 1.5, 3.5, 7.5, 15.5]
    assert world.container()["state"] == {"waiting": {"reason": "ContainerCreating"}}
    assert world.status()["phase"] == "Pending"
    put(world, CONFIG_MAPS, "settings", data={"a": "1"})
    await world.run_until(33)
    assert world.container()["state"]["running"]["startedAt"]
    assert await cat(world, "/etc/v/a") == "1"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"secret": {"secretName": "s"}}, 'secret "s" not found'),
        ({"configMap": {"name": "there", "items": [{"key": "x", "path": "x"}]}},
         "configmap references non-existent config key: x"),
        ({"projected": {"sources": [{"secret": {"name": "s"}}]}}, 'secret "s" not found'),
        ({"projected": {"sources": [{"secret": {"name": "s"}}, {"configMap": {"name": "c"}}]}},
         '[secret "s" not found, configmap "c" not found]'),
        ({"hostPath": {"path": "/data", "type": "Directory"}}, "hostPath type check failed: /data is not a directory"),
        ({"hostPath": {"path": "/data/x", "type": "File"}}, "hostPath type check failed: /data/x is not a file"),
    ],
)  # fmt: skip
async def test_what_is_missing_is_named(
    sim: Simulation, new_world: NewWorld, source: dict[str, Any], words: str
) -> None:
    """Teaches: FailedMount says which source of which volume is not there."""
    world = new_world(sim)
    put(world, CONFIG_MAPS, "there", data={"a": "1"})
    bind(world, source)
    await world.run_until(5)
    assert failures(world)[0] == (0.0, f'MountVolume.SetUp failed for volume "v" : {words}')
    assert world.status()["phase"] == "Pending"


@pytest.mark.parametrize(
    "source",
    [
        {"emptyDir": {}},
        {"configMap": {"name": "none", "optional": True}},
        {"secret": {"secretName": "none", "optional": True}},
        {"projected": {"sources": [{"configMap": {"name": "none", "optional": True}}]}},
        {"hostPath": {"path": "/data"}},
        {"hostPath": {"path": "/data", "type": "DirectoryOrCreate"}},
        {"hostPath": {"path": "/var/log", "type": "Directory"}},
        {"hostPath": {"path": "/run/containerd/containerd.sock", "type": "Socket"}},
        {"downwardAPI": {"items": [{"path": "name", "fieldRef": {"fieldPath": "metadata.name"}}]}},
    ],
)
async def test_what_may_be_missing_or_is_made_holds_up_nobody(
    sim: Simulation, new_world: NewWorld, source: dict[str, Any]
) -> None:
    """Teaches: optional sources, and volumes that are made on the spot."""
    world = new_world(sim)
    bind(world, source)
    await world.run_until(2)
    assert (world.status()["phase"], failures(world)) == ("Running", [])


async def test_a_volume_that_no_container_mounts_is_not_needed(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: only what is mounted has to be there."""
    world = new_world(sim)
    world.bind(volumes=[{"name": "v", "configMap": {"name": "none"}}])
    await world.run_until(2)
    assert world.status()["phase"] == "Running"


async def test_a_change_reaches_the_files_at_the_next_look(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: a mounted ConfigMap follows within about a minute; a subPath never does."""
    world = new_world(sim)
    put(world, CONFIG_MAPS, "settings", data={"a": "old"})
    both = [{"name": "v", "mountPath": "/etc/v"}, {"name": "v", "mountPath": "/etc/one", "subPath": "a"}]
    containers = [{"name": "c", "image": "nginx:1.27", "volumeMounts": both}]
    world.bind(containers=containers, volumes=[{"name": "v", "configMap": {"name": "settings"}}])
    await world.run_until(30)
    put(world, CONFIG_MAPS, "settings", data={"a": "new"})
    await world.run_until(59)
    assert await cat(world, "/etc/v/a") == "old"
    await world.run_until(61)
    assert await cat(world, "/etc/v/a") == "new"
    assert await cat(world, "/etc/one") == "old"


async def test_a_claim_that_is_not_bound_is_told(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: a Pod that somebody bound by hand waits for its claim."""
    world = new_world(sim)
    bind(world, {"persistentVolumeClaim": {"claimName": "data"}})
    await world.run_until(5)
    begin = "Unable to attach or mount volumes: unmounted volumes=[v], unattached volumes=[], failed to process "
    assert failures(world)[0][1].startswith(
        f"{begin}volumes=[v]: error processing PVC default/data: failed to fetch PVC"
    )
    put(world, PERSISTENT_VOLUME_CLAIMS, "data", spec={}, status={"phase": "Pending"})
    await world.run_until(15)
    assert failures(world)[-1][1] == f"{begin}volumes=[v]: error processing PVC default/data: PVC is not bound"


async def test_a_disk_of_the_network_must_be_attached_first(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: volumesAttached is the controller's word, volumesInUse the kubelet's."""
    world = new_world(sim)
    put(world, CSI_DRIVERS, "disk.example.com", spec={"attachRequired": True})
    put(world, PERSISTENT_VOLUMES, "pv", spec={"csi": {"driver": "disk.example.com", "volumeHandle": "h"}})
    put(world, PERSISTENT_VOLUME_CLAIMS, "data", spec={"volumeName": "pv"}, status={"phase": "Bound"})
    bind(world, {"persistentVolumeClaim": {"claimName": "data"}})
    await world.run_until(15)
    assert (world.status()["phase"], failures(world)) == ("Pending", [])
    name = "kubernetes.io/csi/disk.example.com^h"
    node = world.node_object()
    world.api.put(NODES, {**node, "status": {**node["status"], "volumesAttached": [{"name": name, "devicePath": ""}]}})
    await world.run_until(16)
    assert world.status()["phase"] == "Running"
    await world.run_until(30)
    assert world.node_object()["status"]["volumesInUse"] == [name]
    await world.delete()
    await world.run_until(45)
    assert "volumesInUse" not in world.node_object()["status"]


async def test_a_secret_that_goes_later_stops_nobody(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: what is mounted stays, and a container that ends is started again with it."""
    world = new_world(sim)
    put(world, SECRETS, "s", data={"k": "eA=="})
    bind(world, {"secret": {"secretName": "s"}})
    await world.run_until(5)
    world.api.remove(SECRETS, "default/s")
    world.runtime.exit(world.runtime.pod_status(world.pod()["metadata"]["uid"]).running()[0], 1)
    await world.run_until(20)
    assert world.container()["restartCount"] == 1
    assert await cat(world, "/etc/v/k") == "x"


async def test_on_a_hollow_node_too_a_pod_waits_for_its_config_map(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: it is the real kubelet's code there: the Pod is Pending, and said to be ready since nobody probes."""
    world = new_world(sim, "hollow")
    bind(world, {"configMap": {"name": "settings"}})
    await world.run_until(10)
    assert (world.status()["phase"], world.condition("Ready")["status"]) == ("Pending", "True")
    assert world.container()["state"] == {"waiting": {"reason": "ContainerCreating"}}
    put(world, CONFIG_MAPS, "settings", data={"a": "b"})
    await world.run_until(20)
    assert world.status()["phase"] == "Running"
    assert world.events("web") == []
