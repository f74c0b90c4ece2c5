"""What every object carries: its metadata, who owns it, how it is selected.

`metadata.managedFields` is left out on purpose: it is the biggest part of most objects, and only the apiserver
reads it. Upstream: k8s.io/apimachinery/pkg/apis/meta/v1/types.go.
"""

from __future__ import annotations

from msgspec import field

from kubesim.api.views.base import View


class OwnerReference(View, frozen=True):
    """Who this object belongs to, and dies with."""

    api_version: str = ""
    kind: str = ""
    name: str = ""
    block_owner_deletion: bool | None = None
    controller: bool | None = None
    uid: str = ""


class ObjectMeta(View, frozen=True):
    """Name, identity, labels, and where an object is in its life."""

    annotations: dict[str, str] = field(default_factory=dict)
    creation_timestamp: str = ""
    deletion_grace_period_seconds: int | None = None
    deletion_timestamp: str = ""
    finalizers: tuple[str, ...] = ()
    generate_name: str = ""
    generation: int = 0
    labels: dict[str, str] = field(default_factory=dict)
    name: str = ""
    namespace: str = ""
    owner_references: tuple[OwnerReference, ...] = ()
    resource_version: str = ""
    uid: str = ""


class LabelSelectorRequirement(View, frozen=True):
    """One condition of a selector: a key, an operator and values."""

    key: str = ""
    operator: str = ""
    values: tuple[str, ...] = ()


class LabelSelector(View, frozen=True):
    """All of its labels and expressions must hold; an empty one selects everything, None nothing."""

    match_expressions: tuple[LabelSelectorRequirement, ...] = ()
    match_labels: dict[str, str] = field(default_factory=dict)


class Condition(View, frozen=True):
    """One aspect of a state: True, False or Unknown, since when and why."""

    type: str = ""
    last_transition_time: str = ""
    message: str = ""
    observed_generation: int = 0
    reason: str = ""
    status: str = ""
