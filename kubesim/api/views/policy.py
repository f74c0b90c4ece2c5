"""Disruption budgets: how many Pods of a set may be taken away at a time.

Upstream: k8s.io/api/policy/v1/types.go.
"""

from __future__ import annotations

from msgspec import field

from kubesim.api.views.base import IntOrString, View
from kubesim.api.views.meta import Condition, LabelSelector, ObjectMeta


class PodDisruptionBudgetSpec(View, frozen=True):
    """Which Pods, and how many must stay."""

    max_unavailable: IntOrString | None = None
    min_available: IntOrString | None = None
    selector: LabelSelector | None = None
    unhealthy_pod_eviction_policy: str = ""


class PodDisruptionBudgetStatus(View, frozen=True):
    """How many may go now."""

    conditions: tuple[Condition, ...] = ()
    current_healthy: int = 0
    desired_healthy: int = 0
    disrupted_pods: dict[str, str] = field(default_factory=dict)
    disruptions_allowed: int = 0
    expected_pods: int = 0
    observed_generation: int = 0


class PodDisruptionBudget(View, frozen=True):
    """Limits voluntary evictions."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: PodDisruptionBudgetSpec = PodDisruptionBudgetSpec()
    status: PodDisruptionBudgetStatus = PodDisruptionBudgetStatus()
