"""What is wrong with a HorizontalPodAutoscaler.

Upstream: pkg/apis/autoscaling/validation.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.errors import FieldError
from kubesim.api.quantity import canonical, parse
from kubesim.apiserver.validation.field import each, forbidden, invalid, not_supported, required
from kubesim.apiserver.validation.names import path_segment
from kubesim.apiserver.validation.selectors import validate_label_selector

SOURCES = {"Object": "object", "Pods": "pods", "Resource": "resource", "External": "external",
           "ContainerResource": "containerResource"}  # fmt: skip
SOURCE_TYPES = ("ContainerResource", "External", "Object", "Pods", "Resource")
TARGET_TYPES = ("AverageValue", "Utilization", "Value")
SELECT_POLICIES = ("Disabled", "Max", "Min")
POLICY_TYPES = ("Percent", "Pods")
WINDOW_MAX, PERIOD_MAX = 3600, 1800

Object = dict[str, Any]


def validate_autoscaler(spec: Object) -> list[FieldError]:
    """The bounds, what is scaled, by what, and how fast."""
    minimum, maximum = spec.get("minReplicas"), spec.get("maxReplicas", 0)
    problems: list[FieldError] = []
    if minimum is not None and minimum < 1:
        problems.append(invalid("spec.minReplicas", minimum, "must be greater than or equal to 1"))
    if maximum < 1:
        problems.append(invalid("spec.maxReplicas", maximum, "must be greater than 0"))
    if minimum is not None and maximum < minimum:
        problems.append(invalid("spec.maxReplicas", maximum, "must be greater than or equal to `minReplicas`"))
    target: Object = spec.get("scaleTargetRef") or {}
    problems += _reference(target, "spec.scaleTargetRef")
    for index, metric in enumerate(spec.get("metrics") or ()):
        problems += _metric(metric, f"spec.metrics[{index}]")
    for name in ("scaleUp", "scaleDown"):
        rules = (spec.get("behavior") or {}).get(name)
        if rules is not None:
            problems += _rules(rules, f"spec.behavior.{name}")
    return problems


def _reference(target: Object, path: str) -> list[FieldError]:
    problems: list[FieldError] = []
    for name in ("kind", "name"):
        at, value = f"{path}.{name}", target.get(name) or ""
        problems += each(at, value, path_segment(value)) if value else [required(at)]
    version = target.get("apiVersion", "")
    if "/" not in version and target.get("kind") != "ReplicationController":
        problems.append(invalid(f"{path}.apiVersion", version, "apiVersion must specify API group"))
    return problems


def _metric(metric: Object, path: str) -> list[FieldError]:
    kind = metric.get("type") or ""
    problems = [] if kind else [required(f"{path}.type", "must specify a metric source type")]
    if kind not in SOURCES:
        problems.append(not_supported(f"{path}.type", kind, SOURCE_TYPES))
    given = [name for name in SOURCES.values() if metric.get(name) is not None]
    if given:
        problems += _source(given[0], metric[given[0]], f"{path}.{given[0]}")
    expected = SOURCES.get(kind, kind.lower())
    if expected not in given:
        words = "must populate information for the given metric source"
        problems.append(required(f"{path}.{expected}" if expected else path, words))
    if len(given) != 1:
        words = "must populate the given metric source only"
        problems += [forbidden(f"{path}.{name}", words) for name in sorted(given) if name != expected]
    return problems


def _source(kind: str, source: Object, path: str) -> list[FieldError]:
    problems: list[FieldError] = []
    if kind in ("resource", "containerResource"):
        if not source.get("name"):
            problems.append(required(f"{path}.name", "must specify a resource name"))
        if kind == "containerResource" and not source.get("container"):
            problems.append(required(f"{path}.container", "must specify a container name"))
    else:
        if kind == "object":
            described: Object = source.get("describedObject") or {}
            for name in ("kind", "name"):
                at, value = f"{path}.describedObject.{name}", described.get(name) or ""
                problems += each(at, value, path_segment(value)) if value else [required(at)]
        metric: Object = source.get("metric") or {}
        at, name = f"{path}.metric.name", metric.get("name") or ""
        problems += each(at, name, path_segment(name)) if name else [required(at, "must specify a metric name")]
        problems += validate_label_selector(metric.get("selector"), f"{path}.metric.selector")
    return problems + _target(kind, source.get("target") or {}, f"{path}.target")


def _target(kind: str, target: Object, path: str) -> list[FieldError]:
    problems = _target_itself(target, path)
    share, average, value = (target.get(name) for name in ("averageUtilization", "averageValue", "value"))
    if kind in ("resource", "containerResource"):
        if share is None and average is None:
            words = "must set either a target raw value or a target utilization"
            problems.append(required(f"{path}.averageUtilization", words))
        if share is not None and average is not None:
            words = "may not set both a target raw value and a target utilization"
            problems.append(forbidden(f"{path}.averageValue", words))
    elif kind == "pods":
        if average is None or parse(average).nano <= 0:
            words = "must specify a positive target averageValue"
            problems.append(required(f"{path}.averageValue", words))
    elif value is None and average is None:
        words = "must set either a target value for metric or a per-pod target"
        where = f"{path}.averageValue"
        problems.append(
            required(where, words if kind == "external" else "must set either a target value or averageValue")
        )
    elif kind == "external" and value is not None:
        words = "may not set both a target value for metric and a per-pod target"
        problems += [forbidden(f"{path}.value", words)] if average is not None else []
    return problems


def _target_itself(target: Object, path: str) -> list[FieldError]:
    problems: list[FieldError] = []
    kind = target.get("type") or ""
    if not kind:
        problems.append(required(f"{path}.type", "must specify a metric target type"))
    if kind not in TARGET_TYPES:
        words = f"must be either {TARGET_TYPES[1]}, {TARGET_TYPES[2]}, or {TARGET_TYPES[0]}"
        problems.append(invalid(f"{path}.type", kind, words))
    share = target.get("averageUtilization")
    if target.get("value") is not None and parse(target["value"]).nano <= 0:
        problems.append(invalid(f"{path}.value", canonical(target["value"]), "must be positive"))
    if target.get("averageValue") is not None and parse(target["averageValue"]).nano <= 0:
        problems.append(invalid(f"{path}.averageValue", canonical(target["averageValue"]), "must be positive"))
    if share is not None and share < 1:
        problems.append(invalid(f"{path}.averageUtilization", share, "must be greater than 0"))
    return problems


def _rules(rules: Object, path: str) -> list[FieldError]:
    problems: list[FieldError] = []
    window = rules.get("stabilizationWindowSeconds")
    if window is not None and window < 0:
        problems.append(invalid(f"{path}.stabilizationWindowSeconds", window, "must be greater than or equal to zero"))
    if window is not None and window > WINDOW_MAX:
        words = f"must be less than or equal to {WINDOW_MAX}"
        problems.append(invalid(f"{path}.stabilizationWindowSeconds", window, words))
    select = rules.get("selectPolicy")
    if select not in (None, *SELECT_POLICIES):
        problems.append(not_supported(f"{path}.selectPolicy", select, SELECT_POLICIES))
    if not rules.get("policies"):
        problems.append(required(f"{path}.policies", "must specify at least one Policy"))
    for index, policy in enumerate(rules.get("policies") or ()):
        at = f"{path}.policies[{index}]"
        if policy.get("type") not in POLICY_TYPES:
            problems.append(not_supported(f"{at}.type", policy.get("type", ""), POLICY_TYPES))
        if policy.get("value", 0) <= 0:
            problems.append(invalid(f"{at}.value", policy.get("value", 0), "must be greater than zero"))
        seconds = policy.get("periodSeconds", 0)
        if seconds <= 0:
            problems.append(invalid(f"{at}.periodSeconds", seconds, "must be greater than zero"))
        if seconds > PERIOD_MAX:
            words = f"must be less than or equal to {PERIOD_MAX}"
            problems.append(invalid(f"{at}.periodSeconds", seconds, words))
    return problems
