"""Which volume has to be attached to which node, which has to go, and what has to wait. Pure.

A volume of a CSI driver that asks for it is attached by an object, a VolumeAttachment: this controller creates and
deletes it, the driver's attacher carries it out. What only one node may have at a time (none of its access modes is
for many) waits until it has left the other one, and says so: Multi-Attach error.
Upstream: pkg/controller/volume/attachdetach/{reconciler,cache}, GetAttachmentName in pkg/volume/csi/csi_attacher.go.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from kubesim.api.stored import Object, Stored
from kubesim.controllers.taints import OUT_OF_SERVICE

FORCE_DETACH_SECONDS = 360.0  # ReconcilerMaxWaitForUnmountDuration
MANY = ("ReadWriteMany", "ReadOnlyMany")
ALREADY_EXCLUSIVE = "Volume is already exclusively attached to one node and can't be attached to another"


class Plan(NamedTuple):
    """What to do about one volume: nodes to attach it to, attachments to delete, nodes that wait for another."""

    attach: Sequence[str]
    detach: Sequence[Stored]
    blocked: Sequence[str]
    look_again_seconds: float | None = None


def attachment_name(handle: str, driver: str, node: str) -> str:
    """The name of the VolumeAttachment of a volume on a node."""
    return "csi-" + hashlib.sha256(f"{handle}{driver}{node}".encode()).hexdigest()


def unique_name(volume: Object) -> str:
    """How a node's status calls a CSI volume."""
    source = volume["spec"]["csi"]
    return f"kubernetes.io/csi/{source['driver']}^{source['volumeHandle']}"


def is_for_many(volume: Object) -> bool:
    """Whether several nodes may have the volume at once; without access modes nobody knows, so they may."""
    modes: Sequence[str] = volume["spec"].get("accessModes") or ()
    return not modes or any(mode in MANY for mode in modes)


def plan_volume(
    volume: Object,
    wanted: Mapping[str, Sequence[Stored]],
    attachments: Sequence[Stored],
    nodes: Mapping[str, Stored | None],
    unwanted_seconds: Mapping[str, float],
) -> Plan:
    """Detaches first. `unwanted_seconds`: for how long no Pod has wanted the volume on a node."""
    detach: list[Stored] = []
    look_again: list[float] = []
    for attachment in attachments:
        node_name = attachment.object["spec"]["nodeName"]
        if node_name in wanted or "deletionTimestamp" in attachment.object["metadata"]:
            continue
        left = seconds_to_detach(volume, nodes.get(node_name), unwanted_seconds.get(node_name, 0.0))
        if left <= 0:
            detach.append(attachment)
        else:
            look_again.append(left)
    present = [attachment.object["spec"]["nodeName"] for attachment in attachments]
    attach: list[str] = []
    blocked: list[str] = []
    for node_name in sorted(wanted):
        if node_name in present:
            continue
        taken = [name for name in (*present, *attach) if name != node_name]
        (blocked if taken and not is_for_many(volume) else attach).append(node_name)
    return Plan(attach, detach, blocked, min(look_again, default=None))


def seconds_to_detach(volume: Object, node: Stored | None, unwanted_seconds: float) -> float:
    """How long to wait before the volume may be taken from a node: until it is unmounted, or six minutes if it is dead.

    A node that somebody declared out of service, or that is gone, need not be asked.
    """
    if node is None or unique_name(volume) not in ((node.object.get("status") or {}).get("volumesInUse") or ()):
        return 0.0
    if any(taint["key"] == OUT_OF_SERVICE for taint in node.object["spec"].get("taints") or ()):
        return 0.0
    if is_healthy(node.object):
        return float("inf")
    return FORCE_DETACH_SECONDS - unwanted_seconds


def is_healthy(node: Object) -> bool:
    """Whether the node is Ready."""
    conditions = (node.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def multi_attach_words(volume: str, pod: Stored, others: Sequence[Stored]) -> str:
    """Why a Pod waits: who has its volume elsewhere; Pods of other namespaces are only counted."""
    near = [other.name for other in others if other.namespace == pod.namespace]
    far = len(others) - len(near)
    if near:
        words = f"Volume is already used by pod(s) {', '.join(near)}"
        if far:
            words += f" and {far} pod(s) in different namespaces"
    elif far:
        words = f"Volume is already used by {far} pod(s) in different namespaces"
    else:
        words = ALREADY_EXCLUSIVE
    return f'Multi-Attach error for volume "{volume}" {words}'
