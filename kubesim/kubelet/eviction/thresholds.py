"""Eviction thresholds: when a node is under pressure, and when that is over. Pure.

A threshold is a signal and an amount that must stay available; a soft one must be missed for its grace period before
Pods are evicted, a hard one not. The node condition comes at once in both cases, and stays for the transition period
after the signal was last seen below its threshold.
Upstream: pkg/kubelet/eviction/helpers.go, api/types.go.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from kubesim.api.quantity import value
from kubesim.kubelet.configuration import KubeletConfiguration

MEMORY, ALLOCATABLE_MEMORY = "memory.available", "allocatableMemory.available"
NODEFS, NODEFS_INODES = "nodefs.available", "nodefs.inodesFree"
IMAGEFS, IMAGEFS_INODES = "imagefs.available", "imagefs.inodesFree"
PIDS = "pid.available"
RESOURCES = {
    MEMORY: "memory", ALLOCATABLE_MEMORY: "memory", NODEFS: "ephemeral-storage", IMAGEFS: "ephemeral-storage",
    NODEFS_INODES: "inodes", IMAGEFS_INODES: "inodes", PIDS: "pids",
}  # fmt: skip
CONDITIONS = {
    "memory": "MemoryPressure", "ephemeral-storage": "DiskPressure", "inodes": "DiskPressure", "pids": "PIDPressure",
}  # fmt: skip


class Observation(NamedTuple):
    """What a signal is now."""

    available: int
    capacity: int


class Threshold(NamedTuple):
    """What of a signal must stay available."""

    signal: str
    amount: str  # `100Mi` or `10%`.
    grace_seconds: float = 0.0
    is_hard: bool = True
    min_reclaim: str = ""

    @property
    def resource(self) -> str:
        """What runs out."""
        return RESOURCES[self.signal]

    def quantity(self, capacity: int) -> int:
        """The amount, of such a capacity."""
        return _of(self.amount, capacity)

    def is_met(self, observation: Observation, *, with_reclaim: bool = False) -> bool:
        """Whether too little is available; `with_reclaim`: so little that more has to be reclaimed."""
        wanted = self.quantity(observation.capacity)
        if with_reclaim and self.min_reclaim:
            wanted += _of(self.min_reclaim, observation.capacity)
        return observation.available < wanted


Observations = Mapping[str, Observation]


def _of(amount: str, capacity: int) -> int:
    return int(capacity * (float(amount[:-1]) / 100)) if amount.endswith("%") else value(amount)


def thresholds_of(configuration: KubeletConfiguration) -> tuple[Threshold, ...]:
    """All thresholds of a kubelet, hard ones first; 0% and 100% switch one off."""
    found = []
    for hard, amounts in ((True, configuration.eviction_hard), (False, configuration.eviction_soft)):
        for signal, amount in sorted(amounts.items()):
            if signal not in RESOURCES:
                raise ValueError(f'unknown eviction signal "{signal}"')
            if amount in ("0%", "100%"):
                continue
            if not hard and signal not in configuration.eviction_soft_grace_period:
                raise ValueError(f"grace period must be specified for the soft eviction threshold {signal}")
            grace_seconds = 0.0 if hard else configuration.eviction_soft_grace_period[signal]
            reclaim = configuration.eviction_minimum_reclaim.get(signal, "")
            found.append(Threshold(signal, amount, grace_seconds, hard, reclaim))
            if signal == MEMORY and hard:
                found.append(Threshold(ALLOCATABLE_MEMORY, amount, grace_seconds, hard, reclaim))
    return tuple(found)


def met(thresholds: Iterable[Threshold], observations: Observations, *, with_reclaim: bool = False) -> list[Threshold]:
    """Those of which too little is available."""
    return [
        each
        for each in thresholds
        if each.signal in observations and each.is_met(observations[each.signal], with_reclaim=with_reclaim)
    ]


def conditions_of(thresholds: Iterable[Threshold]) -> list[str]:
    """The node conditions that these bring about."""
    return list(dict.fromkeys(CONDITIONS[each.resource] for each in thresholds))


def by_eviction_priority(thresholds: Sequence[Threshold]) -> list[Threshold]:
    """Memory first."""
    return sorted(thresholds, key=lambda each: each.resource != "memory")


def amount_is_valid(text: str) -> bool:
    """Whether a threshold can be written so."""
    if match := re.fullmatch(r"(\d+(?:\.\d+)?)%", text):
        return 0 <= float(match[1]) <= 100
    try:
        return value(text) >= 0
    except ValueError:
        return False
