"""What goes on and what stands still when a part of the control plane dies, and how it picks up afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kubesim.api.errors import TransportError
from kubesim.api.resources import DEPLOYMENTS, NODES, PODS, REPLICA_SETS
from kubesim.cluster import SimCluster

HOLLOW = pytest.mark.cluster(behavior="hollow")
LEASE_SECONDS = 15.0
RETRY_SECONDS_MAX = 2 * 2.2  # A candidate looks every 2 s, stretched at random by up to 1.2 times that.
Started = Callable[[SimCluster], Any]


async def web(cluster: SimCluster, replicas: int = 3) -> None:
    await cluster.kubectl.run(f"create deployment web --image=nginx --replicas={replicas}")
    await cluster.settle()


def nodes_of_pods(cluster: SimCluster) -> list[str]:
    return [pod.object["spec"].get("nodeName", "") for pod in cluster.all(PODS)]


def ready(cluster: SimCluster) -> int:
    return sum(each.object["status"].get("readyReplicas", 0) for each in cluster.all(DEPLOYMENTS))


@HOLLOW
async def test_without_its_scheduler_pods_pile_up_until_its_lease_has_expired(
    cluster: SimCluster, story: Started
) -> None:
    """Teaches: a new scheduler waits until the dead one's Lease, as seen by its own clock, is 15 s old."""
    cluster.faults.crash("scheduler")
    await web(cluster)
    assert nodes_of_pods(cluster) == ["", "", ""]
    told = story(cluster)
    restarted = cluster.sim.clock.now()
    cluster.faults.restart("scheduler")
    await cluster.run_until(lambda: ready(cluster) == 3)
    bound = told.first("Pod", "web", lambda pod: "nodeName" in pod["spec"])
    assert LEASE_SECONDS <= bound - restarted <= LEASE_SECONDS + RETRY_SECONDS_MAX
    assert sorted(nodes_of_pods(cluster)) == ["node-1", "node-2", "node-3"]


@HOLLOW
async def test_a_scheduler_that_is_back_at_once_still_waits_for_its_own_lease(
    cluster: SimCluster, story: Started
) -> None:
    """Teaches: the identity holds a random part, so that a restarted process is a stranger to its own Lease."""
    told = story(cluster)
    cluster.faults.crash("scheduler")
    cluster.faults.restart("scheduler")
    await cluster.kubectl.run("create deployment web --image=nginx")
    await cluster.run_until(lambda: ready(cluster) == 1)
    bound = told.first("Pod", "web", lambda pod: "nodeName" in pod["spec"])
    assert LEASE_SECONDS <= bound - 10.0 <= LEASE_SECONDS + RETRY_SECONDS_MAX


@HOLLOW
async def test_the_control_plane_is_not_needed_for_what_runs(cluster: SimCluster, story: Started) -> None:
    """Teaches: a cluster without control plane keeps running; it only cannot change."""
    await web(cluster)
    told = story(cluster)
    cluster.faults.crash("control-plane")
    await cluster.run_for(3600)
    cluster.faults.restart("control-plane")
    await cluster.run_for(120)
    assert told.restarts() == 0
    assert told.deleted("Pod") == []
    assert ready(cluster) == 3
    assert [told.ready(node) for node in ("node-1", "node-2", "node-3")] == ["True"] * 3


@HOLLOW
@pytest.mark.parametrize("after_seconds", [0.0, 0.1, 0.35, 0.7])
async def test_controllers_that_crash_in_a_rollout_make_no_pod_twice(cluster: SimCluster, after_seconds: float) -> None:
    """Teaches: a controller counts what there is; what it had in mind when it died does not matter."""
    await web(cluster, replicas=4)
    await cluster.kubectl.run("set image deployment/web nginx=nginx:2")
    await cluster.run_for(after_seconds)
    cluster.faults.crash("controller-manager")
    await cluster.run_for(60)
    sizes = [len(cluster.all(PODS))]
    cluster.observer.listen(lambda _: sizes.append(len(cluster.all(PODS))))
    cluster.faults.restart("controller-manager")
    await cluster.run_until(lambda: len(cluster.all(REPLICA_SETS)) == 2 and ready(cluster) == 4)
    await cluster.settle()
    assert max(sizes) <= 4 + 1 + 4  # 4 wanted, 1 more while it rolls, and those that are on their way out.
    images = {pod.object["spec"]["containers"][0]["image"] for pod in cluster.all(PODS)}
    assert (len(cluster.all(PODS)), images) == (4, {"nginx:2"})


@HOLLOW
async def test_two_controller_managers_never_work_at_once(cluster: SimCluster) -> None:
    """Teaches: the Lease has one holder; who took over waited for the other's time to be up."""
    holders: list[str] = []

    def see(change: Any) -> None:
        if change.kind == "Lease" and change.new.name == "kube-controller-manager":
            holders.append(change.object["spec"]["holderIdentity"])

    cluster.observer.listen(see)
    await cluster.run_for(10)
    for _ in range(3):
        cluster.faults.crash("controller-manager")
        cluster.faults.restart("controller-manager")
        await cluster.run_for(40)
    runs = [holder for at, holder in enumerate(holders) if at == 0 or holders[at - 1] != holder]
    assert len(runs) == len(set(runs)) == 4, "each of the four led once, and none came back"


async def test_while_the_apiserver_is_down_a_command_is_refused(cluster: SimCluster) -> None:
    """Teaches: the host lives, so it says at once that nobody listens; the request surely did nothing."""
    cluster.faults.crash("apiserver")
    with pytest.raises(TransportError, match="dial apiserver: connect: connection refused") as caught:
        await cluster.kubectl.run("create deployment web --image=nginx")
    assert caught.value.definite
    assert cluster.sim.clock.now() == 10.0
    cluster.faults.restart("apiserver")
    await cluster.run_for(1)
    assert cluster.all(DEPLOYMENTS) == []


async def test_while_the_whole_host_is_down_a_command_times_out(cluster: SimCluster) -> None:
    """Teaches: a dead machine says nothing at all; whether the request arrived nobody knows."""
    cluster.faults.crash("control-plane")
    with pytest.raises(TransportError, match="within 30 s") as caught:
        await cluster.kubectl.run("create deployment web --image=nginx")
    assert not caught.value.definite
    assert cluster.sim.clock.now() == 40.0
    cluster.faults.restart("control-plane")
    await cluster.run_for(1)


@HOLLOW
async def test_everybody_finds_the_apiserver_again(cluster: SimCluster, story: Started) -> None:
    """Teaches: kubelets go on without it, informers list again, and a missed hour of leases harms nobody.

    That the caches are right again is checked when this test ends, as in every test with a cluster.
    """
    await web(cluster)
    told = story(cluster)
    cluster.faults.crash("apiserver")
    await cluster.run_for(30)
    cluster.faults.restart("apiserver")
    await cluster.kubectl.run("scale deployment web --replicas=6")
    await cluster.run_until(lambda: ready(cluster) == 6, timeout_seconds=120)
    assert told.restarts() == 0
    assert told.deleted("Pod") == []


@HOLLOW
async def test_nobody_is_blamed_for_an_apiserver_that_was_away(cluster: SimCluster, story: Started) -> None:
    """Teaches: the node controller measures silence from what it sees itself, so an outage tells nothing of nodes."""
    await cluster.run_for(100)
    told = story(cluster)
    cluster.faults.crash("apiserver")
    await cluster.run_for(600)
    cluster.faults.restart("apiserver")
    await cluster.run_for(120)
    assert [told.ready(node.name) for node in cluster.all(NODES)] == ["True"] * 3
    assert not any(told.taints(node.name) for node in cluster.all(NODES))


async def test_a_process_does_not_start_on_a_machine_that_is_off(cluster: SimCluster) -> None:
    """Teaches: first the machine, then what runs on it."""
    cluster.faults.crash("control-plane")
    cluster.faults.restart("apiserver")
    assert not cluster.faults.hosts["control-plane"].processes["apiserver"].is_running
    await cluster.run_for(60)
    cluster.faults.restart("control-plane")
    await cluster.run_for(60)
    assert cluster.faults.hosts["control-plane"].processes["apiserver"].is_running
