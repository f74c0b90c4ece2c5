"""Drafts a scenario from a recording: what somebody did becomes steps, what was there becomes the first of them.

Nobody says who typed a command, so a deed is taken to be a user's if it concerns what no controller owns: a new
object, a changed spec, a deletion, a cordon. A change of nothing but replicas or an image becomes the kubectl command
for it; any other is applied as a manifest. A node that falls silent has crashed. It is a draft: read it, then run it.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from kubesim.api.stored import Object
from kubesim.realcluster.tidying import image_changes, is_root, only_replicas, tidy
from kubesim.recording.facts import condition

SETTLE_SECONDS = 60  # What was there at the beginning is applied at 0 s, and gets this long.
TOGETHER_SECONDS = 2.0  # Deeds so close together are one step.
AFTERWARDS_SECONDS = 60
RESTARTED = "kubectl.kubernetes.io/restartedAt"
READY = {"Deployment": "readyReplicas", "StatefulSet": "readyReplicas", "DaemonSet": "numberReady"}


class Deed(NamedTuple):
    """Something that somebody did, or that happened to a machine."""

    time: float
    kubectl: str = ""
    fault: dict[str, str] | None = None


class Draft(NamedTuple):
    """A scenario, its manifests by file name, and the recording with a line for each step."""

    scenario: Object
    manifests: dict[str, list[Object]]
    lines: list[Object]

    def write(self, folder: Path) -> Path:
        """Writes scenario.yaml and manifests/; where the scenario is."""
        (folder / "manifests").mkdir(parents=True, exist_ok=True)
        for name, objects in self.manifests.items():
            (folder / "manifests" / name).write_text(yaml.safe_dump_all(objects, sort_keys=False), encoding="utf-8")
        path = folder / "scenario.yaml"
        path.write_text(yaml.safe_dump(self.scenario, sort_keys=False, width=110), encoding="utf-8")
        return path


def draft(name: str, lines: list[Object]) -> Draft:
    """The draft from all lines of a recording."""
    reader = Reader()
    for line in lines:
        reader.read(line)
    groups = together(reader.deeds)
    end = next((line["t"] for line in lines if line.get("end")), 0.0)
    steps: list[Object] = []
    shift = 0
    if reader.initial:
        reader.manifests = {"initial.yaml": list(reader.initial.values()), **reader.manifests}
        steps.append({"at": "0s", "kubectl": "apply -f manifests/initial.yaml"})
        shift = SETTLE_SECONDS
    steps += [step_of(group, shift) for group in groups]
    if not steps:
        steps.append({"at": "0s", "say": "Nothing was there, and nothing was done."})
    until = f"{int(end) + shift + AFTERWARDS_SECONDS}s"
    last = shift + (groups[-1][0].time if groups else 0.0)
    spec: Object = {"title": f"What happened in {name}", "replayable": not reader.faults, "seed": 1}
    spec |= {"cluster": {"nodes": list(reader.nodes.values()) or 1}, "until": until, "steps": steps}
    if expect := reader.expectations(round(last, 1), until):
        spec["expect"] = expect
    scenario = {"apiVersion": "kubesim.dev/v1alpha1", "kind": "Scenario", "metadata": {"name": name}, "spec": spec}
    return Draft(scenario, reader.manifests, with_steps(lines, steps, groups))


class Reader:
    """Goes through the lines and collects deeds."""

    def __init__(self) -> None:
        self.deeds: list[Deed] = []
        self.initial: dict[tuple[str, str], Object] = {}
        self.manifests: dict[str, list[Object]] = {}
        self.nodes: dict[str, Object] = {}
        self.faults = 0
        self._known: dict[tuple[str, str], Object] = {}  # The last state of everything that nobody owns.
        self._states: dict[str, Object] = {}  # Of nodes.
        self._silent_since: dict[str, float] = {}

    def read(self, line: Object) -> None:
        """One line."""
        if "lease_last" in line:
            self._silent_since[line["lease_last"]["node"]] = line["lease_last"]["renewed_t"]
        elif line.get("kind") == "Node":
            self._node(line)
        elif "verb" in line and is_root(line["object"]):
            self._object(line)

    def expectations(self, since: float, until: str) -> list[Object]:
        """What was so in the end."""
        found = []
        for (kind, name), obj in self._known.items():
            count = (obj.get("status") or {}).get(READY.get(kind, ""))
            if count:
                check = {"get": f"{kind.lower()}/{name}", "where": {f"status.{READY[kind]}": count}}
                found.append({"eventually": check, "from": f"{since:g}s", "by": until, "say": f"{name} is ready"})
        return found

    def _object(self, line: Object) -> None:
        obj, time = line["object"], line["t"]
        kind, name = line["kind"], line["name"]
        key, target = (kind, name), f"{kind.lower()}/{name}"
        before = self._known.get(key)
        if line["verb"] == "DELETED":
            if self._known.pop(key, None) is not None and not is_leaving(before):
                self.deeds.append(Deed(time, f"delete {target}"))
            return
        self._known[key] = obj
        if line.get("initial"):
            self.initial[key] = tidy(obj)
        elif before is None:
            self._apply(time, obj)
        elif is_leaving(obj):
            if not is_leaving(before):
                self.deeds.append(Deed(time, f"delete {target}"))
        elif tidy(before) != tidy(obj):
            self._changed(time, target, tidy(before), tidy(obj), obj)

    def _changed(self, time: float, target: str, before: Object, after: Object, obj: Object) -> None:
        if only_replicas(before, after):
            if not self._is_scaled_by_itself(obj):
                self.deeds.append(Deed(time, f"scale {target} --replicas={after['spec']['replicas']}"))
        elif images := image_changes(before, after):
            self.deeds.append(Deed(time, f"set image {target} {images}"))
        elif restarted_at(before) != restarted_at(after):
            self.deeds.append(Deed(time, f"rollout restart {target}"))
        else:
            self._apply(time, obj)

    def _apply(self, time: float, obj: Object) -> None:
        name = f"{len(self.manifests) + 1:02d}-{obj['kind'].lower()}-{obj['metadata']['name']}.yaml"
        self.manifests[name] = [tidy(obj)]
        self.deeds.append(Deed(time, f"apply -f manifests/{name}"))

    def _is_scaled_by_itself(self, obj: Object) -> bool:
        """Whether an autoscaler owns the number of replicas."""
        target = (obj["kind"], obj["metadata"]["name"])
        scalers = (found for (kind, _), found in self._known.items() if kind == "HorizontalPodAutoscaler")
        references = (scaler["spec"]["scaleTargetRef"] for scaler in scalers)
        return any((reference["kind"], reference["name"]) == target for reference in references)

    def _node(self, line: Object) -> None:
        name, obj, time = line["name"], line["object"], line["t"]
        before = self._states.get(name)
        if line["verb"] == "DELETED":
            self._states.pop(name, None)
            return
        self._states[name] = obj
        if before is None:
            self.nodes.setdefault(name, node_spec(obj))
            return
        was, now = (bool((state.get("spec") or {}).get("unschedulable")) for state in (before, obj))
        if was != now:
            self.deeds.append(Deed(time, f"{'cordon' if now else 'uncordon'} {name}"))
        old, new = (condition(state, "Ready").get("status") for state in (before, obj))
        if old == "True" and new == "Unknown":
            self._fault(min(time, self._silent_since.get(name, math.inf)), {"crash": name})
        elif old == "Unknown" and new == "True":
            self._fault(time, {"restart": name})

    def _fault(self, time: float, fault: dict[str, str]) -> None:
        self.faults += 1
        self.deeds.append(Deed(time, fault=fault))


def together(deeds: list[Deed]) -> list[list[Deed]]:
    """Commands that came right after each other make one step; a fault is a step of its own."""
    groups: list[list[Deed]] = []
    for deed in sorted(deeds, key=lambda deed: deed.time):
        last = groups[-1] if groups else []
        is_near = last and deed.time - last[-1].time <= TOGETHER_SECONDS
        if is_near and deed.fault is None and last[-1].fault is None:
            last.append(deed)
        else:
            groups.append([deed])
    return groups


def step_of(group: list[Deed], shift: float) -> Object:
    """One step of the scenario."""
    step: Object = {"at": f"{round(group[0].time + shift, 1):g}s"}
    commands = [deed.kubectl for deed in group if deed.kubectl]
    if commands:
        step["kubectl"] = commands if len(commands) > 1 else commands[0]
    if group[0].fault is not None:
        step["fault"] = group[0].fault
    return step


def with_steps(lines: list[Object], steps: list[Object], groups: list[list[Deed]]) -> list[Object]:
    """The recording with the beginning of each step in its place."""
    times = [0.0] * (len(steps) - len(groups)) + [group[0].time for group in groups]
    marks = [
        {"t": time, "step": step, "n": number} for number, (time, step) in enumerate(zip(times, steps, strict=True))
    ]
    first = [line for line in lines if "meta" in line or line.get("initial")]
    rest = [line for line in lines if not ("meta" in line or line.get("initial"))]
    order = sorted([*((mark["t"], 0, mark) for mark in marks), *((line["t"], 1, line) for line in rest)],
                   key=lambda entry: entry[:2])  # fmt: skip
    return [*first, *(line for _, _, line in order)]


def node_spec(node: Object) -> Object:
    """A node in a scenario's words."""
    allocatable = (node.get("status") or {}).get("allocatable") or {}
    spec: dict[str, Any] = {"name": node["metadata"]["name"]}
    spec |= {key: allocatable[key] for key in ("cpu", "memory") if key in allocatable}
    if "pods" in allocatable:
        spec["pods"] = int(allocatable["pods"])
    return spec


def is_leaving(obj: Object | None) -> bool:
    """Whether an object is being deleted."""
    return obj is not None and bool(obj["metadata"].get("deletionTimestamp"))


def restarted_at(manifest: Object) -> str:
    """When `kubectl rollout restart` was last used on a workload."""
    template = (manifest.get("spec") or {}).get("template") or {}
    return str(((template.get("metadata") or {}).get("annotations") or {}).get(RESTARTED, ""))
