"""What a node knows of Services while it is connected, cut off, and connected again."""

from __future__ import annotations

import pytest

from kubesim.api.resources import PODS
from kubesim.api.stored import Object
from kubesim.api.traffic import ANSWERED, LOST, REFUSED, Connection, HttpCall, Reply, kernel_of
from kubesim.cluster import SimCluster

WEB: Object = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {"clusterIP": "10.96.7.7", "selector": {"app": "web"}, "ports": [{"port": 80}]},
}


async def serve(cluster: SimCluster, replicas: int = 2) -> None:
    """A Deployment of web servers behind a Service, known to all nodes."""
    await cluster.kubectl.run(f"create deployment web --image=nginx --replicas={replicas}")
    await cluster.apply(WEB)
    await cluster.run_for(15)


async def ask(cluster: SimCluster, node: str, address: str = "10.96.7.7", port: int = 80) -> Reply:
    """A request of a process on a node."""
    kernel = cluster.pod_network.kernels[node]
    connection = Connection(kernel.address, address, port, data=HttpCall())
    reply: Reply = await cluster.sim.network.request(node, kernel_of(node), connection)
    return reply


def endpoints(cluster: SimCluster, node: str) -> int:
    """How many endpoints of the Service a node knows."""
    rules = cluster.pod_network.kernels[node].rules()
    return sum(len(rules.categories(*each).cluster) for each in rules.ports() if each[1].service == "web")


async def test_a_service_answers_on_every_node(cluster: SimCluster) -> None:
    """Teaches: the cluster IP works from everywhere; which Pod answers is drawn anew for each connection."""
    await serve(cluster)
    replies = [await ask(cluster, node) for node in ("node-1", "node-2", "node-3") for _ in range(8)]
    assert {reply.outcome for reply in replies} == {ANSWERED}
    assert {reply.pod for reply in replies} == {pod.name for pod in cluster.all(PODS)}


async def test_without_endpoints_it_refuses(cluster: SimCluster) -> None:
    """Teaches: no Pod is ready, so kube-proxy has a REJECT rule instead of a DNAT."""
    await serve(cluster, replicas=0)
    reply = await ask(cluster, "node-1")
    assert (reply.outcome, reply.reason) == (REFUSED, "default/web has no endpoints")


async def test_a_node_that_is_cut_off_routes_to_dead_pods(cluster: SimCluster) -> None:
    """Teaches: kube-proxy's rules are as old as its last word from the apiserver, and nobody tells the clients."""
    await serve(cluster)
    cluster.faults.partition("kube-proxy/node-1", "apiserver")
    await cluster.kubectl.run("delete deployment web")
    await cluster.run_for(5)
    assert (await ask(cluster, "node-1")).outcome == LOST
    assert (await ask(cluster, "node-2")).outcome == REFUSED
    cluster.faults.repair("kube-proxy/node-1", "apiserver")
    await cluster.run_for(1)  # TCP brings what it could not deliver.
    assert (await ask(cluster, "node-1")).outcome == REFUSED


async def test_after_45_seconds_it_has_to_list_again(cluster: SimCluster) -> None:
    """Teaches: a watch that hears nothing is given up; then the client tries again with growing pauses."""
    await serve(cluster)
    cluster.faults.partition("kube-proxy/node-1", "apiserver")
    await cluster.kubectl.run("delete deployment web")
    await cluster.run_for(120)
    cluster.faults.repair("kube-proxy/node-1", "apiserver")
    await cluster.run_for(1)
    assert endpoints(cluster, "node-1") == 2
    await cluster.run_for(60)
    assert endpoints(cluster, "node-1") == 0


async def test_rules_outlive_a_crashed_kube_proxy(cluster: SimCluster) -> None:
    """Teaches: packets never pass through kube-proxy; it only writes the kernel's rules."""
    await serve(cluster, replicas=1)
    cluster.faults.crash("kube-proxy/node-1")
    assert (await ask(cluster, "node-1")).outcome == ANSWERED
    await cluster.kubectl.run("scale deployment web --replicas=3")
    await cluster.run_for(20)
    assert (endpoints(cluster, "node-1"), endpoints(cluster, "node-2")) == (1, 3)
    cluster.faults.restart("kube-proxy/node-1")
    await cluster.run_for(1)
    assert endpoints(cluster, "node-1") == 3


async def test_changes_of_one_second_are_taken_together(cluster: SimCluster) -> None:
    """Teaches: minSyncPeriod: the first change is written at once, those that follow when a second is over."""
    await serve(cluster, replicas=1)
    feed = cluster.pod_network.feed
    await cluster.apply(named("first"))
    await cluster.run_for(0.1)
    assert feed.current().get("default/first") is not None
    await cluster.apply(named("second"))
    await cluster.run_for(0.3)
    assert feed.current().get("default/second") is None
    await cluster.run_for(0.59)
    assert feed.current().get("default/second") is None
    await cluster.run_for(0.02)
    assert feed.current().get("default/second") is not None


async def test_a_dead_machine_does_not_answer(cluster: SimCluster) -> None:
    """Teaches: until the control plane notices, a Service sends a part of its clients to a machine that is off."""
    await serve(cluster, replicas=3)
    pod = cluster.all(PODS)[0].object
    dead = pod["spec"]["nodeName"]
    alive = "node-1" if dead != "node-1" else "node-2"
    cluster.faults.crash(dead)
    started = cluster.sim.clock.now()
    reply = await ask(cluster, alive, pod["status"]["podIP"])
    assert reply.outcome == LOST
    assert cluster.sim.clock.now() - started == 127  # SYN, and six more after 1, 2, 4 … seconds.


async def test_a_pod_in_which_nobody_listens_refuses(cluster: SimCluster) -> None:
    """Teaches: a refused connection comes from a machine that is there; silence from one that is not."""
    await serve(cluster, replicas=1)
    pod = cluster.all(PODS)[0].object
    address = pod["status"]["podIP"]
    assert (await ask(cluster, "node-1", address, 81)).outcome == REFUSED
    assert (await ask(cluster, "node-1", "10.244.1.200")).outcome == LOST
    assert (await ask(cluster, "node-1", "198.51.100.1")).outcome == LOST


@pytest.mark.cluster(nodes=0)
async def test_a_cluster_without_nodes_has_no_kernels(cluster: SimCluster) -> None:
    """Teaches: rules stand on machines."""
    assert cluster.pod_network.kernels == {}


async def test_a_machine_that_is_removed_is_no_hop_any_more(cluster: SimCluster) -> None:
    """Teaches: with the machine its routes go."""
    await cluster.remove_node("node-3")
    assert cluster.pod_network.routes.node_of("10.244.3.5") == ""
    assert (await ask(cluster, "node-1", "10.244.3.5")).outcome == LOST


def named(name: str) -> Object:
    """A Service without a selector."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"ports": [{"port": 80}]},
    }
