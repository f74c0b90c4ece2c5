"""The invariants of a cluster in which nothing moves: each holds on a healthy cluster, and is found when broken."""

from __future__ import annotations

import pytest

from kubesim.api.meta import with_fields
from kubesim.api.resources import DEPLOYMENTS, ENDPOINT_SLICES, PODS, REPLICA_SETS, Resource
from kubesim.api.stored import Object, Stored
from kubesim.checks import check_settled
from kubesim.cluster import SimCluster
from kubesim.sim import Simulation

WEB = "create deployment web --image=nginx --replicas=2"
SERVICE: Object = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
}
HOLLOW = pytest.mark.cluster(nodes=2, behavior="hollow")


async def settled(cluster: SimCluster) -> None:
    """A Deployment of two behind a Service, with everything said and done."""
    await cluster.kubectl.run(WEB)
    await cluster.apply(SERVICE)
    await cluster.settle()


async def findings(cluster: SimCluster) -> list[str]:
    return [f"{found.invariant}: {found.about}: {found.text}" for found in await check_settled(cluster)]


def doctor(cluster: SimCluster, resource: Resource, key: str, stored: Stored | None) -> None:
    """Changes what the observer believes, behind everybody's back."""
    if stored is None:
        del cluster.observer.latest[resource.kind][key]
    else:
        cluster.observer.latest[resource.kind][key] = stored


@HOLLOW
async def test_a_healthy_cluster_breaks_nothing(cluster: SimCluster) -> None:
    """Teaches: the invariants hold of every cluster in which nothing moves."""
    await settled(cluster)
    assert await findings(cluster) == []
    assert len(cluster.live_informers()) > 20, "the caches of every component were compared"


@HOLLOW
async def test_a_cache_that_missed_a_change_is_found(cluster: SimCluster) -> None:
    """Teaches: an informer's cache equals the store when nothing moves."""
    await settled(cluster)
    owner, _, informer = next(
        found for found in cluster.live_informers() if found[0] == "scheduler" and found[1].resource is PODS
    )
    key = informer.keys()[0]
    stored = informer.get(key)
    assert stored is not None
    informer._items[key] = Stored(stored.revision - 1, stored.object)
    informer._listing = None
    assert await findings(cluster) == [
        f"an informer's cache equals the store when nothing moves: {owner}: "
        f"pods {key}: cached at {stored.revision - 1}, stored at {stored.revision}"
    ]
    informer._items[key] = stored
    informer._listing = None


@HOLLOW
async def test_an_event_that_never_arrived_is_found(cluster: SimCluster) -> None:
    """Teaches: no event is lost between list and watch; etcd's own history says what there was."""
    await settled(cluster)
    pod = cluster.all(PODS)[0]
    del cluster.observer.seen[pod.revision]
    assert await findings(cluster) == [
        f"no event is lost or repeated between list and watch: /registry/pods/{pod.key}: "
        f"revision {pod.revision} (PUT) arrived 0 times instead of 1"
    ]
    cluster.observer.seen[pod.revision] = 1


@HOLLOW
async def test_an_event_that_arrived_twice_is_found(cluster: SimCluster) -> None:
    """Teaches: no event is repeated either."""
    await settled(cluster)
    pod = cluster.all(PODS)[0]
    cluster.observer.seen[pod.revision] = 2
    assert await findings(cluster) == [
        f"no event is lost or repeated between list and watch: /registry/pods/{pod.key}: "
        f"revision {pod.revision} (PUT) arrived 2 times instead of 1"
    ]
    cluster.observer.seen[pod.revision] = 1


@HOLLOW
async def test_what_a_new_list_summed_up_is_not_lost(cluster: SimCluster) -> None:
    """Teaches: after a broken watch the list tells the outcome; the steps on the way nobody needs."""
    await settled(cluster)
    informer = cluster.observer.informers.of(PODS)
    pod = cluster.all(PODS)[0]
    del cluster.observer.seen[pod.revision]
    informer.gaps.append((pod.revision - 1, pod.revision))
    assert await findings(cluster) == []
    informer.gaps[-1] = (pod.revision, pod.revision + 1)
    assert len(await findings(cluster)) == 1, "just outside of the gap"
    cluster.observer.seen[pod.revision] = 1


@HOLLOW
async def test_a_dependant_that_outlives_its_owner_is_found(cluster: SimCluster) -> None:
    """Teaches: dependants end with their owner."""
    await settled(cluster)
    replica_set = cluster.all(REPLICA_SETS)[0]
    doctor(cluster, REPLICA_SETS, replica_set.key, None)
    orphans = [text for text in await findings(cluster) if text.startswith("dependants")]
    assert orphans == [
        f"dependants end with their owner: Pod {pod.key}: its owner ReplicaSet {replica_set.name} is gone"
        for pod in sorted(cluster.all(PODS), key=lambda pod: pod.revision)
    ]
    doctor(cluster, REPLICA_SETS, replica_set.key, replica_set)


@HOLLOW
async def test_orphans_have_no_owner_any_more(cluster: SimCluster) -> None:
    """Teaches: with --cascade=orphan the references go, so that nobody is left behind by mistake."""
    await settled(cluster)
    await cluster.kubectl.run("delete deployment web --cascade=orphan")
    await cluster.settle()
    assert cluster.all(DEPLOYMENTS) == []
    assert [len(cluster.all(REPLICA_SETS)), len(cluster.all(PODS))] == [1, 2]
    assert await findings(cluster) == []


@HOLLOW
async def test_one_pod_too_many_is_found(cluster: SimCluster) -> None:
    """Teaches: a settled ReplicaSet may lack Pods, but it keeps none too many."""
    await settled(cluster)
    replica_set = cluster.all(REPLICA_SETS)[0]
    doctor(cluster, REPLICA_SETS, replica_set.key, with_spec(replica_set, {"replicas": 1}))
    assert await findings(cluster) == [
        f"a settled ReplicaSet keeps no more Pods than it wants: ReplicaSet {replica_set.key}: 2 instead of 1"
    ]
    doctor(cluster, REPLICA_SETS, replica_set.key, replica_set)


@HOLLOW
async def test_an_endpoint_that_is_missing_is_found(cluster: SimCluster) -> None:
    """Teaches: the endpoints of a Service are its ready Pods."""
    await settled(cluster)
    slice_ = cluster.all(ENDPOINT_SLICES)[-1]
    assert slice_.name.startswith("web-")
    first, second = sorted(pod.name for pod in cluster.all(PODS))
    kept = [each for each in slice_.object["endpoints"] if each["targetRef"]["name"] == first]
    doctor(cluster, ENDPOINT_SLICES, slice_.key, Stored(slice_.revision, {**slice_.object, "endpoints": kept}))
    assert await findings(cluster) == [
        "the endpoints of a settled Service are its ready Pods: Service default/web: "
        f"ready Pods: {first}, {second}; ready endpoints: {first}"
    ]
    doctor(cluster, ENDPOINT_SLICES, slice_.key, slice_)


@HOLLOW
async def test_without_its_controller_nobody_keeps_endpoints(cluster: SimCluster) -> None:
    """Teaches: an invariant holds only while those work who keep it."""
    await settled(cluster)
    cluster.faults.crash("controller-manager")
    await cluster.kubectl.run("delete pod -l app=web")
    await cluster.settle()
    assert cluster.all(PODS) == []
    assert await findings(cluster) == []


async def test_a_cluster_in_which_nobody_writes_is_checked_as_well(sim: Simulation) -> None:
    """Teaches: nothing is waited for that never comes."""
    cluster = SimCluster(0, without=("scheduler", "controller-manager"))
    async with cluster:
        assert await findings(cluster) == []


def with_spec(stored: Stored, fields: Object) -> Stored:
    """The same object, and nobody knows of it."""
    return Stored(stored.revision, with_fields(stored.object, fields, "spec"))
