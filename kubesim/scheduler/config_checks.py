"""Checks of single values in a configuration, in the words of kube-scheduler; each returns what was read.

Upstream: pkg/scheduler/apis/config/validation/validation_pluginargs.go, k8s.io/apimachinery/pkg/labels,
k8s.io/component-helpers/scheduling/corev1/nodeaffinity.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import msgspec

from kubesim.api.views import NodeAffinity
from kubesim.scheduler.config_problems import Problems, join
from kubesim.scheduler.plugins.resource_strategies import (
    CPU_AND_MEMORY,
    REQUESTED_TO_CAPACITY_RATIO,
    STRATEGIES,
    ScoringStrategy,
)

Check = Callable[[Problems, str, Any], Any]
QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
QUALIFIED_RULE = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
)
NAME_EXAMPLE = "(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"  # fmt: skip  # noqa: E501
SUBDOMAIN_RULE = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"  # fmt: skip  # noqa: E501
OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt")
DURATION = re.compile(r"(?P<sign>-?)(?P<parts>([0-9]+(\.[0-9]*)?(ns|us|ms|s|m|h))+|0)")
UNITS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def integer(least: int, most: int | None, why: str) -> Check:
    """A number in a range."""
    return lambda problems, path, value: problems.integer(path, value, least, least=least, most=most, why=why)


def flag(problems: Problems, path: str, value: Any) -> bool:
    """true or false."""
    return problems.flag(path, value, default=False)


def duration(problems: Problems, path: str, value: Any) -> float:
    """A Go duration such as `1m30s`, in seconds."""
    match = DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        problems.invalid(path, value, 'must be a duration such as "1m30s"')
        return 0.0
    parts = re.findall(r"([0-9.]+)([a-z]+)", match["parts"])
    seconds = sum(float(number) * UNITS[unit] for number, unit in parts)
    return -seconds if match["sign"] else seconds


def qualified_name_problems(name: str) -> list[str]:
    """What is wrong with a name such as `example.com/gpu` or `cpu`."""
    parts = name.split("/")
    if len(parts) > 2:
        return [
            f"a qualified name {QUALIFIED_RULE} {NAME_EXAMPLE} with an optional DNS subdomain prefix and '/' "
            "(e.g. 'example.com/MyName')"
        ]
    found = []
    if len(parts) == 2 and not parts[0]:
        found.append("prefix part must be non-empty")
    elif len(parts) == 2 and not SUBDOMAIN.fullmatch(parts[0]):
        found.append(f"prefix part {SUBDOMAIN_RULE}")
    if not parts[-1]:
        found.append("name part must be non-empty")
    elif len(parts[-1]) > 63:
        found.append("name part must be no more than 63 characters")
    if not QUALIFIED.fullmatch(parts[-1]):
        found.append(f"name part {QUALIFIED_RULE} {NAME_EXAMPLE}")
    return found


def label_names(problems: Problems, path: str, value: Any) -> tuple[str, ...]:
    """A list of names."""
    read = [problems.text(f"{path}[{number}]", each) for number, each in enumerate(problems.items(path, value))]
    for number, name in enumerate(read):
        _label_name(problems, f"{path}[{number}]", name)
    return tuple(read)


def resource_groups(problems: Problems, path: str, value: Any) -> tuple[str, ...]:
    """The parts before the `/` of names of resources."""
    for number, each in enumerate(problems.items(path, value)):
        if isinstance(each, str) and "/" in each:
            problems.invalid(f"{path}[{number}]", each, "resource group name can't contain '/'")
    return label_names(problems, path, value)


def strategy(problems: Problems, path: str, value: Any) -> ScoringStrategy:
    """How NodeResourcesFit scores."""
    read = problems.mapping(path, value, ("type", "resources", "requestedToCapacityRatio"))
    type_ = problems.text(join(path, "type"), read.get("type"))
    if type_ not in STRATEGIES:
        problems.unsupported(join(path, "type"), type_, STRATEGIES)
    weights = _weights(problems, join(path, "resources"), read.get("resources"))
    ratio_path = join(path, "requestedToCapacityRatio")
    points: tuple[tuple[int, int], ...] = ()
    if type_ == REQUESTED_TO_CAPACITY_RATIO:
        if read.get("requestedToCapacityRatio") is None:
            problems.required(ratio_path, f"must be specified when type is {type_}")
        else:
            ratio = problems.mapping(ratio_path, read["requestedToCapacityRatio"], ("shape",))
            points = shape(problems, join(ratio_path, "shape"), ratio.get("shape"))
    elif read.get("requestedToCapacityRatio") is not None:
        problems.forbidden(ratio_path, f"must be nil when type is not {REQUESTED_TO_CAPACITY_RATIO}")
    return ScoringStrategy(type_, weights or CPU_AND_MEMORY, points)


def balanced_resources(problems: Problems, path: str, value: Any) -> tuple[str, ...]:
    """The resources that should be used to the same degree."""
    names: list[str] = []
    for number, each in enumerate(problems.items(path, value)):
        here = f"{path}[{number}]"
        item = problems.mapping(here, each, ("name", "weight"))
        name = problems.text(join(here, "name"), item.get("name"))
        if name in names:
            problems.found.append(f'{join(here, "name")}: Duplicate value: "{name}"')
        else:
            names.append(name)
        weight = problems.integer(join(here, "weight"), item.get("weight"), 1) or 1  # 0 is "not given".
        if weight != 1:
            problems.invalid(join(here, "weight"), weight, "must be 1")
    return tuple(names) or tuple(name for name, _ in CPU_AND_MEMORY)


def shape(problems: Problems, path: str, value: Any) -> tuple[tuple[int, int], ...]:
    """Points of a line: utilization from 0 to 100, rising, and a score from 0 to 10 each."""
    points: list[tuple[int, int]] = []
    for number, each in enumerate(problems.items(path, value)):
        point = problems.mapping(f"{path}[{number}]", each, ("utilization", "score"))
        here = join(f"{path}[{number}]", "utilization")
        utilization = problems.integer(here, point.get("utilization"), 0)
        score = problems.integer(join(f"{path}[{number}]", "score"), point.get("score"), 0)
        points.append((utilization, score))
    if not points:
        problems.required(path, "at least one point must be specified")
    for number, (before, after) in enumerate(pairwise(points), start=1):
        if before[0] >= after[0]:
            here = f"{path}[{number}].utilization"
            problems.invalid(here, after[0], "values must be sorted in increasing order")
            break
    for number, (utilization, score) in enumerate(points):
        if not 0 <= utilization <= 100:
            problems.invalid(f"{path}[{number}].utilization", utilization, "not in valid range [0, 100]")
        if not 0 <= score <= 10:
            problems.invalid(f"{path}[{number}].score", score, "not in valid range [0, 10]")
    return tuple(points)


def no_shape(problems: Problems, path: str, value: Any) -> None:
    """VolumeBinding's shape needs a feature gate that is off in v1.36."""
    why = "unexpected field `shape`, remove it or turn on the feature gate StorageCapacityScoring"
    problems.invalid(path, value, why)


def added_affinity(problems: Problems, path: str, value: Any) -> NodeAffinity | None:
    """The node affinity that every Pod of the profile has beside its own."""
    hard, soft = "requiredDuringSchedulingIgnoredDuringExecution", "preferredDuringSchedulingIgnoredDuringExecution"
    read = problems.mapping(path, value, (hard, soft))
    before = len(problems.found)
    required = problems.mapping(join(path, hard), read.get(hard), ("nodeSelectorTerms",))
    terms_path = f"{join(path, hard)}.nodeSelectorTerms"
    for number, each in enumerate(problems.items(terms_path, required.get("nodeSelectorTerms"))):
        _check_term(problems, f"{terms_path}[{number}]", each)
    for number, each in enumerate(problems.items(join(path, soft), read.get(soft))):
        here = f"{join(path, soft)}[{number}]"
        wish = problems.mapping(here, each, ("weight", "preference"))
        if problems.integer(join(here, "weight"), wish.get("weight"), 0):
            _check_term(problems, here, wish.get("preference"))  # Without "preference" in the path, as upstream.
    if len(problems.found) > before:
        return None
    try:
        return msgspec.convert(dict(read), NodeAffinity)
    except msgspec.ValidationError as error:
        problems.invalid(path, "…", str(error))
        return None


def _weights(problems: Problems, path: str, value: Any) -> tuple[tuple[str, int], ...]:
    found: list[tuple[str, int]] = []
    for number, each in enumerate(problems.items(path, value)):
        here = f"{path}[{number}]"
        item = problems.mapping(here, each, ("name", "weight"))
        name = problems.text(join(here, "name"), item.get("name"))
        weight = problems.integer(join(here, "weight"), item.get("weight"), 1) or 1  # 0 is "not given".
        if not 0 < weight <= 100:
            why = f"resource weight of {name} not in valid range (0, 100]"
            problems.invalid(join(here, "weight"), weight, why)
        found.append((name, weight))
    return tuple(found)


def _check_term(problems: Problems, path: str, value: Any) -> None:
    term = problems.mapping(path, value, ("matchExpressions", "matchFields"))
    here = join(path, "matchExpressions")
    for number, each in enumerate(problems.items(here, term.get("matchExpressions"))):
        _check_expression(problems, f"{here}[{number}]", each)
    here = join(path, "matchFields")
    for number, each in enumerate(problems.items(here, term.get("matchFields"))):
        at = f"{here}[{number}]"
        condition = problems.mapping(at, each, ("key", "operator", "values"))
        operator = problems.text(join(at, "operator"), condition.get("operator"))
        values = problems.items(join(at, "values"), condition.get("values"))
        if operator not in OPERATORS[:2]:
            problems.unsupported(join(at, "operator"), operator, OPERATORS[:2])
        elif len(values) != 1:
            problems.invalid(join(at, "values"), _Shown(values), "must have one element")


def _check_expression(problems: Problems, path: str, value: Any) -> None:
    condition: Mapping[str, Any] = problems.mapping(path, value, ("key", "operator", "values"))
    operator = problems.text(join(path, "operator"), condition.get("operator"))
    if operator not in OPERATORS:
        problems.unsupported(join(path, "operator"), operator, OPERATORS)
        return
    _label_name(problems, join(path, "key"), problems.text(join(path, "key"), condition.get("key")))
    here = join(path, "values")
    values = problems.items(here, condition.get("values"))
    if operator in ("In", "NotIn") and not values:
        problems.invalid(here, _Shown(values), "for 'in', 'notin' operators, values set can't be empty")
    elif operator in ("Exists", "DoesNotExist") and values:
        problems.invalid(here, _Shown(values), "values set must be empty for exists and does not exist")
    elif operator in ("Gt", "Lt"):
        if len(values) != 1:
            problems.invalid(here, _Shown(values), "for 'Gt', 'Lt' operators, exactly one value is required")
        elif not re.fullmatch(r"[-+]?[0-9]+", str(values[0])):
            why = "for 'Gt', 'Lt' operators, the value must be an integer"
            problems.invalid(f"{here}[0]", str(values[0]), why)


def _label_name(problems: Problems, path: str, name: str) -> None:
    for why in qualified_name_problems(name):
        problems.invalid(path, name, why)


class _Shown:
    """A list as Go prints it."""

    def __init__(self, values: Any) -> None:
        self._values = values

    def __str__(self) -> str:
        inside = ", ".join(f'"{each}"' for each in self._values)
        return f"[]string{{{inside}}}" if self._values else "[]string(nil)"
