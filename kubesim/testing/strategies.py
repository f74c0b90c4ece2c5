"""Hypothesis strategies: nodes, Pods, Deployments and schedules of faults, all of them valid.

@given(deployments(), fault_schedules(nodes=3))
def test_my_controller_survives(deployment, faults): ...
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from kubesim.api.stored import Object
from kubesim.sim import Faults

NAMES = st.from_regex(r"[a-z]([a-z0-9]{0,6}[a-z0-9])?", fullmatch=True)
CPU_MILLI = st.sampled_from([10, 50, 100, 250, 500, 800, 1000, 1500])
MEMORY_MI = st.sampled_from([16, 64, 128, 512, 1024])
CRASHES, CUTS = ("crash", "restart"), ("partition", "repair")
EFFECTS = st.sampled_from(["NoSchedule", "PreferNoSchedule", "NoExecute"])


class FaultAt(NamedTuple):
    """A fault verb on a target, at a virtual second."""

    seconds: float
    verb: str
    target: str

    def inject(self, faults: Faults) -> None:
        """Makes it happen now."""
        if self.verb == "partition":
            faults.partition(self.target, "control-plane")
        elif self.verb == "repair":
            faults.repair(self.target, "control-plane")
        else:
            getattr(faults, self.verb)(self.target)


def labels() -> SearchStrategy[dict[str, str]]:
    """A few labels."""
    return st.dictionaries(st.sampled_from(["app", "tier", "zone", "team"]), NAMES, max_size=3)


def quantities() -> SearchStrategy[dict[str, str]]:
    """Requests of CPU and memory."""
    return st.builds(lambda cpu, memory: {"cpu": f"{cpu}m", "memory": f"{memory}Mi"}, CPU_MILLI, MEMORY_MI)


def tolerations() -> SearchStrategy[list[Object]]:
    """Tolerations for the taints that `nodes` makes."""
    one = st.builds(lambda value: {"key": "dedicated", "operator": "Equal", "value": value}, NAMES)
    everything = st.just({"operator": "Exists"})
    return st.lists(st.one_of(one, everything), max_size=1)


@st.composite
def pods(draw: st.DrawFn, *, name: str | None = None) -> Object:
    """A Pod of one or two containers with requests."""
    metadata = {"name": name or draw(NAMES), "namespace": "default", "labels": draw(labels())}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": draw(pod_specs())}


@st.composite
def pod_specs(draw: st.DrawFn) -> Object:
    """The spec of such a Pod."""
    containers = [
        {"name": f"c{number}", "image": "nginx", "resources": {"requests": draw(quantities())}}
        for number in range(draw(st.integers(1, 2)))
    ]
    spec: Object = {"containers": containers}
    if found := draw(tolerations()):
        spec["tolerations"] = found
    return spec


@st.composite
def deployments(draw: st.DrawFn, *, name: str | None = None, replicas_max: int = 8) -> Object:
    """A Deployment with either strategy."""
    name = name or draw(NAMES)
    selector = {"app": name}
    spec: Object = {
        "replicas": draw(st.integers(0, replicas_max)),
        "selector": {"matchLabels": selector},
        "template": {"metadata": {"labels": selector}, "spec": draw(pod_specs())},
    }
    if draw(st.booleans()):
        spec["strategy"] = {"type": "Recreate"}
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


@st.composite
def nodes(draw: st.DrawFn, *, name: str | None = None) -> Object:
    """A Node object with capacity, labels and at most one taint."""
    name = name or draw(NAMES)
    capacity = {"cpu": str(draw(st.integers(1, 8))), "memory": f"{draw(st.integers(1, 16))}Gi", "pods": "110"}
    found = {"kubernetes.io/hostname": name, **draw(labels())}
    spec: dict[str, Any] = {}
    if draw(st.booleans()):
        spec["taints"] = [{"key": "dedicated", "value": draw(NAMES), "effect": draw(EFFECTS)}]
    status = {"capacity": capacity, "allocatable": capacity}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": found},
        "spec": spec,
        "status": status,
    }


@st.composite
def fault_schedules(
    draw: st.DrawFn,
    *,
    nodes: int = 3,
    until_seconds: float = 120,
    faults_max: int = 4,
    processes: Sequence[str] = (),
) -> list[FaultAt]:
    """Nodes that crash or are cut off, `processes` that crash, and all come back, in order of time."""
    schedule: list[FaultAt] = []
    times = st.floats(0, until_seconds, allow_nan=False).map(lambda seconds: round(seconds, 1))
    targets = [*(f"node-{number}" for number in range(1, nodes + 1)), *processes]
    for target in draw(st.lists(st.sampled_from(targets), unique=True, max_size=faults_max)):
        begin, end = sorted((draw(times), draw(times)))
        verbs = CRASHES if target in processes else draw(st.sampled_from([CRASHES, CUTS]))
        schedule += [FaultAt(begin, verbs[0], target), FaultAt(round(end + 0.1, 1), verbs[1], target)]
    return sorted(schedule)
