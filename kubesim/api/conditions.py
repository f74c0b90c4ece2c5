"""Conditions: the aspects of an object's state, one entry a type, each with the time it last changed.

Upstream: k8s.io/apimachinery/pkg/api/meta/conditions.go, and a helper beside each older kind.
"""

from __future__ import annotations

from collections.abc import Sequence

from kubesim.api.meta import with_fields
from kubesim.api.stored import Object

UNTIMED = ("lastTransitionTime", "lastProbeTime", "lastHeartbeatTime", "lastUpdateTime")


def find_condition(obj: Object, type_: str) -> Object | None:
    """The condition of one type in `status.conditions`."""
    for condition in (obj.get("status") or {}).get("conditions") or ():
        if condition.get("type") == type_:
            found: Object = condition
            return found
    return None


def condition_is_true(obj: Object, type_: str) -> bool:
    """Whether the object has the condition with status True."""
    condition = find_condition(obj, type_)
    return condition is not None and condition.get("status") == "True"


def set_condition(conditions: Sequence[Object], condition: Object, now: str) -> list[Object]:
    """The conditions with one of them set, in its place or at the end.

    `lastTransitionTime` moves to `now` only when the status changes; other times are taken as they are given,
    or kept. Returns an equal list if nothing but such times would change.
    """
    made = list(conditions)
    for at, old in enumerate(made):
        if old.get("type") == condition["type"]:
            made[at] = _replaced(old, condition, now)
            return made
    made.append({"lastTransitionTime": now, **condition})
    return made


def with_condition(obj: Object, condition: Object, now: str) -> Object:
    """A copy of the object with the condition set; the same object if it is set like that already."""
    conditions = (obj.get("status") or {}).get("conditions") or []
    made = set_condition(conditions, condition, now)
    return obj if made == conditions else with_fields(obj, {"conditions": made}, "status")


def without_condition(obj: Object, type_: str) -> Object:
    """The object without conditions of a type; the same object if it has none."""
    if find_condition(obj, type_) is None:
        return obj
    kept = [condition for condition in obj["status"]["conditions"] if condition.get("type") != type_]
    return with_fields(obj, {"conditions": kept or None}, "status")


def _replaced(old: Object, condition: Object, now: str) -> Object:
    if _said(old) == _said(condition) and all(old.get(name) == condition.get(name, old.get(name)) for name in UNTIMED):
        return old
    times = {name: old[name] for name in UNTIMED if name in old}
    if old.get("status") != condition.get("status"):
        times["lastTransitionTime"] = now
    return {**times, **condition}


def _said(condition: Object) -> Object:
    """A condition without its times and without what is empty."""
    return {name: value for name, value in condition.items() if name not in UNTIMED and value not in ("", None)}
