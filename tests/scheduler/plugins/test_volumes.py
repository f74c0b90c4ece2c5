"""Volumes keep Pods to certain nodes: bindings, zones, limits, disks that cannot be shared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kubesim.api.resources import EVENTS, PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS
from kubesim.api.stored import Stored
from kubesim.cluster import SimCluster
from kubesim.scheduler.framework.status import SUCCESS
from kubesim.scheduler.plugins.volume_binding import SELECTED_NODE

ZONE = "topology.kubernetes.io/zone"
Make = Callable[..., Stored]


def claim(name: str, volume: str = "", **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "default", "uid": f"uid-{name}"}
    if volume:
        metadata["annotations"] = {"pv.kubernetes.io/bind-completed": "yes"}
        spec["volumeName"] = volume
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}} | spec
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec, "status": {}}


def volume(name: str, labels: dict[str, str] | None = None, node: str = "", **spec: Any) -> dict[str, Any]:
    if node:
        expression = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
        spec["nodeAffinity"] = {"required": {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}}
    spec = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"]} | spec
    return {
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name, "labels": labels or {}},
        "spec": spec, "status": {"phase": "Available"},
    }  # fmt: skip


def storage_class(name: str, provisioner: str = "kubernetes.io/no-provisioner", **more: Any) -> dict[str, Any]:
    head = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name}}
    return head | {"provisioner": provisioner, "volumeBindingMode": "WaitForFirstConsumer"} | more


def mounting(*claims: str) -> dict[str, Any]:
    return {"volumes": [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in claims]}


@pytest.fixture
def two(world: Any, node: Make) -> Any:
    """n1 in zone a, n2 in b."""
    return world([node("n1", labels={ZONE: "a"}), node("n2", labels={ZONE: "b"})])


def test_a_bound_volume_is_used_where_it_can_be_reached(two: Any, pod: Make) -> None:
    """Teaches: a local volume ties its Pod to a node for good."""
    two.know(claim("data", volume="local"), volume("local", node="n1"))
    new = pod(**mounting("data"))
    assert two.verdict(new, "n1") is SUCCESS
    assert two.verdict(new, "n2").reasons == ("node(s) didn't match PersistentVolume's node affinity",)


def test_a_claim_that_waits_needs_a_volume_that_the_node_reaches(two: Any, pod: Make) -> None:
    """Teaches: two claims of one Pod cannot share a volume; without a provisioner there is no other."""
    two.know(storage_class("local"), volume("v1", node="n1", storageClassName="local"))
    two.know(claim("data", storageClassName="local"), claim("more", storageClassName="local"))
    no_volume = ("node(s) didn't find available persistent volumes to bind",)
    assert two.verdict(pod(**mounting("data")), "n1") is SUCCESS
    assert two.verdict(pod(**mounting("data")), "n2").reasons == no_volume
    assert two.verdict(pod(**mounting("data", "more")), "n1").reasons == no_volume


def test_a_provisioner_makes_volumes_where_its_class_allows(two: Any, pod: Make) -> None:
    """Teaches: allowedTopologies are part of the decision."""
    allowed = [{"matchLabelExpressions": [{"key": ZONE, "values": ["b"]}]}]
    two.know(storage_class("cloud", "csi.example.com", allowedTopologies=allowed))
    two.know(claim("data", storageClassName="cloud"))
    assert two.verdict(pod(**mounting("data")), "n1") is not SUCCESS
    assert two.verdict(pod(**mounting("data")), "n2") is SUCCESS


def capacity(name: str, zone: str, size: str, most: str = "") -> dict[str, Any]:
    head = {"apiVersion": "storage.k8s.io/v1", "kind": "CSIStorageCapacity"}
    told = {"capacity": size} | ({"maximumVolumeSize": most} if most else {})
    topology = {"matchLabels": {ZONE: zone}}
    metadata = {"name": name, "namespace": "kube-system"}
    return head | {"metadata": metadata, "storageClassName": "cloud", "nodeTopology": topology} | told


def test_a_driver_that_tells_its_capacity_is_not_asked_for_more(two: Any, pod: Make) -> None:
    """Teaches: CSIStorageCapacity counts only if the CSIDriver says so; the largest volume counts before the sum."""
    driver = {"apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver", "metadata": {"name": "csi.example.com"}}
    two.know(storage_class("cloud", "csi.example.com"), claim("data", storageClassName="cloud"))
    two.know(capacity("a", "a", "100Gi", "512Mi"), capacity("b", "b", "1Gi"))
    assert two.verdict(pod(**mounting("data")), "n1") is SUCCESS
    two.know(driver | {"spec": {"storageCapacity": True}})
    assert two.verdict(pod(**mounting("data")), "n1").reasons == ("node(s) did not have enough free storage",)
    assert two.verdict(pod(**mounting("data")), "n2") is SUCCESS
    hint = two.plugin("VolumeBinding").is_schedulable_after_capacity
    small, large = (Stored(1, capacity("a", "a", size)) for size in ("1Gi", "2Gi"))
    assert [hint(None, *pair) for pair in ((None, small), (small, large), (large, small))] == [True, True, False]


def test_a_claim_that_names_its_volume_is_the_volume_controllers_business(two: Any, pod: Make) -> None:
    """Teaches: a claim bound by half is waited for, whatever its class."""
    half = claim("data", storageClassName="local", volumeName="v1")
    two.know(storage_class("local"), volume("v1", node="n1", storageClassName="local"), half)
    decision = two.schedule(pod(**mounting("data")))
    assert decision.diagnosis.pre_filter_message == "pod has unbound immediate PersistentVolumeClaims"


def test_old_volumes_say_their_zone_in_a_label(two: Any, pod: Make) -> None:
    """Teaches: "a__c" is two zones; the beta name of the label means the same."""
    two.know(claim("data", volume="v"), volume("v", {"failure-domain.beta.kubernetes.io/zone": "a__c"}))
    assert two.verdict(pod(**mounting("data")), "n1") is SUCCESS
    assert two.verdict(pod(**mounting("data")), "n2").reasons == ("node(s) had no available volume zone",)


def test_a_driver_attaches_so_many_volumes_to_a_node(two: Any, pod: Make) -> None:
    """Teaches: a volume counts once, however many Pods of the node use it."""
    driver = {"name": "csi.example.com", "nodeID": "n1", "allocatable": {"count": 1}}
    csi_node = {"apiVersion": "storage.k8s.io/v1", "kind": "CSINode", "metadata": {"name": "n1"}}
    two.know({**csi_node, "spec": {"drivers": [driver]}})
    for name in ("one", "two"):
        handle = {"driver": "csi.example.com", "volumeHandle": name}
        two.know(claim(name, volume=f"v-{name}"), volume(f"v-{name}", csi=handle))
    two.place(pod("old", node="n1", **mounting("one")))
    two.refresh()
    assert two.verdict(pod(**mounting("one")), "n1") is SUCCESS
    assert two.verdict(pod(**mounting("two")), "n1").reasons == ("node(s) exceed max volume count",)
    assert two.verdict(pod(**mounting("two")), "n2") is SUCCESS


def test_a_claim_of_one_pod_keeps_all_others_out_everywhere(two: Any, pod: Make) -> None:
    """Teaches: ReadWriteOncePod is not about nodes."""
    two.know(claim("data", volume="v", accessModes=["ReadWriteOncePod"]), volume("v"))
    two.place(pod("old", node="n1", **mounting("data")))
    two.refresh()
    assert two.verdict(pod(**mounting("data")), "n2").reasons == (
        "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode",
    )


@pytest.mark.parametrize(
    ("one", "other", "fits"),
    [
        ({"gcePersistentDisk": {"pdName": "d"}}, {"gcePersistentDisk": {"pdName": "d"}}, False),
        ({"gcePersistentDisk": {"pdName": "d", "readOnly": True}},) * 2 + (True,),
        ({"awsElasticBlockStore": {"volumeID": "d", "readOnly": True}},) * 2 + (False,),
        ({"iscsi": {"iqn": "d"}}, {"iscsi": {"iqn": "e"}}, True),
        ({"rbd": {"monitors": ["a", "b"], "image": "i"}}, {"rbd": {"monitors": ["b"], "image": "i"}}, False),
    ],
)
def test_a_disk_is_on_a_node_once(two: Any, pod: Make, one: Any, other: Any, fits: bool) -> None:
    """Teaches: unless all who use it only read, where its sort allows that."""
    two.place(pod("old", node="n1", volumes=[{"name": "d", **one}]))
    two.refresh()
    status = two.verdict(pod(volumes=[{"name": "d", **other}]), "n1")
    assert (status is SUCCESS) == fits
    if not fits:
        assert status.reasons == ("node(s) had no available disk",)


def test_a_claim_of_an_ephemeral_volume_must_be_there_and_belong_to_the_pod(two: Any, pod: Make) -> None:
    """Teaches: its name is that of the Pod and the volume; another claim of that name will not do."""
    new = pod("web", volumes=[{"name": "tmp", "ephemeral": {"volumeClaimTemplate": {}}}])
    assert "waiting for ephemeral volume controller to create the persistentvolumeclaim" in two.message(new)
    two.know(claim("web-tmp", volume="v"))
    assert "PVC default/web-tmp was not created for pod default/web (pod is not owner)" in two.message(new)


@pytest.mark.cluster(nodes=2)
async def test_the_scheduler_binds_the_volume_of_the_node_that_it_chose(cluster: SimCluster) -> None:
    """Teaches: with local volumes it is the volume that decides on the node."""
    await cluster.apply(storage_class("local"))
    for name, place in (("v1", "node-1"), ("v2", "node-2")):
        await cluster.apply(volume(name, node=place, storageClassName="local", hostPath={"path": "/data"}))
    made = claim("data", storageClassName="local")
    await cluster.apply({**made, "metadata": {"name": "data", "namespace": "default"}})
    await cluster.run_for(5)
    spec = {"containers": [{"name": "c", "image": "nginx"}], **mounting("data")}
    spec["nodeSelector"] = {"kubernetes.io/hostname": "node-2"}
    await cluster.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec})
    await cluster.run_for(5)
    pod = cluster.get(PODS, "default/p")
    assert pod is not None
    assert pod.object["spec"]["nodeName"] == "node-2"
    volumes = (await cluster.client.list(PERSISTENT_VOLUMES)).items
    phases = {stored.name: stored.object["status"]["phase"] for stored in volumes}
    assert phases == {"v1": "Available", "v2": "Bound"}


async def test_a_provisioner_that_gives_up_sends_the_pod_back() -> None:
    """Teaches: the node is told in an annotation; a provisioner takes it away to say that it cannot."""
    async with SimCluster(1) as cluster:
        await cluster.apply(storage_class("cloud", "csi.nobody.example"))
        wanted = claim("data", storageClassName="cloud")
        await cluster.apply({**wanted, "metadata": {"name": "data", "namespace": "default"}})
        containers = [{"name": "c", "image": "nginx"}]
        head = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "default"}}
        await cluster.apply({**head, "spec": {"containers": containers, **mounting("data")}})
        await cluster.run_for(5)
        (stored,) = [each for each in cluster.all(PERSISTENT_VOLUME_CLAIMS) if each.name == "data"]
        assert stored.object["metadata"]["annotations"][SELECTED_NODE] == "node-1"
        take_away = {"metadata": {"annotations": {SELECTED_NODE: None}}}
        await cluster.client.merge_patch(PERSISTENT_VOLUME_CLAIMS, "data", take_away, "default")
        await cluster.run_for(2)
        told = [each.object["message"] for each in cluster.all(EVENTS) if each.object["reason"] == "FailedScheduling"]
        failure = 'binding volumes: provisioning failed for PVC "data"'
        assert told[-1] == f'running PreBind plugin "VolumeBinding": {failure}'
        await cluster.run_for(10)  # Tried again, after a back-off.
        (stored,) = [each for each in cluster.all(PERSISTENT_VOLUME_CLAIMS) if each.name == "data"]
        assert stored.object["metadata"]["annotations"][SELECTED_NODE] == "node-1"
