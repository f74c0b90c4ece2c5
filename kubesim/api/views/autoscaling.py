"""Horizontal Pod autoscalers (autoscaling/v2).

Metric specifications stay dicts: their shape depends on their type.
Upstream: k8s.io/api/autoscaling/v2/types.go.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.views.base import Quantity, View
from kubesim.api.views.meta import ObjectMeta


class CrossVersionObjectReference(View, frozen=True):
    """Names the thing to scale."""

    api_version: str = ""
    kind: str = ""
    name: str = ""


class HPAScalingPolicy(View, frozen=True):
    """How fast at most."""

    type: str = ""
    period_seconds: int = 0
    value: int = 0


class HPAScalingRules(View, frozen=True):
    """How fast, and how long to look back, in one direction."""

    policies: tuple[HPAScalingPolicy, ...] = ()
    select_policy: str = ""
    stabilization_window_seconds: int | None = None
    tolerance: Quantity | None = None


class HorizontalPodAutoscalerBehavior(View, frozen=True):
    """The rules of both directions."""

    scale_down: HPAScalingRules | None = None
    scale_up: HPAScalingRules | None = None


class HorizontalPodAutoscalerSpec(View, frozen=True):
    """What to scale, between which bounds, by which metrics."""

    behavior: HorizontalPodAutoscalerBehavior | None = None
    max_replicas: int = 0
    metrics: tuple[dict[str, Any], ...] = ()
    min_replicas: int | None = None
    scale_target_ref: CrossVersionObjectReference | None = None


class HorizontalPodAutoscalerCondition(View, frozen=True):
    """One aspect of its state."""

    type: str = ""
    last_transition_time: str = ""
    message: str = ""
    reason: str = ""
    status: str = ""


class HorizontalPodAutoscalerStatus(View, frozen=True):
    """What it saw and wants."""

    conditions: tuple[HorizontalPodAutoscalerCondition, ...] = ()
    current_metrics: tuple[dict[str, Any], ...] = ()
    current_replicas: int = 0
    desired_replicas: int = 0
    last_scale_time: str = ""
    observed_generation: int | None = None


class HorizontalPodAutoscaler(View, frozen=True):
    """Changes replicas by metrics."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: HorizontalPodAutoscalerSpec = HorizontalPodAutoscalerSpec()
    status: HorizontalPodAutoscalerStatus = HorizontalPodAutoscalerStatus()
