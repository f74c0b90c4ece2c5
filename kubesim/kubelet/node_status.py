"""The Node object as its kubelet makes and keeps it: what it is, and how it feels.

Conditions are checked every 10 s but only written when something changed, or every 5 minutes (after a change
the next such report moves by up to half of that, so that nodes do not report together). Pure functions here;
`node_reporter.py` sends. Upstream: pkg/kubelet/kubelet_node_status.go, pkg/kubelet/nodestatus/setters.go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from kubesim.api.stored import Object
from kubesim.kubelet.node_config import NodeConfig
from kubesim.kubelet.runtime.cri import ContainerRuntime, Image

IMAGES_MAX = 50  # nodeStatusMaxImages
DECLARED_FEATURES = (
    "ExtendWebSocketsToKubelet",
    "InPlacePodLevelResourcesVerticalScaling",
    "InPlacePodVerticalScalingInitContainers",
    "RestartAllContainersOnContainerExits",
)


class Feeling(NamedTuple):
    """A condition's value: status, reason, message."""

    status: str
    reason: str
    message: str


HEALTHY: Mapping[str, Feeling] = {
    "MemoryPressure": Feeling("False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    "DiskPressure": Feeling("False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    "PIDPressure": Feeling("False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
}
READY = Feeling("True", "KubeletReady", "kubelet is posting ready status")
PRESSED: Mapping[str, Feeling] = {
    "MemoryPressure": Feeling("True", "KubeletHasInsufficientMemory", "kubelet has insufficient memory available"),
    "DiskPressure": Feeling("True", "KubeletHasDiskPressure", "kubelet has disk pressure"),
    "PIDPressure": Feeling("True", "KubeletHasInsufficientPID", "kubelet has insufficient PID available"),
}
STARTING = Feeling("False", "KubeletNotReady", "CSINode is not yet initialized")
# What a kubelet says in an event when a condition takes a value.
EVENT_REASONS = {
    ("MemoryPressure", "False"): "NodeHasSufficientMemory",
    ("MemoryPressure", "True"): "NodeHasInsufficientMemory",
    ("DiskPressure", "False"): "NodeHasNoDiskPressure",
    ("DiskPressure", "True"): "NodeHasDiskPressure",
    ("PIDPressure", "False"): "NodeHasSufficientPID",
    ("PIDPressure", "True"): "NodeHasInsufficientPID",
    ("Ready", "True"): "NodeReady",
    ("Ready", "False"): "NodeNotReady",
}


def new_node(config: NodeConfig, runtime: ContainerRuntime, now: str) -> Object:
    """The Node that a kubelet registers: not ready yet."""
    metadata: Object = {"name": config.name, "labels": config.all_labels()}
    if config.annotations:
        metadata["annotations"] = dict(config.annotations)
    spec: Object = {}
    if config.provider_id:
        spec["providerID"] = config.provider_id
    if config.taints:
        spec["taints"] = [dict(taint) for taint in config.taints]
    status = node_status(config, runtime, {}, STARTING, now)
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": spec, "status": status}


def node_status(
    config: NodeConfig, runtime: ContainerRuntime, old: Mapping[str, Any], ready: Feeling, now: str,
    pressures: Sequence[str] = (),
) -> Object:  # fmt: skip
    """The status of a node at `now`, with these pressures; what did not change keeps its transition time."""
    known = {condition["type"]: condition for condition in old.get("conditions") or ()}
    feelings = {**HEALTHY, **{name: PRESSED[name] for name in pressures}, "Ready": ready}
    others = [condition for name, condition in known.items() if name not in feelings]
    status: Object = {
        "capacity": dict(config.capacity),
        "allocatable": config.allocatable_resources(),
        "conditions": others + [condition(name, feeling, known.get(name), now) for name, feeling in feelings.items()],
        "addresses": [
            {"type": "InternalIP", "address": config.internal_ip()},
            {"type": "Hostname", "address": config.name},
        ],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": config.kubelet_port}},
        "nodeInfo": node_info(config, runtime),
    }
    if images := node_images(runtime.list_images()):
        status["images"] = images
    status["declaredFeatures"] = list(DECLARED_FEATURES)
    return status


def condition(name: str, feeling: Feeling, old: Mapping[str, Any] | None, now: str) -> Object:
    """One condition, with its heartbeat at `now`."""
    unchanged = old is not None and old["status"] == feeling.status
    return {
        "type": name,
        "status": feeling.status,
        "lastHeartbeatTime": now,
        "lastTransitionTime": old["lastTransitionTime"] if old is not None and unchanged else now,
        "reason": feeling.reason,
        "message": feeling.message,
    }


def node_info(config: NodeConfig, runtime: ContainerRuntime) -> Object:
    """Versions and ids of the machine."""
    return {
        "machineID": config.name,
        "systemUUID": config.name,
        "bootID": runtime.boot_id,
        "kernelVersion": config.kernel_version,
        "osImage": config.os_image,
        "containerRuntimeVersion": runtime.version,
        "kubeletVersion": config.version,
        "kubeProxyVersion": "",
        "operatingSystem": "linux",
        "architecture": config.architecture,
    }


def node_images(images: Sequence[Image]) -> list[Object]:
    """The images of a node, the biggest first."""
    ordered = sorted(images, key=lambda image: (-image.size_bytes, image.name))[:IMAGES_MAX]
    return [{"names": list(image.names), "sizeBytes": image.size_bytes} for image in ordered]


def changed_conditions(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(type, status) of the conditions that have another status now."""
    known = {condition["type"]: condition["status"] for condition in old.get("conditions") or ()}
    return [
        (condition["type"], condition["status"])
        for condition in new["conditions"]
        if known.get(condition["type"]) != condition["status"]
    ]


def status_differs(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether anything but heartbeat times differs."""
    return _without_heartbeats(old) != _without_heartbeats(new)


def _without_heartbeats(status: Mapping[str, Any]) -> Object:
    copy = {name: value for name, value in status.items() if value not in (None, [], {})}
    copy["conditions"] = [
        {name: value for name, value in condition.items() if name != "lastHeartbeatTime"}
        for condition in status.get("conditions") or ()
    ]
    return copy
