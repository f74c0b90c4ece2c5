"""Quotas and disruption budgets at work in a whole cluster."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.api.errors import ApiError, TooManyRequestsError
from kubesim.api.resources import (
    DEPLOYMENTS,
    EVENTS,
    PERSISTENT_VOLUME_CLAIMS,
    POD_DISRUPTION_BUDGETS,
    PODS,
    RESOURCE_QUOTAS,
)
from kubesim.api.stored import Object
from kubesim.api.wire import ClientCertificate, Options, Request
from kubesim.client.kubectl.command import KubectlError
from kubesim.cluster import SimCluster

ADMIN = ClientCertificate("kubernetes-admin", ("system:masters",))
LABELS = {"app": "web"}


async def web(cluster: SimCluster, replicas: int = 3) -> None:
    template = {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": LABELS}, "template": template}
    await cluster.apply({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec})
    await cluster.settle()


async def budget(cluster: SimCluster, name: str = "web", **spec: Any) -> None:
    body = {"selector": {"matchLabels": LABELS}, **spec}
    await cluster.apply(
        {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name}, "spec": body}
    )
    await cluster.run_for(1)


async def evict(cluster: SimCluster, name: str, *, dry_run: bool = False) -> None:
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": "default"}}
    options = Options(dry_run=dry_run)
    await cluster.handle(Request("create", PODS, "default", name, "eviction", body, options=options, credential=ADMIN))


def pods(cluster: SimCluster) -> list[str]:
    return [pod.name for pod in cluster.all(PODS) if not pod.object["metadata"].get("deletionTimestamp")]


def status(cluster: SimCluster, name: str = "web") -> Object:
    stored = cluster.get(POD_DISRUPTION_BUDGETS, f"default/{name}")
    assert stored is not None
    found: Object = stored.object["status"]
    return found


async def test_an_eviction_asks_the_budget(cluster: SimCluster) -> None:
    """Teaches: what may be disrupted is counted; an eviction beyond it is told to come back, with the reason."""
    await web(cluster)
    await budget(cluster, minAvailable=2)
    assert status(cluster)["disruptionsAllowed"] == 1
    first, second, *_ = pods(cluster)
    await evict(cluster, first, dry_run=True)
    await evict(cluster, first)
    with pytest.raises(TooManyRequestsError) as refused:
        await evict(cluster, second)
    assert str(refused.value) == "Cannot evict pod as it would violate the pod's disruption budget."
    cause = (refused.value.details or {})["causes"][0]
    assert cause["reason"] == "DisruptionBudget"
    assert cause["message"] == "The disruption budget web needs 2 healthy pods and has 3 currently"
    await cluster.settle()
    assert status(cluster)["disruptionsAllowed"] == 1
    evicted = [each for each in cluster.all(PODS) if each.name == first]
    assert evicted == []


async def test_a_share_is_of_what_the_owner_wants(cluster: SimCluster) -> None:
    """Teaches: maxUnavailable and percentages count the replicas that are wanted, rounded up."""
    await web(cluster)
    await budget(cluster, maxUnavailable="50%")
    found = status(cluster)
    assert (found["expectedPods"], found["desiredHealthy"], found["disruptionsAllowed"]) == (3, 1, 2)
    assert [(each["status"], each["reason"]) for each in found["conditions"]] == [("True", "SufficientPods")]


async def test_two_budgets_for_one_pod_are_an_error(cluster: SimCluster) -> None:
    """Teaches: nobody can say which one counts."""
    await web(cluster, 1)
    await budget(cluster, maxUnavailable=1)
    await budget(cluster, "other", maxUnavailable=1)
    with pytest.raises(ApiError, match="This pod has more than one PodDisruptionBudget") as refused:
        await evict(cluster, pods(cluster)[0])
    assert refused.value.code == 500


async def test_what_cannot_be_counted_may_not_be_disrupted(cluster: SimCluster) -> None:
    """Teaches: a Pod that belongs to nobody who can be scaled leaves a maximum without meaning."""
    await budget(cluster, maxUnavailable=1)
    body = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "nginx"}]}
    template = {"metadata": {"labels": LABELS}, "spec": body}
    await cluster.apply(
        {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"}, "spec": {"template": template}}
    )
    await cluster.run_for(1)
    (condition,) = status(cluster)["conditions"]
    assert (condition["reason"], condition["message"]) == (
        "SyncFailed",
        "jobs.batch does not implement the scale subresource",
    )
    events = {each.object["reason"] for each in cluster.all(EVENTS)}
    assert {"NoPods", "CalculateExpectedPodCountFailed"} <= events


async def test_a_quota_is_given_back_when_things_go(cluster: SimCluster) -> None:
    """Teaches: admission only adds; the controller takes away when something is deleted."""
    spec = {"hard": {"pods": "2", "count/deployments.apps": "1"}}
    await cluster.apply({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": spec})
    await cluster.run_for(1)
    await web(cluster, 1)
    stored = cluster.get(RESOURCE_QUOTAS, "default/q")
    assert stored is not None
    assert stored.object["status"]["used"] == {"count/deployments.apps": "1", "pods": "1"}
    await cluster.client_for("test", ADMIN).delete(DEPLOYMENTS, "web", "default")
    await cluster.settle()
    stored = cluster.get(RESOURCE_QUOTAS, "default/q")
    assert stored is not None
    assert stored.object["status"]["used"] == {"count/deployments.apps": "0", "pods": "0"}


async def test_a_claim_in_use_outlives_its_deletion(cluster: SimCluster) -> None:
    """Teaches: a finalizer keeps data under a Pod, also when it has ended; when the Pod is gone the claim goes too."""
    resources = {"requests": {"storage": "1Gi"}}
    spec: Object = {"accessModes": ["ReadWriteOnce"], "resources": resources}
    await cluster.apply({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "c"}, "spec": spec})
    volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]
    containers: list[Object] = [{"name": "c", "image": "nginx"}]
    body: Object = {"nodeName": "node-1", "containers": containers, "volumes": volumes}
    await cluster.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": body})
    client = cluster.client_for("test", ADMIN)
    await client.patch(PODS, "p", {"status": {"phase": "Succeeded"}}, "default", subresource="status")
    await client.delete(PERSISTENT_VOLUME_CLAIMS, "c", "default")
    await cluster.run_for(5)
    assert cluster.get(PERSISTENT_VOLUME_CLAIMS, "default/c") is not None
    await client.delete(PODS, "p", "default", grace_period_seconds=0)
    await cluster.run_for(5)
    assert cluster.get(PERSISTENT_VOLUME_CLAIMS, "default/c") is None


async def test_a_claim_is_not_in_use_by_a_pod_without_a_node(cluster: SimCluster) -> None:
    """Teaches: no kubelet would start a Pod with a claim that is going, so a waiting Pod does not keep one."""
    spec: Object = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    await cluster.apply({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "c"}, "spec": spec})
    volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]
    body: Object = {"containers": [{"name": "c", "image": "nginx"}], "volumes": volumes}
    await cluster.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": body})
    await cluster.client_for("test", ADMIN).delete(PERSISTENT_VOLUME_CLAIMS, "c", "default")
    await cluster.run_for(5)
    assert cluster.get(PERSISTENT_VOLUME_CLAIMS, "default/c") is None


async def test_a_drain_waits_for_the_budget(cluster: SimCluster) -> None:
    """Teaches: drain cordons, asks, is refused, and asks again every five seconds until the budget has room."""
    await web(cluster, 3)
    await budget(cluster, minAvailable=3)
    pod = next(each for each in cluster.all(PODS) if each.name == pods(cluster)[0])
    node = pod.object["spec"]["nodeName"]
    with pytest.raises(KubectlError, match="global timeout reached: 12"):
        await cluster.kubectl.run(f"drain {node} --timeout=12s")
    assert pod.name in pods(cluster)
    await cluster.kubectl.run('patch pdb web -p \'{"spec":{"minAvailable":1}}\'')
    await cluster.run_for(1)
    lines = await cluster.kubectl.run(f"drain {node} --timeout=2m")
    assert lines[0] == f"node/{node} already cordoned"
    assert lines[-1] == f"node/{node} drained"
    assert pod.name not in pods(cluster)


async def test_a_drain_spares_nobody_by_accident(cluster: SimCluster) -> None:
    """Teaches: a Pod that nobody would replace needs --force."""
    body = {"containers": [{"name": "c", "image": "nginx"}], "nodeName": "node-1"}
    await cluster.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "lonely"}, "spec": body})
    await cluster.run_for(5)
    with pytest.raises(KubectlError, match="Pods that declare no controller"):
        await cluster.kubectl.run("drain node-1")
    await cluster.kubectl.run("drain node-1 --force")
    assert pods(cluster) == []
