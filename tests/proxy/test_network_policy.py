"""NetworkPolicies in a simulated cluster: who reaches whom."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.api.resources import PODS
from kubesim.api.stored import Object
from kubesim.api.traffic import ANSWERED, LOST, Connection, HttpCall, Reply, kernel_of
from kubesim.cluster import SimCluster

pytestmark = pytest.mark.cluster(nodes=2)


def pod(name: str, node: str, namespace: str = "default", **labels: str) -> Object:
    container = {"name": "web", "image": "nginx", "ports": [{"name": "http", "containerPort": 80}]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"nodeName": node, "containers": [container]},
    }


def policy(name: str, **spec: Any) -> Object:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name},
        "spec": {"podSelector": {}, **spec},
    }


async def with_pods(cluster: SimCluster, *policies: Object) -> None:
    await cluster.kubectl.run("create namespace other")
    await cluster.kubectl.run("label namespace other team=blue")
    for obj in (pod("db", "node-1", app="db"), pod("web", "node-2", app="web"), pod("guest", "node-2", "other")):
        await cluster.apply(obj, obj["metadata"]["namespace"])
    for obj in policies:
        await cluster.apply(obj)
    await cluster.settle()


def address(cluster: SimCluster, key: str) -> str:
    stored = cluster.get(PODS, key)
    assert stored is not None
    return str(stored.object["status"]["podIP"])


async def call(cluster: SimCluster, source: str, target: str, *, from_node: str = "") -> Reply:
    """One request from a Pod (or a node) to port 80 of a Pod."""
    stored = cluster.get(PODS, source)
    node = from_node or (stored.object["spec"]["nodeName"] if stored else "")
    sender = cluster.pod_network.routes.address_of(node) if from_node else address(cluster, source)
    kernel = cluster.sim.network.handler(kernel_of(node))
    assert kernel is not None
    reply: Reply = await kernel(Connection(sender, address(cluster, target), 80, data=HttpCall(), probing=True))
    return reply


async def outcomes(cluster: SimCluster) -> dict[str, str]:
    return {source: (await call(cluster, source, "default/db")).outcome for source in ("default/web", "other/guest")}


async def test_without_a_policy_everybody_reaches_everybody(cluster: SimCluster) -> None:
    """Teaches: Pods are open until a policy selects them."""
    await with_pods(cluster)
    assert await outcomes(cluster) == {"default/web": ANSWERED, "other/guest": ANSWERED}


async def test_default_deny_isolates_and_a_node_still_reaches_its_own_pods(cluster: SimCluster) -> None:
    """Teaches: an empty selector selects all, no rule allows nothing; kubelets must be able to probe."""
    await with_pods(cluster, policy("deny", policyTypes=["Ingress"]))
    reply = await call(cluster, "default/web", "default/db")
    assert (reply.outcome, reply.reason) == (
        LOST,
        "no ingress rule of deny lets default/db accept this connection",
    )
    assert (await call(cluster, "", "default/db", from_node="node-1")).outcome == ANSWERED
    assert (await call(cluster, "", "default/db", from_node="node-2")).outcome == LOST


@pytest.mark.parametrize(
    ("peer", "web", "guest"),
    [
        ({"podSelector": {"matchLabels": {"app": "web"}}}, ANSWERED, LOST),
        ({"namespaceSelector": {"matchLabels": {"team": "blue"}}}, LOST, ANSWERED),
        ({"namespaceSelector": {}}, ANSWERED, ANSWERED),
        ({"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "web"}}}, ANSWERED, LOST),
        ({"ipBlock": {"cidr": "10.244.0.0/16"}}, ANSWERED, ANSWERED),
        ({"ipBlock": {"cidr": "10.244.0.0/16", "except": ["10.244.2.0/24"]}}, LOST, LOST),
    ],
)
async def test_a_rule_names_its_peers(cluster: SimCluster, peer: Object, web: str, guest: str) -> None:
    """Teaches: a Pod selector alone means the policy's own namespace; with a namespace selector both must match."""
    await with_pods(
        cluster, policy("deny"), policy("db", podSelector={"matchLabels": {"app": "db"}}, ingress=[{"from": [peer]}])
    )
    assert await outcomes(cluster) == {"default/web": web, "other/guest": guest}


@pytest.mark.parametrize(
    ("port", "outcome"),
    [
        ({"port": 80}, ANSWERED),
        ({"port": "http"}, ANSWERED),
        ({"port": 79, "endPort": 81}, ANSWERED),
        ({"port": 81}, LOST),
        ({"port": "metrics"}, LOST),
        ({"port": 80, "protocol": "UDP"}, LOST),
    ],
)
async def test_a_rule_names_its_ports(cluster: SimCluster, port: Object, outcome: str) -> None:
    """Teaches: ports are those of the Pod, by number, by name or as a range."""
    await with_pods(cluster, policy("db", ingress=[{"ports": [port]}]))
    assert (await call(cluster, "default/web", "default/db")).outcome == outcome


async def test_egress_is_asked_at_the_sender(cluster: SimCluster) -> None:
    """Teaches: both ends must agree; the other namespace is not concerned."""
    await with_pods(cluster, policy("locked", podSelector={"matchLabels": {"app": "web"}}, policyTypes=["Egress"]))
    reply = await call(cluster, "default/web", "default/db")
    assert (reply.outcome, reply.node) == (LOST, "node-2")
    assert reply.reason == "no egress rule of locked lets default/web open this connection"
    assert (await call(cluster, "other/guest", "default/db")).outcome == ANSWERED


async def test_policies_add_up_and_their_end_opens_again(cluster: SimCluster) -> None:
    """Teaches: what one policy allows no other forbids."""
    web = {"from": [{"podSelector": {"matchLabels": {"app": "web"}}}]}
    await with_pods(cluster, policy("deny"), policy("allow-web", ingress=[web]))
    assert await outcomes(cluster) == {"default/web": ANSWERED, "other/guest": LOST}
    await cluster.kubectl.run("delete networkpolicy deny allow-web")
    await cluster.settle()
    assert await outcomes(cluster) == {"default/web": ANSWERED, "other/guest": ANSWERED}
