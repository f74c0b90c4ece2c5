"""Storage that is made when it is asked for: provisioners, attachments, growth, volumes that go with their Pod."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.addons import Addons
from kubesim.addons.network_disk import DRIVER
from kubesim.api.errors import ApiError
from kubesim.api.meta import with_fields
from kubesim.api.resources import (
    CSI_NODES,
    EVENTS,
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    PODS,
    VOLUME_ATTACHMENTS,
    Resource,
)
from kubesim.api.stored import Object, Stored
from kubesim.cluster import SimCluster
from kubesim.controllers.attach_detach_plan import attachment_name, multi_attach_words, plan_volume, unique_name


def claim(name: str = "data", size: str = "1Gi", **spec: Any) -> Object:
    wanted = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}, **spec}
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": wanted}


def pod(name: str, node: str = "", **volume: Any) -> Object:
    source = volume or {"persistentVolumeClaim": {"claimName": "data"}}
    spec: Object = {"containers": [{"name": "c", "image": "nginx"}], "volumes": [{"name": "v", **source}]}
    spec["terminationGracePeriodSeconds"] = 0
    if node:
        spec["nodeName"] = node
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"}, "spec": spec}


def said(cluster: SimCluster, name: str) -> list[tuple[str, str, str]]:
    """The events about one object, without the number in a provisioner's name."""
    found = [one.object for one in cluster.all(EVENTS) if one.object["involvedObject"]["name"] == name]
    found.sort(key=lambda one: (one["firstTimestamp"] or "", one["metadata"]["name"]))
    return [(one["source"].get("component", "").rpartition("_")[0], one["reason"], one["message"]) for one in found]


async def enabled(cluster: SimCluster, *names: str) -> None:
    addons = Addons(cluster)
    for name in names:
        await addons.enable(name)
    await cluster.run_for(5)


async def listed(cluster: SimCluster, resource: Resource) -> list[Stored]:
    """The objects of a kind that the observer does not follow."""
    return list((await cluster.client.list(resource)).items)


def only(stored: list[Stored]) -> Object:
    (one,) = stored
    return one.object


@pytest.mark.cluster(nodes=1)
async def test_a_claim_without_a_class_gets_a_volume_of_the_default_one(cluster: SimCluster) -> None:
    """Teaches: the binder asks, the provisioner makes, the binder binds; with the claim the volume goes, too."""
    await enabled(cluster, "default-storageclass", "storage-provisioner")
    await cluster.apply(claim())
    await cluster.run_for(1)
    bound = cluster.get(PERSISTENT_VOLUME_CLAIMS, "default/data")
    assert bound is not None
    name = f"pvc-{bound.uid}"
    assert bound.object["status"] == {
        "phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"},
    }  # fmt: skip
    volume = only(await listed(cluster, PERSISTENT_VOLUMES))
    assert volume["metadata"]["name"] == name
    assert volume["spec"]["hostPath"] == {"path": "/tmp/hostpath-provisioner/default/data", "type": ""}
    assert volume["spec"]["storageClassName"] == "standard"
    assert sorted(said(cluster, "data")) == [
        (
            "",
            "ExternalProvisioning",
            "Waiting for a volume to be created either by the external provisioner 'k8s.io/minikube-hostpath' or "
            "manually by the system administrator. If volume creation is delayed, please verify that the provisioner "
            "is running and correctly registered.",
        ),
        (
            "k8s.io/minikube-hostpath_minikube",
            "Provisioning",
            'External provisioner is provisioning volume for claim "default/data"',
        ),
        ("k8s.io/minikube-hostpath_minikube", "ProvisioningSucceeded", f"Successfully provisioned volume {name}"),
    ]
    await cluster.client.delete(PERSISTENT_VOLUME_CLAIMS, "data", "default")
    await cluster.run_for(1)
    assert await listed(cluster, PERSISTENT_VOLUMES) == []


@pytest.mark.cluster(nodes=1)
async def test_no_provisioner_no_volume(cluster: SimCluster) -> None:
    """Teaches: a StorageClass is only a name; somebody has to be there who makes the volumes."""
    await enabled(cluster, "default-storageclass")
    await cluster.apply(claim())
    await cluster.run_for(20)
    assert [reason for _, reason, _ in said(cluster, "data")] == ["ExternalProvisioning"]
    assert await listed(cluster, PERSISTENT_VOLUMES) == []
    await Addons(cluster).enable("storage-provisioner")  # It finds the claim that has been waiting.
    await cluster.run_for(1)
    assert len(await listed(cluster, PERSISTENT_VOLUMES)) == 1


@pytest.mark.cluster(nodes=1)
async def test_a_provisioner_that_cannot_select_says_so(cluster: SimCluster) -> None:
    """Teaches: a claim that selects by labels wants a volume that is there already."""
    await enabled(cluster, "default-storageclass", "storage-provisioner")
    await cluster.apply(claim(selector={"matchLabels": {"disk": "fast"}}))
    await cluster.run_for(1)
    words = 'failed to provision volume with StorageClass "standard": claim Selector is not supported'
    assert ("k8s.io/minikube-hostpath_minikube", "ProvisioningFailed", words) in said(cluster, "data")
    assert await listed(cluster, PERSISTENT_VOLUMES) == []


@pytest.mark.cluster(nodes=2)
async def test_a_disk_is_attached_to_the_node_of_its_pod(cluster: SimCluster) -> None:
    """Teaches: VolumeAttachment, the node's volumesAttached, and the event, 1.5 s after the Pod was bound."""
    await enabled(cluster, "network-disk")
    assert [node.name for node in await listed(cluster, CSI_NODES)] == ["node-1", "node-2"]
    await cluster.apply(claim(storageClassName="network-disk"))
    await cluster.run_for(3)
    await cluster.apply(pod("first", "node-1"))
    await cluster.run_for(1.4)
    attachment = only(await listed(cluster, VOLUME_ATTACHMENTS))
    volume = only(await listed(cluster, PERSISTENT_VOLUMES))
    assert attachment["metadata"]["name"] == attachment_name(volume["spec"]["csi"]["volumeHandle"], DRIVER, "node-1")
    assert not (attachment.get("status") or {}).get("attached")
    await cluster.run_for(0.2)
    node = cluster.get(NODES, "node-1")
    assert node is not None
    assert node.object["status"]["volumesAttached"] == [{"name": unique_name(volume), "devicePath": ""}]
    name = volume["metadata"]["name"]
    attached = [event for event in said(cluster, "first") if event[1] == "SuccessfulAttachVolume"]
    assert attached == [("", "SuccessfulAttachVolume", f'AttachVolume.Attach succeeded for volume "{name}" ')]
    await cluster.client.delete(PODS, "first", "default")
    await cluster.run_for(10)
    assert await listed(cluster, VOLUME_ATTACHMENTS) == []
    node = cluster.get(NODES, "node-1")
    assert node is not None
    assert "volumesAttached" not in node.object["status"]


@pytest.mark.cluster(nodes=2)
async def test_a_disk_of_one_node_is_not_for_another(cluster: SimCluster) -> None:
    """Teaches: the second Pod waits with a Multi-Attach error until the disk has left the first node."""
    await enabled(cluster, "network-disk")
    await cluster.apply(claim(storageClassName="network-disk"))
    await cluster.run_for(3)
    await cluster.apply(pod("first", "node-1"))
    await cluster.run_for(5)
    await cluster.apply(pod("second", "node-2"))
    await cluster.run_for(5)
    name = only(await listed(cluster, PERSISTENT_VOLUMES))["metadata"]["name"]
    words = f'Multi-Attach error for volume "{name}" Volume is already used by pod(s) first'
    assert ("", "FailedAttachVolume", words) in said(cluster, "second")
    assert only(await listed(cluster, VOLUME_ATTACHMENTS))["spec"]["nodeName"] == "node-1"
    await cluster.client.delete(PODS, "first", "default")
    await cluster.run_for(10)
    assert only(await listed(cluster, VOLUME_ATTACHMENTS))["spec"]["nodeName"] == "node-2"


@pytest.mark.cluster(nodes=1)
async def test_a_claim_grows_where_its_class_allows_that(cluster: SimCluster) -> None:
    """Teaches: ask for more in the claim; the resizer makes the disk grow, and then the claim says so."""
    await enabled(cluster, "network-disk", "default-storageclass", "storage-provisioner")
    await cluster.apply(claim(storageClassName="network-disk"))
    await cluster.apply(claim("fixed"))
    await cluster.run_for(3)
    with pytest.raises(ApiError, match="only dynamically provisioned pvc can be resized"):
        await cluster.apply(claim("fixed", "2Gi"))
    await cluster.apply(claim(size="2Gi", storageClassName="network-disk"))
    await cluster.run_for(2.9)
    grown = cluster.get(PERSISTENT_VOLUME_CLAIMS, "default/data")
    assert grown is not None
    assert grown.object["status"]["capacity"] == {"storage": "1Gi"}
    assert [one["type"] for one in grown.object["status"]["conditions"]] == ["Resizing"]
    await cluster.run_for(0.2)
    grown = cluster.get(PERSISTENT_VOLUME_CLAIMS, "default/data")
    assert grown is not None
    assert grown.object["status"]["capacity"] == {"storage": "2Gi"}
    assert "conditions" not in grown.object["status"]
    name = grown.object["spec"]["volumeName"]
    told = [(reason, words) for _, reason, words in said(cluster, "data") if "rovision" not in reason]
    assert sorted(told) == [
        ("ExternalExpanding", "waiting for an external controller to expand this PVC"),
        ("Resizing", f"External resizer is resizing volume {name}"),
        ("VolumeResizeSuccessful", "Resize volume succeeded"),
    ]


@pytest.mark.cluster(nodes=1)
async def test_an_ephemeral_volume_comes_and_goes_with_its_pod(cluster: SimCluster) -> None:
    """Teaches: the claim is POD-VOLUME and belongs to the Pod."""
    await enabled(cluster, "default-storageclass", "storage-provisioner")
    template = {"metadata": {"labels": {"a": "b"}}, "spec": claim()["spec"]}
    await cluster.apply(pod("p", ephemeral={"volumeClaimTemplate": template}))
    await cluster.run_for(5)
    made = only(cluster.all(PERSISTENT_VOLUME_CLAIMS))
    assert (made["metadata"]["name"], made["metadata"]["labels"]) == ("p-v", {"a": "b"})
    assert made["status"]["phase"] == "Bound"
    running = cluster.get(PODS, "default/p")
    assert running is not None
    assert running.object["status"]["phase"] == "Running"
    await cluster.client.delete(PODS, "p", "default")
    await cluster.run_for(5)
    assert cluster.all(PERSISTENT_VOLUME_CLAIMS) == []


@pytest.mark.cluster(nodes=1)
async def test_somebody_elses_claim_is_never_used_for_an_ephemeral_volume(cluster: SimCluster) -> None:
    """Teaches: names meet, so the controller looks whose claim it is."""
    await cluster.apply(claim("p-v"))
    await cluster.apply(pod("p", ephemeral={"volumeClaimTemplate": {"spec": claim()["spec"]}}))
    await cluster.run_for(1)
    words = 'ephemeral volume v: PVC "default/p-v" was not created for pod "default/p" (pod is not owner)'
    assert ("ephemeral", "FailedBinding", words) in said(cluster, "p")


def disk(**spec: Any) -> Object:
    source = {"csi": {"driver": DRIVER, "volumeHandle": "h"}}
    return {"metadata": {"name": "pv"}, "spec": {**source, "accessModes": ["ReadWriteOnce"], **spec}}


def attachment(node: str) -> Stored:
    return Stored(1, {"metadata": {"name": f"csi-{node}"}, "spec": {"nodeName": node}})


def node(ready: str, *, in_use: bool, **spec: Any) -> Stored:
    status: Object = {"conditions": [{"type": "Ready", "status": ready}]}
    if in_use:
        status["volumesInUse"] = [unique_name(disk())]
    return Stored(1, {"metadata": {"name": "n"}, "spec": spec, "status": status})


def test_a_disk_that_is_mounted_stays_on_a_node_that_lives() -> None:
    """Teaches: taking a disk from under a program loses data; so the kubelet is asked first."""
    plan = plan_volume(disk(), {}, [attachment("n")], {"n": node("True", in_use=True)}, {"n": 10_000})
    assert (plan.detach, plan.look_again_seconds) == ([], float("inf"))
    plan = plan_volume(disk(), {}, [attachment("n")], {"n": node("True", in_use=False)}, {"n": 0})
    assert len(plan.detach) == 1


def test_a_dead_node_loses_its_disk_after_six_minutes() -> None:
    """Teaches: nobody can ask a dead kubelet; the taint out-of-service says that it is dead indeed."""
    for seconds, left in ((0, 360), (359, 1)):
        plan = plan_volume(disk(), {}, [attachment("n")], {"n": node("Unknown", in_use=True)}, {"n": seconds})
        assert (plan.detach, plan.look_again_seconds) == ([], left)
    plan = plan_volume(disk(), {}, [attachment("n")], {"n": node("Unknown", in_use=True)}, {"n": 360})
    assert len(plan.detach) == 1
    taints = [{"key": "node.kubernetes.io/out-of-service", "effect": "NoExecute"}]
    gone = node("Unknown", in_use=True, taints=taints)
    assert len(plan_volume(disk(), {}, [attachment("n")], {"n": gone}, {"n": 0}).detach) == 1


def test_a_volume_for_many_is_attached_to_many() -> None:
    """Teaches: ReadWriteMany never waits for another node."""
    shared = disk(accessModes=["ReadWriteMany"])
    wanted: dict[str, list[Stored]] = {"a": [], "b": []}
    assert plan_volume(shared, wanted, [], {}, {}).attach == ["a", "b"]
    plan = plan_volume(disk(), wanted, [], {}, {})
    assert (plan.attach, plan.blocked) == (["a"], ["b"])


def test_who_has_the_disk_is_told_but_not_across_namespaces() -> None:
    """Teaches: names of Pods elsewhere are nobody's business: they are only counted."""

    def named(name: str, namespace: str) -> Stored:
        return Stored(1, with_fields(pod(name), {"namespace": namespace}, "metadata"))

    mine = named("mine", "a")
    head = 'Multi-Attach error for volume "pv" Volume is already '
    assert multi_attach_words("pv", mine, []) == (
        f"{head}exclusively attached to one node and can't be attached to another"
    )
    near, far = named("near", "a"), named("far", "b")
    assert multi_attach_words("pv", mine, [near]) == f"{head}used by pod(s) near"
    assert multi_attach_words("pv", mine, [near, far]) == (
        f"{head}used by pod(s) near and 1 pod(s) in different namespaces"
    )
    assert multi_attach_words("pv", mine, [far]) == f"{head}used by 1 pod(s) in different namespaces"
