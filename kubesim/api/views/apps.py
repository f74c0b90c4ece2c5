"""Deployments and ReplicaSets.

Upstream: k8s.io/api/apps/v1/types.go.
"""

from __future__ import annotations

from kubesim.api.views.base import IntOrString, View
from kubesim.api.views.core_pod import PodTemplateSpec
from kubesim.api.views.meta import LabelSelector, ObjectMeta


class RollingUpdateDeployment(View, frozen=True):
    """How many Pods may be missing or too many on the way."""

    max_surge: IntOrString | None = None
    max_unavailable: IntOrString | None = None


class DeploymentStrategy(View, frozen=True):
    """RollingUpdate or Recreate."""

    type: str = ""
    rolling_update: RollingUpdateDeployment | None = None


class DeploymentSpec(View, frozen=True):
    """How many Pods of which template, and how to get there."""

    min_ready_seconds: int = 0
    paused: bool = False
    progress_deadline_seconds: int | None = None
    replicas: int | None = None
    revision_history_limit: int | None = None
    selector: LabelSelector | None = None
    strategy: DeploymentStrategy | None = None
    template: PodTemplateSpec | None = None


class DeploymentCondition(View, frozen=True):
    """Available, Progressing or ReplicaFailure."""

    type: str = ""
    last_transition_time: str = ""
    last_update_time: str = ""
    message: str = ""
    reason: str = ""
    status: str = ""


class DeploymentStatus(View, frozen=True):
    """How far it got."""

    available_replicas: int = 0
    collision_count: int | None = None
    conditions: tuple[DeploymentCondition, ...] = ()
    observed_generation: int = 0
    ready_replicas: int = 0
    replicas: int = 0
    terminating_replicas: int | None = None
    unavailable_replicas: int = 0
    updated_replicas: int = 0


class Deployment(View, frozen=True):
    """Rolls ReplicaSets from one template to the next."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: DeploymentSpec = DeploymentSpec()
    status: DeploymentStatus = DeploymentStatus()


class ReplicaSetSpec(View, frozen=True):
    """How many Pods of which template."""

    min_ready_seconds: int = 0
    replicas: int | None = None
    selector: LabelSelector | None = None
    template: PodTemplateSpec | None = None


class ReplicaSetCondition(View, frozen=True):
    """ReplicaFailure."""

    type: str = ""
    last_transition_time: str = ""
    message: str = ""
    reason: str = ""
    status: str = ""


class ReplicaSetStatus(View, frozen=True):
    """How many there are."""

    available_replicas: int = 0
    conditions: tuple[ReplicaSetCondition, ...] = ()
    fully_labeled_replicas: int = 0
    observed_generation: int = 0
    ready_replicas: int = 0
    replicas: int = 0
    terminating_replicas: int | None = None


class ReplicaSet(View, frozen=True):
    """Keeps a number of equal Pods alive."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: ReplicaSetSpec = ReplicaSetSpec()
    status: ReplicaSetStatus = ReplicaSetStatus()
