"""Which Services select a Pod, without asking every Service of the namespace.

Each selector is filed under one of its label pairs; a Pod can only be selected by what lies under one of its own.
Upstream asks all Services of the namespace (GetServicesToUpdateOnPodChange in k8s.io/endpointslice/util).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Filed(NamedTuple):
    """Where a selector lies."""

    namespace: str
    anchor: tuple[str, str]


class ServiceSelectors:
    """Selectors by namespace and label pair."""

    def __init__(self) -> None:
        self._by_pair: dict[str, dict[tuple[str, str], dict[str, Mapping[str, str]]]] = {}
        self._filed: dict[str, Filed] = {}

    def put(self, key: str, namespace: str, selector: Mapping[str, str]) -> None:
        """Takes in the selector of the Service `key`, in place of what it had; an empty one selects nothing."""
        self.remove(key)
        if not selector:
            return
        anchor = min(selector.items())
        self._filed[key] = Filed(namespace, anchor)
        self._by_pair.setdefault(namespace, {}).setdefault(anchor, {})[key] = selector

    def remove(self, key: str) -> None:
        """Forgets a Service."""
        filed = self._filed.pop(key, None)
        if filed is None:
            return
        pairs = self._by_pair[filed.namespace]
        del pairs[filed.anchor][key]
        if not pairs[filed.anchor]:
            del pairs[filed.anchor]
        if not pairs:
            del self._by_pair[filed.namespace]

    def matching(self, namespace: str, labels: Mapping[str, str]) -> list[str]:
        """The keys of the Services that select something with these labels."""
        pairs = self._by_pair.get(namespace)
        if not pairs or not labels:
            return []
        return [
            key
            for pair in labels.items()
            for key, selector in pairs.get(pair, {}).items()
            if selects(selector, labels)
        ]  # fmt: skip


def selects(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Whether every pair of the selector is among the labels."""
    return all(labels.get(name) == value for name, value in selector.items())
