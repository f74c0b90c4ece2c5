"""Which watchers an event concerns, without asking each of them.

A cluster of 5,000 nodes has 5,000 kubelets that each watch the Pods of their own node. Asking them all at
every change of a Pod would be the end of it, so watchers that name one value of an indexed field are kept
by that value, others by their namespace; only those without either hear of everything.

Upstream: indexedWatchers in k8s.io/apiserver/pkg/storage/cacher.
"""

from __future__ import annotations

from collections.abc import Iterator

from kubesim.api.field_selectors import field_reader
from kubesim.apiserver.watcher import Change, Watcher

Watchers = dict[Watcher, None]  # A dict keeps the order of arrival; a set would not.


class WatchIndex:
    """The watchers of one resource."""

    def __init__(self, indexed_fields: tuple[str, ...]) -> None:
        self._all: Watchers = {}
        self._by_namespace: dict[str, Watchers] = {}
        self._by_field: dict[str, dict[str, Watchers]] = {path: {} for path in indexed_fields}
        self._readers = {path: field_reader(path) for path in indexed_fields}
        self._paths: tuple[str, ...] = ()  # The indexed fields that have watchers at all.

    def add(self, watcher: Watcher) -> None:
        """From here on it is offered what concerns it."""
        self._group(watcher)[watcher] = None
        self._paths = tuple(path for path, values in self._by_field.items() if values)

    def remove(self, watcher: Watcher) -> None:
        """It is offered nothing any more."""
        group = self._group(watcher)
        group.pop(watcher, None)
        if not group:
            if watcher.key is not None:
                del self._by_field[watcher.key[0]][watcher.key[1]]
            elif watcher.namespace:
                del self._by_namespace[watcher.namespace]
        self._paths = tuple(path for path, values in self._by_field.items() if values)

    def dispatch(self, change: Change) -> None:
        """Offers a change to the watchers that it may concern."""
        for watcher in list(self._all):
            watcher.offer(change)
        if self._by_namespace and (group := self._by_namespace.get(change.stored.namespace)):
            for watcher in list(group):
                watcher.offer(change)
        for path in self._paths:
            values = self._by_field[path]
            read = self._readers[path]
            value = read(change.stored.object)
            before = value if change.previous is None else read(change.previous.object)
            for watcher in list(values.get(value, ())):
                watcher.offer(change)
            if before != value:
                for watcher in list(values.get(before, ())):
                    watcher.offer(change)

    def __iter__(self) -> Iterator[Watcher]:
        yield from list(self._all)
        for group in list(self._by_namespace.values()):
            yield from list(group)
        for values in self._by_field.values():
            for group in list(values.values()):
                yield from list(group)

    def _group(self, watcher: Watcher) -> Watchers:
        if watcher.key is not None:
            path, value = watcher.key
            return self._by_field[path].setdefault(value, {})
        if watcher.namespace:
            return self._by_namespace.setdefault(watcher.namespace, {})
        return self._all
