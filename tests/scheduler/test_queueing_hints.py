"""Which event wakes which rejected Pod: what plugins register, and what their hints see when they look closer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kubesim.api.stored import Stored
from kubesim.api.views import Node
from kubesim.scheduler.framework.cluster_event import ClusterEvent as Event
from kubesim.scheduler.queued_pod import Place
from kubesim.scheduler.scheduling_queue import SchedulingQueue
from kubesim.sim import Simulation

ZONE, WAITS = "topology.kubernetes.io/zone", "WaitForFirstConsumer"
Make = Callable[..., Stored]
ON_PODS = {"ASSIGNED_POD_ADD", "ASSIGNED_POD_DELETE", "ASSIGNED_POD_LABEL", "POD_LABEL"}
REGISTERED = {
    "SchedulingGates": {"POD_GATES_ELIMINATED"},
    "NodeUnschedulable": {"NODE_ADD", "NODE_TAINT", "POD_TOLERATION"},
    "NodeName": {"NODE_ADD"},
    "TaintToleration": {"NODE_ADD", "NODE_TAINT", "POD_TOLERATION"},
    "NodeAffinity": {"NODE_ADD", "NODE_LABEL"},
    "NodePorts": {"NODE_ADD", "ASSIGNED_POD_DELETE"},
    "NodeResourcesFit": {
        "NODE_ADD", "NODE_ALLOCATABLE", "ASSIGNED_POD_DELETE", "ASSIGNED_POD_SCALE_DOWN", "POD_SCALE_DOWN"},
    "PodTopologySpread": {*ON_PODS, "POD_TOLERATION", "NODE_ADD", "NODE_DELETE", "NODE_LABEL", "NODE_TAINT"},
    "InterPodAffinity": {*ON_PODS, "NODE_ADD", "NODE_LABEL"},
    "VolumeRestrictions": {"NODE_ADD", "ASSIGNED_POD_DELETE", "CLAIM_CHANGE"},
    "NodeVolumeLimits": {"CSI_NODE_CHANGE", "ASSIGNED_POD_DELETE", "CLAIM_CHANGE"},
    "VolumeBinding": {
        "NODE_ADD", "NODE_LABEL", "CLAIM_CHANGE", "VOLUME_CHANGE", "STORAGE_CLASS_ADD", "STORAGE_CLASS_UPDATE",
        "CSI_NODE_CHANGE", "STORAGE_CAPACITY_CHANGE"},
    "VolumeZone": {"NODE_ADD", "NODE_LABEL", "CLAIM_CHANGE", "VOLUME_CHANGE", "STORAGE_CLASS_ADD"},
    "DefaultPreemption": {"ASSIGNED_POD_DELETE"},
}  # fmt: skip


def test_plugins_register_upstreams_events(world: Any) -> None:
    """Teaches: who is turned down by a plugin sleeps through every event that the plugin does not name."""
    plugins = world([]).framework.plugins
    registered = {plugin.name: {one.event.name for one in plugin.events()} for plugin in plugins}
    assert {name: events for name, events in registered.items() if events} == REGISTERED


def stored(kind: str, name: str, *, namespace: str = "", metadata: dict[str, Any] | None = None, **more: Any) -> Stored:
    head = {"name": name} | ({"namespace": namespace} if namespace else {}) | (metadata or {})
    return Stored(1, {"kind": kind, "metadata": head, **more})


def claim(name: str = "data", namespace: str = "default") -> Stored:
    return stored("PersistentVolumeClaim", name, namespace=namespace, spec={})


def volume(zone: str, annotation: str = "") -> Stored:
    metadata = {"labels": {ZONE: zone}, "annotations": {"a": annotation}}
    return stored("PersistentVolume", "v", metadata=metadata, spec={})


def storage_class(mode: str = WAITS, zone: str = "a") -> Stored:
    allowed = [{"matchLabelExpressions": [{"key": ZONE, "values": [zone]}]}]
    return stored("StorageClass", "c", volumeBindingMode=mode, allowedTopologies=allowed)


def csi_node(count: int | None, migrated: str = "") -> Stored:
    driver = {"name": "csi.example.com"} | ({} if count is None else {"allocatable": {"count": count}})
    metadata = {"annotations": {"storage.alpha.kubernetes.io/migrated-plugins": migrated}}
    return stored("CSINode", "n", metadata=metadata, spec={"drivers": [driver]})


VOLUMES = [
    ("VolumeRestrictions", Event.CLAIM_CHANGE, None, claim(), True),
    ("VolumeRestrictions", Event.CLAIM_CHANGE, None, claim("other"), False),
    ("NodeVolumeLimits", Event.CLAIM_CHANGE, None, claim(), True),
    ("NodeVolumeLimits", Event.CLAIM_CHANGE, claim(), claim(), False),
    ("NodeVolumeLimits", Event.CLAIM_CHANGE, None, claim(namespace="other"), False),
    ("NodeVolumeLimits", Event.CSI_NODE_CHANGE, None, csi_node(1), True),
    ("NodeVolumeLimits", Event.CSI_NODE_CHANGE, csi_node(1), csi_node(2), True),
    ("NodeVolumeLimits", Event.CSI_NODE_CHANGE, csi_node(2), csi_node(2), False),
    ("NodeVolumeLimits", Event.CSI_NODE_CHANGE, csi_node(2), csi_node(1), False),
    ("VolumeBinding", Event.CLAIM_CHANGE, claim(), claim(), True),
    ("VolumeBinding", Event.CLAIM_CHANGE, None, claim("other"), False),
    ("VolumeBinding", Event.VOLUME_CHANGE, volume("a"), volume("a"), True),
    ("VolumeBinding", Event.STORAGE_CLASS_ADD, None, storage_class("Immediate"), True),
    ("VolumeBinding", Event.STORAGE_CLASS_UPDATE, storage_class(), storage_class(), False),
    ("VolumeBinding", Event.STORAGE_CLASS_UPDATE, storage_class(), storage_class(zone="b"), True),
    ("VolumeBinding", Event.CSI_NODE_CHANGE, None, csi_node(1), True),
    ("VolumeBinding", Event.CSI_NODE_CHANGE, csi_node(1), csi_node(2), False),
    ("VolumeBinding", Event.CSI_NODE_CHANGE, csi_node(1), csi_node(1, "kubernetes.io/aws-ebs"), True),
    ("VolumeZone", Event.CLAIM_CHANGE, claim(), claim(), True),
    ("VolumeZone", Event.CLAIM_CHANGE, claim("other"), claim("other"), False),
    ("VolumeZone", Event.VOLUME_CHANGE, None, volume("a"), True),
    ("VolumeZone", Event.VOLUME_CHANGE, volume("a"), volume("b"), True),
    ("VolumeZone", Event.VOLUME_CHANGE, volume("a"), volume("a", "new"), False),
    ("VolumeZone", Event.STORAGE_CLASS_ADD, None, storage_class(), True),
    ("VolumeZone", Event.STORAGE_CLASS_ADD, None, storage_class("Immediate"), False),
    ("VolumeZone", Event.STORAGE_CLASS_UPDATE, storage_class(), storage_class(zone="b"), False),
]


async def place_after(
    sim: Simulation, world: Any, waiting: Any, plugin: str, event: Event, old: Any, new: Any
) -> Place:  # fmt: skip
    """Where a Pod that `plugin` rejected waits after an event."""
    queue = SchedulingQueue(sim, {"default-scheduler": world([]).framework})
    queue.add(waiting)
    queued = await queue.pop()
    queued.unschedulable_plugins = {plugin: None}
    queue.add_unschedulable(queued)
    queue.move(event, old, new)
    return queued.place


@pytest.mark.parametrize(("plugin", "event", "old", "new", "wakes"), VOLUMES)
async def test_what_happens_to_volumes_wakes_whom_it_concerns(
    sim: Simulation, world: Any, info: Any, plugin: str, event: Event, old: Any, new: Any, wakes: bool
) -> None:
    """Teaches: a claim counts for the Pod that mounts it; a volume, a class, a driver for what changed about it."""
    waiting = info("a", volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}])
    place = await place_after(sim, world, waiting, plugin, event, old, new)
    assert place is (Place.BACKOFF if wakes else Place.UNSCHEDULABLE)


def near(kind: str) -> dict[str, Any]:
    term = {"topologyKey": ZONE, "labelSelector": {"matchLabels": {"app": "web"}}}
    return {"affinity": {kind: {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}}


@pytest.mark.parametrize(
    ("plugin", "spec", "event", "before", "after", "wakes"),
    [
        ("NodeName", {}, Event.NODE_ADD, None, {}, True),
        ("NodeName", {}, Event.NODE_LABEL, {}, {"labels": {"a": "b"}}, False),
        ("NodeAffinity", {"nodeSelector": {"disk": "ssd"}}, Event.NODE_ADD, None, {}, False),
        ("NodeAffinity", {"nodeSelector": {"disk": "ssd"}}, Event.NODE_LABEL, {}, {"labels": {"disk": "ssd"}}, True),
        ("NodeAffinity", {"nodeSelector": {"disk": "ssd"}}, Event.NODE_TAINT, {}, {"labels": {"disk": "ssd"}}, False),
        ("TaintToleration", {}, Event.NODE_TAINT, {"taints": [{"key": "a", "effect": "NoSchedule"}]}, {}, True),
        ("TaintToleration", {}, Event.NODE_ADD, None, {"taints": [{"key": "a", "effect": "NoSchedule"}]}, False),
        ("NodeUnschedulable", {}, Event.NODE_TAINT, {"unschedulable": True}, {}, True),
        ("NodeUnschedulable", {}, Event.NODE_TAINT, {}, {"unschedulable": True}, False),
        ("NodeResourcesFit", {"requests": {"cpu": "6"}}, Event.NODE_ALLOCATABLE, {}, {"cpu": "8"}, True),
        ("NodeResourcesFit", {"requests": {"cpu": "6"}}, Event.NODE_ALLOCATABLE, {}, {"memory": "64Gi"}, False),
        ("NodeResourcesFit", {"requests": {"cpu": "6"}}, Event.NODE_TAINT, {}, {"cpu": "8"}, False),
        ("InterPodAffinity", near("podAffinity"), Event.NODE_ADD, None, {"labels": {ZONE: "a"}}, True),
        ("InterPodAffinity", near("podAffinity"), Event.NODE_ADD, None, {}, False),
        ("InterPodAffinity", near("podAffinity"), Event.NODE_LABEL, {"labels": {ZONE: "a"}}, {}, False),
        ("InterPodAffinity", near("podAffinity"), Event.NODE_LABEL, {}, {"labels": {ZONE: "a"}}, True),
        ("InterPodAffinity", near("podAntiAffinity"), Event.NODE_ADD, None, {}, True),
        ("InterPodAffinity", near("podAntiAffinity"), Event.NODE_LABEL, {"labels": {ZONE: "a"}}, {}, True),
        ("InterPodAffinity", near("podAntiAffinity"), Event.NODE_LABEL, {}, {"labels": {ZONE: "a"}}, False),
        ("InterPodAffinity", near("podAntiAffinity"), Event.NODE_TAINT, {"unschedulable": True}, {}, False),
        ("VolumeBinding", {}, Event.NODE_LABEL, {}, {"labels": {ZONE: "a"}}, True),
        ("VolumeZone", {}, Event.NODE_TAINT, {"unschedulable": True}, {}, False),
        ("NodeVolumeLimits", {}, Event.NODE_ADD, None, {}, False),
    ],
)  # fmt: skip
async def test_what_happens_to_a_node_wakes_whom_it_concerns(
    sim: Simulation, world: Any, node: Make, info: Any, plugin: str, spec: dict[str, Any], event: Event,
    before: dict[str, Any] | None, after: dict[str, Any], wakes: bool,
) -> None:  # fmt: skip
    """Teaches: each plugin looks at what it rejected the Pod for, at nothing else."""
    old, new = (None if kind is None else node("n", **kind).view(Node) for kind in (before, after))
    place = await place_after(sim, world, info("a", **spec), plugin, event, old, new)
    assert place is (Place.BACKOFF if wakes else Place.UNSCHEDULABLE)


@pytest.mark.parametrize(
    ("plugin", "gone", "wakes"),
    [
        ("NodeResourcesFit", {}, True),
        ("NodePorts", {"ports": [{"containerPort": 80, "hostPort": 8080}]}, True),
        ("NodePorts", {"ports": [{"containerPort": 80, "hostPort": 9090}]}, False),
        ("VolumeRestrictions", {"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]}, True),
        ("VolumeRestrictions", {"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "other"}}]}, False),
        ("NodeVolumeLimits", {"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "other"}}]}, True),
        ("NodeVolumeLimits", {"volumes": [{"name": "d", "emptyDir": {}}]}, False),
        ("NodeAffinity", {}, False),
        ("TaintToleration", {}, False),
        ("DefaultPreemption", {}, False),
    ],
)  # fmt: skip
async def test_a_pod_that_goes_wakes_those_in_whose_way_it_was(
    sim: Simulation, world: Any, info: Any, plugin: str, gone: dict[str, Any], wakes: bool
) -> None:
    """Teaches: it gives back its room, its ports and its volumes; no taint and no label goes with it."""
    waiting = info(
        "a", ports=[{"containerPort": 80, "hostPort": 8080}],
        volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
    )  # fmt: skip
    old = info("gone", node="n", **gone)
    place = await place_after(sim, world, waiting, plugin, Event.ASSIGNED_POD_DELETE, old, None)
    assert place is (Place.BACKOFF if wakes else Place.UNSCHEDULABLE)
