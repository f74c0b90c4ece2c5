"""Why a node is out, word for word."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kubesim.api.stored import Stored
from kubesim.scheduler.explain import explain
from kubesim.scheduler.explain.words import shown, told_apart

Make = Callable[..., Stored]
HOSTNAME, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"


def words(one: Any, pod: Stored) -> dict[str, str]:
    """Node → why it is out."""
    one.refresh()
    rows = explain(one.framework, one.snapshot, one.place_nowhere(pod)).rows
    return {row.node: row.words for row in rows if row.reasons}


def near(selector: str, key: str = HOSTNAME) -> dict[str, Any]:
    name, _, value = selector.partition("=")
    terms = [{"labelSelector": {"matchLabels": {name: value}}, "topologyKey": key}]
    return {"requiredDuringSchedulingIgnoredDuringExecution": terms}


def test_resources_are_told_in_numbers(world: Any, node: Make, pod: Make) -> None:
    """Teaches: what counts is what is left, and that even an empty node may be too small."""
    one = world(
        [node("full", cpu="2"), node("tiny", cpu="250m"), node("plain", pods="1", cpu="1", memory="1Gi")],
        [pod("a", node="full", requests={"cpu": "1700m"}), pod("b", node="plain", requests={"memory": "700Mi"})],
    )
    asks = pod("new", requests={"cpu": "500m", "memory": "512Mi", "example.com/gpu": "1"})
    assert words(one, asks) == {
        "full": "it has 300m cpu left, the Pod asks for 500m; it has no example.com/gpu, the Pod asks for 1",
        "tiny": "it has 250m cpu even when empty, the Pod asks for 500m; it has no example.com/gpu, the Pod asks for 1",
        "plain": "it has 1 Pod and may have no more than 1; it has 324Mi memory left, the Pod asks for 512Mi; "
        "it has no example.com/gpu, the Pod asks for 1",
    }


def test_amounts_are_rounded_unless_they_would_look_alike() -> None:
    """Teaches: 7.6Gi reads well, but not where the other one is 7.6Gi, too."""
    assert shown("memory", 8013316 * 1024) == "7.6Gi"
    assert told_apart("memory", 8013316 * 1024, 8013320 * 1024) == ("8013316Ki", "8013320Ki")
    assert (shown("cpu", 2000), shown("memory", 1000), shown("hugepages-2Mi", 4 << 20)) == ("2", "1k", "4Mi")


def test_taints_cordons_names_and_ports_are_named(world: Any, node: Make, pod: Make) -> None:
    """Teaches: which taint, whose port."""
    gpu, spot = ({"key": "gpu", "value": "a100", "effect": "NoSchedule"}, {"key": "spot", "effect": "NoExecute"})
    port = [{"containerPort": 80, "hostPort": 8080, "protocol": "TCP"}]
    one = world(
        [node("dear", taints=[gpu]), node("both", taints=[gpu, spot]), node("shut", unschedulable=True), node("busy")],
        [pod("web", node="busy", ports=port)],
    )
    assert words(one, pod("new", ports=port)) == {
        "dear": "it has the taint gpu=a100:NoSchedule, which the Pod does not tolerate",
        "both": "it has the taints gpu=a100:NoSchedule and spot:NoExecute, which the Pod does not tolerate",
        "shut": "it is cordoned (spec.unschedulable), and the Pod does not tolerate that",
        "busy": "the Pod wants host port 8080/TCP, which default/web has",
    }
    assert words(one, pod("named", nodeName="dear"))["busy"] == "the Pod asks for dear by name (spec.nodeName)"


def test_node_affinity_says_what_is_wanted_and_what_is_there(world: Any, node: Make, pod: Make) -> None:
    """Teaches: nodeSelector, and every term of an affinity, with the node's own labels."""
    one = world([node("hdd", labels={"disk": "hdd", "size": "3"})])
    assert words(one, pod("a", nodeSelector={"disk": "ssd"})) == {
        "hdd": "the Pod's nodeSelector wants disk=ssd, it has disk=hdd"
    }
    expressions = [
        [{"key": "disk", "operator": "In", "values": ["ssd", "nvme"]}, {"key": "gpu", "operator": "Exists"}],
        [{"key": "size", "operator": "Gt", "values": ["4"]}],
    ]
    terms = [{"matchExpressions": each} for each in expressions]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    assert words(one, pod("b", affinity={"nodeAffinity": required})) == {
        "hdd": "the Pod's node affinity wants disk one of ssd, nvme (it has disk=hdd) and a label gpu (it has no label "
        "gpu), or size above 4 (it has size=3)"
    }


def test_a_pod_that_names_its_nodes_rules_out_the_others(world: Any, node: Make, pod: Make) -> None:
    """Teaches: metadata.name in a required term means no other node is even asked."""
    terms = [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["b"]}]}]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    one = world([node("a"), node("b")])
    assert words(one, pod(affinity={"nodeAffinity": required})) == {
        "a": "the Pod asks for other nodes by name (NodeAffinity)"
    }


def test_spread_tells_the_counts_of_the_domains(world: Any, node: Make, pod: Make) -> None:
    """Teaches: skew is this domain, the Pod included, less the emptiest one."""
    nodes = [node("a", labels={ZONE: "east"}), node("b", labels={ZONE: "west"}), node("c")]
    one = world(nodes, [pod(f"web-{number}", node="a", labels={"app": "web"}) for number in range(2)])
    constraint = {
        "maxSkew": 1, "topologyKey": ZONE, "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "web"}},
    }  # fmt: skip
    new = pod("new", labels={"app": "web"}, topologySpreadConstraints=[constraint])
    assert words(one, new) == {
        "a": "zone east has 2 Pods with app=web, the emptiest 0: one more makes a difference of 3, "
        "and maxSkew allows 1",
        "c": f"the Pod is to be spread over {ZONE}, and it has no such label",
    }
    new = pod("new", labels={"app": "web"}, topologySpreadConstraints=[constraint | {"minDomains": 3}])
    assert words(one, new)["a"] == (
        "zone east has 2 Pods with app=web, and with 2 of at least 3 domains the emptiest counts as 0: one more makes "
        "a difference of 3, and maxSkew allows 1"
    )


def test_affinity_between_pods_names_who_is_missing_or_in_the_way(world: Any, node: Make, pod: Make) -> None:
    """Teaches: the Pod's own wishes, and those of Pods that are there."""
    nodes = [node("a", labels={ZONE: "east"}), node("b", labels={ZONE: "west"})]
    shy = pod("shy", node="b", labels={"app": "shy"}, affinity={"podAntiAffinity": near("app=web", ZONE)})
    one = world(nodes, [pod("db", node="a", labels={"app": "db"}), shy])
    assert words(one, pod("new", affinity={"podAffinity": near("app=db")})) == {
        "b": "the Pod must be near Pods with app=db, and it has none"
    }
    assert words(one, pod("new", affinity={"podAntiAffinity": near("app=db", ZONE)})) == {
        "a": "the Pod may not be near Pods with app=db, and zone east has 1 such Pod"
    }
    assert words(one, pod("new", labels={"app": "web"})) == {
        "b": "default/shy in zone west does not want Pods with app=web near (anti-affinity)"
    }


def test_a_place_that_is_promised_is_counted(world: Any, node: Make, pod: Make) -> None:
    """Teaches: a Pod that preempted others has a claim on their room before it is bound."""
    one = world([node("a", cpu="2")])
    rival = one.place_nowhere(pod("first", priority=5, requests={"cpu": "1500m"}))
    one.framework.nominator.nominate(rival, "a")
    assert words(one, pod("new", requests={"cpu": "1"})) == {
        "a": "it has 500m cpu left, the Pod asks for 1, counting default/first, promised a place there"
    }


def claim(name: str, volume: str = "", *, mode: str = "ReadWriteOnce", class_: str = "fast") -> dict[str, Any]:
    annotations = {"pv.kubernetes.io/bind-completed": "yes"} if volume else {}
    spec = {"accessModes": [mode], "storageClassName": class_, "resources": {"requests": {"storage": "1Gi"}}}
    metadata = {"name": name, "namespace": "default", "uid": f"uid-{name}", "annotations": annotations}
    bound = {"volumeName": volume} if volume else {}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec | bound}


def volume(name: str, *, zone: str = "", host: str = "", driver: str = "") -> dict[str, Any]:
    spec: dict[str, Any] = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"]}
    if host:
        expression = {"key": HOSTNAME, "operator": "In", "values": [host]}
        spec["nodeAffinity"] = {"required": {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}}
    if driver:
        spec["csi"] = {"driver": driver, "volumeHandle": name}
    labels = {ZONE: zone} if zone else {}
    metadata = {"name": name, "labels": labels, "uid": f"uid-{name}"}
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": metadata, "spec": spec}


def mounting(*claims: str) -> list[dict[str, Any]]:
    return [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in claims]


def test_volumes_say_where_they_are_and_who_has_them(world: Any, node: Make, pod: Make) -> None:
    """Teaches: a Pod can run only where its volumes are."""
    one = world([node("a", labels={ZONE: "east"}), node("b", labels={ZONE: "west"})])
    one.know(claim("local", "here"), volume("here", host="b"), claim("zonal", "there"), volume("there", zone="west"))
    assert words(one, pod(volumes=mounting("local"))) == {
        "a": f"the claim local is bound to the volume here, which can be reached only from nodes with {HOSTNAME}=b"
    }
    assert words(one, pod(volumes=mounting("zonal"))) == {"a": "the Pod's volume is in zone west, it is in zone east"}


def test_a_claim_that_waits_finds_no_volume(world: Any, node: Make, pod: Make) -> None:
    """Teaches: WaitForFirstConsumer without a provisioner needs a free volume within reach."""
    one = world([node("a")])
    class_ = {
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "fast"},
        "provisioner": "kubernetes.io/no-provisioner", "volumeBindingMode": "WaitForFirstConsumer",
    }  # fmt: skip
    one.know(claim("data"), class_)
    assert words(one, pod(volumes=mounting("data"))) == {
        "a": "no volume for the claim data is free there, and none can be made there"
    }


def test_disks_claims_and_limits(world: Any, node: Make, pod: Make) -> None:
    """Teaches: what two Pods cannot share, and how much one node can attach."""
    disk = [{"name": "d", "gcePersistentDisk": {"pdName": "disk-1"}}]
    one = world([node("a")], [pod("first", node="a", volumes=disk), pod("owner", node="a", volumes=mounting("mine"))])
    one.know(
        claim("mine", "v0", mode="ReadWriteOncePod"), claim("more", "v1"),
        volume("v0", driver="csi.example.com"), volume("v1", driver="csi.example.com"),
        {"apiVersion": "storage.k8s.io/v1", "kind": "CSINode", "metadata": {"name": "a"},
         "spec": {"drivers": [{"name": "csi.example.com", "allocatable": {"count": 1}}]}},
    )  # fmt: skip
    assert words(one, pod("new", volumes=disk)) == {
        "a": "default/first there uses the disk of the volume d, which two Pods cannot share"
    }
    assert words(one, pod("new", volumes=mounting("mine"))) == {
        "a": "the claim mine is for one Pod in the whole cluster (ReadWriteOncePod), and default/owner uses it"
    }
    assert words(one, pod("new", volumes=mounting("more"))) == {
        "a": "it may attach 1 volume of csi.example.com and has 1, the Pod brings 1 more"
    }


def test_what_prefilter_says_is_said_of_every_node(world: Any, node: Make, pod: Make) -> None:
    """Teaches: a claim that is not there keeps the Pod from all nodes."""
    one = world([node("a"), node("b")])
    said = 'persistentvolumeclaim "gone" not found'
    assert words(one, pod(volumes=mounting("gone"))) == {"a": said, "b": said}


@pytest.mark.parametrize(("count", "text"), [(1, "a"), (2, "a and b"), (4, "a, b, c and d"), (6, "a, b, c and 3 more")])
def test_lists_stay_short(count: int, text: str) -> None:
    """Teaches: three names say enough."""
    from kubesim.scheduler.explain.seen import listed

    assert listed("abcdef"[:count]) == text
