"""Persistent volumes and the claims to them, as far as a scheduler and a kubelet read them.

Upstream: k8s.io/api/core/v1/types.go and k8s.io/api/storage/v1/types.go.
"""

from __future__ import annotations

from typing import Any

from msgspec import field

from kubesim.api.views.base import Quantity, View
from kubesim.api.views.core_affinity import NodeSelector
from kubesim.api.views.core_event import ObjectReference
from kubesim.api.views.meta import LabelSelector, ObjectMeta


class PersistentVolumeClaimSpec(View, frozen=True):
    """What storage is wanted."""

    access_modes: tuple[str, ...] = ()
    data_source: dict[str, Any] | None = None
    data_source_ref: dict[str, Any] | None = None
    resources: dict[str, Any] | None = None
    selector: LabelSelector | None = None
    storage_class_name: str = ""
    volume_attributes_class_name: str = ""
    volume_mode: str = ""
    volume_name: str = ""


class PersistentVolumeClaimStatus(View, frozen=True):
    """What storage was given."""

    access_modes: tuple[str, ...] = ()
    allocated_resource_statuses: dict[str, str] = field(default_factory=dict)
    allocated_resources: dict[str, Quantity] = field(default_factory=dict)
    capacity: dict[str, Quantity] = field(default_factory=dict)
    conditions: tuple[dict[str, Any], ...] = ()
    current_volume_attributes_class_name: str = ""
    modify_volume_status: dict[str, Any] | None = None
    phase: str = ""


class PersistentVolumeClaim(View, frozen=True):
    """A claim to storage."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: PersistentVolumeClaimSpec = PersistentVolumeClaimSpec()
    status: PersistentVolumeClaimStatus = PersistentVolumeClaimStatus()


class VolumeNodeAffinity(View, frozen=True):
    """From which nodes a volume can be reached."""

    required: NodeSelector | None = None


class PersistentVolumeSpec(View, frozen=True):
    """A piece of storage."""

    access_modes: tuple[str, ...] = ()
    capacity: dict[str, Quantity] = field(default_factory=dict)
    claim_ref: ObjectReference | None = None
    csi: dict[str, Any] | None = None
    host_path: dict[str, Any] | None = None
    local: dict[str, Any] | None = None
    mount_options: tuple[str, ...] = ()
    node_affinity: VolumeNodeAffinity | None = None
    persistent_volume_reclaim_policy: str = ""
    storage_class_name: str = ""
    volume_mode: str = ""


class PersistentVolumeStatus(View, frozen=True):
    """Whether it is bound."""

    last_phase_transition_time: str = ""
    message: str = ""
    phase: str = ""
    reason: str = ""


class PersistentVolume(View, frozen=True):
    """A piece of storage that a claim can be bound to."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: PersistentVolumeSpec = PersistentVolumeSpec()
    status: PersistentVolumeStatus = PersistentVolumeStatus()


class StorageClass(View, frozen=True):
    """A way to make volumes."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta()
    allow_volume_expansion: bool | None = None
    allowed_topologies: tuple[dict[str, Any], ...] = ()
    mount_options: tuple[str, ...] = ()
    parameters: dict[str, str] = field(default_factory=dict)
    provisioner: str = ""
    reclaim_policy: str = ""
    volume_binding_mode: str = ""
