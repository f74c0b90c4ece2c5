"""Nodes and kubelets that die, fall silent, come back or are deleted: what the control plane makes of it, and when."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kubesim.api.resources import LEASES, NODES, PODS
from kubesim.cluster import SimCluster

HOLLOW = pytest.mark.cluster(behavior="hollow")
GRACE_SECONDS, MONITOR_SECONDS = 50.0, 5.0  # --node-monitor-grace-period, and how often the monitor looks.
TAINT_SECONDS = 0.1  # The NoExecute taint waits for its worker, which looks ten times a second.
TOLERATION_SECONDS = 300.0
Started = Callable[[SimCluster], Any]


async def web(cluster: SimCluster, replicas: int = 3) -> None:
    await cluster.kubectl.run(f"create deployment web --image=nginx --replicas={replicas}")
    await cluster.settle()


def away(told: Any, node: str, ready_as: Any) -> tuple[float, float]:
    """When the node was called Unknown, and when its NoExecute taint came."""
    unknown = told.first("Node", node, ready_as("Unknown"))
    no_execute = told.first(
        "Node", node, lambda obj: any(t["effect"] == "NoExecute" for t in obj["spec"].get("taints") or ())
    )
    return unknown, no_execute


@HOLLOW
async def test_a_dead_node_is_given_up_step_by_step(cluster: SimCluster, story: Started, ready_as: Any) -> None:
    """Teaches: 50 s of silence, a taint, 300 s of toleration, then replacements; and each delay has a cause."""
    told = story(cluster)
    await web(cluster)
    cluster.faults.crash("node-2")
    await cluster.run_for(500)
    silent = told.last_renewal("node-2")
    unknown, no_execute = away(told, "node-2", ready_as)
    assert GRACE_SECONDS < unknown - silent <= GRACE_SECONDS + MONITOR_SECONDS
    assert unknown % MONITOR_SECONDS == pytest.approx(0), "the monitor looks every 5 s"
    assert no_execute - unknown == pytest.approx(TAINT_SECONDS)
    evicted = told.first("Pod", "web", lambda pod: "deletionTimestamp" in pod["metadata"])
    assert evicted - no_execute == pytest.approx(TOLERATION_SECONDS)
    assert told.taints("node-2") == {("unreachable", "NoSchedule"), ("unreachable", "NoExecute")}
    [left] = told.pods_on("node-2")
    assert left.object["metadata"]["deletionTimestamp"], "nobody confirms its end"
    assert len(cluster.all(PODS)) == 4
    cluster.faults.restart("node-2")
    await cluster.run_for(60)
    assert told.pods_on("node-2") == []


@HOLLOW
async def test_a_node_that_is_back_before_anybody_noticed_is_not_talked_about(
    cluster: SimCluster, story: Started
) -> None:
    """Teaches: below the grace period a reboot is the node's own affair; its containers start again."""
    await web(cluster)
    told = story(cluster)
    cluster.faults.crash("node-2")
    await cluster.run_for(20)
    cluster.faults.restart("node-2")
    await cluster.run_for(100)
    states = {
        condition["status"]
        for change in told.changes
        if change.kind == "Node" and change.new.name == "node-2"
        for condition in change.object["status"]["conditions"]
        if condition["type"] == "Ready"
    }
    assert states <= {"True"}
    assert told.taints("node-2") == set()
    assert told.restarts() == 1
    assert told.deleted("Pod") == []


@HOLLOW
async def test_a_node_that_is_back_within_the_toleration_keeps_its_pods(
    cluster: SimCluster, story: Started, ready_as: Any
) -> None:
    """Teaches: an eviction that was planned is called off when the taint goes."""
    await web(cluster)
    told = story(cluster)
    cluster.faults.crash("node-2")
    await cluster.run_for(200)
    assert told.ready("node-2") == "Unknown"
    cluster.faults.restart("node-2")
    back = cluster.sim.clock.now()
    await cluster.run_for(400)
    assert told.first("Node", "node-2", ready_as("True"), since=back) - back < 1
    assert told.taints("node-2") == set()
    assert told.deleted("Pod") == []
    assert len(told.pods_on("node-2")) == 1


@HOLLOW
async def test_a_kubelet_that_crashes_alone_leaves_its_containers_running(cluster: SimCluster, story: Started) -> None:
    """Teaches: containers belong to the runtime; a kubelet that comes back finds them and starts nothing anew."""
    await web(cluster)
    told = story(cluster)
    cluster.faults.crash("kubelet/node-2")
    await cluster.run_for(30)
    cluster.faults.restart("kubelet/node-2")
    await cluster.run_for(60)
    assert told.ready("node-2") == "True"
    assert told.restarts() == 0
    assert [change for change in told.changes if change.kind == "Pod"] == []


@HOLLOW
async def test_without_kubelet_a_node_is_unknown_though_its_containers_run(
    cluster: SimCluster, story: Started, ready_as: Any
) -> None:
    """Teaches: the control plane cannot tell a dead machine from a dead kubelet, nor from a cut cable."""
    await web(cluster)
    told = story(cluster)
    cluster.faults.crash("kubelet/node-2")
    await cluster.run_for(100)
    assert told.ready("node-2") == "Unknown"
    back = cluster.sim.clock.now()
    cluster.faults.restart("kubelet/node-2")
    await cluster.run_for(30)
    assert told.first("Pod", "web", ready_as("True"), since=back) == pytest.approx(back + 0.7), (
        "its containers never stopped"
    )
    assert told.first("Node", "node-2", ready_as("True"), since=back) - back < 1
    assert told.restarts() == 0
    assert told.taints("node-2") == set()


@HOLLOW
@pytest.mark.parametrize("cut", ["both ways", "there", "back"])
async def test_a_node_that_is_cut_off_and_back_says_that_it_is_well(
    cluster: SimCluster, story: Started, ready_as: Any, cut: str
) -> None:
    """Teaches: heartbeats need both ways: whoever does not hear the answer renews with an old resourceVersion.

    Once the cable is mended the kubelet finds itself called Unknown and contradicts.
    """
    await web(cluster)
    told = story(cluster)
    ends = ("control-plane", "node-2") if cut == "back" else ("node-2", "control-plane")
    cluster.faults.partition(*ends, one_way=cut != "both ways")
    await cluster.run_for(120)
    assert told.ready("node-2") == "Unknown"
    cluster.faults.repair("node-2", "control-plane")
    back = cluster.sim.clock.now()
    await cluster.run_for(150)
    assert (
        told.first("Node", "node-2", ready_as("True"), since=back) - back < 100
    )  # The informer's back-off, then 10 s.
    assert told.taints("node-2") == set()
    assert told.restarts() == 0
    assert told.deleted("Pod") == []
    assert sum(ready_as("True")(pod.object) for pod in cluster.all(PODS)) == 3


@HOLLOW
async def test_pods_of_a_cut_off_node_end_when_it_hears_of_their_eviction(cluster: SimCluster, story: Started) -> None:
    """Teaches: an evicted Pod may run on for as long as its node is away; that is why identity matters."""
    await web(cluster)
    told = story(cluster)
    cluster.faults.partition("node-2", "control-plane")
    await cluster.run_for(500)
    assert len(cluster.all(PODS)) == 4
    [left] = told.pods_on("node-2")
    assert left.object["status"]["phase"] == "Running", "as far as anybody knows"
    cluster.faults.repair("node-2", "control-plane")
    await cluster.run_until(lambda: len(cluster.all(PODS)) == 3, timeout_seconds=100)
    assert told.deleted("Pod") != []


@HOLLOW
async def test_pods_of_a_deleted_node_are_collected(cluster: SimCluster, story: Started) -> None:
    """Teaches: a Node that is gone is not tolerated: 40 s of quarantine, then the next 20 s round of PodGC."""
    await web(cluster)
    told = story(cluster)
    cluster.faults.crash("node-2")
    deleted = cluster.sim.clock.now()
    await cluster.kubectl.run("delete node node-2")
    await cluster.run_for(120)
    assert [node.name for node in cluster.all(NODES)] == ["node-1", "node-3"]
    [gone] = told.deleted("Pod")
    assert 40 <= gone - deleted <= 40 + 20
    assert len(cluster.all(PODS)) == 3
    assert cluster.get(LEASES, "kube-node-lease/node-2") is None, "the Lease belonged to the Node"


@HOLLOW
async def test_a_living_kubelet_does_not_register_again(cluster: SimCluster) -> None:
    """Teaches: a kubelet registers when it starts; after `kubectl delete node` it takes a restart to come back."""
    await cluster.kubectl.run("delete node node-2")
    await cluster.run_for(600)
    assert cluster.get(NODES, "node-2") is None
    cluster.faults.crash("kubelet/node-2")
    cluster.faults.restart("kubelet/node-2")
    await cluster.run_for(10)
    assert cluster.get(NODES, "node-2") is not None
