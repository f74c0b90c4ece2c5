"""A node registers, becomes ready, and keeps saying so."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from kubesim.api.errors import ServiceUnavailableError
from kubesim.api.resources import LEASES, NODES
from kubesim.kubelet import HOLLOW, NodeConfig
from kubesim.kubelet.node_reporter import node_patch
from kubesim.kubelet.node_status import node_images, status_differs
from kubesim.kubelet.runtime.cri import Image
from kubesim.kubelet.runtime.layers import library_manifest
from kubesim.sim import Simulation

NewWorld = Callable[..., Any]


def conditions(node: dict[str, Any]) -> dict[str, tuple[str, str, str]]:
    return {each["type"]: (each["status"], each["reason"], each["message"]) for each in node["status"]["conditions"]}


def node_writes(world: Any) -> list[float]:
    return [round(second, 3) for second, _, plural, _ in world.api.log if plural == "nodes"]


async def test_a_new_node_registers_not_ready_and_is_ready_soon(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: registration comes first, readiness some tenths of a second later."""
    world = new_world(sim)
    await world.run_until(0.1)
    first = world.node_object()
    assert conditions(first) == {
        "MemoryPressure": ("False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        "DiskPressure": ("False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        "PIDPressure": ("False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        "Ready": ("False", "KubeletNotReady", "CSINode is not yet initialized"),
    }
    await world.run_until(0.5)
    assert conditions(world.node_object())["Ready"] == ("True", "KubeletReady", "kubelet is posting ready status")
    assert 0.2 <= node_writes(world)[1] <= 0.4


async def test_a_node_says_what_it_is(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: labels, addresses, capacity and versions are the kubelet's to tell."""
    config = NodeConfig(
        "node-3", capacity={"cpu": "4", "memory": "8Gi", "pods": "110"}, allocatable={"cpu": "3900m"}, zone="a",
        region="r", labels={"disk": "ssd"}, taints=({"key": "x", "effect": "NoSchedule"},), images=("nginx:1.27",),
        provider_id="sim://node-3",
    )  # fmt: skip
    world = new_world(sim, node=config)
    await world.run_until(1)
    node = world.node_object()
    assert node["metadata"]["labels"] == {
        "beta.kubernetes.io/arch": "amd64", "beta.kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": "node-3", "kubernetes.io/os": "linux", "topology.kubernetes.io/region": "r",
        "topology.kubernetes.io/zone": "a", "disk": "ssd",
    }  # fmt: skip
    assert node["spec"] == {"providerID": "sim://node-3", "taints": [{"key": "x", "effect": "NoSchedule"}]}
    status = node["status"]
    assert (status["capacity"]["cpu"], status["allocatable"]) == ("4", {"cpu": "3900m"})
    assert status["addresses"] == [
        {"type": "InternalIP", "address": "192.168.49.4"},
        {"type": "Hostname", "address": "node-3"},
    ]
    assert status["nodeInfo"]["kubeletVersion"] == "v1.36.2"
    assert status["nodeInfo"]["containerRuntimeVersion"].startswith("containerd://")
    assert status["images"][0]["names"][1] == "docker.io/library/nginx:1.27"
    assert config.pod_network() == "10.244.3.0/24"


async def test_a_starting_kubelet_tells_it_in_events(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: the first lines of `kubectl describe node`."""
    world = new_world(sim)
    await world.run_until(1)
    assert [event[1:] for event in world.events("node-1")] == [
        ("Normal", "Starting", "Starting kubelet."),
        ("Normal", "NodeHasSufficientMemory", "Node node-1 status is now: NodeHasSufficientMemory"),
        ("Normal", "NodeHasNoDiskPressure", "Node node-1 status is now: NodeHasNoDiskPressure"),
        ("Normal", "NodeHasSufficientPID", "Node node-1 status is now: NodeHasSufficientPID"),
        ("Normal", "NodeAllocatableEnforced", "Updated Node Allocatable limit across pods"),
        ("Normal", "NodeReady", "Node node-1 status is now: NodeReady"),
    ]


async def test_a_healthy_node_reports_only_every_five_minutes(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: the lease is the heartbeat; the big Node object is written rarely."""
    world = new_world(sim)
    await world.run_until(3600)
    writes = node_writes(world)
    gaps = [later - earlier for earlier, later in itertools.pairwise(writes[2:])]
    assert all(300 <= gap <= 311 for gap in gaps)
    assert 10 <= len(gaps) <= 12


async def test_a_pulled_image_is_reported_at_the_next_check(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: what changed is told within 10 s: the scheduler prefers nodes that have the image."""
    world = new_world(sim)
    await world.run_until(30)
    world.bind(containers=[{"name": "c", "image": "redis:7"}])
    await world.run_until(45)
    assert any("redis" in image["names"][1] for image in world.node_object()["status"]["images"])


async def test_the_lease_is_renewed_every_ten_seconds(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: who is alive writes a Lease of 40 s every 10 s; it belongs to its Node."""
    world = new_world(sim)
    await world.run_until(600)
    renewals = [(second, stored.object) for second, _, plural, stored in world.api.log if plural == "leases"]
    gaps = [later[0] - earlier[0] for earlier, later in itertools.pairwise(renewals[1:])]
    assert all(10 <= gap <= 10.4 for gap in gaps)
    lease = renewals[-1][1]
    assert (lease["spec"]["holderIdentity"], lease["spec"]["leaseDurationSeconds"]) == ("node-1", 40)
    assert lease["metadata"]["namespace"] == "kube-node-lease"
    assert lease["metadata"]["ownerReferences"] == [
        {"apiVersion": "v1", "kind": "Node", "name": "node-1", "uid": world.node_object()["metadata"]["uid"]}
    ]
    assert lease["spec"]["renewTime"] > renewals[0][1]["spec"]["renewTime"]


async def test_the_lease_survives_conflicts_errors_and_deletion(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: a heartbeat reads again after a conflict, and makes a new Lease if somebody deleted it."""
    world = new_world(sim)
    await world.run_until(30)
    stored = world.api.objects["leases", "kube-node-lease/node-1"]
    world.api.put(LEASES, {**stored.object, "spec": {**stored.object["spec"], "renewTime": "x"}})
    await world.run_until(45)
    assert world.api.objects["leases", "kube-node-lease/node-1"].object["spec"]["renewTime"] != "x"
    world.api.remove(LEASES, "kube-node-lease/node-1")
    await world.run_until(60)
    assert ("leases", "kube-node-lease/node-1") in world.api.objects
    world.api.failing = lambda _: ServiceUnavailableError("down")
    await world.run_until(120)
    world.api.failing = lambda _: None
    await world.run_until(135)
    renewed = world.api.objects["leases", "kube-node-lease/node-1"].object["spec"]["renewTime"]
    assert renewed > "2024-01-13T09:02:00"


async def test_a_kubelet_waits_for_the_apiserver(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: registration is tried again, with growing pauses, until it works."""
    world = new_world(sim, start=False)
    world.api.failing = lambda _: ServiceUnavailableError("not yet")
    world.start()
    await world.run_until(20)
    assert ("nodes", "node-1") not in world.api.objects
    world.api.failing = lambda _: None
    await world.run_until(30)
    assert conditions(world.node_object())["Ready"][0] == "True"


async def test_a_node_that_was_deleted_is_not_registered_again_by_a_running_kubelet(
    sim: Simulation, new_world: NewWorld
) -> None:
    """Teaches: `kubectl delete node` lasts until the kubelet is restarted."""
    world = new_world(sim)
    await world.run_until(10)
    world.api.remove(NODES, "node-1")
    await world.run_until(1000)
    assert ("nodes", "node-1") not in world.api.objects
    await world.crash_kubelet()
    world.start()
    await world.run_until(1010)
    assert conditions(world.node_object())["Ready"][0] == "True"


async def test_a_returning_node_goes_straight_to_ready(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: the controller had called it Unknown; the kubelet's first status says Ready."""
    world = new_world(sim)
    await world.run_until(10)
    await world.crash_kubelet()
    node = world.node_object()
    unknown = [
        {**each, "status": "Unknown", "reason": "NodeStatusUnknown", "message": "Kubelet stopped posting node status."}
        for each in node["status"]["conditions"]
    ]
    labels = {"kubernetes.io/hostname": "node-1", "kept": "yes"}
    world.api.put(
        NODES,
        {
            **node,
            "metadata": {**node["metadata"], "labels": labels},
            "status": {**node["status"], "conditions": unknown},
        },
    )
    await world.run_until(100)
    world.start()
    await world.run_until(101)
    told = [conditions(stored.object)["Ready"][0] for *_, plural, stored in world.api.log if plural == "nodes"]
    assert told[-3:] == ["Unknown", "Unknown", "True"]  # By the controller; with its labels again; ready.
    assert world.node_object()["metadata"]["labels"]["kept"] == "yes"
    assert world.node_object()["metadata"]["labels"]["kubernetes.io/os"] == "linux"


async def test_nodes_do_not_beat_in_step(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: heartbeats are spread, by a seeded draw for each node."""
    worlds = [new_world(sim, HOLLOW, NodeConfig(f"node-{number}")) for number in range(5)]
    await worlds[0].run_until(60)
    second_beats = [[second for second, _, plural, _ in world.api.log if plural == "leases"][1] for world in worlds]
    assert len(set(second_beats)) == 5
    assert all(world.events() == [] for world in worlds)  # Hollow kubelets keep quiet.


def describe(image: str) -> Image:
    manifest = library_manifest(image)
    return Image(manifest.name, manifest.digest, manifest.size_bytes, (manifest.digest, manifest.name))


def test_images_are_told_biggest_first() -> None:
    """Teaches: a node tells at most 50 images, the biggest ones."""
    told = node_images([describe("pause:3"), describe("mysql:8"), describe("nginx:1")])
    assert [each["names"][1].rsplit("/", 1)[1] for each in told] == ["mysql:8", "nginx:1", "pause:3"]
    assert len(node_images([describe(f"app:{number}") for number in range(60)])) == 50


def test_heartbeats_alone_are_no_change() -> None:
    """Teaches: lastHeartbeatTime moves with every report, which must not cause one."""
    old = {"conditions": [{"type": "Ready", "status": "True", "lastHeartbeatTime": "a"}], "images": []}
    new = {"conditions": [{"type": "Ready", "status": "True", "lastHeartbeatTime": "b"}]}
    assert not status_differs(old, new)
    assert status_differs(old, {"conditions": [{"type": "Ready", "status": "False", "lastHeartbeatTime": "b"}]})


def test_a_node_patch_names_what_changed() -> None:
    """Teaches: the patch of a periodic report holds conditions and nothing else."""
    old = {"conditions": [{"type": "Ready", "status": "False"}], "capacity": {"cpu": "1"}, "images": [1], "other": 1}
    new = {"conditions": [{"type": "Ready", "status": "True"}], "capacity": {"cpu": "1"}}
    assert node_patch(old, new) == {
        "status": {
            "images": None,
            "$setElementOrder/conditions": [{"type": "Ready"}],
            "conditions": [{"type": "Ready", "status": "True"}],
        }
    }
