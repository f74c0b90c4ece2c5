"""An attempt of the past, explained from the history of the store."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.api.errors import NotFoundError
from kubesim.api.resources import PODS
from kubesim.cluster import SimCluster
from kubesim.recording import ATTEMPT
from kubesim.service.scheduling import explain_schedule, list_attempts
from kubesim.sim import Record


def priority_class(name: str, value: int) -> dict[str, Any]:
    metadata = {"name": name}
    return {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": metadata, "value": value}


def pod(name: str, cpu: str = "100m", *, labels: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    container = {"name": "c", "image": "nginx", "resources": {"requests": {"cpu": cpu}}}
    metadata = {"name": name, "namespace": "default", "labels": labels or {}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container]} | spec}


def attempts(cluster: SimCluster) -> list[Record]:
    return [record for record in cluster.sim.trace.records if record.event == ATTEMPT]


@pytest.mark.cluster(nodes=3, seed=4)
async def test_hindsight_is_as_good_as_having_looked(cluster: SimCluster) -> None:
    """Teaches: what was seen, what was assumed and what was promised is all it takes, attempt by attempt."""
    cluster.sim.trace.details.add(ATTEMPT)
    for name, value in (("low", 10), ("high", 1000)):
        await cluster.apply(priority_class(name, value))
    budget = {
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "keep", "namespace": "default"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "kept"}}},
    }  # fmt: skip
    await cluster.apply(budget)
    await cluster.kubectl.run("create deployment web --image=nginx --replicas=8")
    for number in range(3):
        label = {"app": "kept" if number == 0 else "other"}
        await cluster.apply(pod(f"low-{number}", "1500m", labels=label, priorityClassName="low"))
    await cluster.run_for(10)
    await cluster.apply(pod("high", "1800m", priorityClassName="high"))
    await cluster.apply(pod("picky", nodeSelector={"disk": "ssd"}))
    await cluster.run_for(60)
    await cluster.kubectl.run("label node node-2 disk=ssd")
    await cluster.kubectl.run("delete pod high --wait=false")
    await cluster.kubectl.run("scale deployment web --replicas=12")
    await cluster.run_for(60)
    seen = attempts(cluster)
    assert len(seen) > 18
    assert any("preemption" in record.fields["table"] for record in seen)
    for record in seen:
        namespace, _, name = record.fields["pod"].partition("/")
        story = await explain_schedule(cluster, namespace, name, record.fields["attempt"])
        found = next(one for one in story["attempts"] if one["t"] == round(record.time_ns / 1e9, 6))
        assert found["table"] == record.fields["table"], record.fields["pod"]


@pytest.mark.cluster(nodes=2, seed=1)
async def test_preemption_says_who_leaves_who_stays_and_why_there(cluster: SimCluster) -> None:
    """Teaches: the fewer and the less important the victims, the better the node."""
    for name, value in (("low", 10), ("mid", 100), ("high", 1000)):
        await cluster.apply(priority_class(name, value))
    for name, cpu, class_ in (("a", "1500m", "mid"), ("b", "1200m", "low"), ("c", "300m", "low")):
        await cluster.apply(pod(name, cpu, priorityClassName=class_))
        await cluster.run_for(5)
    await cluster.apply(pod("new", "1500m", priorityClassName="high"))
    await cluster.run_for(40)
    tried = await explain_schedule(cluster, "default", "new", 1)
    told = tried["attempts"][0]["table"]["preemption"]
    places = {name: (cluster.get(PODS, f"default/{name}") or cluster.all(PODS)[0]).object["spec"] for name in "ac"}
    assert places["a"]["nodeName"] != told["node"]
    by_node = {candidate["node"]: candidate for candidate in told["candidates"]}
    assert by_node[told["node"]] == {
        "node": told["node"],
        "victims": [{"pod": "default/b", "priority": 10}],
        "spared": [{"pod": "default/c", "priority": 10, "because": "there is room for both"}],
    }
    other = next(node for node in by_node if node != told["node"])
    assert told["because"] == f"lowest priority of the most important victim: {told['node']} before {other}"
    assert (told["considered"], told["helpable"]) == (2, 2)


@pytest.mark.cluster(nodes=1, seed=1)
async def test_what_cannot_be_explained_is_said(cluster: SimCluster) -> None:
    """Teaches: no such Pod, no such attempt, and a Pod that was never tried are three things."""
    with pytest.raises(NotFoundError, match='there is no Pod "x" in the namespace "default", and none was ever tried'):
        await explain_schedule(cluster, "default", "x")
    await cluster.apply(pod("gated", schedulingGates=[{"name": "example.com/quota"}]))
    await cluster.apply(pod("web"))
    await cluster.run_for(5)
    assert await explain_schedule(cluster, "default", "gated") == {
        "pod": "default/gated", "node": "", "gates": ["example.com/quota"], "scheduler": "default-scheduler",
        "attempts": [],
    }  # fmt: skip
    with pytest.raises(NotFoundError, match='the Pod "gated" has no attempt 1; there was none yet'):
        await explain_schedule(cluster, "default", "gated", 1)
    with pytest.raises(NotFoundError, match='the Pod "web" has no attempt 7; the last is 1'):
        await explain_schedule(cluster, "default", "web", 7)
    assert list_attempts(cluster) == [{"pod": "default/web", "attempts": 1, "node": "node-1", "message": ""}]


@pytest.mark.cluster(nodes=1, seed=1)
async def test_a_deleted_pod_can_still_be_asked_about(cluster: SimCluster) -> None:
    """Teaches: history is kept; of two Pods of one name the later is meant."""
    for _ in range(2):
        await cluster.apply(pod("web", "1500m"))
        await cluster.run_for(5)
        await cluster.kubectl.run("delete pod web")
        await cluster.run_for(40)
    story = await explain_schedule(cluster, "default", "web")
    assert [attempt["chosen"] for attempt in story["attempts"]] == ["node-1"]
    assert story["attempts"][0]["t"] == attempts(cluster)[-1].time_ns / 1e9


@pytest.mark.cluster(nodes=1, seed=1)
async def test_a_forgotten_past_leaves_the_summary(cluster: SimCluster) -> None:
    """Teaches: after a compaction the record still says what was chosen and how many points it had."""
    await cluster.apply(pod("web"))
    await cluster.run_for(5)
    await cluster.etcd.compact(cluster.etcd.store.revision)
    attempt = (await explain_schedule(cluster, "default", "web"))["attempts"][0]
    assert "forgotten" in attempt
    assert (attempt["chosen"], attempt["feasible"]) == ("node-1", 1)
