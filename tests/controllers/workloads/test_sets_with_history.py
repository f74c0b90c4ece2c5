"""StatefulSets and DaemonSets on a whole cluster: identity, order, nodes, revisions."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.api.resources import (
    CONTROLLER_REVISIONS,
    DAEMON_SETS,
    EVENTS,
    PERSISTENT_VOLUME_CLAIMS,
    PODS,
    STATEFUL_SETS,
)
from kubesim.api.stored import Object
from kubesim.cluster import SimCluster
from kubesim.controllers.controller_history import revision_hash, template_patch


def workload(kind: str, image: str = "postgres:16", **spec: Any) -> Object:
    container = {"name": "pg", "image": image, "ports": [{"containerPort": 5432}]}
    template = {
        "metadata": {"labels": {"app": "db"}},
        "spec": {"terminationGracePeriodSeconds": 0, "containers": [container]},
    }
    whole = {"selector": {"matchLabels": {"app": "db"}}, "template": template, **spec}
    metadata = {"name": "db", "namespace": "default"}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": whole}


def names(cluster: SimCluster) -> list[str]:
    return [pod.name for pod in cluster.all(PODS)]


def events(cluster: SimCluster, kind: str) -> list[str]:
    found = [one.object for one in cluster.all(EVENTS) if one.object["involvedObject"]["kind"] == kind]
    return [one["message"] for one in found]


@pytest.mark.cluster(nodes=2, behavior="hollow")
async def test_a_revision_bears_the_name_that_a_real_cluster_gives_it(cluster: SimCluster) -> None:
    """Teaches: the hash is of the patch that brings the template back; this one was recorded."""
    await cluster.apply(workload("StatefulSet", serviceName="db", replicas=2))
    await cluster.settle()
    assert [one.name for one in cluster.all(CONTROLLER_REVISIONS)] == ["db-5fbb9b4c78"]
    pod = cluster.get(PODS, "default/db-1")
    assert pod is not None
    assert (pod.object["spec"]["hostname"], pod.object["spec"]["subdomain"]) == ("db-1", "db")
    assert pod.object["metadata"]["labels"] == {
        "app": "db",
        "apps.kubernetes.io/pod-index": "1",
        "controller-revision-hash": "db-5fbb9b4c78",
        "statefulset.kubernetes.io/pod-name": "db-1",
    }


def test_a_collision_gives_another_hash() -> None:
    """Teaches: the collision count is hashed too."""
    patch = template_patch(workload("StatefulSet", image="<&>"))
    assert revision_hash(patch, 0) != revision_hash(patch, 1)


@pytest.mark.cluster(nodes=2, behavior="hollow")
async def test_every_pod_has_claims_of_its_own_which_stay(cluster: SimCluster) -> None:
    """Teaches: scaling down keeps the data; the Pod of the number finds it again."""
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    claims = [{"metadata": {"name": "data"}, "spec": spec}]
    manifest = workload(
        "StatefulSet", serviceName="db", replicas=2, volumeClaimTemplates=claims, podManagementPolicy="Parallel"
    )
    await cluster.apply(manifest)
    await cluster.run_for(2)
    assert [claim.name for claim in cluster.all(PERSISTENT_VOLUME_CLAIMS)] == ["data-db-0", "data-db-1"]
    pod = cluster.get(PODS, "default/db-0")
    assert pod is not None
    assert pod.object["spec"]["volumes"][0] == {"name": "data", "persistentVolumeClaim": {"claimName": "data-db-0"}}
    assert "Create Claim data-db-0 Pod db-0 in StatefulSet db success" in events(cluster, "StatefulSet")
    await cluster.kubectl.run("scale sts db --replicas=0")
    await cluster.run_for(5)
    assert names(cluster) == []
    assert len(cluster.all(PERSISTENT_VOLUME_CLAIMS)) == 2


@pytest.mark.cluster(nodes=2, behavior="hollow")
async def test_a_pod_waits_for_the_one_before_it(cluster: SimCluster) -> None:
    """Teaches: with OrderedReady a Pod that never becomes ready stops all that come after it."""
    manifest = workload("StatefulSet", serviceName="db", replicas=3, ordinals={"start": 5})
    manifest["spec"]["template"]["spec"]["nodeSelector"] = {"no": "where"}
    await cluster.apply(manifest)
    await cluster.run_for(20)
    assert names(cluster) == ["db-5"]


@pytest.mark.cluster(nodes=2, behavior="hollow")
async def test_a_rollback_gives_an_old_revision_a_new_number(cluster: SimCluster) -> None:
    """Teaches: history is renumbered, not copied."""
    for image in ("postgres:16", "postgres:17", "postgres:16"):
        await cluster.apply(workload("StatefulSet", image=image, serviceName="db", replicas=1))
        await cluster.settle()
    assert sorted(one.object["revision"] for one in cluster.all(CONTROLLER_REVISIONS)) == [2, 3]
    stored = cluster.get(STATEFUL_SETS, "default/db")
    assert stored is not None
    assert stored.object["status"]["currentRevision"] == stored.object["status"]["updateRevision"] == "db-5fbb9b4c78"


@pytest.mark.cluster(nodes=3, behavior="hollow")
async def test_a_daemon_stays_on_a_cordoned_node_and_leaves_one_that_drives_it_away(cluster: SimCluster) -> None:
    """Teaches: daemons tolerate a cordon, not every taint."""
    await cluster.apply(workload("DaemonSet"))
    await cluster.settle()
    await cluster.kubectl.run("cordon node-1")
    await cluster.kubectl.run("taint node node-2 dedicated=db:NoExecute")
    await cluster.settle()
    assert sorted(pod.object["spec"]["nodeName"] for pod in cluster.all(PODS)) == ["node-1", "node-3"]
    stored = cluster.get(DAEMON_SETS, "default/db")
    assert stored is not None
    assert stored.object["status"] == {
        "currentNumberScheduled": 2,
        "desiredNumberScheduled": 2,
        "numberAvailable": 2,
        "numberMisscheduled": 0,
        "numberReady": 2,
        "observedGeneration": 1,
        "updatedNumberScheduled": 2,
    }


@pytest.mark.cluster(nodes=2, behavior="hollow")
async def test_with_a_surge_the_old_pod_stays_until_the_new_one_is_available(cluster: SimCluster) -> None:
    """Teaches: maxSurge trades room for availability."""
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    await cluster.apply(workload("DaemonSet", updateStrategy=rolling))
    await cluster.settle()
    await cluster.apply(workload("DaemonSet", image="postgres:17", updateStrategy=rolling))
    await cluster.run_for(0.1)
    assert len(names(cluster)) == 3
    await cluster.settle()
    images = [pod.object["spec"]["containers"][0]["image"] for pod in cluster.all(PODS)]
    assert images == ["postgres:17", "postgres:17"]


@pytest.mark.cluster(nodes=2, behavior="hollow")
async def test_a_set_that_goes_takes_no_revision_back(cluster: SimCluster) -> None:
    """Teaches: after `delete --cascade=orphan` Pods and revisions are free, and the dying set makes no new one."""
    await cluster.apply(workload("StatefulSet", serviceName="db", replicas=2))
    await cluster.settle()
    made = [change for change in [cluster.get(CONTROLLER_REVISIONS, "default/db-5fbb9b4c78")] if change]
    revisions: list[str] = []
    cluster.observer.listen(
        lambda change: revisions.append(change.verb) if change.kind == "ControllerRevision" else None
    )
    await cluster.kubectl.run("delete sts db --cascade=orphan")
    await cluster.settle()
    assert cluster.get(STATEFUL_SETS, "default/db") is None
    assert revisions == ["MODIFIED"]
    left = cluster.get(CONTROLLER_REVISIONS, "default/db-5fbb9b4c78")
    assert left is not None
    assert left.uid == made[0].uid
    assert "ownerReferences" not in left.object["metadata"]
