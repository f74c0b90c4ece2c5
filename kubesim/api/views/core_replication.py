"""Replication controllers, the elder of ReplicaSets.

Upstream: k8s.io/api/core/v1/types.go.
"""

from __future__ import annotations

from msgspec import field

from kubesim.api.views.base import View
from kubesim.api.views.core_pod import PodTemplateSpec
from kubesim.api.views.meta import ObjectMeta


class ReplicationControllerSpec(View, frozen=True):
    """How many Pods of which kind."""

    min_ready_seconds: int = 0
    replicas: int | None = None
    selector: dict[str, str] = field(default_factory=dict)
    template: PodTemplateSpec | None = None


class ReplicationControllerCondition(View, frozen=True):
    """One aspect of its state."""

    type: str = ""
    last_transition_time: str = ""
    message: str = ""
    reason: str = ""
    status: str = ""


class ReplicationControllerStatus(View, frozen=True):
    """How many there are."""

    available_replicas: int = 0
    conditions: tuple[ReplicationControllerCondition, ...] = ()
    fully_labeled_replicas: int = 0
    observed_generation: int = 0
    ready_replicas: int = 0
    replicas: int = 0


class ReplicationController(View, frozen=True):
    """Keeps a number of Pods alive."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: ReplicationControllerSpec = ReplicationControllerSpec()
    status: ReplicationControllerStatus = ReplicationControllerStatus()
