"""Pods by their labels: which Pods a selector finds, without looking at all of them.

Pods of one template have the same labels, so there are few groups of Pods; a selector is matched with groups, and its
answer holds until a group comes or goes. Only who asks by selector again and again makes one.
Upstream keeps the same knowledge for autoscalers: pkg/controller/util/selectors (BiMultimap).
"""

from __future__ import annotations

from kubesim.api.selectors import Selector
from kubesim.api.stored import Stored
from kubesim.client.informer import Informer

Labels = tuple[tuple[str, str], ...]


class PodGroups:
    """Follows an informer of Pods."""

    def __init__(self, pods: Informer) -> None:
        self._groups: dict[str, dict[Labels, dict[str, Stored]]] = {}  # Namespace → labels → Pods by key.
        self._editions: dict[str, int] = {}  # By namespace: how often a group came or went.
        self._found: dict[tuple[str, str], tuple[int, list[Labels]]] = {}  # (namespace, selector) → edition, groups.
        pods.add_handler(on_add=self._add, on_update=self._update, on_delete=self._remove)

    def groups(self, namespace: str, text: str, selector: Selector) -> list[Labels]:
        """The groups that a selector finds; `text` is the selector, written."""
        edition = self._editions.get(namespace, 0)
        known = self._found.get((namespace, text))
        if known is not None and known[0] == edition:
            return known[1]
        found = [labels for labels in self._groups.get(namespace, ()) if selector.matches(dict(labels))]
        self._found[namespace, text] = (edition, found)
        return found

    def pods(self, namespace: str, groups: list[Labels]) -> list[Stored]:
        """The Pods of some groups, by name."""
        known = self._groups.get(namespace, {})
        found = [pod for labels in groups for pod in known.get(labels, {}).values()]
        return sorted(found, key=lambda pod: pod.name)

    def forget(self, namespace: str, text: str) -> None:
        """Nobody asks with this selector any more."""
        self._found.pop((namespace, text), None)

    def _add(self, pod: Stored) -> None:
        namespace = self._groups.setdefault(pod.namespace, {})
        group = namespace.get(key := key_of(pod))
        if group is None:
            group = namespace[key] = {}
            self._editions[pod.namespace] = self._editions.get(pod.namespace, 0) + 1
        group[pod.key] = pod

    def _update(self, old: Stored, pod: Stored) -> None:
        if labels_of(old) != labels_of(pod):
            self._remove(old)
        self._add(pod)

    def _remove(self, pod: Stored) -> None:
        namespace, key = self._groups.get(pod.namespace, {}), key_of(pod)
        group = namespace.get(key, {})
        group.pop(pod.key, None)
        if not group and key in namespace:
            del namespace[key]
            self._editions[pod.namespace] += 1


def labels_of(pod: Stored) -> dict[str, str]:
    """The labels, {} if there are none."""
    return pod.object["metadata"].get("labels") or {}


def key_of(pod: Stored) -> Labels:
    """A Pod's labels, in order."""
    return tuple(sorted(labels_of(pod).items()))
