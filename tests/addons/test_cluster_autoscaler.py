"""Machines that come and go: when, how many, what is said about it, and what stands in the way."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.addons import Addons
from kubesim.addons import cluster_autoscaler_plan as plan
from kubesim.addons.cluster_autoscaler import GROUP, NAMESPACE, node_group
from kubesim.api.resources import CONFIG_MAPS, EVENTS, NODES, PODS
from kubesim.api.stored import Object, Stored
from kubesim.cluster import SimCluster


def deployment(replicas: int, cpu: str = "1", **spec: Any) -> Object:
    container = {"name": "c", "image": "nginx", "resources": {"requests": {"cpu": cpu}}}
    template = {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"terminationGracePeriodSeconds": 0, "containers": [container], **spec},
    }
    body = {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    metadata = {"name": "web", "namespace": "default"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": body}


def said(cluster: SimCluster, *reasons: str) -> list[str]:
    """The messages of the autoscaler's events, each once."""
    found = [one.object for one in cluster.all(EVENTS) if one.object["source"].get("component") == "cluster-autoscaler"]
    found.sort(key=lambda one: (one["firstTimestamp"], one["metadata"]["name"]))
    return list(dict.fromkeys(one["message"] for one in found if one["reason"] in reasons))


def names(cluster: SimCluster) -> list[str]:
    return [node.name for node in cluster.all(NODES)]


async def enable(cluster: SimCluster, **group: str) -> None:
    await Addons(cluster).enable("cluster-autoscaler")
    await cluster.client.merge_patch(CONFIG_MAPS, GROUP, {"data": group}, NAMESPACE)
    await cluster.run_for(5)


@pytest.mark.cluster(nodes=1)
async def test_pods_without_room_bring_machines(cluster: SimCluster) -> None:
    """Teaches: as many as the Pods need; they are asked for at the next scan and take their time to boot."""
    await enable(cluster)
    began = cluster.sim.clock.now()
    await cluster.apply(deployment(6))
    await cluster.run_for(10 - began % 10 + 1)
    assert said(cluster, "TriggeredScaleUp") == ["pod triggered scale-up: [{pool 0->2 (max: 5)}]"]
    assert sorted(said(cluster, "ScaledUpGroup")) == [
        "Scale-up: group pool size set to 2 instead of 0 (max: 5)",
        "Scale-up: setting group pool size to 2 instead of 0 (max: 5)",
    ]
    assert names(cluster) == ["node-1"]
    await cluster.run_for(60)
    assert names(cluster) == ["node-1", "pool-1", "pool-2"]
    places = sorted(pod.object["spec"]["nodeName"] for pod in cluster.all(PODS))
    assert places == ["node-1", "node-1", "pool-1", "pool-1", "pool-2", "pool-2"]
    addresses = [node.object["status"]["addresses"][0]["address"] for node in cluster.all(NODES)]
    assert len(set(addresses)) == 3


@pytest.mark.cluster(nodes=1)
async def test_what_no_machine_would_help_is_told(cluster: SimCluster) -> None:
    """Teaches: a Pod larger than any machine of the group, one that wants other nodes, and a group that is full."""
    await enable(cluster, max="1")
    await cluster.apply(deployment(1, cpu="3"))
    await cluster.run_for(20)
    assert said(cluster, "NotTriggerScaleUp") == ["pod didn't trigger scale-up: 1 Insufficient cpu"]
    await cluster.apply(deployment(1, nodeSelector={"disk": "fast"}))
    await cluster.run_for(20)
    words = "pod didn't trigger scale-up: 1 node(s) didn't match Pod's node affinity/selector"
    assert said(cluster, "NotTriggerScaleUp")[1:] == [words]
    assert names(cluster) == ["node-1"]
    await cluster.apply(deployment(7))
    await cluster.run_for(120)
    assert names(cluster) == ["node-1", "pool-1"]
    assert "pod didn't trigger scale-up: 1 max node group size reached" in said(cluster, "NotTriggerScaleUp")


@pytest.mark.cluster(nodes=1)
async def test_a_machine_that_nobody_needs_goes_after_ten_minutes(cluster: SimCluster) -> None:
    """Teaches: first a taint that makes the scheduler hesitate, then one that keeps Pods away, then it is gone."""
    await enable(cluster)
    await cluster.apply(deployment(3))
    await cluster.run_for(90)
    assert names(cluster) == ["node-1", "pool-1"]
    await cluster.kubectl.run("scale deployment web --replicas=0")
    await cluster.run_for(15)
    node = cluster.get(NODES, "pool-1")
    assert node is not None
    (taint,) = node.object["spec"]["taints"]
    assert (taint["key"], taint["effect"]) == ("DeletionCandidateOfClusterAutoscaler", "PreferNoSchedule")
    await cluster.run_for(570)
    assert names(cluster) == ["node-1", "pool-1"]
    await cluster.run_for(40)
    assert names(cluster) == ["node-1"]
    assert sorted(said(cluster, "ScaleDown", "ScaleDownEmpty")) == [
        "Scale-down: empty node pool-1 removed",
        'Scale-down: removing empty node "pool-1"',
        "marked the node as toBeDeleted/unschedulable",
        "node removed by cluster autoscaler",
    ]


@pytest.mark.cluster(nodes=1)
async def test_a_machine_with_pods_that_fit_elsewhere_is_drained(cluster: SimCluster) -> None:
    """Teaches: a node that is used by less than half is emptied by evictions."""
    await enable(cluster, unneededTime="1m", delayAfterAdd="1m")
    await cluster.apply(deployment(10, cpu="300m"))  # Six on node-1, four on pool-1.
    await cluster.run_for(90)
    await cluster.kubectl.run("scale deployment web --replicas=2")
    await cluster.run_for(200)
    assert names(cluster) == ["node-1"]
    assert sorted(pod.object["spec"]["nodeName"] for pod in cluster.all(PODS)) == ["node-1"] * 2
    told = said(cluster, "ScaleDown")
    assert "deleting pod for node scale down" in told
    assert any(words.startswith("Scale-down: removing node pool-1, utilization: {0.") for words in told)
    assert "Scale-down: node pool-1 removed with drain" in told


def pod(name: str = "p", *, owner: str = "ReplicaSet", namespace: str = "default", **fields: Any) -> Stored:
    metadata: Object = {"name": name, "namespace": namespace, "annotations": fields.pop("annotations", {})}
    if owner:
        metadata["ownerReferences"] = [{"kind": owner, "name": "o", "uid": "u", "controller": True}]
    return Stored(1, {"metadata": metadata, "spec": {"containers": [], **fields}})


def test_who_may_not_be_moved_keeps_a_machine() -> None:
    """Teaches: nobody makes a bare Pod again, and nobody carries its local files; an annotation overrules both."""
    for one in (pod(owner=""), pod(volumes=[{"name": "v", "emptyDir": {}}]), pod(namespace="kube-system")):
        assert plan.pods_to_move([one]) is None
    assert plan.pods_to_move([pod(annotations={plan.SAFE_TO_EVICT: "false"})]) is None
    bare = pod(owner="", annotations={plan.SAFE_TO_EVICT: "true"})
    plain = pod()
    assert plan.pods_to_move([bare, plain, pod(owner="DaemonSet")]) == [bare, plain]


def test_a_group_that_cannot_be_read_is_as_usual() -> None:
    """Teaches: a word in the place of a number breaks nothing."""
    assert node_group({"max": "many", "bootTime": "soon"}) == node_group({})
    assert node_group({"max": "7", "unneededTime": "90s"})[2:8] == (7, "2", "4Gi", "110", 45.0, 90.0)
