"""What an eviction manager remembers: which thresholds are missed since when, and which conditions hold.

A condition holds until its signal has been well for the transition period, so that a node does not flap; a threshold
with a minimum to reclaim counts as missed until so much more is available.
Upstream: synchronize in pkg/kubelet/eviction/eviction_manager.go.
"""

from __future__ import annotations

from kubesim.kubelet.configuration import KubeletConfiguration
from kubesim.kubelet.eviction.thresholds import Observations, Threshold, conditions_of, met, thresholds_of

NANOSECONDS_PER_SECOND = 1_000_000_000


class Pressure:
    """The pressure on one node."""

    def __init__(self, configuration: KubeletConfiguration) -> None:
        self.thresholds = thresholds_of(configuration)
        self.conditions: tuple[str, ...] = ()
        self._transition_ns = round(configuration.eviction_pressure_transition_period * NANOSECONDS_PER_SECOND)
        self._met: list[Threshold] = []
        self._since_ns: dict[Threshold, int] = {}
        self._seen_ns: dict[str, int] = {}  # Condition -> when it was last seen.

    @property
    def is_active(self) -> bool:
        """Whether there is anything to wait for."""
        return bool(self.conditions or self._since_ns)

    def update(self, seen: Observations, now_ns: int) -> list[Threshold]:
        """Takes note of what was seen; returns the thresholds for which Pods are to be evicted now."""
        low = met(self.thresholds, seen)
        low += [each for each in met(self._met, seen, with_reclaim=True) if each not in low]
        self._since_ns = {each: self._since_ns.get(each, now_ns) for each in low}
        self._seen_ns |= dict.fromkeys(conditions_of(low), now_ns)
        self._seen_ns = {name: at for name, at in self._seen_ns.items() if now_ns - at < self._transition_ns}
        self.conditions = tuple(sorted(self._seen_ns))
        self._met = [
            each for each in low if now_ns - self._since_ns[each] >= each.grace_seconds * NANOSECONDS_PER_SECOND
        ]
        return list(self._met)
