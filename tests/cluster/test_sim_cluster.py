"""SimCluster as its users see it: commands, time, looking at the present and at the past."""

from __future__ import annotations

import pytest

from kubesim.api.errors import ExpiredError
from kubesim.api.resources import DEPLOYMENTS, NODES, PODS
from kubesim.api.stored import Object
from kubesim.cluster import SimCluster
from kubesim.kubelet import NodeConfig
from kubesim.sim import Simulation, StalledError, UnknownTargetError, run
from kubesim.waiting import NotReachedError

WEB = "create deployment web --image=nginx --replicas=3"
POD: Object = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "hello"},
    "spec": {"containers": [{"name": "c", "image": "nginx"}]},
}


def running(cluster: SimCluster) -> int:
    return sum(pod.object["status"]["phase"] == "Running" for pod in cluster.all(PODS))


async def test_a_cluster_is_ready_at_a_full_ten_seconds(cluster: SimCluster) -> None:
    """Teaches: a test begins at a round time, with every node Ready."""
    assert cluster.sim.clock.now() == 10.0
    assert [node.name for node in cluster.all(NODES)] == ["node-1", "node-2", "node-3"]
    assert {node.object["status"]["conditions"][-1]["status"] for node in cluster.all(NODES)} == {"True"}


async def test_run_for_is_exact(cluster: SimCluster) -> None:
    """Teaches: virtual time is a number that one can state."""
    await cluster.run_for(123.456)
    assert cluster.sim.clock.now() == 133.456


async def test_apply_creates_configures_and_leaves_alone(cluster: SimCluster) -> None:
    """Teaches: apply says what it did, as kubectl does."""
    assert await cluster.apply(POD) == "pod/hello created"
    assert await cluster.apply(POD) == "pod/hello unchanged"
    labelled = {**POD, "metadata": {"name": "hello", "labels": {"tier": "web"}}}
    assert await cluster.apply(labelled) == "pod/hello configured"
    await cluster.run_for(1)
    stored = cluster.get(PODS, "default/hello")
    assert stored is not None
    assert stored.object["metadata"]["labels"] == {"tier": "web"}


async def test_run_until_ends_in_the_instant_in_which_it_holds(cluster: SimCluster) -> None:
    """Teaches: nobody polls: the condition is asked when something changed."""
    await cluster.kubectl.run(WEB)
    await cluster.run_until(lambda: running(cluster) == 3)
    last = max(cluster.all(PODS), key=lambda pod: pod.revision)
    assert cluster.sim.trace.origins[last.revision].time_ns == cluster.sim.clock.now_ns()


async def test_run_until_says_what_it_waited_for_in_vain(cluster: SimCluster) -> None:
    """Teaches: the sentence of an error is for its reader."""
    with pytest.raises(NotReachedError, match=r"^waited 20 virtual seconds in vain for a fourth node$"):
        await cluster.run_until(lambda: len(cluster.all(NODES)) == 4, timeout_seconds=20, what="a fourth node")
    assert cluster.sim.clock.now() == 30.0


async def test_waiting_for_what_nobody_works_on_is_an_error_of_its_own(cluster: SimCluster) -> None:
    """Teaches: heartbeats are no progress; half an hour of nothing else means that it will never come."""
    with pytest.raises(StalledError) as caught:
        await cluster.run_until(lambda: False, timeout_seconds=7200, what="a miracle")
    assert str(caught.value) == (
        "stalled: a miracle still waits, and for 30 virtual minutes nothing but heartbeats was written"
    )
    assert cluster.sim.clock.now() == 10.0 + 30 * 60


async def test_settle_counts_from_the_last_change(cluster: SimCluster) -> None:
    """Teaches: quiet means that nothing but heartbeats was written; they do not count."""
    await cluster.run_for(100)
    await cluster.kubectl.run(WEB)
    await cluster.settle(40)
    last = max(stored.revision for pods in (cluster.all(PODS), cluster.all(DEPLOYMENTS)) for stored in pods)
    ended = cluster.sim.clock.now_ns() - cluster.sim.trace.origins[last].time_ns
    assert running(cluster) == 3
    assert 40_000_000_000 <= ended < 41_000_000_000


async def test_a_cluster_that_never_rests_is_an_error(cluster: SimCluster) -> None:
    """Teaches: waiting has a limit, to the second."""
    await cluster.kubectl.run("create deployment broken --image=nginx -- sh -c 'exit 1'")
    with pytest.raises(NotReachedError, match="the cluster was never quiet for 600 seconds"):
        await cluster.settle(600, timeout_seconds=100)
    assert cluster.sim.clock.now() == 110.0


async def test_the_past_can_be_read(cluster: SimCluster) -> None:
    """Teaches: etcd keeps old revisions until they are compacted; resourceVersionMatch=Exact reads them."""
    await cluster.kubectl.run(WEB)
    await cluster.settle()
    before = max(pod.revision for pod in cluster.all(PODS))
    await cluster.kubectl.run("delete deployment web")
    await cluster.settle()
    assert (await cluster.at(before, PODS)).items != []
    assert (await cluster.client.list(PODS)).items == []
    past = await cluster.at(before, PODS)
    assert past.revision == before
    assert [pod.object["status"]["phase"] for pod in past.items] == ["Running"] * 3


async def test_the_compacted_past_is_gone(cluster: SimCluster) -> None:
    """Teaches: 410 Gone says that one has to list anew."""
    await cluster.kubectl.run(WEB)
    await cluster.settle()
    revision = cluster.all(PODS)[0].revision
    await cluster.etcd.compact(revision + 1)
    with pytest.raises(ExpiredError):
        await cluster.at(revision, PODS)


async def test_a_fault_on_nobody_lists_who_there_is(cluster: SimCluster) -> None:
    """Teaches: a name that is wrong is found at once."""
    with pytest.raises(UnknownTargetError, match='there is no "node-9" to act upon; there is apiserver, '):
        cluster.faults.crash("node-9")


@pytest.mark.cluster(without=("scheduler",))
async def test_without_a_scheduler_pods_stay_pending(cluster: SimCluster) -> None:
    """Teaches: the scheduler is a client like any other; without it nobody writes spec.nodeName."""
    await cluster.kubectl.run(WEB)
    await cluster.run_for(600)
    assert [pod.object["spec"].get("nodeName", "") for pod in cluster.all(PODS)] == ["", "", ""]
    assert {pod.object["status"]["phase"] for pod in cluster.all(PODS)} == {"Pending"}


@pytest.mark.cluster(without=("controller-manager",))
async def test_without_controllers_a_deployment_is_only_a_wish(cluster: SimCluster) -> None:
    """Teaches: the apiserver stores what one wants; somebody else has to want it too."""
    await cluster.kubectl.run(WEB)
    await cluster.run_for(60)
    assert cluster.all(PODS) == []
    deployment = cluster.get(DEPLOYMENTS, "default/web")
    assert deployment is not None
    assert "observedGeneration" not in deployment.object.get("status", {})


async def test_nodes_may_be_described_one_by_one(sim: Simulation) -> None:
    """Teaches: a node is what its configuration says."""
    big = NodeConfig("big", capacity={"cpu": "8", "memory": "16Gi", "pods": "10"}, zone="a")
    async with SimCluster([big, NodeConfig("small", labels={"disk": "ssd"})]) as cluster:
        stored = {node.name: node.object for node in cluster.all(NODES)}
        assert stored["big"]["status"]["allocatable"]["cpu"] == "8"
        assert stored["big"]["metadata"]["labels"]["topology.kubernetes.io/zone"] == "a"
        assert stored["small"]["metadata"]["labels"]["disk"] == "ssd"


async def test_two_clusters_one_after_the_other_do_not_mix(sim: Simulation) -> None:
    """Teaches: nothing is global, so a second cluster knows nothing of the first."""
    for name in ("first", "second"):
        async with SimCluster(2, seed=5, behavior="hollow") as cluster:
            await cluster.kubectl.run(f"create deployment {name} --image=nginx")
            await cluster.settle()
            assert [each.name for each in cluster.all(DEPLOYMENTS)] == [name]
            assert [pod.name.partition("-")[0] for pod in cluster.all(PODS)] == [name]


def test_a_second_run_in_one_process_is_the_same_run() -> None:
    """Teaches: the same seed gives the same revisions, names and times, whatever ran before; another seed does not."""

    async def story(seed: int) -> list[tuple[int, int, str]]:
        async with SimCluster(2, seed=seed) as cluster:
            seen: list[tuple[int, int, str]] = []
            cluster.observer.listen(lambda change: seen.append((change.time_ns, change.revision, change.new.key)))
            await cluster.kubectl.run(WEB)
            await cluster.run_for(60)
            cluster.faults.crash("node-1")
            await cluster.run_for(60)
            return seen

    first = run(lambda: story(3))
    assert run(lambda: story(3)) == first
    assert run(lambda: story(4)) != first


async def test_a_stopped_cluster_leaves_nobody_behind(sim: Simulation) -> None:
    """Teaches: after the end of a cluster no task of it runs and no time passes in it."""
    cluster = SimCluster(2)
    await cluster.start()
    await cluster.stop()
    revision = cluster.etcd.store.revision
    await cluster.run_for(600)
    assert cluster.etcd.store.revision == revision
