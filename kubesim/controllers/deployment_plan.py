"""Decides how big each ReplicaSet of a Deployment should be. Pure: sizes in, sizes out.

A rolling update keeps two promises at every step: never more than `replicas + maxSurge` Pods in all, never fewer
than `replicas - maxUnavailable` available ones. The new set grows into the room above; the old ones shrink by
what the available Pods allow, those that are not available first since nobody misses them.
Scaling in the middle of a rollout spreads the difference over all sets in proportion, so that a half-done
rollout stays half done.
Upstream: rolling.go, sync.go and util/deployment_util.go in pkg/controller/deployment.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

INT32_MAX = 2**31 - 1  # As revisionHistoryLimit or progressDeadlineSeconds it means: none.


class Limits(msgspec.Struct, frozen=True):
    """What a Deployment allows while it changes, in whole Pods."""

    replicas: int
    max_surge: int = 0
    max_unavailable: int = 0

    @property
    def total_max(self) -> int:
        """More Pods than this may never exist."""
        return self.replicas + self.max_surge

    @property
    def available_min(self) -> int:
        """Fewer available Pods than this may not be."""
        return self.replicas - self.max_unavailable


class SetSize(msgspec.Struct, frozen=True):
    """A ReplicaSet as the plan sees it: `replicas` is its spec, `available` its status."""

    name: str
    created: str
    replicas: int
    available: int = 0
    desired_before: int | None = None  # Annotations: what the Deployment wanted when the set was last sized,
    max_before: int = 0  # and the most Pods that it allowed then.


class Scale(NamedTuple):
    """One set is to have another size."""

    name: str
    replicas: int


def resolve_limits(replicas: int, max_surge: int | str, max_unavailable: int | str) -> Limits:
    """Percentages become Pods: surge is rounded up, unavailable down.

    Both 0 would allow no step at all, so then one may be unavailable.
    """
    surge = scaled(max_surge, replicas, round_up=True)
    unavailable = scaled(max_unavailable, replicas, round_up=False)
    if surge == 0 and unavailable == 0:
        unavailable = 1
    return Limits(replicas, surge, min(unavailable, replicas))


def scaled(value: int | str, total: int, *, round_up: bool) -> int:
    """3 is 3; "25%" is that part of `total`."""
    if isinstance(value, int):
        return value
    hundredths = int(value.rstrip("%")) * total
    return -(-hundredths // 100) if round_up else hundredths // 100


def plan_new_set(limits: Limits, new: SetSize, total: int) -> int:
    """How big the new set may be now, when all sets together (it included) want `total` Pods."""
    if new.replicas >= limits.replicas:
        return limits.replicas
    room = limits.total_max - total
    if room <= 0:
        return new.replicas
    return new.replicas + min(room, limits.replicas - new.replicas)


def plan_old_sets(limits: Limits, new: SetSize, old: Sequence[SetSize]) -> list[Scale]:
    """How the old sets shrink now, step by step: first what is not available, then as far as availability allows.

    Pods of the new set that are not available yet count as missing already, or a new version that never becomes
    ready would pull the old one down.
    """
    sizes = {size.name: size.replicas for size in by_age(old) if size.replicas > 0}
    available = {size.name: size.available for size in old}
    total = new.replicas + sum(sizes.values())
    budget = total - limits.available_min - (new.replicas - new.available)
    if not sizes or budget <= 0:
        return []
    steps: list[Scale] = []
    for name in sizes:
        cleaned = min(budget, max(sizes[name] - available[name], 0))
        if cleaned > 0:
            budget -= cleaned
            sizes[name] -= cleaned
            steps.append(Scale(name, sizes[name]))
    spare = new.available + sum(available[name] for name in sizes) - limits.available_min
    for name in sizes:
        taken = min(sizes[name], spare)
        if taken > 0:
            spare -= taken
            sizes[name] -= taken
            steps.append(Scale(name, sizes[name]))
    return steps


def plan_scaling(
    limits: Limits, is_rolling: bool, status_replicas: int, new: SetSize | None, old: Sequence[SetSize]
) -> list[Scale]:
    """How a Deployment that is paused, or whose size was just changed, spreads its replicas over its sets."""
    single = active_or_latest(new, old)
    if single is not None:
        return [] if single.replicas == limits.replicas else [Scale(single.name, limits.replicas)]
    active = [size for size in old if size.replicas > 0]
    if is_saturated(limits, new):
        return [Scale(size.name, 0) for size in active]
    if not is_rolling:
        return []
    if new is not None and new.replicas > 0:
        active.append(new)
    return spread(limits, status_replicas, active)


def active_or_latest(new: SetSize | None, old: Sequence[SetSize]) -> SetSize | None:
    """The only set with Pods; without any the new one, or else the youngest. None if several have Pods."""
    everything = [*by_age(old, reverse=True), *([new] if new else [])]
    active = [size for size in everything if size.replicas > 0]
    if len(active) > 1 or not everything:
        return None
    if active:
        return active[0]
    return new if new is not None else everything[0]


def is_saturated(limits: Limits, new: SetSize | None) -> bool:
    """Whether the new set has all the Pods it should, all available."""
    wanted = limits.replicas
    return new is not None and new.replicas == new.desired_before == new.available == wanted


def spread(limits: Limits, status_replicas: int, active: Sequence[SetSize]) -> list[Scale]:
    """Every set grows or shrinks in proportion; what rounding leaves goes to the biggest."""
    allowed = limits.total_max if limits.replicas > 0 else 0
    to_add = allowed - sum(size.replicas for size in active)
    # When growing, the youngest of equals comes first; when shrinking, the oldest.
    ordered = sorted(by_age(active, reverse=to_add > 0), key=lambda size: size.replicas, reverse=True)
    added = 0
    sizes: dict[str, int] = {}
    for size in ordered:
        part = proportion(limits, status_replicas, size, to_add, added)
        sizes[size.name] = size.replicas + part
        added += part
    if ordered and to_add != added:
        biggest = ordered[0].name
        sizes[biggest] = max(0, sizes[biggest] + to_add - added)
    return [Scale(name, replicas) for name, replicas in sizes.items()]


def proportion(limits: Limits, status_replicas: int, size: SetSize, to_add: int, added: int) -> int:
    """How many of the `to_add` Pods fall to one set, when `added` of them are given away already."""
    if size.replicas == 0 or to_add in (0, added):
        return 0
    rest = to_add - added
    part = fraction(limits, status_replicas, size)
    return min(part, rest) if to_add > 0 else max(part, rest)


def fraction(limits: Limits, status_replicas: int, size: SetSize) -> int:
    """By how much a set would change if it kept its share of the Deployment."""
    if limits.replicas == 0:
        return -size.replicas
    before = size.max_before or status_replicas
    if before == 0:
        return 0
    return math.floor(size.replicas * limits.total_max / before + 0.5) - size.replicas


def by_age(sizes: Sequence[SetSize], *, reverse: bool = False) -> list[SetSize]:
    """Oldest first; of one second by name."""
    return sorted(sizes, key=lambda size: (size.created, size.name), reverse=reverse)
