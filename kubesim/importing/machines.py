"""Nodes: what the machine is (capacity, labels, taints, images), not how it is at the moment."""

from __future__ import annotations

from typing import Any

from kubesim.api.quantity import milli
from kubesim.api.stored import Object

PLAIN = {"cpu": "cpu", "memory": "memory", "pods": "pods", "ephemeral-storage": "disk"}
OF_EVERY_KUBELET = {
    "kubernetes.io/os": "linux", "beta.kubernetes.io/os": "linux",
    "kubernetes.io/arch": "amd64", "beta.kubernetes.io/arch": "amd64",
}  # fmt: skip
RUNTIMES = ("containerd", "docker", "cri-o")
SET_BY_CONTROLLERS = "node.kubernetes.io/"  # Taints that say how a node is at the moment.
IMAGES_MAX = 50  # A kubelet lists no more by default.


def machine(node: Object) -> dict[str, Any]:
    """A node as scenario files have it."""
    status, name = node.get("status") or {}, node["metadata"]["name"]
    capacity = {key: str(value) for key, value in (status.get("capacity") or {}).items()}
    found: dict[str, Any] = {"name": name}
    found |= {ours: capacity[key] for key, ours in PLAIN.items() if key in capacity}
    if "pods" in found:
        found["pods"] = int(found["pods"])
    if other := {key: value for key, value in sorted(capacity.items()) if key not in PLAIN}:
        found["resources"] = other
    allocatable = {key: str(value) for key, value in sorted((status.get("allocatable") or {}).items())}
    if less := {key: value for key, value in allocatable.items() if milli(value) != milli(capacity.get(key, "0"))}:
        found["allocatable"] = less
    own = OF_EVERY_KUBELET | {"kubernetes.io/hostname": name}
    labels = node["metadata"].get("labels") or {}
    if kept := {key: value for key, value in sorted(labels.items()) if own.get(key) != value}:
        found["labels"] = kept
    if taints := [taint_of(each) for each in (node.get("spec") or {}).get("taints") or () if is_chosen(each)]:
        found["taints"] = taints
    version = str((status.get("nodeInfo") or {}).get("containerRuntimeVersion", ""))
    if (runtime := version.partition("://")[0]) in RUNTIMES[1:]:
        found["runtime"] = runtime
    if images := sorted(filter(None, map(image_name, status.get("images") or ())))[:IMAGES_MAX]:
        found["images"] = images
    return found


def taint_of(taint: dict[str, Any]) -> dict[str, str]:
    """Without when it was set."""
    return {key: taint[key] for key in ("key", "value", "effect") if taint.get(key)}


def is_chosen(taint: dict[str, Any]) -> bool:
    """Whether somebody wanted it, and no controller."""
    return not str(taint.get("key", "")).startswith(SET_BY_CONTROLLERS)


def image_name(image: dict[str, Any]) -> str:
    """Its name with a tag; "" if it has only digests."""
    return next((name for name in image.get("names") or () if "@" not in name and "<none>" not in name), "")


def is_ready(node: Object) -> bool:
    """Whether its kubelet was there."""
    conditions = (node.get("status") or {}).get("conditions") or ()
    return all(each.get("status") == "True" for each in conditions if each.get("type") == "Ready")
