"""The arguments of plugins, as `pluginConfig` gives them: checked, and turned into what the plugins' classes take.

An argument becomes the keyword of that name: `bindTimeoutSeconds` is `bind_timeout_seconds`. One that a plugin here
does not know must have its default, since to ignore it would place Pods differently than said.
Upstream: pkg/scheduler/apis/config/types_pluginargs.go and validation/validation_pluginargs.go.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from kubesim.scheduler.config_problems import Problems, join

Check = Callable[[Problems, str, Any], Any]


def integer(least: int, most: int | None, text: str) -> Check:
    """A number in a range."""
    return lambda problems, path, value: problems.integer(
        path, value, least, least=least, most=most, why=f"not in valid range {text}"
    )


def flag(problems: Problems, path: str, value: Any) -> Any:
    """true or false."""
    return problems.flag(path, value, default=False)


def texts(problems: Problems, path: str, value: Any) -> Any:
    """A list of strings."""
    return tuple(problems.text(f"{path}[{number}]", each) for number, each in enumerate(problems.items(path, value)))


def anything(problems: Problems, path: str, value: Any) -> Any:
    """An object, looked at by the plugin."""
    return problems.mapping(path, value)


def resources(problems: Problems, path: str, value: Any) -> Any:
    """Resources with weights from 1 to 100."""
    found: dict[str, int] = {}
    for number, each in enumerate(problems.items(path, value)):
        here = f"{path}[{number}]"
        item = problems.mapping(here, each, ("name", "weight"))
        name = problems.text(join(here, "name"), item.get("name"))
        if not name:
            problems.required(join(here, "name"))
        why = f"resource weight of {name} not in valid range [1, 100]"
        found[name] = problems.integer(join(here, "weight"), item.get("weight"), 1, least=1, most=100, why=why)
    return found


STRATEGIES = ("LeastAllocated", "MostAllocated", "RequestedToCapacityRatio")


def strategy(problems: Problems, path: str, value: Any) -> Any:
    """How NodeResourcesFit scores."""
    read = problems.mapping(path, value, ("type", "resources", "requestedToCapacityRatio"))
    type_ = problems.text(join(path, "type"), read.get("type"), STRATEGIES[0])
    if type_ not in STRATEGIES:
        supported = ", ".join(f'"{each}"' for each in STRATEGIES)
        problems.found.append(f'{join(path, "type")}: Unsupported value: "{type_}": supported values: {supported}')
    resources(problems, join(path, "resources"), read.get("resources"))
    ratio_path = join(path, "requestedToCapacityRatio")
    ratio = problems.mapping(ratio_path, read.get("requestedToCapacityRatio"), ("shape",))
    if type_ == STRATEGIES[2]:
        shape(problems, join(ratio_path, "shape"), ratio.get("shape"))
    return dict(read)


def shape(problems: Problems, path: str, value: Any) -> Any:
    """Points of a line: utilization from 0 to 100, rising, and a score from 0 to 10 each."""
    points: list[tuple[int, int]] = []
    for number, each in enumerate(problems.items(path, value)):
        here = f"{path}[{number}]"
        point = problems.mapping(here, each, ("utilization", "score"))
        utilization = problems.integer(
            join(here, "utilization"), point.get("utilization"), 0, least=0, most=100, why="not in valid range [0-100]"
        )
        score = problems.integer(
            join(here, "score"), point.get("score"), 0, least=0, most=10, why="not in valid range [0-10]"
        )
        if points and utilization <= points[-1][0]:
            problems.invalid(
                join(here, "utilization"), utilization, "utilization values must be sorted in increasing order"
            )
        points.append((utilization, score))
    if not points:
        problems.required(path, "at least one point must be specified")
    return points


def defaulting(problems: Problems, path: str, value: Any) -> Any:
    """Whose default constraints count."""
    read = problems.text(path, value, "System")
    if read not in ("System", "List"):
        problems.found.append(f'{path}: Unsupported value: "{read}": supported values: "System", "List"')
    return read


def constraints(problems: Problems, path: str, value: Any) -> Any:
    """Default topologySpreadConstraints: without a selector, which is made from Services and owners."""
    read = problems.items(path, value)
    for number, each in enumerate(read):
        here = f"{path}[{number}]"
        item = problems.mapping(here, each)
        problems.integer(join(here, "maxSkew"), item.get("maxSkew", 0), 1, least=1, why="not in valid range (0, inf)")
        if not item.get("topologyKey"):
            problems.required(join(here, "topologyKey"), "can not be empty")
        if item.get("whenUnsatisfiable") not in ("DoNotSchedule", "ScheduleAnyway"):
            supported = 'supported values: "DoNotSchedule", "ScheduleAnyway"'
            shown = item.get("whenUnsatisfiable", "")
            problems.found.append(f'{join(here, "whenUnsatisfiable")}: Unsupported value: "{shown}": {supported}')
        if "labelSelector" in item:
            why = "constraint must not define a selector, as they deduced for each pod"
            problems.found.append(f"{join(here, 'labelSelector')}: Forbidden: {why}")
    return tuple(read)


# Plugin → argument → (how it is read, its default).
ARGUMENTS: dict[str, dict[str, tuple[Check, Any]]] = {
    "DefaultPreemption": {
        "minCandidateNodesPercentage": (integer(0, 100, "[0, 100]"), 10),
        "minCandidateNodesAbsolute": (integer(0, None, "[0, inf)"), 100),
    },
    "InterPodAffinity": {
        "hardPodAffinityWeight": (integer(0, 100, "[0-100]"), 1),
        "ignorePreferredTermsOfExistingPods": (flag, False),
    },
    "NodeAffinity": {"addedAffinity": (anything, {})},
    "NodeResourcesFit": {
        "ignoredResources": (texts, ()),
        "ignoredResourceGroups": (texts, ()),
        "scoringStrategy": (strategy, {"type": "LeastAllocated", "resources": {"cpu": 1, "memory": 1}}),
    },
    "NodeResourcesBalancedAllocation": {"resources": (resources, {"cpu": 1, "memory": 1})},
    "PodTopologySpread": {"defaultConstraints": (constraints, ()), "defaultingType": (defaulting, "System")},
    "VolumeBinding": {"bindTimeoutSeconds": (integer(0, None, "[0, inf)"), 600), "shape": (shape, [])},
    "DynamicResources": {"filterTimeout": (anything, {})},
}


def read_arguments(problems: Problems, path: str, plugin: str, given: Any, make: Any) -> dict[str, Any]:
    """The keywords for `make`, the plugin's class. A plugin of the user's own gets its arguments as they are."""
    known = ARGUMENTS.get(plugin)
    if known is None:
        values = {
            key: value for key, value in problems.mapping(path, given).items() if key not in ("apiVersion", "kind")
        }
        return _accepted(problems, path, plugin, values, {}, make)
    read = problems.mapping(path, given, ("apiVersion", "kind", *known))
    if read.get("kind") not in (None, f"{plugin}Args"):
        problems.invalid(join(path, "kind"), read["kind"], f'must be "{plugin}Args"')
    values = {
        name: check(problems, join(path, name), read[name])
        for name, (check, _) in known.items()
        if read.get(name) is not None
    }
    if values.get("minCandidateNodesPercentage") == 0 and values.get("minCandidateNodesAbsolute") == 0:
        why = "cannot be zero at the same time as minCandidateNodesAbsolute"
        problems.invalid(join(path, "minCandidateNodesPercentage"), 0, why)
    return _accepted(problems, path, plugin, values, {name: default for name, (_, default) in known.items()}, make)


def _accepted(
    problems: Problems, path: str, plugin: str, values: Mapping[str, Any], defaults: Mapping[str, Any], make: Any
) -> dict[str, Any]:
    parameters = inspect.signature(make).parameters
    keywords = {}
    for name, value in values.items():
        keyword = snake_case(name)
        if keyword in parameters:
            keywords[keyword] = value
        elif name not in defaults or not _is_default(value, defaults[name]):
            problems.invalid(join(path, name), value, f"kubesim's plugin {plugin} does not take this argument")
    return keywords


def _is_default(value: Any, default: Any) -> bool:
    if isinstance(value, dict) and "type" in value:
        named = {each.get("name"): each.get("weight", 1) for each in value.get("resources") or ()}
        return value["type"] == default["type"] and named in ({}, default["resources"])
    return bool(value == default)


def snake_case(name: str) -> str:
    """`bindTimeoutSeconds` → `bind_timeout_seconds`."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
