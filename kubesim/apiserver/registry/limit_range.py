"""The strategy of LimitRanges: minimum ≤ default request ≤ default ≤ maximum.

Upstream: ValidateLimitRange in pkg/apis/core/validation.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.errors import FieldError
from kubesim.api.quantity import canonical, parse
from kubesim.api.stored import Object
from kubesim.apiserver.registry.strategy import Strategy
from kubesim.apiserver.validation.field import duplicate, forbidden, invalid, required
from kubesim.apiserver.validation.names import qualified_name
from kubesim.apiserver.validation.resource_names import container_name_problems, name_problems

POD, CONTAINER, CLAIM = "Pod", "Container", "PersistentVolumeClaim"
PARTS = ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio")
POD_MAY_NOT = "may not be specified when `type` is 'Pod'"
# (what, than what, where it is told, whose value is shown, the words)
ORDERED = (
    ("min", "max", "min", "min", "min value {} is greater than max value {}"),
    ("min", "defaultRequest", "defaultRequest", "defaultRequest",
     "min value {} is greater than default request value {}"),
    ("defaultRequest", "max", "defaultRequest", "defaultRequest",
     "default request value {} is greater than max value {}"),
    ("defaultRequest", "default", "defaultRequest", "defaultRequest",
     "default request value {} is greater than default limit value {}"),
    ("min", "default", "default", "min", "min value {} is greater than default value {}"),
    ("default", "max", "default", "max", "default value {} is greater than max value {}"),
)  # fmt: skip


class LimitRangeStrategy(Strategy):
    """Bounds and defaults."""

    def validate(self, obj: Object) -> list[FieldError]:
        """Each type once, with bounds that leave room."""
        problems: list[FieldError] = []
        seen: set[str] = set()
        for index, item in enumerate((obj.get("spec") or {}).get("limits") or ()):
            path, kind = f"spec.limits[{index}]", item.get("type", "")
            problems += _type(kind, f"{path}.type")
            if kind in seen:
                problems.append(duplicate(f"{path}.type", kind))
            seen.add(kind)
            problems += _item(item, kind, path)
        return problems


def _type(kind: str, path: str) -> list[FieldError]:
    problems = [invalid(path, kind, problem) for problem in qualified_name(kind)]
    if problems or "/" in kind or kind in (POD, CONTAINER, CLAIM):
        return problems
    return [invalid(path, kind, "must be a standard limit type or fully qualified")]


def _item(item: Object, kind: str, path: str) -> list[FieldError]:
    name_rule = container_name_problems if kind in (POD, CONTAINER) else name_problems
    problems: list[FieldError] = []
    stated: dict[str, dict[str, Any]] = {}
    for part in PARTS:
        stated[part] = item.get(part) or {}
        if kind == POD and part in ("default", "defaultRequest"):
            if stated.pop(part):
                problems.append(forbidden(f"{path}.{part}", POD_MAY_NOT))
            continue
        if part == "maxLimitRequestRatio" and kind == CLAIM and not any("storage" in stated[p] for p in ("min", "max")):
            words = "either minimum or maximum storage value is required, but neither was provided"
            problems.append(required(f"{path}.limits", words))
        for name in sorted(stated[part]):
            problems += name_rule(name, f"{path}.{part}[{name}]")
    for name in sorted({name for part in stated.values() for name in part}):
        values = {part: amounts[name] for part, amounts in stated.items() if name in amounts}
        problems += _values(name, values, path)
    return problems


def _values(name: str, values: dict[str, Any], path: str) -> list[FieldError]:
    problems = []
    nano = {part: parse(value).nano for part, value in values.items()}
    shown = {part: canonical(value) for part, value in values.items()}
    for low, high, where, whose, words in ORDERED:
        if low in nano and high in nano and nano[low] > nano[high]:
            problems.append(invalid(f"{path}.{where}[{name}]", shown[whose], words.format(shown[low], shown[high])))
    if "maxLimitRequestRatio" in nano:
        ratio, at = shown["maxLimitRequestRatio"], f"{path}.maxLimitRequestRatio[{name}]"
        amount = nano["maxLimitRequestRatio"]
        if amount < 1_000_000_000:
            problems.append(invalid(at, ratio, f"ratio {ratio} is less than 1"))
        if nano.get("min") and "max" in nano and amount * nano["min"] > nano["max"] * 1_000_000_000:
            words = f"ratio {ratio} is greater than max/min = {nano['max'] / nano['min']:f}"
            problems.append(invalid(at, ratio, words))
    if not _may_overcommit(name) and "default" in nano and nano.get("defaultRequest") not in (None, nano["default"]):
        default, request = shown["default"], shown["defaultRequest"]
        words = f"default value {default} must equal to defaultRequest value {request} in {name}"
        problems.append(invalid(f"{path}.defaultRequest[{name}]", request, words))
    return problems


def _may_overcommit(name: str) -> bool:
    """Kubernetes' own resources but huge pages."""
    return ("/" not in name or "kubernetes.io/" in name) and not name.startswith("hugepages-")
