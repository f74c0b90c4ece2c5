"""A dict of limited size: the answers to questions that come again and again. The oldest answer is forgotten first."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Memo(Generic[Key, Value]):
    """At most `size` answers."""

    def __init__(self, size: int = 1024) -> None:
        self._size = size
        self._known: dict[Key, Value] = {}
        self.get = self._known.get

    def put(self, key: Key, value: Value) -> None:
        """Remembers an answer."""
        known = self._known
        if len(known) >= self._size and key not in known:
            del known[next(iter(known))]
        known[key] = value

    def __contains__(self, key: Key) -> bool:
        return key in self._known

    def __len__(self) -> int:
        return len(self._known)
