"""trafficDistribution, from the Service's field over hints in slices to the rules of a node."""

from __future__ import annotations

import pytest

from kubesim.api.resources import ENDPOINT_SLICES, PODS
from kubesim.api.stored import Object
from kubesim.api.traffic import Connection, Reply, kernel_of
from kubesim.cluster import SimCluster
from kubesim.kubelet import NodeConfig

NODES = [NodeConfig(name=f"node-{number}", zone="ab"[number % 2]) for number in range(1, 5)]
SPREAD = [{"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule",
           "labelSelector": {"matchLabels": {"app": "web"}}}]  # fmt: skip
WEB: Object = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {
        "replicas": 4,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "topologySpreadConstraints": SPREAD,
                "containers": [{"name": "web", "image": "nginx", "ports": [{"containerPort": 80}]}],
            },
        },
    },
}


async def start(cluster: SimCluster, distribution: str) -> None:
    """One Pod on each of four nodes in two zones, and a Service."""
    ports = [{"port": 80}]
    spec = {"clusterIP": "10.96.7.7", "selector": {"app": "web"}, "ports": ports, "trafficDistribution": distribution}
    await cluster.apply({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": spec})
    await cluster.apply(WEB)
    await cluster.run_for(20)


async def answering(cluster: SimCluster, node: str, count: int = 24) -> set[str]:
    """The nodes of the Pods that answer."""
    address = cluster.pod_network.kernels[node].address
    found: set[str] = set()
    for _ in range(count):
        reply: Reply = await cluster.sim.network.request(node, kernel_of(node), Connection(address, "10.96.7.7", 80))
        found.add(reply.node)
    return found


@pytest.mark.cluster(nodes=NODES)
@pytest.mark.parametrize(
    ("distribution", "nodes"),
    [("PreferSameZone", {"node-1", "node-3"}), ("PreferClose", {"node-1", "node-3"}), ("PreferSameNode", {"node-1"})],
)
async def test_traffic_stays_near(cluster: SimCluster, distribution: str, nodes: set[str]) -> None:
    """Teaches: hints keep traffic in the zone, or on the node, as long as somebody serves there."""
    await start(cluster, distribution)
    assert await answering(cluster, "node-1") == nodes


@pytest.mark.cluster(nodes=NODES)
async def test_without_a_near_endpoint_it_goes_anywhere(cluster: SimCluster) -> None:
    """Teaches: a preference, no policy: when the last endpoint of the node is gone, the zone's, then all are used."""
    await start(cluster, "PreferSameNode")
    await cluster.kubectl.run("cordon node-1")
    pod = next(each for each in cluster.all(PODS) if each.object["spec"]["nodeName"] == "node-1")
    await cluster.kubectl.run(f"delete pod {pod.name}")
    await cluster.run_for(20)
    assert await answering(cluster, "node-1") == {"node-3"}


@pytest.mark.cluster(nodes=NODES)
async def test_slices_say_for_whom_endpoints_are_meant(cluster: SimCluster) -> None:
    """Teaches: the endpoint slice controller writes hints; without the field it takes them back."""
    await start(cluster, "PreferSameNode")
    slices = [each for each in cluster.all(ENDPOINT_SLICES) if each.name.startswith("web-")]
    for entry in slices[0].object["endpoints"]:
        zone = {"forZones": [{"name": entry["zone"]}], "forNodes": [{"name": entry["nodeName"]}]}
        assert entry["hints"] == zone
    await cluster.kubectl.run("""patch service web -p '{"spec":{"trafficDistribution":null}}'""")
    await cluster.run_for(5)
    slices = [each for each in cluster.all(ENDPOINT_SLICES) if each.name.startswith("web-")]
    assert not any("hints" in entry for entry in slices[0].object["endpoints"])
