"""An index over the objects of an informer: which of them have a certain value, without looking at the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from kubesim.api.meta import controller_of
from kubesim.api.stored import Stored

IndexFunction = Callable[[Stored], Iterable[str]]


class Index:
    """Groups objects by the values that a function finds in them. Within a group: in order of arrival."""

    __slots__ = ("_groups", "_values_of_key", "function")

    def __init__(self, function: IndexFunction) -> None:
        self.function = function
        self._groups: dict[str, dict[str, Stored]] = {}
        self._values_of_key: dict[str, tuple[str, ...]] = {}

    def put(self, stored: Stored) -> None:
        """An object is new, or has changed."""
        key = stored.key
        values = tuple(self.function(stored))
        old_values = self._values_of_key.get(key, ())
        if values != old_values:
            for value in old_values:
                if value not in values:
                    self._take_out(key, value)
            self._values_of_key[key] = values
        groups = self._groups
        for value in values:
            group = groups.get(value)
            if group is None:
                groups[value] = {key: stored}
            else:
                group[key] = stored

    def remove(self, key: str) -> None:
        """An object is gone."""
        for value in self._values_of_key.pop(key, ()):
            self._take_out(key, value)

    def get(self, value: str) -> Sequence[Stored]:
        """All objects with this value."""
        group = self._groups.get(value)
        return tuple(group.values()) if group else ()

    def values(self) -> Sequence[str]:
        """All values that some object has."""
        return tuple(self._groups)

    def _take_out(self, key: str, value: str) -> None:
        group = self._groups.get(value)
        if group is not None:
            group.pop(key, None)
            if not group:
                del self._groups[value]


def by_namespace(stored: Stored) -> tuple[str, ...]:
    """The built-in index "namespace"."""
    return (stored.namespace,)


def by_controller(stored: Stored) -> tuple[str, ...]:
    """The built-in index "controller": the uid of the owner that controls the object."""
    if "ownerReferences" not in stored.object["metadata"]:
        return ()
    owner = controller_of(stored.object)
    return (owner["uid"],) if owner else ()
