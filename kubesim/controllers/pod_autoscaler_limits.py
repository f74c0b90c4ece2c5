"""How fast an autoscaler may go: stabilisation windows, policies, the least and the most replicas. Pure.

It remembers what was recommended and by how much was scaled, each with its time.
Upstream: normalizeDesiredReplicas and its kin in pkg/controller/podautoscaler/horizontal.go.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from kubesim.api.stored import Object

STABILIZATION_SECONDS = 300.0  # --horizontal-pod-autoscaler-downscale-stabilization
SCALE_UP_FACTOR, SCALE_UP_MINIMUM = 2, 4  # Without rules: at most double, or four.
INT32_MAX = 2**31 - 1


class Said(NamedTuple):
    """Status, reason and message of a condition."""

    status: str
    reason: str
    message: str


class Limited(NamedTuple):
    """What may be done, and the conditions AbleToScale and ScalingLimited that say why."""

    replicas: int
    able: Said
    limited: Said


READY = Said("True", "ReadyForNewScale", "recommended size matches current size")
IN_RANGE = ("DesiredWithinRange", "the desired count is within the acceptable range")
TOO_FAST_UP = ("ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate")
TOO_FAST_DOWN = ("ScaleDownLimit", "the desired replica count is decreasing faster than the maximum scale rate")
TOO_MANY = ("TooManyReplicas", "the desired replica count is more than the maximum replica count")
TOO_FEW = ("TooFewReplicas", "the desired replica count is less than the minimum replica count")
STABLE_UP = Said(
    "True", "ScaleUpStabilized", "recent recommendations were lower than current one, applying the lowest recent "
    "recommendation",
)  # fmt: skip
STABLE_DOWN = Said(
    "True", "ScaleDownStabilized", "recent recommendations were higher than current one, applying the highest recent "
    "recommendation",
)  # fmt: skip


class History:
    """What one autoscaler recommended and did lately."""

    def __init__(self, replicas: int, now: float) -> None:
        self._recommended: list[tuple[float, int]] = [(now, replicas)]
        self._scaled: dict[bool, list[tuple[float, int]]] = {True: [], False: []}  # Up: by how much, and when.

    def note_scale(self, behavior: Object | None, before: int, after: int, now: float) -> None:
        """It was scaled; rules may count that."""
        if behavior is None:
            return
        up = after > before
        longest = max(
            (policy["periodSeconds"] for policy in rules_of(behavior, up=up).get("policies") or ()), default=0
        )
        self._scaled[up] = [entry for entry in self._scaled[up] if entry[0] >= now - longest]
        self._scaled[up].append((now, abs(after - before)))

    def limit(self, spec: Object, current: int, desired: int, now: float) -> Limited:
        """What becomes of a recommendation."""
        behavior: Object | None = spec.get("behavior")
        minimum, maximum = spec.get("minReplicas", 1), spec["maxReplicas"]
        if behavior is None:
            stable = self._highest(desired, now)
            replicas, reason = without_rules(current, stable, minimum, maximum)
            able = STABLE_DOWN if stable != desired else READY
        else:
            stable, said = self._stabilized(behavior, current, desired, now)
            able = said if stable != desired else READY
            replicas, reason = self._with_rules(behavior, current, stable, minimum, maximum, now)
        return Limited(replicas, able, Said("False" if replicas == stable else "True", *reason))

    def _highest(self, desired: int, now: float) -> int:
        since = now - STABILIZATION_SECONDS
        self._recommended = [entry for entry in self._recommended if entry[0] >= since]
        stable = max([desired, *(count for _, count in self._recommended)])
        self._recommended.append((now, desired))
        return stable

    def _stabilized(self, behavior: Object, current: int, desired: int, now: float) -> tuple[int, Said]:
        up_seconds = rules_of(behavior, up=True).get("stabilizationWindowSeconds", 0)
        down_seconds = rules_of(behavior, up=False).get("stabilizationWindowSeconds", STABILIZATION_SECONDS)
        # Both windows always hold: what is wanted may not exceed the lowest of one, nor fall below the highest of
        # the other.
        up = min([desired, *(count for time, count in self._recommended if time > now - up_seconds)])
        down = max([desired, *(count for time, count in self._recommended if time > now - down_seconds)])
        self._recommended = [entry for entry in self._recommended if entry[0] >= now - max(up_seconds, down_seconds)]
        self._recommended.append((now, desired))
        stable = up if current < up else down if current > down else current
        return stable, STABLE_UP if desired >= current else STABLE_DOWN

    def _with_rules(
        self, behavior: Object, current: int, desired: int, minimum: int, maximum: int, now: float
    ) -> tuple[int, tuple[str, str]]:
        up = desired > current
        rules = rules_of(behavior, up=up)
        if desired > current:
            fastest = max(current, self._fastest_up(rules, current, now))
            most, reason = (fastest, TOO_FAST_UP) if maximum > fastest else (maximum, TOO_MANY)
            return (most, reason) if desired > most else (desired, IN_RANGE)
        if desired < current:
            fastest = min(current, self._fastest_down(rules, current, now))
            least, reason = (fastest, TOO_FAST_DOWN) if minimum < fastest else (minimum, TOO_FEW)
            return (least, reason) if desired < least else (desired, IN_RANGE)
        return desired, IN_RANGE

    def _fastest_up(self, rules: Object, current: int, now: float) -> int:
        if rules.get("selectPolicy") == "Disabled":
            return current
        limits = []
        for policy in rules.get("policies") or ():
            added = self._changed(policy["periodSeconds"], now, up=True)
            removed = self._changed(policy["periodSeconds"], now, up=False)
            start = current - added + removed
            limits.append(
                start + policy["value"]
                if policy["type"] == "Pods"
                else math.ceil(start * (100 + policy["value"]) / 100)
            )
        return (min if rules.get("selectPolicy") == "Min" else max)(limits, default=current)

    def _fastest_down(self, rules: Object, current: int, now: float) -> int:
        if rules.get("selectPolicy") == "Disabled":
            return current
        limits = []
        for policy in rules.get("policies") or ():
            added = self._changed(policy["periodSeconds"], now, up=True)
            removed = self._changed(policy["periodSeconds"], now, up=False)
            start = current - added + removed
            limits.append(
                start - policy["value"] if policy["type"] == "Pods" else int(start * (100 - policy["value"]) / 100)
            )
        return (max if rules.get("selectPolicy") == "Min" else min)(limits, default=INT32_MAX)

    def _changed(self, period_seconds: int, now: float, *, up: bool) -> int:
        return sum(count for time, count in self._scaled[up] if time > now - period_seconds)


def without_rules(current: int, desired: int, minimum: int, maximum: int) -> tuple[int, tuple[str, str]]:
    """The bounds when there are no rules: no more than double, between the least and the most."""
    fastest = max(SCALE_UP_FACTOR * current, SCALE_UP_MINIMUM)
    most, reason = (fastest, TOO_FAST_UP) if maximum > fastest else (maximum, TOO_MANY)
    if desired < minimum:
        return minimum, TOO_FEW
    return (most, reason) if desired > most else (desired, IN_RANGE)


def rules_of(behavior: Object, *, up: bool) -> Object:
    """The rules of one direction."""
    rules: Object = behavior.get("scaleUp" if up else "scaleDown") or {}
    return rules


def with_said(conditions: Sequence[Object], type_: str, said: Said, now: str) -> list[Object]:
    """The conditions with this one as it should be; its time changes with its status only."""
    made: Object = {
        "type": type_, "status": said.status, "lastTransitionTime": now, "reason": said.reason, "message": said.message,
    }  # fmt: skip
    changed = list(conditions)
    for number, known in enumerate(changed):
        if known["type"] == type_:
            if known["status"] == said.status:
                made["lastTransitionTime"] = known["lastTransitionTime"]
            changed[number] = made
            return changed
    return [*changed, made]
