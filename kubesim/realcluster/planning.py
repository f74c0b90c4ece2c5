"""What a scenario would do to a cluster of somebody else, known before it does anything.

Every step is taken apart: its kubectl commands by what they touch, its faults by the commands with which the driver
makes them. What cannot be done is named with its step; what touches the whole cluster is marked.
"""

from __future__ import annotations

import shlex
from typing import NamedTuple

from kubesim.api.resources import BY_KIND, NAMESPACES, Resource
from kubesim.client.kubectl import KubectlError, parse_command
from kubesim.client.kubectl.command import Command, resource_named
from kubesim.client.kubectl.manifests import read_manifests
from kubesim.realcluster.drivers import Driver, Operation, operations
from kubesim.realcluster.renaming import DEFAULT
from kubesim.scenario import Loaded
from kubesim.scenario.load import node_names
from kubesim.scenario.schema import Step

NODE_VERBS = ("cordon", "uncordon", "drain", "taint")
TYPED_VERBS = ("delete", "label", "annotate", "patch", "scale", "create")


class Act(NamedTuple):
    """One fault, as the commands that make it."""

    operation: Operation
    commands: list[list[str]]


class PlannedStep(NamedTuple):
    """One step: what is typed, what is done to machines, and what stands in the way."""

    number: int
    when: str
    kubectl: list[str]
    acts: list[Act]
    impossible: list[str]
    disrupts: list[str]  # Why it concerns the whole cluster.


class Plan(NamedTuple):
    """A whole run. `nodes` are the cluster's names by the scenario's."""

    steps: list[PlannedStep]
    nodes: dict[str, str]
    warnings: list[str]

    @property
    def impossible(self) -> list[str]:
        """What cannot be done, with its step."""
        return [f"step {step.number} ({step.when}): {why}" for step in self.steps for why in step.impossible]

    @property
    def disrupts(self) -> list[str]:
        """What concerns the whole cluster, with its step."""
        return [f"step {step.number} ({step.when}): {why}" for step in self.steps for why in step.disrupts]


def make_plan(loaded: Loaded, driver: Driver, nodes: dict[str, str], present: int) -> Plan:
    """Takes the scenario apart. `nodes` says which node plays which, `present` how many the cluster has."""
    steps = [plan_step(loaded, driver, nodes, number, step) for number, step in enumerate(loaded.scenario.spec.steps)]
    return Plan(steps, nodes, warnings_of(loaded, present))


def plan_step(loaded: Loaded, driver: Driver, nodes: dict[str, str], number: int, step: Step) -> PlannedStep:
    """One step."""
    planned = PlannedStep(number, when_of(step), list(step.kubectl), [], [], [])
    for line in step.kubectl:
        look_at(loaded, parse_command(line), line, planned)
    if step.registry:
        planned.impossible.append("image registries are not ours, so nothing can be done to them")
    if step.fault is None:
        return planned
    verb = step.fault.verbs[0]
    found = operations(step.fault)
    if found is None:
        planned.impossible.append(f"the fault {verb} of {getattr(step.fault, verb)} cannot be made on a real cluster")
    for operation in found or ():
        node = nodes.get(operation.node)
        commands = driver.commands(operation, node) if node is not None else None
        if node is None:
            planned.impossible.append(f"{operation.text}: the cluster has no node to play {operation.node}")
        elif commands is None:
            planned.impossible.append(f"{operation.text}: the driver {driver.name} cannot do that")
        else:
            planned.acts.append(Act(operation, commands))
            planned.disrupts.append(f"{operation.text} ({shlex.join(commands[0])})")
    return planned


def look_at(loaded: Loaded, command: Command, line: str, planned: PlannedStep) -> None:
    """What a kubectl command touches."""
    verb, namespace = command.words[0], command.flag("namespace")
    if namespace not in ("", DEFAULT):
        planned.impossible.append(f"kubectl {line}: a run keeps to a namespace of its own, so not to {namespace}")
    if command.switch("all-namespaces"):
        planned.impossible.append(f"kubectl {line}: a run keeps to a namespace of its own, so not to all of them")
    if verb in NODE_VERBS:
        planned.disrupts.append(f"kubectl {line}")
    for resource, where in touched(loaded, command):
        if resource == NAMESPACES:
            planned.impossible.append(f"kubectl {line}: a run has one namespace, and makes no other")
        elif not resource.namespaced and verb not in NODE_VERBS:
            planned.disrupts.append(f"kubectl {line}: {resource.plural} belong to the whole cluster")
        elif where not in ("", DEFAULT):
            planned.impossible.append(f"kubectl {line}: an object of namespace {where}, which is not the run's own")


def touched(loaded: Loaded, command: Command) -> list[tuple[Resource, str]]:
    """The kinds that a command writes, with the namespace if a manifest names one."""
    if command.flag("filename"):
        manifests = [m for name in command.flags["filename"] for m in read_manifests(loaded.folder / name)]
        found = [(BY_KIND.get((m.object["apiVersion"], m.object["kind"])), m.object) for m in manifests]
        return [(row, obj["metadata"].get("namespace") or "") for row, obj in found if row is not None]
    if command.words[0] not in TYPED_VERBS or len(command.words) < 2:
        return []
    try:
        return [(resource_named(kind), "") for kind in command.words[1].partition("/")[0].split(",")]
    except KubectlError:
        return []  # The command itself will say what is wrong with it.


def warnings_of(loaded: Loaded, present: int) -> list[str]:
    """What is not as the scenario has it, though it can be played."""
    spec, wanted = loaded.scenario.spec.cluster, len(node_names(loaded.scenario))
    found = []
    if present != wanted:
        found.append(f"the scenario is for {wanted} nodes, the cluster has {present}: placements may differ")
    if loaded.scenario.spec.traffic or any(step.packet is not None for step in loaded.scenario.spec.steps):
        found.append("connections and traffic are made in simulations only: these steps are left out")
    if spec.images:
        found.append(f"what containers of {', '.join(spec.images)} do is up to these images, not to the scenario")
    if spec.scheduler_config:
        found.append("the cluster's scheduler is configured as it is, not as the scenario has it")
    if spec.registries:
        found.append("the image registries are as they are, not as the scenario has them")
    if spec.addons:
        found.append(f"the cluster is taken as it is; the scenario has the addons {', '.join(spec.addons)}")
    return found


def when_of(step: Step) -> str:
    """`at 60s`, `5s later`, `when deployment/web …`."""
    if step.when is not None:
        return f"when {step.when.get} is so"
    if step.at is not None:
        return f"at {step.at:g}s"
    return f"{step.after or 0:g}s later"
