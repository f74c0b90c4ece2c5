"""Claims find volumes, and volumes outlive claims."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.api.resources import (
    EVENTS,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    PODS,
    VOLUME_ATTRIBUTES_CLASSES,
)
from kubesim.api.stored import Object
from kubesim.cluster import SimCluster


def volume(name: str, size: str, **spec: Any) -> Object:
    whole = {"capacity": {"storage": size}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/data"}, **spec}
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": whole}


def claim(name: str, size: str, **spec: Any) -> Object:
    whole = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}, **spec}
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": whole}


def said(cluster: SimCluster) -> list[tuple[str, str]]:
    return [
        (event.object["reason"], event.object["message"])
        for event in cluster.all(EVENTS)
        if event.object["involvedObject"]["kind"].startswith("PersistentVolume")
    ]


async def phase(cluster: SimCluster, name: str) -> str:
    stored = await cluster.client.get(PERSISTENT_VOLUMES, name)
    return str(stored.object["status"]["phase"])


@pytest.mark.cluster(nodes=1)
async def test_the_smallest_volume_that_is_large_enough_is_bound(cluster: SimCluster) -> None:
    """Teaches: a binding is two references: the volume names the claim, the claim the volume."""
    for name, size in (("big", "10Gi"), ("small", "1Gi"), ("middle", "2Gi")):
        await cluster.apply(volume(name, size))
    await cluster.run_for(1)
    assert await phase(cluster, "middle") == "Available"
    await cluster.apply(claim("data", "1500Mi"))
    await cluster.run_for(1)
    bound = cluster.get(PERSISTENT_VOLUME_CLAIMS, "default/data")
    assert bound is not None
    assert bound.object["spec"]["volumeName"] == "middle"
    assert bound.object["status"] == {
        "phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "2Gi"},
    }  # fmt: skip
    assert await phase(cluster, "middle") == "Bound"
    annotations = bound.object["metadata"]["annotations"]
    assert annotations["pv.kubernetes.io/bind-completed"] == "yes"
    assert annotations["pv.kubernetes.io/bound-by-controller"] == "yes"


@pytest.mark.cluster(nodes=1)
async def test_a_volume_whose_claim_is_gone_is_released_and_stays_so(cluster: SimCluster) -> None:
    """Teaches: with Retain somebody has to look at the data before the volume is given to the next."""
    await cluster.apply(volume("one", "1Gi"))
    await cluster.run_for(1)
    await cluster.apply(claim("data", "1Gi"))
    await cluster.run_for(1)
    await cluster.client.delete(PERSISTENT_VOLUME_CLAIMS, "data", "default")
    await cluster.run_for(1)
    assert await phase(cluster, "one") == "Released"
    await cluster.apply(claim("data", "1Gi"))
    await cluster.run_for(20)
    assert await phase(cluster, "one") == "Released"


@pytest.mark.cluster(nodes=1)
async def test_a_host_path_outside_tmp_is_never_deleted(cluster: SimCluster) -> None:
    """Teaches: the policy Delete fails where nobody can delete."""
    await cluster.apply(volume("one", "1Gi", persistentVolumeReclaimPolicy="Delete"))
    await cluster.run_for(1)
    await cluster.apply(claim("data", "1Gi"))
    await cluster.run_for(1)
    await cluster.client.delete(PERSISTENT_VOLUME_CLAIMS, "data", "default")
    await cluster.run_for(1)
    assert await phase(cluster, "one") == "Failed"
    words = "host_path deleter only supports /tmp/.+ but received provided /data"
    assert ("VolumeFailedDelete", words) in said(cluster)


@pytest.mark.cluster(nodes=1)
async def test_a_claim_that_waits_says_for_what(cluster: SimCluster) -> None:
    """Teaches: no class and no volume, a class that does not exist, a provisioner outside, a first consumer."""
    for name, mode in (("now", "Immediate"), ("later", "WaitForFirstConsumer")):
        class_ = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name}}
        await cluster.apply({**class_, "provisioner": "example.com/p", "volumeBindingMode": mode})
    await cluster.apply(claim("none", "1Gi"))
    await cluster.apply(claim("lost", "1Gi", storageClassName="gone"))
    await cluster.apply(claim("outside", "1Gi", storageClassName="now"))
    await cluster.apply(claim("waits", "1Gi", storageClassName="later"))
    await cluster.run_for(1)
    assert sorted(said(cluster)) == [
        (
            "ExternalProvisioning",
            "Waiting for a volume to be created either by the external provisioner 'example.com/p' or manually by the "
            "system administrator. If volume creation is delayed, please verify that the provisioner is running and "
            "correctly registered.",
        ),
        ("FailedBinding", "no persistent volumes available for this claim and no storage class is set"),
        ("ProvisioningFailed", 'storageclass.storage.k8s.io "gone" not found'),
        ("WaitForFirstConsumer", "waiting for first consumer to be created before binding"),
    ]


@pytest.mark.cluster(nodes=1)
async def test_a_volume_that_arrives_later_is_found_at_the_next_look(cluster: SimCluster) -> None:
    """Teaches: pending claims are looked at every 15 s; a new volume wakes nobody."""
    await cluster.apply(claim("data", "1Gi"))
    await cluster.run_for(1)
    await cluster.apply(volume("one", "1Gi"))
    await cluster.run_for(16)
    assert await phase(cluster, "one") == "Bound"


def message(cluster: SimCluster) -> str:
    pod = cluster.get(PODS, "default/p")
    assert pod is not None
    conditions = [one for one in pod.object["status"]["conditions"] if one["type"] == "PodScheduled"]
    return str(conditions[0].get("message", ""))


@pytest.mark.cluster(nodes=1)
async def test_a_pod_waits_for_its_claims(cluster: SimCluster) -> None:
    """Teaches: no claim, an unbound claim, a bound one: three answers of the scheduler."""
    mounted = [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]
    spec = {"containers": [{"name": "c", "image": "nginx"}], "volumes": mounted}
    await cluster.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec})
    await cluster.run_for(1)
    assert message(cluster).startswith('0/1 nodes are available: persistentvolumeclaim "data" not found.')
    await cluster.apply(claim("data", "1Gi"))
    await cluster.run_for(5)
    assert message(cluster).startswith("0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.")
    await cluster.apply(volume("one", "1Gi"))
    await cluster.run_for(30)
    assert message(cluster) == ""


@pytest.mark.cluster(nodes=1)
async def test_a_class_that_waits_for_a_consumer_is_bound_once_there_is_one(cluster: SimCluster) -> None:
    """Teaches: with WaitForFirstConsumer the scheduler chooses the node first, then the volume is bound."""
    class_ = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "later"}}
    later = {"provisioner": "kubernetes.io/no-provisioner", "volumeBindingMode": "WaitForFirstConsumer"}
    await cluster.apply({**class_, **later})
    await cluster.apply(volume("one", "1Gi", storageClassName="later"))
    await cluster.apply(claim("data", "1Gi", storageClassName="later"))
    await cluster.run_for(20)
    assert await phase(cluster, "one") == "Available"
    mounted = [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]
    spec = {"containers": [{"name": "c", "image": "nginx"}], "volumes": mounted}
    await cluster.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec})
    await cluster.run_for(5)
    assert await phase(cluster, "one") == "Bound"
    pod = cluster.get(PODS, "default/p")
    assert pod is not None
    assert pod.object["spec"]["nodeName"] == "node-1"


@pytest.mark.cluster(nodes=1)
async def test_an_attributes_class_stays_while_a_claim_names_it(cluster: SimCluster) -> None:
    """Teaches: a finalizer keeps the class; the protection controller takes it away after the last user."""
    kind = {"apiVersion": "storage.k8s.io/v1", "kind": "VolumeAttributesClass", "driverName": "x.io"}
    for name in ("used", "free"):
        await cluster.apply({**kind, "metadata": {"name": name}})
    await cluster.apply(claim("data", "1Gi", storageClassName="", volumeAttributesClassName="used"))
    for name in ("used", "free"):
        await cluster.client.delete(VOLUME_ATTRIBUTES_CLASSES, name)
    await cluster.run_for(1)
    left = (await cluster.client.list(VOLUME_ATTRIBUTES_CLASSES)).items
    assert [stored.name for stored in left] == ["used"]
    await cluster.client.delete(PERSISTENT_VOLUME_CLAIMS, "data", "default")
    await cluster.run_for(1)
    assert not (await cluster.client.list(VOLUME_ATTRIBUTES_CLASSES)).items
