"""Reads a KubeSchedulerConfiguration v1, the file of `kube-scheduler --config`, unchanged.

What is said about the process (addresses, profiling, the connection) is checked and has no effect here. Everything
that is wrong is told at once, with the path of its field, and nothing is started.
Upstream: pkg/scheduler/apis/config/types.go and validation/validation.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from kubesim.client.kubectl.manifests import Loader
from kubesim.scheduler.config import Profile, SchedulerConfiguration
from kubesim.scheduler.config_args import read_arguments
from kubesim.scheduler.config_extenders import ignored_resources, read_extenders
from kubesim.scheduler.config_plugins import ChosenPlugins, PluginFinder, choose_plugins
from kubesim.scheduler.config_problems import ConfigurationError, Problems, join
from kubesim.scheduler.plugins.registry import Registration
from kubesim.scheduler.pod_info import DEFAULT_SCHEDULER_NAME

API_VERSION, KIND = "kubescheduler.config.k8s.io/v1", "KubeSchedulerConfiguration"
FIELDS = (
    "apiVersion", "kind", "parallelism", "leaderElection", "clientConnection", "enableProfiling",
    "enableContentionProfiling", "percentageOfNodesToScore", "podInitialBackoffSeconds", "podMaxBackoffSeconds",
    "profiles", "extenders", "delayCacheUntilActive",
)  # fmt: skip
PROFILE_FIELDS = ("schedulerName", "percentageOfNodesToScore", "plugins", "pluginConfig")


def read_configuration(path: Path) -> SchedulerConfiguration:
    """The configuration in a file; ConfigurationError if it is none, or a wrong one."""
    try:
        text = path.read_text()
    except OSError as error:
        raise ConfigurationError([f"{path} cannot be read: {error.strerror or error}"]) from None
    except UnicodeDecodeError as error:
        raise ConfigurationError([f"{path} cannot be read: {error}"]) from None
    try:
        document = yaml.load(text, Loader)
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigurationError([f"{path} is no YAML: {' '.join(str(error).split())}"]) from None
    try:
        return parse_configuration(document, path.parent)
    except ConfigurationError as error:
        raise ConfigurationError([f"{path}: {problem}" for problem in error.problems]) from None


def parse_configuration(document: Any, folder: Path = Path()) -> SchedulerConfiguration:
    """The configuration; `folder` is where the paths of plugins of one's own begin."""
    if not isinstance(document, dict):
        raise ConfigurationError([f"a {KIND} is an object with apiVersion {API_VERSION}"])
    if (document.get("apiVersion"), document.get("kind")) != (API_VERSION, KIND):
        said = f"{document.get('apiVersion', '')}, Kind={document.get('kind', '')}"
        raise ConfigurationError([f"no kind {KIND} of {API_VERSION}, but {said}"])
    problems = Problems()
    configuration = _read(problems, document, PluginFinder(folder))
    if problems.found:
        raise ConfigurationError(problems.found)
    return configuration


def _read(problems: Problems, document: Mapping[str, Any], finder: PluginFinder) -> SchedulerConfiguration:
    problems.unknown_fields("", document, FIELDS)
    positive = "should be an integer value greater than zero"
    problems.integer("parallelism", document.get("parallelism"), 16, least=1, why=positive)
    first = problems.integer(
        "podInitialBackoffSeconds", document.get("podInitialBackoffSeconds"), 1, least=1, why="must be greater than 0"
    )
    most = problems.integer("podMaxBackoffSeconds", document.get("podMaxBackoffSeconds"), max(10, first))
    if most < first:
        problems.invalid("podMaxBackoffSeconds", most, "must be greater than or equal to PodInitialBackoffSeconds")
    ignored = ignored_resources(problems, document.get("extenders"))
    election = problems.mapping("leaderElection", document.get("leaderElection"))
    return SchedulerConfiguration(
        profiles=_read_profiles(problems, document, finder, ignored),
        percentage_of_nodes_to_score=_percentage(problems, "", document),
        pod_initial_backoff_seconds=first,
        pod_max_backoff_seconds=most,
        leader_elect=problems.flag("leaderElection.leaderElect", election.get("leaderElect"), default=True),
        extenders=read_extenders(problems, document.get("extenders"), finder),
    )


def _percentage(problems: Problems, path: str, given: Mapping[str, Any]) -> int:
    here = join(path, "percentageOfNodesToScore")
    return problems.integer(here, given.get("percentageOfNodesToScore"), 0, least=0, most=100)


def _read_profiles(
    problems: Problems, document: Mapping[str, Any], finder: PluginFinder, ignored: tuple[str, ...]
) -> tuple[Profile, ...]:
    given = problems.items("profiles", document.get("profiles"))
    if not given and not ignored:
        return (Profile(),)
    given = given or [{}]
    profiles: list[Profile] = []
    sorters: list[tuple[str, ...]] = []
    for number, each in enumerate(given):
        path = f"profiles[{number}]"
        read = problems.mapping(path, each, PROFILE_FIELDS)
        default = DEFAULT_SCHEDULER_NAME if len(given) == 1 else ""
        name = problems.text(join(path, "schedulerName"), read.get("schedulerName"), default)
        if not name:
            problems.required(join(path, "schedulerName"))
        elif any(profile.scheduler_name == name for profile in profiles):
            problems.found.append(f'{join(path, "schedulerName")}: Duplicate value: "{name}"')
        given_here = read.get("percentageOfNodesToScore") is not None
        percentage = _percentage(problems, path, read) if given_here else None
        chosen = choose_plugins(problems, join(path, "plugins"), read.get("plugins"), finder)
        keywords = _read_plugin_config(problems, join(path, "pluginConfig"), read.get("pluginConfig"), chosen)
        if ignored:
            fit = keywords.setdefault("NodeResourcesFit", {})
            fit["ignored_resources"] = (*fit.get("ignored_resources", ()), *ignored)
        profiles.append(Profile(name, _registrations(chosen, keywords), chosen.points, percentage))
        sorters.append(chosen.points["queueSort"])
        if sorters[0] != sorters[-1]:
            why = "has to match for all profiles"
            problems.invalid(join(path, "plugins.queueSort"), list(sorters[-1]), why)
    return tuple(profiles)


def _registrations(chosen: ChosenPlugins, keywords: Mapping[str, Mapping[str, Any]]) -> tuple[Registration, ...]:
    return tuple(
        Registration(name, partial(make, **keywords[name]) if keywords.get(name) else make, chosen.weights.get(name, 1))
        for name, make in chosen.makers.items()
    )


def _read_plugin_config(problems: Problems, path: str, given: Any, chosen: ChosenPlugins) -> dict[str, dict[str, Any]]:
    keywords: dict[str, dict[str, Any]] = {}
    for number, each in enumerate(problems.items(path, given)):
        here = f"{path}[{number}]"
        item = problems.mapping(here, each, ("name", "args"))
        name = problems.text(join(here, "name"), item.get("name"))
        if not name:
            problems.required(join(here, "name"))
        elif name in keywords:
            problems.found.append(f'{here}: Duplicate value: "{name}"')
        elif name not in chosen.makers:
            keywords[name] = {}  # Of a plugin that is disabled: nobody reads it.
        else:
            keywords[name] = read_arguments(problems, join(here, "args"), name, item.get("args"), chosen.makers[name])
    return keywords
