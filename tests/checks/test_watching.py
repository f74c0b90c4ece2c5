"""Every invariant that is watched while a cluster runs complains when it is broken on purpose, and only then."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from kubesim.api.resources import DEPLOYMENTS, NODES, PODS, Resource
from kubesim.api.stored import Object, Stored
from kubesim.api.wire import ADDED, DELETED, MODIFIED
from kubesim.checks import Watching
from kubesim.recording import Change
from kubesim.sim import Origin

SCHEDULER = Origin(0, "scheduler", ())
KUBECTL = Origin(0, "kubectl", ())


def stored(kind: str, name: str, revision: int, *, uid: str = "1", generation: int = 1, **fields: Any) -> Stored:
    namespace = {} if kind == "Node" else {"namespace": "default"}
    metadata = {"name": name, "uid": uid, "generation": generation, "resourceVersion": str(revision), **namespace}
    return Stored(revision, {"kind": kind, "metadata": metadata, **fields})


def pod(revision: int, node: str = "", *, name: str = "web-1", cpu: str = "1", phase: str = "", **more: Any) -> Stored:
    containers = [{"name": "c", "resources": {"requests": {"cpu": cpu}}}]
    spec: Object = {"containers": containers, **({"nodeName": node} if node else {})}
    return stored("Pod", name, revision, spec=spec, status={"phase": phase}, **more)


def node(revision: int, cpu: str = "2", pods: str = "110") -> Stored:
    return stored("Node", "node-1", revision, uid="n", status={"allocatable": {"cpu": cpu, "pods": pods}})


def change(new: Stored, old: Stored | None = None, verb: str = "", resource: Resource = PODS) -> Change:
    return Change(5_000_000_000, verb or (ADDED if old is None else MODIFIED), resource, old, new)


def bound(revision: int, name: str, *, cpu: str = "1") -> list[Change]:
    """A Pod that appears and is bound."""
    waiting, placed = pod(revision, name=name, cpu=cpu), pod(revision + 1, "node-1", name=name, cpu=cpu)
    return [change(waiting), change(placed, waiting)]


def complaints(changes: Iterable[Change], by: Origin = KUBECTL) -> list[str]:
    watching = Watching(lambda _: by)
    for each in changes:
        watching.see(each)
    return [f"{found.about}: {found.text}" for found in watching.violations]


def test_a_pod_that_moves_to_another_node_is_found() -> None:
    """Teaches: a Pod is bound once; what seems to move is another Pod."""
    before, after = pod(2, "node-1"), pod(3, "node-2")
    assert complaints([change(before), change(after, before)]) == [
        "Pod default/web-1: it was on node-1 and is now on node-2"
    ]


def test_a_pod_that_loses_its_node_is_found() -> None:
    """Teaches: nobody unbinds a Pod."""
    before, after = pod(2, "node-1"), pod(3)
    assert complaints([change(before), change(after, before)]) == [
        "Pod default/web-1: it was on node-1 and is now on no node"
    ]


def test_another_pod_of_the_same_name_may_run_elsewhere() -> None:
    """Teaches: identity is the uid, not the name."""
    first, second = pod(2, "node-1"), pod(4, "node-2", uid="2")
    gone = pod(3, "node-1")
    assert complaints([change(first), change(gone, first, DELETED), change(second)]) == []


@pytest.mark.parametrize("later", [4, 5])
def test_a_revision_that_does_not_rise_is_found(later: int) -> None:
    """Teaches: a watcher never travels back in time, nor hears of a revision twice."""
    first, second = pod(5), pod(later)
    assert complaints([change(first), change(second, first)]) == [f"Pod default/web-1: revision {later} came after 5"]


def test_an_older_revision_that_arrived_later_in_one_instant_is_found() -> None:
    """Teaches: changes are published in order of revision, so what came before tells more than what was shown."""
    newer, older = pod(9), pod(7)
    assert complaints([change(older, newer)]) == ["Pod default/web-1: revision 7 came after 9"]


def test_a_deletion_that_only_a_list_told_of_is_no_step_back() -> None:
    """Teaches: what was deleted while a watch was broken is reported with its last known state."""
    known = pod(5)
    assert complaints([change(known), change(known, known, DELETED)]) == []


def test_different_objects_have_revisions_of_their_own() -> None:
    """Teaches: order is promised for each object, not for lists of them."""
    assert complaints([change(pod(9, name="a")), change(pod(7, name="b"))]) == []


def test_a_generation_that_falls_is_found() -> None:
    """Teaches: controllers compare observedGeneration with generation, so it must never go back."""
    before = stored("Deployment", "web", 2, generation=3)
    after = stored("Deployment", "web", 3, generation=2)
    assert complaints([change(before, resource=DEPLOYMENTS), change(after, before, resource=DEPLOYMENTS)]) == [
        "Deployment default/web: it was 3 and is now 2"
    ]


def test_a_uid_that_changes_without_a_deletion_is_found() -> None:
    """Teaches: a name changes hands only after DELETED."""
    assert complaints([change(pod(2)), change(pod(3, uid="2"))]) == ["Pod default/web-1: uid 2 took the place of 1"]


def test_a_binding_beyond_the_cpu_of_a_node_is_found() -> None:
    """Teaches: the third Pod of 1 CPU does not fit on a node of 2."""
    changes = [change(node(1), resource=NODES), *bound(2, "a"), *bound(4, "b"), *bound(6, "c")]
    assert complaints(changes, by=SCHEDULER) == [
        "Pod default/c: node-1 has 2000 thousandths of cpu, and 3000 are asked for"
    ]


def test_a_binding_beyond_the_number_of_pods_is_found() -> None:
    """Teaches: places for Pods are a resource as well."""
    changes = [change(node(1, pods="1"), resource=NODES), *bound(2, "a", cpu="0"), *bound(4, "b", cpu="0")]
    assert complaints(changes, by=SCHEDULER) == [
        "Pod default/b: node-1 has 1000 thousandths of pods, and 2000 are asked for"
    ]


def test_only_the_scheduler_must_look_at_capacity() -> None:
    """Teaches: whoever writes spec.nodeName himself goes past the scheduler; the kubelet has the last word then."""
    changes = [change(node(1), resource=NODES), *bound(2, "a", cpu="3")]
    assert complaints(changes, by=KUBECTL) == []


@pytest.mark.parametrize("verb", ["ended", "deleted"])
def test_what_ended_gives_its_place_back(verb: str) -> None:
    """Teaches: a Pod in a terminal phase holds no capacity, even before it is deleted."""
    held = pod(3, "node-1", name="a", cpu="2")
    ended = pod(4, "node-1", name="a", cpu="2", phase="Succeeded")
    gone = change(ended, held) if verb == "ended" else change(pod(4, "node-1", name="a", cpu="2"), held, DELETED)
    changes = [change(node(1), resource=NODES), *bound(2, "a", cpu="2"), gone, *bound(5, "b", cpu="2")]
    assert complaints(changes, by=SCHEDULER) == []


def test_a_violation_says_when_which_rule_was_broken_by_whom() -> None:
    """Teaches: a finding is a sentence that one can act on."""
    watching = Watching(lambda _: None)
    before = pod(2, "node-1")
    watching.see(change(pod(3, "node-2"), before))
    assert [str(found) for found in watching.violations] == [
        "5.000 s: a Pod is never bound twice: Pod default/web-1: it was on node-1 and is now on node-2"
    ]
