"""Pods that look alike to other Pods: same namespace, labels and pod affinity.

Affinity and topology spread ask how many Pods with certain labels are on a node. Pods of one ReplicaSet always count
together, so nodes count groups of Pods and each group is looked at once. Upstream looks at every Pod.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from kubesim.api.selectors import NOTHING, Selector, label_selector
from kubesim.api.views.core_affinity import Affinity, PodAffinity, PodAffinityTerm, PodAntiAffinity

NamespaceLabels = Callable[[str], Mapping[str, str]]


class AffinityTerm(msgspec.Struct, frozen=True):
    """A term of a Pod's affinity, ready to be matched; `weight` is 0 for a required one."""

    namespaces: frozenset[str]
    namespace_selector: Selector
    selector: Selector
    topology_key: str
    weight: int = 0

    def matches(self, group: PodGroup, labels_of: NamespaceLabels) -> bool:
        """Whether Pods of the group are meant."""
        return self.selector.matches(group.labels) and (
            group.namespace in self.namespaces
            or (not self.namespace_selector.nothing and self.namespace_selector.matches(labels_of(group.namespace)))
        )


class PodTerms(msgspec.Struct, frozen=True):
    """The pod affinity and anti-affinity of a Pod."""

    required: tuple[AffinityTerm, ...] = ()
    anti_required: tuple[AffinityTerm, ...] = ()
    preferred: tuple[AffinityTerm, ...] = ()
    anti_preferred: tuple[AffinityTerm, ...] = ()


NO_TERMS = PodTerms()


class PodGroup:
    """What other Pods can see of a Pod. Equal groups count as one."""

    __slots__ = ("_asked", "_hash", "_is_selected", "_key", "labels", "namespace", "terminating", "terms")

    def __init__(
        self, namespace: str, labels: dict[str, str], terminating: bool, terms: PodTerms, signature: bytes
    ) -> None:
        self.namespace = namespace
        self.labels = labels
        self.terminating = terminating
        self.terms = terms
        self._key = (namespace, tuple(sorted(labels.items())), terminating, signature)
        self._hash = hash(self._key)
        self._asked: Selector | None = None  # The last selector that was asked about, and the answer.
        self._is_selected = False

    def is_selected_by(self, selector: Selector) -> bool:
        """Whether the labels match. One Pod after another of a set asks about the same selector."""
        if self._asked is not selector:
            self._is_selected = selector.matches(self.labels)
            self._asked = selector
        return self._is_selected

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, PodGroup) and self._key == other._key)

    def __hash__(self) -> int:
        return self._hash


def compile_terms(affinity: Affinity, namespace: str) -> PodTerms:
    """The terms of a Pod in `namespace`, which is meant where a term names none."""
    near = affinity.pod_affinity or PodAffinity()
    away = affinity.pod_anti_affinity or PodAntiAffinity()

    def term(source: PodAffinityTerm | None, weight: int = 0) -> AffinityTerm:
        source = source or PodAffinityTerm()
        own = not source.namespaces and source.namespace_selector is None
        return AffinityTerm(
            frozenset((namespace,) if own else source.namespaces),
            label_selector(source.namespace_selector) if source.namespace_selector is not None else NOTHING,
            label_selector(source.label_selector),
            source.topology_key,
            weight,
        )

    def required(kind: PodAffinity | PodAntiAffinity) -> tuple[AffinityTerm, ...]:
        return tuple(term(source) for source in kind.required_during_scheduling_ignored_during_execution)

    def preferred(kind: PodAffinity | PodAntiAffinity) -> tuple[AffinityTerm, ...]:
        wishes = kind.preferred_during_scheduling_ignored_during_execution
        return tuple(term(wish.pod_affinity_term, wish.weight) for wish in wishes)

    return PodTerms(required(near), required(away), preferred(near), preferred(away))
