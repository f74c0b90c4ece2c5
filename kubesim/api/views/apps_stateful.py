"""StatefulSets, DaemonSets and the revisions that both keep.

Upstream: k8s.io/api/apps/v1/types.go.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.views.base import IntOrString, View
from kubesim.api.views.core_pod import PodTemplateSpec
from kubesim.api.views.meta import LabelSelector, ObjectMeta
from kubesim.api.views.storage import PersistentVolumeClaim


class RollingUpdateStatefulSetStrategy(View, frozen=True):
    """From which ordinal on to update."""

    max_unavailable: IntOrString | None = None
    partition: int | None = None


class StatefulSetUpdateStrategy(View, frozen=True):
    """RollingUpdate or OnDelete."""

    type: str = ""
    rolling_update: RollingUpdateStatefulSetStrategy | None = None


class StatefulSetPersistentVolumeClaimRetentionPolicy(View, frozen=True):
    """What becomes of the claims."""

    when_deleted: str = ""
    when_scaled: str = ""


class StatefulSetOrdinals(View, frozen=True):
    """Where numbering begins."""

    start: int = 0


class StatefulSetSpec(View, frozen=True):
    """How many Pods, with which claims, in which order."""

    min_ready_seconds: int = 0
    ordinals: StatefulSetOrdinals | None = None
    persistent_volume_claim_retention_policy: StatefulSetPersistentVolumeClaimRetentionPolicy | None = None
    pod_management_policy: str = ""
    replicas: int | None = None
    revision_history_limit: int | None = None
    selector: LabelSelector | None = None
    service_name: str = ""
    template: PodTemplateSpec | None = None
    update_strategy: StatefulSetUpdateStrategy | None = None
    volume_claim_templates: tuple[PersistentVolumeClaim, ...] = ()


class StatefulSetCondition(View, frozen=True):
    """One aspect of its state."""

    type: str = ""
    last_transition_time: str = ""
    message: str = ""
    reason: str = ""
    status: str = ""


class StatefulSetStatus(View, frozen=True):
    """How far it got."""

    available_replicas: int = 0
    collision_count: int | None = None
    conditions: tuple[StatefulSetCondition, ...] = ()
    current_replicas: int = 0
    current_revision: str = ""
    observed_generation: int = 0
    ready_replicas: int = 0
    replicas: int = 0
    update_revision: str = ""
    updated_replicas: int = 0


class StatefulSet(View, frozen=True):
    """Pods with names and volumes of their own."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: StatefulSetSpec = StatefulSetSpec()
    status: StatefulSetStatus = StatefulSetStatus()


class RollingUpdateDaemonSet(View, frozen=True):
    """How many nodes may be without, or with two, on the way."""

    max_surge: IntOrString | None = None
    max_unavailable: IntOrString | None = None


class DaemonSetUpdateStrategy(View, frozen=True):
    """RollingUpdate or OnDelete."""

    type: str = ""
    rolling_update: RollingUpdateDaemonSet | None = None


class DaemonSetSpec(View, frozen=True):
    """Which Pod every node gets."""

    min_ready_seconds: int = 0
    revision_history_limit: int | None = None
    selector: LabelSelector | None = None
    template: PodTemplateSpec | None = None
    update_strategy: DaemonSetUpdateStrategy | None = None


class DaemonSetCondition(View, frozen=True):
    """One aspect of its state."""

    type: str = ""
    last_transition_time: str = ""
    message: str = ""
    reason: str = ""
    status: str = ""


class DaemonSetStatus(View, frozen=True):
    """On how many nodes it runs."""

    collision_count: int | None = None
    conditions: tuple[DaemonSetCondition, ...] = ()
    current_number_scheduled: int = 0
    desired_number_scheduled: int = 0
    number_available: int = 0
    number_misscheduled: int = 0
    number_ready: int = 0
    number_unavailable: int = 0
    observed_generation: int = 0
    updated_number_scheduled: int = 0


class DaemonSet(View, frozen=True):
    """One Pod on every node that fits."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: DaemonSetSpec = DaemonSetSpec()
    status: DaemonSetStatus = DaemonSetStatus()


class ControllerRevision(View, frozen=True):
    """A former template, kept for rollback."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta()
    data: dict[str, Any] | None = None
    revision: int = 0
