"""Hypothesis strategies: workloads of every kind, budgets, and what people do to them; and whether they have arrived.

@given(workloads(), fault_schedules(nodes=3))
def test_they_converge(wanted, faults): ...
"""

from __future__ import annotations

from typing import Any, NamedTuple

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from kubesim.api.resources import DAEMON_SETS, DEPLOYMENTS, JOBS, NODES, PODS, STATEFUL_SETS
from kubesim.api.stored import Object
from kubesim.cluster import SimCluster
from kubesim.recording.facts import condition

REPLICAS_MAX = 4
CPU = "50m"
GRACE_SECONDS = 1


class Deed(NamedTuple):
    """What somebody does at a virtual second: evict, delete or scale something of a workload."""

    seconds: float
    verb: str
    workload: str
    number: int


def template(name: str) -> Object:
    """A small Pod of an application."""
    container = {"name": "c", "image": "nginx", "resources": {"requests": {"cpu": CPU}}}
    spec = {"containers": [container], "terminationGracePeriodSeconds": GRACE_SECONDS}
    return {"metadata": {"labels": {"app": name}}, "spec": spec}


def made(api_version: str, kind: str, name: str, spec: Object) -> Object:
    """An object in the namespace default."""
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": "default"}, "spec": spec}


def selected(name: str, **fields: Any) -> Object:
    """The spec of a set with a selector."""
    return {"selector": {"matchLabels": {"app": name}}, "template": template(name), **fields}


@st.composite
def deployments(draw: st.DrawFn, name: str) -> Object:
    """A Deployment of either strategy."""
    spec = selected(name, replicas=draw(st.integers(0, REPLICAS_MAX)))
    if draw(st.booleans()):
        spec["strategy"] = {"type": "Recreate"}
    return made("apps/v1", "Deployment", name, spec)


@st.composite
def stateful_sets(draw: st.DrawFn, name: str) -> Object:
    """A StatefulSet of either policy."""
    spec = selected(name, replicas=draw(st.integers(0, REPLICAS_MAX)), serviceName=name)
    spec["podManagementPolicy"] = draw(st.sampled_from(["OrderedReady", "Parallel"]))
    return made("apps/v1", "StatefulSet", name, spec)


@st.composite
def daemon_sets(draw: st.DrawFn, name: str) -> Object:
    """A DaemonSet, with or without a surge."""
    spec = selected(name)
    if draw(st.booleans()):
        spec["updateStrategy"] = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    return made("apps/v1", "DaemonSet", name, spec)


@st.composite
def jobs(draw: st.DrawFn, name: str) -> Object:
    """A Job whose Pods end by themselves, and that may fail as often as trouble wants."""
    pod = template(name)["spec"]
    behaviour = f'{{"runSeconds": {draw(st.sampled_from([1, 7, 40]))}}}'
    metadata = {"annotations": {"kubesim.dev/behavior": behaviour}}
    spec: Object = {
        "completions": draw(st.integers(1, REPLICAS_MAX)),
        "parallelism": draw(st.integers(1, REPLICAS_MAX)),
        "backoffLimit": 1000,
        "template": {
            "metadata": metadata,
            "spec": {**pod, "restartPolicy": draw(st.sampled_from(["Never", "OnFailure"]))},
        },
    }
    if draw(st.booleans()):
        spec["completionMode"] = "Indexed"
    if draw(st.booleans()):
        spec["podReplacementPolicy"] = "Failed"
    return made("batch/v1", "Job", name, spec)


@st.composite
def budgets(draw: st.DrawFn, name: str) -> Object:
    """A PodDisruptionBudget for an application."""
    field, value = draw(st.sampled_from([("minAvailable", 1), ("maxUnavailable", 1), ("minAvailable", "50%")]))
    spec = {"selector": {"matchLabels": {"app": name}}, field: value}
    return made("policy/v1", "PodDisruptionBudget", name, spec)


@st.composite
def workloads(draw: st.DrawFn) -> list[Object]:
    """One to three workloads of any kind, each with or without a budget."""
    kinds = [deployments, stateful_sets, daemon_sets, jobs]
    found: list[Object] = []
    for number in range(draw(st.integers(1, 3))):
        name = f"w{number}"
        workload = draw(draw(st.sampled_from(kinds))(name))
        found.append(workload)
        if workload["kind"] != "Job" and draw(st.booleans()):
            found.append(draw(budgets(name)))
    return found


def deeds(until_seconds: float = 120, deeds_max: int = 6) -> SearchStrategy[list[Deed]]:
    """What people do meanwhile, in order of time."""
    seconds = st.floats(0, until_seconds, allow_nan=False).map(lambda found: round(found, 1))
    names = st.sampled_from(["w0", "w1", "w2"])
    one = st.builds(
        Deed, seconds, st.sampled_from(["evict", "evict", "delete", "scale", "image"]), names, st.integers(0, 4)
    )
    return st.lists(one, max_size=deeds_max).map(sorted)


def is_as_wanted(cluster: SimCluster) -> bool:
    """Whether every workload has what its spec wants, every Job is over, and every node is well."""
    return (
        all(is_complete(found.object, found.object["spec"].get("replicas", 1)) for found in cluster.all(DEPLOYMENTS))
        and all(
            is_complete(found.object, found.object["spec"].get("replicas", 1)) for found in cluster.all(STATEFUL_SETS)
        )
        and all(is_rolled_out(found.object, len(cluster.all(NODES))) for found in cluster.all(DAEMON_SETS))
        and all(condition(found.object, "Complete").get("status") == "True" for found in cluster.all(JOBS))
        and all("deletionTimestamp" not in found.object["metadata"] for found in cluster.all(PODS))
        and all(is_well(found.object) for found in cluster.all(NODES))
    )


def is_complete(workload: Object, wanted: int) -> bool:
    """Whether a Deployment or StatefulSet has as many new, available Pods as it wants, and no other."""
    status = workload.get("status") or {}
    counts = {status.get(name, 0) for name in ("replicas", "readyReplicas", "updatedReplicas", "availableReplicas")}
    return status.get("observedGeneration") == workload["metadata"]["generation"] and counts == {wanted}


def is_rolled_out(daemon: Object, nodes: int) -> bool:
    """Whether a DaemonSet has a new, available Pod on every node."""
    status = daemon.get("status") or {}
    names = ("currentNumberScheduled", "numberReady", "updatedNumberScheduled", "numberAvailable")
    counts = {status.get(name, 0) for name in names}
    return status.get("observedGeneration") == daemon["metadata"]["generation"] and counts == {nodes}


def is_well(node: Object) -> bool:
    """Whether a node is Ready and bears no taints."""
    return condition(node, "Ready").get("status") == "True" and not node["spec"].get("taints")
