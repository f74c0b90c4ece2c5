"""Where a Pod wants to be, must be, or bears to be: affinities, tolerations, topology spread.

Upstream: k8s.io/api/core/v1/types.go.
"""

from __future__ import annotations

from kubesim.api.views.base import View
from kubesim.api.views.meta import LabelSelector


class NodeSelectorRequirement(View, frozen=True):
    """One condition on a node's label or field; knows Gt and Lt too."""

    key: str = ""
    operator: str = ""
    values: tuple[str, ...] = ()


class NodeSelectorTerm(View, frozen=True):
    """Conditions that must all hold; an empty term selects nothing."""

    match_expressions: tuple[NodeSelectorRequirement, ...] = ()
    match_fields: tuple[NodeSelectorRequirement, ...] = ()


class NodeSelector(View, frozen=True):
    """Terms of which one must hold."""

    node_selector_terms: tuple[NodeSelectorTerm, ...] = ()


class PreferredSchedulingTerm(View, frozen=True):
    """A term that adds `weight` to a node's score."""

    preference: NodeSelectorTerm | None = None
    weight: int = 0


class NodeAffinity(View, frozen=True):
    """Which nodes a Pod must and would like to be on."""

    preferred_during_scheduling_ignored_during_execution: tuple[PreferredSchedulingTerm, ...] = ()
    required_during_scheduling_ignored_during_execution: NodeSelector | None = None


class PodAffinityTerm(View, frozen=True):
    """Pods to be near to (or away from), and what near means."""

    label_selector: LabelSelector | None = None
    match_label_keys: tuple[str, ...] = ()
    mismatch_label_keys: tuple[str, ...] = ()
    namespace_selector: LabelSelector | None = None
    namespaces: tuple[str, ...] = ()
    topology_key: str = ""


class WeightedPodAffinityTerm(View, frozen=True):
    """A term that adds or takes `weight`."""

    pod_affinity_term: PodAffinityTerm | None = None
    weight: int = 0


class PodAffinity(View, frozen=True):
    """Which Pods a Pod must and would like to be near to."""

    preferred_during_scheduling_ignored_during_execution: tuple[WeightedPodAffinityTerm, ...] = ()
    required_during_scheduling_ignored_during_execution: tuple[PodAffinityTerm, ...] = ()


class PodAntiAffinity(View, frozen=True):
    """Which Pods a Pod must and would like to be away from."""

    preferred_during_scheduling_ignored_during_execution: tuple[WeightedPodAffinityTerm, ...] = ()
    required_during_scheduling_ignored_during_execution: tuple[PodAffinityTerm, ...] = ()


class Affinity(View, frozen=True):
    """The three kinds of affinity."""

    node_affinity: NodeAffinity | None = None
    pod_affinity: PodAffinity | None = None
    pod_anti_affinity: PodAntiAffinity | None = None


class Toleration(View, frozen=True):
    """A taint that the Pod bears; an empty key with Exists bears all, an empty effect every effect."""

    effect: str = ""
    key: str = ""
    operator: str = ""
    toleration_seconds: int | None = None
    value: str = ""


class TopologySpreadConstraint(View, frozen=True):
    """How evenly Pods must be spread over zones, nodes or whatever `topology_key` names."""

    label_selector: LabelSelector | None = None
    match_label_keys: tuple[str, ...] = ()
    max_skew: int = 0
    min_domains: int | None = None
    node_affinity_policy: str = ""
    node_taints_policy: str = ""
    topology_key: str = ""
    when_unsatisfiable: str = ""
