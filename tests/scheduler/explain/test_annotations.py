"""What kube-scheduler-simulator's users find on their Pods."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from kubesim.api.resources import PODS
from kubesim.api.stored import Stored
from kubesim.cluster import SimCluster
from kubesim.scheduler import SchedulerConfiguration
from kubesim.scheduler.explain import explain
from kubesim.scheduler.explain.annotations import HISTORY, PREFIX, annotations_of, with_history

NAMES = (
    "prefilter-result-status", "prefilter-result", "filter-result", "postfilter-result", "prescore-result",
    "score-result", "finalscore-result", "reserve-result", "permit-result", "permit-result-timeout", "prebind-result",
    "bind-result", "selected-node",
)  # fmt: skip


def test_every_point_has_its_annotation(world: Any, node: Callable[..., Stored], pod: Callable[..., Stored]) -> None:
    """Teaches: node → plugin → "passed" or the reason; scores are texts; what was not asked is an empty object."""
    one = world([node("a"), node("b"), node("c", cpu="100m")])
    asked = one.place_nowhere(pod(requests={"cpu": "1"}))
    found = annotations_of(one.framework, explain(one.framework, one.snapshot, asked), "a")
    assert tuple(name.removeprefix(PREFIX) for name in found) == NAMES
    filters = json.loads(found[f"{PREFIX}filter-result"])
    assert filters["a"]["NodeResourcesFit"] == filters["a"]["TaintToleration"] == "passed"
    assert filters["c"]["NodeResourcesFit"] == "Insufficient cpu"
    assert set(filters["c"].values()) == {"passed", "Insufficient cpu"}
    final = json.loads(found[f"{PREFIX}finalscore-result"])
    assert (final["a"]["TaintToleration"], sorted(final)) == ("300", ["a", "b"])
    assert json.loads(found[f"{PREFIX}score-result"])["a"]["TaintToleration"] == "0"
    assert json.loads(found[f"{PREFIX}prefilter-result-status"])["NodePorts"] == ""
    assert found[f"{PREFIX}bind-result"] == '{"DefaultBinder":"success"}'
    assert (found[f"{PREFIX}permit-result"], found[f"{PREFIX}postfilter-result"]) == ("{}", "{}")
    assert found[f"{PREFIX}selected-node"] == "a"


def test_the_victims_of_preemption_are_marked_at_their_node(
    world: Any, node: Callable[..., Stored], pod: Callable[..., Stored]
) -> None:
    """Teaches: PostFilter looks at all nodes and nominates one."""
    one = world([node("a", cpu="1"), node("b", cpu="1")])
    seen = explain(one.framework, one.snapshot, one.place_nowhere(pod(requests={"cpu": "2"})))
    found = annotations_of(one.framework, seen, nominated="b")
    assert found[f"{PREFIX}postfilter-result"] == '{"a":{},"b":{"DefaultPreemption":"preemption victim"}}'
    assert found[f"{PREFIX}selected-node"] == ""


def test_history_keeps_every_attempt_until_it_is_too_long() -> None:
    """Teaches: an object may have 256 KiB of annotations; the oldest attempts make way."""
    first = with_history({"a": "<1>"}, {})
    assert first[HISTORY] == '[{"a":"\\u003c1\\u003e"}]'
    second = with_history({"a": "2"}, first)
    assert json.loads(second[HISTORY]) == [{"a": "<1>"}, {"a": "2"}]
    assert json.loads(with_history({"a": "x" * 200_000}, second)[HISTORY]) == [{"a": "x" * 200_000}]
    assert json.loads(with_history({"a": "3"}, {HISTORY: "no list"})[HISTORY]) == [{"a": "3"}]


ANNOTATES = msgspec.structs.replace(SchedulerConfiguration(), annotates=True)


@pytest.mark.cluster(nodes=2, seed=1, scheduler=ANNOTATES)
async def test_a_pod_carries_its_attempts(cluster: SimCluster) -> None:
    """Teaches: written after every attempt, by the scheduler; a try that failed first is in the history."""
    await cluster.kubectl.run("cordon node-1")
    await cluster.kubectl.run("cordon node-2")
    await cluster.kubectl.run("run web --image=nginx")
    await cluster.run_for(5)
    waiting = annotations(cluster, "web")
    assert json.loads(waiting[f"{PREFIX}prefilter-result-status"])["InterPodAffinity"] == ""
    refused = {"NodeUnschedulable": "node(s) were unschedulable"}
    assert json.loads(waiting[f"{PREFIX}filter-result"]) == {"node-1": refused, "node-2": refused}
    assert waiting[f"{PREFIX}selected-node"] == ""
    assert waiting[f"{PREFIX}postfilter-result"] == '{"node-1":{},"node-2":{}}'
    await cluster.kubectl.run("uncordon node-2")
    await cluster.run_for(20)
    placed = annotations(cluster, "web")
    assert placed[f"{PREFIX}selected-node"] == "node-2"
    history = json.loads(placed[HISTORY])
    assert [entry[f"{PREFIX}selected-node"] for entry in (history[0], history[-1])] == ["", "node-2"]
    assert history[-1] == {key: value for key, value in placed.items() if key != HISTORY}


@pytest.mark.cluster(nodes=2, seed=1)
async def test_without_the_wish_nothing_is_written(cluster: SimCluster) -> None:
    """Teaches: annotations are for who asks for them."""
    await cluster.kubectl.run("run web --image=nginx")
    await cluster.run_for(5)
    assert annotations(cluster, "web") == {}


def annotations(cluster: SimCluster, name: str) -> dict[str, str]:
    stored = cluster.get(PODS, f"default/{name}")
    assert stored is not None
    found: dict[str, str] = stored.object["metadata"].get("annotations") or {}
    return found
