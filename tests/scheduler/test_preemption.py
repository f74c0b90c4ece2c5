"""Preemption on a whole cluster: what the victims, the watchers and the Pod that takes their place see."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.api.resources import EVENTS, PODS
from kubesim.cluster import SimCluster
from kubesim.recording import Change


def priority_class(name: str, value: int) -> dict[str, Any]:
    return {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": name},
        "value": value,
    }


def pod(name: str, cpu: str, class_: str, *, grace: int = 30) -> dict[str, Any]:
    container = {"name": "c", "image": "nginx", "resources": {"requests": {"cpu": cpu}}}
    spec = {"priorityClassName": class_, "containers": [container], "terminationGracePeriodSeconds": grace}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"}, "spec": spec}


async def fill(cluster: SimCluster, *pods: dict[str, Any]) -> None:
    for name, value in (("low", 10), ("mid", 100), ("high", 1000)):
        await cluster.apply(priority_class(name, value))
    for each in pods:
        await cluster.apply(each)
    await cluster.run_for(20)


def seen(cluster: SimCluster, reason: str) -> list[tuple[str, str]]:
    return [
        (stored.object["involvedObject"]["name"], stored.object["message"])
        for stored in cluster.all(EVENTS)
        if stored.object["reason"] == reason and stored.object["involvedObject"].get("kind") == "Pod"
    ]


@pytest.mark.cluster(nodes=1, seed=1)
async def test_the_lowest_pod_leaves_and_the_higher_one_takes_its_place(cluster: SimCluster) -> None:
    """Teaches: condition, deletion and event of a victim; a promise while it ends; then a place."""
    await fill(cluster, pod("low", "1", "low"), pod("mid", "900m", "mid"))
    told: list[str] = []

    def note(change: Change) -> None:
        if change.new is not None and change.new.key == "default/high":
            told.append(change.new.object["status"].get("nominatedNodeName", ""))

    cluster.observer.listen(note)
    await cluster.apply(pod("high", "1", "high"))
    await cluster.run_for(40)
    high = cluster.get(PODS, "default/high")
    assert high is not None
    assert high.object["spec"]["nodeName"] == "node-1"
    assert "node-1" in told
    assert told[-1] == ""  # A promise that is kept is not one any more.
    assert cluster.get(PODS, "default/low") is None
    assert cluster.get(PODS, "default/mid") is not None
    assert seen(cluster, "Preempted") == [("low", f"Preempted by pod {high.uid} on node node-1")]
    ((name, message),) = seen(cluster, "FailedScheduling")
    assert (name, message) == ("high", "0/1 nodes are available: 1 Insufficient cpu.")


@pytest.mark.cluster(nodes=1, seed=1)
async def test_two_waves_of_preemption_do_not_take_each_others_place(cluster: SimCluster) -> None:
    """Teaches: a Pod of the same priority has to find another place than one that is promised."""
    await fill(cluster, pod("low", "1900m", "low"))
    await cluster.apply(pod("first", "1500m", "high"))
    await cluster.apply(pod("second", "1500m", "high"))
    await cluster.run_for(60)
    placed = {stored.name: stored.object["spec"].get("nodeName") for stored in cluster.all(PODS)}
    assert placed["first"] == "node-1"
    assert placed["second"] is None


@pytest.mark.cluster(nodes=1, seed=1)
async def test_a_promise_goes_to_whoever_is_higher_still(cluster: SimCluster) -> None:
    """Teaches: nobody owns a node that it is only promised."""
    await fill(cluster, pod("low", "1900m", "low"))
    await cluster.apply(pod("mid", "1500m", "mid"))
    await cluster.apply(pod("high", "1500m", "high"))
    await cluster.run_for(60)
    placed = {stored.name: stored.object["spec"].get("nodeName") for stored in cluster.all(PODS)}
    assert placed["high"] == "node-1"
    assert placed["mid"] is None
    mid = cluster.get(PODS, "default/mid")
    assert mid is not None
    assert "nominatedNodeName" not in mid.object["status"]
