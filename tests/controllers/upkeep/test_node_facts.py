"""What controllers write into Nodes: the network of their Pods, and for how long kubelets may trust what they read."""

from __future__ import annotations

import pytest

from kubesim.api.resources import EVENTS, NODES, PODS
from kubesim.cluster import SimCluster
from kubesim.controllers import node_ipam
from kubesim.controllers.node_ipam import NETWORKS, RESERVED, network_of, number_of
from kubesim.controllers.node_ttl import ANNOTATION
from kubesim.kubelet import NodeConfig

OTHERS = (NodeConfig("a"), NodeConfig("b"), NodeConfig("c"))


def networks(cluster: SimCluster) -> dict[str, str]:
    return {node.name: node.object["spec"].get("podCIDR", "") for node in cluster.all(NODES)}


@pytest.mark.cluster(nodes=OTHERS)
async def test_every_node_gets_a_network_and_its_pods_addresses_from_it(cluster: SimCluster) -> None:
    """Teaches: spec.podCIDR is allocated by the control plane; the kubelet hands it to its runtime."""
    assert networks(cluster) == {"a": "10.244.1.0/24", "b": "10.244.2.0/24", "c": "10.244.3.0/24"}
    await cluster.kubectl.run("create deployment web --image=nginx --replicas=6")
    await cluster.run_for(30)
    found = {
        (pod.object["spec"]["nodeName"], pod.object["status"]["podIP"].rpartition(".")[0]) for pod in cluster.all(PODS)
    }
    assert found == {("a", "10.244.1"), ("b", "10.244.2"), ("c", "10.244.3")}


@pytest.mark.cluster(nodes=OTHERS)
async def test_the_network_of_a_deleted_node_is_free_again(cluster: SimCluster) -> None:
    """Teaches: the lowest free network is given; a controller that starts anew knows what is taken."""
    await cluster.remove_node("b")
    await cluster.client.delete(NODES, "b")
    cluster.faults.crash("controller-manager")
    cluster.faults.restart("controller-manager")
    await cluster.run_for(30)
    cluster.add_node(NodeConfig("d"))
    cluster.add_node(NodeConfig("e"))
    await cluster.run_for(5)
    assert networks(cluster) == {
        "a": "10.244.1.0/24", "c": "10.244.3.0/24", "d": "10.244.2.0/24", "e": "10.244.4.0/24",
    }  # fmt: skip


@pytest.mark.cluster(nodes=1, behavior="hollow")
async def test_a_control_plane_started_by_hand_allocates_nothing(cluster: SimCluster) -> None:
    """Teaches: --allocate-node-cidrs is off by default, as in the recordings."""
    assert networks(cluster) == {"node-1": ""}


async def test_when_all_networks_are_taken_the_node_is_told(
    cluster: SimCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Teaches: a /16 has room for so many nodes; the next one that leaves makes room."""
    assert number_of(network_of(NETWORKS - 1)) == NETWORKS - 1
    assert [number_of(text) for text in ("10.0.0.0/24", "10.244.7.0/25", "fd00::/64", "10.244.0.0/24")] == [
        None, None, None, RESERVED - 1,
    ]  # fmt: skip
    monkeypatch.setattr(node_ipam, "NETWORKS", 4)
    cluster.faults.crash("controller-manager")
    cluster.faults.restart("controller-manager")
    await cluster.run_for(30)
    cluster.add_node(NodeConfig("node-4"))
    await cluster.run_for(5)
    assert networks(cluster)["node-4"] == ""
    told = [one.object for one in cluster.all(EVENTS) if one.object["reason"] == "CIDRNotAvailable"]
    assert [(one["type"], one["message"]) for one in told] == [
        ("Normal", "Node node-4 status is now: CIDRNotAvailable")
    ]
    await cluster.remove_node("node-2")
    await cluster.client.delete(NODES, "node-2")
    await cluster.run_for(5)
    assert networks(cluster)["node-4"] == "10.244.2.0/24"


async def test_kubelets_of_a_small_cluster_ask_every_time(cluster: SimCluster) -> None:
    """Teaches: the annotation that `kubectl describe node` shows; from 101 nodes on it says 15 s, down to 90."""
    annotations = {node.object["metadata"]["annotations"][ANNOTATION] for node in cluster.all(NODES)}
    assert annotations == {"0"}


async def test_in_a_larger_cluster_they_may_keep_what_they_read(cluster: SimCluster) -> None:
    """Teaches: the step is taken at more than 100 nodes and taken back below 90."""

    async def many(first: int, last: int) -> None:
        for number in range(first, last):
            await cluster.client.create(
                NODES, {"apiVersion": "v1", "kind": "Node", "metadata": {"name": f"m-{number}"}}
            )
        await cluster.run_for(1)

    def seconds() -> set[str]:
        return {(node.object["metadata"].get("annotations") or {}).get(ANNOTATION, "") for node in cluster.all(NODES)}

    await many(0, 97)
    assert seconds() == {"0"}
    await many(97, 98)
    assert seconds() == {"15"}
    for number in range(11):
        await cluster.client.delete(NODES, f"m-{number}")
    await cluster.run_for(1)
    assert seconds() == {"15"}
    await cluster.client.delete(NODES, "m-11")
    await cluster.run_for(1)
    assert seconds() == {"0"}
