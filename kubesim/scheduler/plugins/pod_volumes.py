"""What a Pod's volumes are, for the plugins that look at them: claims, and disks named in the Pod itself.

Upstream: k8s.io/component-helpers/storage/ephemeral, pkg/scheduler/framework/plugins/volumerestrictions.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from kubesim.api.views.core_volume import Volume
from kubesim.scheduler.pod_info import PodInfo


class MountedClaim(NamedTuple):
    """A claim by name; one of an ephemeral volume is made for this Pod alone and must belong to it."""

    name: str
    is_ephemeral: bool


def claims_of(pod: PodInfo) -> list[MountedClaim]:
    """The claims that the Pod mounts; that of an ephemeral volume is called "POD-VOLUME"."""
    claims = []
    for volume in pod.pod.spec.volumes:
        if volume.persistent_volume_claim:
            claims.append(MountedClaim(volume.persistent_volume_claim["claimName"], False))
        elif volume.ephemeral:
            claims.append(MountedClaim(f"{pod.name}-{volume.name}", True))
    return claims


def disk_of(volume: Volume) -> dict[str, Any] | None:
    """The disk that a volume names, if it is of a sort that two Pods cannot share."""
    return volume.gce_persistent_disk or volume.aws_elastic_block_store or volume.iscsi or volume.rbd


def is_particular(pod: PodInfo) -> bool:
    """Whether the Pod has volumes that placement depends on: nothing that its shape could tell."""
    return any(volume.persistent_volume_claim or volume.ephemeral or disk_of(volume) for volume in pod.pod.spec.volumes)
