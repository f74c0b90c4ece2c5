"""Reading a scenario file, so that every mistake in it has a line, a field and a sentence.

Everything that can be known before the run is checked here: the fields, the manifests and their YAML, the
kubectl commands, the names that faults act upon. A run that begins does not end in its middle for a typo.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from kubesim.api.schema import Schema
from kubesim.client.kubectl import Kubectl, KubectlError, Manifest, ManifestError, compose, parse_command
from kubesim.client.kubectl.command import unknown
from kubesim.client.kubectl.manifests import read_manifests
from kubesim.scenario.check import CheckError, parse_check
from kubesim.scenario.kubelets import configuration
from kubesim.scenario.nodes import scheduler_of
from kubesim.scenario.paths import problem_with
from kubesim.scenario.schema import Check, Scenario, Step
from kubesim.scheduler import ConfigurationError

COMPONENTS = ("apiserver", "controller-manager", "scheduler", "control-plane")


class ScenarioError(Exception):
    """The scenario cannot be run as it is written: file, line, field, and what was expected."""


class Loaded(NamedTuple):
    """A valid scenario, the file that it came from, and the lines of its parts."""

    scenario: Scenario
    path: Path
    document: Manifest

    @property
    def folder(self) -> Path:
        """Where its manifests are looked for."""
        return self.path.parent

    def locate(self, *path: str | int) -> str:
        """`FILE, line N` of a field."""
        return self.document.locate(".".join(map(str, path)))


def load_scenario(path: Path, overrides: Sequence[str] = ()) -> Loaded:
    """Reads and checks a scenario; `overrides` are `--set` texts such as `cluster.nodes=5`."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{path}: cannot read the scenario ({getattr(error, 'strerror', None) or error})") from None
    try:
        nodes, contents = compose(text, str(path))
    except ManifestError as error:
        raise ScenarioError(str(error)) from None
    if len(contents) != 1 or not isinstance(contents[0], dict) or not isinstance(nodes[0], yaml.MappingNode):
        raise ScenarioError(f"{path}: a scenario file holds one YAML document, a mapping with apiVersion and kind")
    document = Manifest(contents[0], str(path), nodes[0])
    data = contents[0]
    for override in overrides:
        data = _overridden(data, override)
    try:
        loaded = Loaded(Scenario.model_validate(data), path, document)
    except ValidationError as error:
        raise ScenarioError(_first_problem(error, document)) from None
    _check_name(loaded)
    _check_scheduler(loaded)
    _check_static_pods(loaded)
    schema = Schema.load()
    for index, step in enumerate(loaded.scenario.spec.steps):
        _check_step(loaded, schema, index, step)
    _check_expectations(loaded, schema)
    return loaded


def _check_static_pods(loaded: Loaded) -> None:
    """Their manifests can be read."""
    cluster = loaded.scenario.spec.cluster
    own = [node.kubelet for node in cluster.nodes] if isinstance(cluster.nodes, list) else []
    try:
        for settings in (cluster.kubelet, *own):
            configuration(settings, loaded.folder)
    except ValueError as error:
        raise ScenarioError(f"{loaded.path}: {error}") from None


def node_names(scenario: Scenario) -> list[str]:
    """The names of the cluster's nodes."""
    nodes = scenario.spec.cluster.nodes
    if isinstance(nodes, int):
        return [f"node-{number}" for number in range(1, nodes + 1)]
    return [node.name for node in nodes]


def _overridden(data: dict[str, Any], override: str) -> dict[str, Any]:
    name, equals, text = override.partition("=")
    if not equals or not name:
        raise ScenarioError(f'--set takes FIELD=VALUE, for instance --set cluster.nodes=5, not "{override}"')
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        value = text
    parts = name.removeprefix("spec.").split(".")
    changed: dict[str, Any] = _with_value(data, ["spec", *parts], value)
    return changed


def _with_value(data: Any, path: list[str], value: Any) -> Any:
    """A copy with one field changed; a number in the path is a place in a list."""
    name, rest = path[0], path[1:]
    if isinstance(data, list) and name.isdigit() and int(name) < len(data):
        at = int(name)
        return [*data[:at], _with_value(data[at], rest, value) if rest else value, *data[at + 1 :]]
    known = data if isinstance(data, dict) else {}
    return {**known, name: _with_value(known.get(name), rest, value) if rest else value}


def _first_problem(error: ValidationError, document: Manifest) -> str:
    """The first of pydantic's complaints (of several about one place the deepest) as one sentence."""

    def place(found: ErrorDetails) -> tuple[int, int]:
        return document.line_of(_field(found)), -len(found["loc"])

    problem = min(error.errors(), key=place)
    field = _field(problem) or "the document"
    words = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        words = "there is no such field"
    elif problem["type"] == "missing":
        words = "this field is required"
    else:
        words = words[:1].lower() + words[1:]
        found = problem.get("input")
        if isinstance(found, str | int | float | bool) and problem["type"] != "value_error":
            words += f", found {found!r}"
    return f"{document.locate(field)}: {field}: {words}"


def _field(problem: ErrorDetails) -> str:
    return ".".join(str(part) for part in problem["loc"] if not _is_branch(part))


def _is_branch(part: str | int) -> bool:
    """Pydantic names the branches of a union in its paths; a reader knows only fields."""
    return isinstance(part, str) and (part in ("int", "Count", "str", "float") or "[" in part)


def _check_name(loaded: Loaded) -> None:
    folder, name = loaded.path.resolve().parent.name, loaded.scenario.metadata.name
    if folder[:1].isdigit() and folder.lstrip("0123456789").removeprefix("-") != name:
        where = loaded.locate("metadata", "name")
        raise ScenarioError(f'{where}: metadata.name: "{name}" is not the name of its folder, {folder}')


def _check_scheduler(loaded: Loaded) -> None:
    try:
        scheduler_of(loaded.scenario, loaded.folder)
    except ConfigurationError as error:
        where = loaded.locate("spec", "cluster", "schedulerConfig")
        raise ScenarioError(f"{where}: cluster.schedulerConfig: {error}") from None


def _check_step(loaded: Loaded, schema: Schema, index: int, step: Step) -> None:
    before = [earlier.at for earlier in loaded.scenario.spec.steps[:index] if earlier.at is not None]
    if step.at is not None and before and step.at < before[-1]:
        where = loaded.locate("spec", "steps", index, "at")
        raise ScenarioError(f"{where}: steps.{index}.at: steps stand in order of time, and one before is later")
    if step.at is not None and step.at > loaded.scenario.spec.until:
        where = loaded.locate("spec", "steps", index, "at")
        raise ScenarioError(f"{where}: steps.{index}.at: the run ends before that, at until")
    for line in step.kubectl:
        _check_command(loaded, index, line)
    if step.fault is not None:
        verb = step.fault.verbs[0]
        value = getattr(step.fault, verb)
        for name in (value,) if isinstance(value, str) else value:
            _check_target(loaded, index, verb, name)
    if step.when is not None:
        _check_check(loaded, schema, step.when, "spec", "steps", index, "when")


def _check_command(loaded: Loaded, index: int, line: str) -> None:
    where = loaded.locate("spec", "steps", index, "kubectl")
    try:
        command = parse_command(line)
        Kubectl.check(command)
        for name in command.flags.get("filename", ()):
            read_manifests(loaded.folder / name)
    except KubectlError as error:
        raise ScenarioError(f'{where}: steps.{index}.kubectl: "{line}": {error}') from None
    except ManifestError as error:
        raise ScenarioError(f"{where}: steps.{index}.kubectl: {error}") from None


def _check_target(loaded: Loaded, index: int, verb: str, name: str) -> None:
    nodes = node_names(loaded.scenario)
    known = [
        *nodes,
        *COMPONENTS,
        *(f"{kind}/{node}" for kind in ("kubelet", "kube-proxy", "runtime") for node in nodes),
    ]
    if name not in known:
        where = loaded.locate("spec", "steps", index, "fault", verb)
        raise ScenarioError(
            f"{where}: steps.{index}.fault.{verb}: {unknown(f'node or component {name!r}', name, known)}"
        )


def _check_expectations(loaded: Loaded, schema: Schema) -> None:
    spec = loaded.scenario.spec
    for index, expectation in enumerate(spec.expect):
        _check_check(loaded, schema, expectation.check, "spec", "expect", index, expectation.kinds[0])
        if expectation.by is not None and expectation.by > spec.until:
            where = loaded.locate("spec", "expect", index, "by")
            raise ScenarioError(f"{where}: expect.{index}.by: the run ends before that, at until")


def _check_check(loaded: Loaded, schema: Schema, check: Check, *path: str | int) -> None:
    where, field = loaded.locate(*path), ".".join(map(str, path[1:]))
    try:
        parsed = parse_check(check)
    except CheckError as error:
        raise ScenarioError(f"{where}: {field}: {error}") from None
    for text in check.where:
        problem = problem_with(text, parsed.resource.api_version, parsed.resource.kind, schema)
        if problem:
            raise ScenarioError(f"{where}: {field}.where: {text}: {problem}")
