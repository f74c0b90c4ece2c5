"""The arguments of plugins, as `pluginConfig` gives them: checked, and turned into what the plugins' classes take.

An argument becomes the keyword of that name: `bindTimeoutSeconds` is `bind_timeout_seconds`. A plugin of the user's
own takes the arguments that its class has keywords for.
Upstream: pkg/scheduler/apis/config/types_pluginargs.go and validation/validation_pluginargs.go.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from kubesim.api.views.core_affinity import TopologySpreadConstraint
from kubesim.scheduler.config_checks import (
    Check,
    added_affinity,
    balanced_resources,
    duration,
    flag,
    integer,
    label_names,
    no_shape,
    qualified_name_problems,
    resource_groups,
    strategy,
)
from kubesim.scheduler.config_problems import Problems, join

ACTIONS = ("DoNotSchedule", "ScheduleAnyway")
POLICIES = ("Honor", "Ignore")
CONSTRAINT_FIELDS = (
    "maxSkew", "topologyKey", "whenUnsatisfiable", "labelSelector", "minDomains", "nodeAffinityPolicy",
    "nodeTaintsPolicy", "matchLabelKeys",
)  # fmt: skip


def defaulting(problems: Problems, path: str, value: Any) -> str:
    """Whose default constraints count."""
    read = problems.text(path, value, "System")
    if read not in ("System", "List"):
        problems.unsupported(path, read, ("System", "List"))
    return read


def constraints(problems: Problems, path: str, value: Any) -> tuple[TopologySpreadConstraint, ...]:
    """Default topologySpreadConstraints: without a selector, which is made from Services and owners."""
    seen: set[tuple[str, str]] = set()
    found = []
    for number, each in enumerate(problems.items(path, value)):
        here = f"{path}[{number}]"
        item = problems.mapping(here, each, CONSTRAINT_FIELDS)
        skew = problems.integer(join(here, "maxSkew"), item.get("maxSkew"), 0)
        if skew <= 0:
            problems.invalid(join(here, "maxSkew"), skew, "not in valid range (0, inf)")
        key = _topology_key(problems, join(here, "topologyKey"), item.get("topologyKey"))
        action = problems.text(join(here, "whenUnsatisfiable"), item.get("whenUnsatisfiable"))
        if not action:
            problems.required(join(here, "whenUnsatisfiable"), "can not be empty")
        elif action not in ACTIONS:
            problems.unsupported(join(here, "whenUnsatisfiable"), action, ACTIONS)
        if item.get("labelSelector") is not None:
            why = "constraint must not define a selector, as they deduced for each pod"
            problems.forbidden(join(here, "labelSelector"), why)
        if (key, action) in seen:
            problems.found.append(f'{here}: Duplicate value: "{{{key}, {action}}}"')
        seen.add((key, action))
        domains = problems.integer(join(here, "minDomains"), item.get("minDomains"), 1, least=1)
        affinity, taints = (_policy(problems, here, item, name) for name in ("nodeAffinityPolicy", "nodeTaintsPolicy"))
        found.append(TopologySpreadConstraint(
            max_skew=skew, topology_key=key, when_unsatisfiable=action, min_domains=domains,
            node_affinity_policy=affinity, node_taints_policy=taints,
        ))  # fmt: skip
    return tuple(found)


def _policy(problems: Problems, path: str, item: Mapping[str, Any], name: str) -> str:
    policy = problems.text(join(path, name), item.get(name))
    if policy and policy not in POLICIES:
        problems.unsupported(join(path, name), policy, POLICIES)
    return policy


def _topology_key(problems: Problems, path: str, value: Any) -> str:
    key = problems.text(path, value)
    if not key:
        problems.required(path, "can not be empty")
        return key
    for why in qualified_name_problems(key):
        problems.invalid(path, key, why)
    return key


# Plugin → argument → how it is read.
ARGUMENTS: dict[str, dict[str, Check]] = {
    "DefaultPreemption": {
        "minCandidateNodesPercentage": integer(0, 100, "not in valid range [0, 100]"),
        "minCandidateNodesAbsolute": integer(0, None, "not in valid range [0, inf)"),
    },
    "InterPodAffinity": {
        "hardPodAffinityWeight": integer(0, 100, "not in valid range [0, 100]"),
        "ignorePreferredTermsOfExistingPods": flag,
    },
    "NodeAffinity": {"addedAffinity": added_affinity},
    "NodeResourcesFit": {
        "ignoredResources": label_names,
        "ignoredResourceGroups": resource_groups,
        "scoringStrategy": strategy,
    },
    "NodeResourcesBalancedAllocation": {"resources": balanced_resources},
    "PodTopologySpread": {"defaultConstraints": constraints, "defaultingType": defaulting},
    "VolumeBinding": {
        "bindTimeoutSeconds": integer(0, None, "invalid BindTimeoutSeconds, should not be a negative value"),
        "shape": no_shape,
    },
    "DynamicResources": {"filterTimeout": duration, "bindingTimeout": duration},
}
WITHOUT_EFFECT = ("shape", "filterTimeout", "bindingTimeout")  # Refused; or of claims for devices, of which none are.


def read_arguments(problems: Problems, path: str, plugin: str, given: Any, make: Any) -> dict[str, Any]:
    """The keywords for `make`, the plugin's class. A plugin of the user's own gets its arguments as they are."""
    known = ARGUMENTS.get(plugin)
    if known is None:
        read = problems.mapping(path, given)
        return _accepted(
            problems, path, plugin, {k: v for k, v in read.items() if k not in ("apiVersion", "kind")}, make
        )
    read = problems.mapping(path, given, ("apiVersion", "kind", *known))
    if read.get("kind") not in (None, f"{plugin}Args"):
        problems.invalid(join(path, "kind"), read["kind"], f'must be "{plugin}Args"')
    values = {
        name: check(problems, join(path, name), read[name])
        for name, check in known.items()
        if read.get(name) is not None
    }
    _check_together(problems, path, values)
    return {snake_case(name): value for name, value in values.items() if name not in WITHOUT_EFFECT}


def _check_together(problems: Problems, path: str, values: Mapping[str, Any]) -> None:
    """What arguments must be of one mind about."""
    if values.get("minCandidateNodesPercentage") == 0 and values.get("minCandidateNodesAbsolute") == 0:
        for name, other in (("Percentage", "Absolute"), ("Absolute", "Percentage")):
            why = f"cannot be zero at the same time as minCandidateNodes{other}"
            problems.invalid(join(path, f"minCandidateNodes{name}"), 0, why)
    if values.get("defaultConstraints") and values.get("defaultingType", "System") == "System":
        problems.invalid(join(path, "defaultingType"), "System", "when .defaultConstraints are not empty")
    if values.get("filterTimeout", 0) < 0:
        problems.invalid(join(path, "filterTimeout"), values["filterTimeout"], "must be zero or positive")
    if values.get("bindingTimeout", 1) < 1:
        problems.invalid(join(path, "bindingTimeout"), values["bindingTimeout"], "must be at least 1 second")


def _accepted(problems: Problems, path: str, plugin: str, values: Mapping[str, Any], make: Any) -> dict[str, Any]:
    parameters = inspect.signature(make).parameters
    keywords = {}
    for name, value in values.items():
        keyword = snake_case(name)
        if keyword in parameters:
            keywords[keyword] = value
        else:
            problems.invalid(join(path, name), value, f"the plugin {plugin} does not take this argument")
    return keywords


def snake_case(name: str) -> str:
    """`bindTimeoutSeconds` → `bind_timeout_seconds`."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
