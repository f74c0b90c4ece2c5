"""The notebook of one scheduling cycle: what PreFilter computes and Filter reads.

Upstream: pkg/scheduler/framework/cycle_state.go.
"""

from __future__ import annotations

from typing import Any


class CycleState:
    """Data of one attempt for one Pod; a plugin writes under its own name."""

    __slots__ = ("_data", "skip_filter", "skip_score")

    def __init__(self) -> None:
        self._data: dict[str, Any] = {}
        self.skip_filter: set[str] = set()  # Plugins whose PreFilter said Skip. Only asked for membership.
        self.skip_score: set[str] = set()

    def write(self, key: str, value: Any) -> None:
        """Keeps `value` until the cycle ends."""
        self._data[key] = value

    def read(self, key: str) -> Any:
        """What was written, or None."""
        return self._data.get(key)

    def clone(self) -> CycleState:
        """A copy to try things on. Values that have a `clone` are copied with it, others are shared."""
        copy = CycleState()
        copy._data = {key: value.clone() if hasattr(value, "clone") else value for key, value in self._data.items()}
        copy.skip_filter, copy.skip_score = set(self.skip_filter), set(self.skip_score)
        return copy
