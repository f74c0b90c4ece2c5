"""Questions to a copy: drain, crash, scale, fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kubesim.scenario import Loaded, load_scenario
from kubesim.what_if import Answer, Capacity, WhatIfError, ask, crash, drain, fit, scale

SCENARIO = """\
apiVersion: kubesim.dev/v1alpha1
kind: Scenario
metadata: {name: mine}
spec:
  title: Mine
  until: 60s
  cluster:
    nodes:
      - {name: node-1, cpu: 1}
      - {name: node-2, cpu: 1}
      - {name: node-3, cpu: 1, pods: 4}
  steps:
    - at: 0s
      kubectl: apply -f all.yaml
    - at: 10s
      kubectl: apply -f more.yaml
"""
SOMETHING = "{apiVersion: v1, kind: ConfigMap, metadata: {name: something}}\n"
WORKLOADS = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: c, image: nginx, resources: {requests: {cpu: 300m}}}]
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  replicas: 1
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      nodeSelector: {kubernetes.io/hostname: node-2}
      containers: [{name: c, image: nginx}]
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {containers: [{name: c, image: agent}]}
"""
BUDGET = """\
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: WORKLOAD}
spec: {minAvailable: NUMBER, selector: {matchLabels: {app: WORKLOAD}}}
"""
SECONDS = 600.0


def made(folder: Path, more: str = SOMETHING) -> Loaded:
    (folder / "scenario.yaml").write_text(SCENARIO)
    (folder / "all.yaml").write_text(WORKLOADS)
    (folder / "more.yaml").write_text(more)
    return load_scenario(folder / "scenario.yaml")


def budget(workload: str, number: int) -> str:
    return BUDGET.replace("WORKLOAD", workload).replace("NUMBER", str(number))


async def test_a_drain_says_who_goes_where_and_who_finds_no_place(tmp_path: Path, sim: Any) -> None:
    """Teaches: what only this node would take stays Pending, with the scheduler's own words."""
    answer: Answer = await ask(made(tmp_path), lambda cluster: drain(cluster, ("node-2",), SECONDS))
    moves = {move.owner.split("/")[1]: move for move in answer.moves}
    assert sorted(moves) == ["ReplicaSet", "StatefulSet"]
    web = moves["ReplicaSet"]
    assert (web.node, web.state) == ("node-2", "Ready")
    assert web.to_node in ("node-1", "node-3")
    assert web.seconds is not None
    db = moves["StatefulSet"]
    assert (db.pod, db.successor, db.to_node, db.state) == ("default/db-0", "default/db-0", "", "Pending")
    assert db.why.startswith("0/3 nodes are available: 1 node(s) were unschedulable, 2 node(s) didn't match Pod's node")
    assert answer.notes == ("1 Pods of DaemonSets (or static ones) stay",)
    assert not answer.ok


async def test_a_budget_that_never_allows_it_blocks_a_drain(tmp_path: Path, sim: Any) -> None:
    """Teaches: whom, and in which words, and that it was never."""
    answer: Answer = await ask(made(tmp_path, budget("db", 1)), lambda cluster: drain(cluster, ("node-2",), 60))
    assert [(each.pod, each.seconds) for each in answer.blocked] == [("default/db-0", None)]
    assert "Cannot evict pod as it would violate the pod's disruption budget." in answer.blocked[0].message
    assert "The disruption budget db needs 1 healthy pods and has 1 currently" in answer.blocked[0].message
    assert not answer.ok


async def test_a_budget_that_allows_one_at_a_time_only_takes_longer(tmp_path: Path, sim: Any) -> None:
    """Teaches: two nodes at once, one Pod after the other."""
    loaded = made(tmp_path, budget("web", 2))
    answer: Answer = await ask(loaded, lambda cluster: drain(cluster, ("node-1", "node-3"), SECONDS))
    assert [(each.pod.startswith("default/web"), each.seconds) for each in answer.blocked] == [(True, 5.0)]
    assert [move.to_node for move in answer.moves if "ReplicaSet" in move.owner] == ["node-2", "node-2"]
    assert answer.ok


async def test_a_crash_takes_its_time(tmp_path: Path, sim: Any) -> None:
    """Teaches: five minutes of toleration; a Pod of a StatefulSet is not replaced while it might still run."""
    answer: Answer = await ask(made(tmp_path), lambda cluster: crash(cluster, ("node-2",), SECONDS))
    moves = {move.owner.split("/")[1]: move for move in answer.moves}
    web = moves["ReplicaSet"]
    assert web.seconds is not None
    assert 340 < web.seconds < 360
    assert (web.state, moves["StatefulSet"].state) == ("Ready", "Terminating")
    assert "until then nobody replaces it" in moves["StatefulSet"].why
    assert answer.notes == ("1 Pods stay on what is dead: DaemonSets tolerate it, others longer than this",)


async def test_another_size_finds_places_or_does_not(tmp_path: Path, sim: Any) -> None:
    """Teaches: nine of them fit on three nodes of one CPU."""
    answer: Answer = await ask(
        made(tmp_path), lambda cluster: scale(cluster, "deploy/web", 10, "default", SECONDS)
    )  # fmt: skip
    assert [move.state for move in answer.moves].count("Ready") == 6
    pending = [move for move in answer.moves if move.state == "Pending"]
    assert len(pending) == 1
    assert "Insufficient cpu" in pending[0].why
    smaller: Answer = await ask(made(tmp_path), lambda cluster: scale(cluster, "deployment/web", 1, "default", SECONDS))
    assert ([move.state for move in smaller.moves], smaller.ok) == (["gone", "gone"], True)


QUOTA = "{apiVersion: v1, kind: ResourceQuota, metadata: {name: q}, spec: {hard: {pods: '8'}}}\n"


async def test_a_quota_is_said_to_be_what_stops_it(tmp_path: Path, sim: Any) -> None:
    """Teaches: what is never created never pends."""
    answer: Answer = await ask(
        made(tmp_path, QUOTA), lambda cluster: scale(cluster, "deployment/web", 6, "default", SECONDS)
    )
    assert len(answer.moves) == 1
    assert "exceeded quota: q" in answer.blocked[0].message
    assert not answer.ok


def pod(cpu: str, **spec: Any) -> dict[str, Any]:
    requests = {"requests": {"cpu": cpu}}
    containers = [{"name": "c", "image": "busybox", "resources": requests}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": containers, **spec}}


async def test_as_many_as_fit_are_counted_by_node(tmp_path: Path, sim: Any) -> None:
    """Teaches: each node takes what is left of it: CPU here, a number of Pods there."""
    found: list[Capacity] = await ask(
        made(tmp_path), lambda cluster: fit(cluster, [pod("100m")], None, as_many=True)
    )  # fmt: skip
    assert [(each.what, each.fitting, each.ok) for each in found] == [("Pod/p", 16, True)]
    assert found[0].by_node == {"node-1": 7, "node-2": 7, "node-3": 2}
    assert found[0].limit.startswith("0/3 nodes are available: 1 Too many pods, 2 Insufficient cpu.")


async def test_so_many_as_are_wanted_fit_or_not(tmp_path: Path, sim: Any) -> None:
    """Teaches: a workload's own number, or another; in a namespace that has yet to be made."""
    wanted = {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "w", "namespace": "new"},
        "spec": {"replicas": 3, "template": {"spec": pod("600m")["spec"]}},
    }  # fmt: skip
    for replicas, fitting, ok in ((None, 3, True), (4, 3, False)):
        found: list[Capacity] = await ask(
            made(tmp_path), lambda cluster, number=replicas: fit(cluster, [wanted], number, as_many=False)
        )
        assert [(each.fitting, each.ok) for each in found] == [(fitting, ok)]
    assert found[0].limit.startswith("0/3 nodes are available: 3 Insufficient cpu.")


async def test_nobody_is_pushed_out_to_make_room(tmp_path: Path, sim: Any) -> None:
    """Teaches: capacity is what is free, whatever the priority."""
    high = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "high"}, "value": 1000}
    objects = [high, pod("900m", priorityClassName="high")]
    found: list[Capacity] = await ask(made(tmp_path), lambda cluster: fit(cluster, objects, None, as_many=True))
    assert found[0].fitting == 0
    assert "not eligible due to preemptionPolicy=Never" in found[0].limit


@pytest.mark.parametrize(
    ("question", "words"),
    [
        (lambda cluster: drain(cluster, ("nowhere",), SECONDS), 'nodes "nowhere" not found; there are node-1, node-2'),
        (lambda cluster: crash(cluster, ("nowhere",), SECONDS), 'nodes "nowhere" not found'),
        (lambda cluster: scale(cluster, "web", 2, "default", 60), '"web" cannot be scaled'),
        (lambda cluster: scale(cluster, "daemonset/agent", 2, "default", 60), "cannot be scaled"),
        (lambda cluster: scale(cluster, "deployment/x", 2, "default", 60), 'deployments.apps "x" not found'),
        (lambda cluster: fit(cluster, [], None, as_many=True), "the file holds nothing that could be placed"),
    ],
)
async def test_senseless_questions_are_refused(tmp_path: Path, sim: Any, question: Any, words: str) -> None:
    """Teaches: with what there is instead."""
    with pytest.raises(WhatIfError) as refused:
        await ask(made(tmp_path), question)
    assert words in str(refused.value)
