"""Reads `extenders` of a KubeSchedulerConfiguration.

Upstream: `Extender` in pkg/scheduler/apis/config/types.go, `validateExtenders` in validation/validation.go.
"""

from __future__ import annotations

from typing import Any

from kubesim.scheduler.config_checks import duration, qualified_name_problems
from kubesim.scheduler.config_plugins import PluginFinder
from kubesim.scheduler.config_problems import Problems, join
from kubesim.scheduler.extender_config import ExtenderConfig
from kubesim.scheduler.resources import is_extended

FIELDS = (
    "urlPrefix", "filterVerb", "preemptVerb", "prioritizeVerb", "weight", "bindVerb", "enableHTTPS", "tlsConfig",
    "httpTimeout", "nodeCacheCapable", "managedResources", "ignorable",
)  # fmt: skip
TLS_FIELDS = ("insecure", "serverName", "certFile", "keyFile", "caFile", "certData", "keyData", "caData")
HTTP = ("http://", "https://")


def read_extenders(problems: Problems, given: Any, finder: PluginFinder) -> tuple[ExtenderConfig, ...]:
    """All of them, in the order in which they are asked."""
    found: list[ExtenderConfig] = []
    seen: list[str] = []
    for number, each in enumerate(problems.items("extenders", given)):
        path = f"extenders[{number}]"
        read = problems.mapping(path, each, FIELDS)
        managed = _managed(problems, join(path, "managedResources"), read.get("managedResources"), seen)
        found.append(_extender(problems, path, read, managed, finder))
    binders = sum(bool(each.bind_verb) for each in found)
    if binders > 1:
        why = f"found {binders} extenders implementing bind"
        problems.invalid("extenders", why, "only one extender can implement bind")
    return tuple(found)


def ignored_resources(problems: Problems, given: Any) -> tuple[str, ...]:
    """The resources that the extenders look after alone: NodeResourcesFit does not count them."""
    listed = [one for each in problems.items("extenders", given) if isinstance(each, dict)
              for one in each.get("managedResources") or () if isinstance(one, dict)]  # fmt: skip
    return tuple(str(one.get("name")) for one in listed if one.get("ignoredByScheduler") is True)


def _extender(
    problems: Problems, path: str, read: Any, managed: tuple[str, ...], finder: PluginFinder
) -> ExtenderConfig:
    def text(name: str) -> str:
        return problems.text(join(path, name), read.get(name))

    def flag(name: str) -> bool:
        return problems.flag(join(path, name), read.get(name), default=False)

    prefix, weight = text("urlPrefix"), problems.integer(join(path, "weight"), read.get("weight"), 0)
    if text("prioritizeVerb") and weight <= 0:
        problems.invalid(join(path, "weight"), weight, "must have a positive weight applied to it")
    call = None
    if not prefix:
        problems.required(join(path, "urlPrefix"))
    elif not prefix.startswith(HTTP):
        call = finder.find_callable(problems, join(path, "urlPrefix"), prefix)
    seconds = 0.0
    if read.get("httpTimeout") is not None:
        seconds = duration(problems, join(path, "httpTimeout"), read["httpTimeout"])
    tls = problems.mapping(join(path, "tlsConfig"), read.get("tlsConfig"), TLS_FIELDS)
    return ExtenderConfig(
        prefix, text("filterVerb"), text("prioritizeVerb"), text("preemptVerb"), text("bindVerb"), weight,
        flag("enableHTTPS"), dict(tls), seconds or 5.0, flag("nodeCacheCapable"), managed, flag("ignorable"), call,
    )  # fmt: skip


def _managed(problems: Problems, path: str, given: Any, seen: list[str]) -> tuple[str, ...]:
    names = []
    for number, each in enumerate(problems.items(path, given)):
        here = f"{path}[{number}]"
        item = problems.mapping(here, each, ("name", "ignoredByScheduler"))
        name = problems.text(join(here, "name"), item.get("name"))
        problems.flag(join(here, "ignoredByScheduler"), item.get("ignoredByScheduler"), default=False)
        wrong = qualified_name_problems(name)
        for why in wrong:
            problems.invalid(join(here, "name"), name, why)
        if not wrong and not is_extended(name):
            problems.invalid(join(here, "name"), name, "is an invalid extended resource name")
        if name in seen:
            problems.invalid(join(here, "name"), name, "duplicate extender managed resource name")
        seen.append(name)
        names.append(name)
    return tuple(names)
