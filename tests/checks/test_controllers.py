"""Every invariant about controllers complains when it is broken on purpose, and only then."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kubesim.api.resources import JOBS, PERSISTENT_VOLUME_CLAIMS, POD_DISRUPTION_BUDGETS, PODS, Resource
from kubesim.api.stored import Object, Stored
from kubesim.api.wire import ADDED, DELETED, MODIFIED
from kubesim.checks import Watching
from kubesim.recording import Change
from kubesim.sim import Origin

JOB = {"kind": "Job", "name": "work", "uid": "job", "controller": True}
SET = {"kind": "StatefulSet", "name": "db", "uid": "set", "controller": True}
READY = {"type": "Ready", "status": "True"}
EVICTED = {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}


def stored(kind: str, name: str, revision: int, uid: str, **fields: Any) -> Stored:
    metadata = {"name": name, "namespace": "default", "uid": uid, "resourceVersion": str(revision)}
    metadata |= fields.pop("metadata", {})
    return Stored(revision, {"kind": kind, "metadata": metadata, **fields})


def pod(
    revision: int, uid: str, *, name: str = "", owner: Object | None = None, node: str = "", **status: Any
) -> Stored:
    metadata = {"labels": {"app": "web"}} | ({"ownerReferences": [owner]} if owner else {})
    spec = {"containers": []} | ({"nodeName": node} if node else {})
    return stored("Pod", name or uid, revision, uid, metadata=metadata, spec=spec, status=status)


def job(revision: int, **status: Any) -> Stored:
    return stored("Job", "work", revision, "job", spec={}, status=status)


def change(resource: Resource, new: Stored, old: Stored | None = None, verb: str = "") -> Change:
    return Change(5_000_000_000, verb or (ADDED if old is None else MODIFIED), resource, old, new)


def complaints(changes: Iterable[Change], **knowledge: Any) -> list[str]:
    watching = Watching(lambda _: knowledge.get("origin"), knowledge.get("runs", lambda *_: False),
                        knowledge.get("has_gaps", lambda: False))  # fmt: skip
    for each in changes:
        watching.see(each)
    return [found.text for found in watching.violations]


def test_a_job_that_counts_a_pod_twice_is_found() -> None:
    """Teaches: one Pod ended, so one may be counted, wherever it stands."""
    ended = change(PODS, pod(1, "a", owner=JOB, phase="Succeeded"))
    once = change(JOBS, job(2, uncountedTerminatedPods={"succeeded": ["a"]}))
    assert complaints([ended, once, change(JOBS, job(3, succeeded=1), once.new)]) == []
    twice = change(JOBS, job(3, succeeded=1, uncountedTerminatedPods={"succeeded": ["a"]}), once.new)
    words = "1 succeeded, 0 failed and 1 to be counted of 1 that ended"
    assert complaints([ended, once, twice]) == [words]
    assert complaints([ended, once, twice], has_gaps=lambda: True) == []  # Perhaps nobody looked.
    doubled = change(JOBS, job(2, uncountedTerminatedPods={"succeeded": ["a"], "failed": ["a"]}))
    assert complaints([ended, doubled]) == ["a Pod is in uncountedTerminatedPods twice"]


def test_a_job_whose_counts_fall_is_found() -> None:
    """Teaches: what is counted stays counted; a deleted Job takes its counts with it."""
    ended = change(PODS, pod(1, "a", owner=JOB, phase="Failed"))
    counted, lost = job(2, failed=1), job(3)
    assert complaints([ended, change(JOBS, counted), change(JOBS, lost, counted)]) == [
        "succeeded and failed were (0, 1) and are now (0, 0)"
    ]
    gone = change(JOBS, job(4), counted, DELETED)
    assert complaints([ended, change(JOBS, counted), gone, change(JOBS, job(5))]) == []


def budget(revision: int, desired: int) -> Change:
    spec = {"selector": {"matchLabels": {"app": "web"}}}
    made = stored("PodDisruptionBudget", "web", revision, "b", spec=spec, status={"desiredHealthy": desired})
    return change(POD_DISRUPTION_BUDGETS, made)


def test_an_eviction_below_the_budget_is_found() -> None:
    """Teaches: what counts are the healthy Pods that are left; a Pod that was not healthy is no loss."""
    first, second = pod(1, "a", conditions=[READY]), pod(2, "b", conditions=[READY])
    begin = [change(PODS, first), change(PODS, second)]
    evicted = change(PODS, pod(4, "a", conditions=[READY, EVICTED]), first)
    assert complaints([*begin, budget(3, 1), evicted]) == []
    assert complaints([*begin, budget(3, 2), evicted]) == ["1 healthy Pods are left, and the budget web wants 2"]
    unready = pod(1, "a", conditions=[])
    broken = change(PODS, pod(4, "a", conditions=[EVICTED]), unready)
    assert complaints([change(PODS, unready), change(PODS, second), budget(3, 1), broken]) == []


def claim(revision: int, name: str, volume: str, phase: str = "Bound") -> Stored:
    return stored("PersistentVolumeClaim", name, revision, name, spec={"volumeName": volume}, status={"phase": phase})


def test_a_volume_with_two_claims_is_found() -> None:
    """Teaches: the second one may have it when the first is gone."""
    one, two = claim(1, "one", "pv"), claim(2, "two", "pv")
    both = [change(PERSISTENT_VOLUME_CLAIMS, one), change(PERSISTENT_VOLUME_CLAIMS, two)]
    assert complaints(both) == ["pv is bound to default/one and default/two"]
    gone = change(PERSISTENT_VOLUME_CLAIMS, one, one, DELETED)
    assert complaints([both[0], gone, both[1]]) == []
    lost = change(PERSISTENT_VOLUME_CLAIMS, claim(2, "one", "pv", "Lost"), one)
    assert complaints([both[0], lost, change(PERSISTENT_VOLUME_CLAIMS, claim(3, "two", "pv"))]) == []


def test_a_name_that_runs_on_two_nodes_is_found() -> None:
    """Teaches: a kubelet lets a Pod go when it has ended; who forces a deletion answers for that himself."""
    old = pod(1, "old", name="db-0", owner=SET, node="node-1", phase="Running")
    new = pod(3, "new", name="db-0", owner=SET, node="node-2", phase="Running")
    pending = pod(2, "new", name="db-0", owner=SET, node="node-2", phase="Pending")
    story = [change(PODS, old), change(PODS, old, old, DELETED), change(PODS, pending), change(PODS, new, pending)]

    def runs(node: str, uid: str) -> bool:
        return (node, uid) == ("node-1", "old")

    kubelet = Origin(0, "kubelet/node-1", ())
    words = "it runs on node-2, and its predecessor still on node-1"
    assert words in complaints(story, origin=kubelet, runs=runs)
    assert words not in complaints(story, origin=Origin(0, "kubectl", ()), runs=runs)
    assert words not in complaints(story, origin=kubelet)
