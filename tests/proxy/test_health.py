"""What kube-proxy itself answers on its node."""

from __future__ import annotations

import json

from kubesim.api.resources import PODS, SERVICES
from kubesim.api.stored import Object
from kubesim.api.traffic import Connection, HttpCall, Reply, kernel_of
from kubesim.cluster import SimCluster
from kubesim.proxy.health import HEALTHZ_PORT

WEB: Object = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {
        "type": "LoadBalancer",
        "externalTrafficPolicy": "Local",
        "selector": {"app": "web"},
        "ports": [{"port": 80}],
    },
}


async def ask(cluster: SimCluster, node: str, port: int, path: str = "/") -> Reply:
    address = cluster.pod_network.kernels[node].address
    connection = Connection("203.0.113.10", address, port, data=HttpCall(path=path))
    reply: Reply = await cluster.sim.network.request("outside", kernel_of("outside"), connection)
    return reply


async def test_a_load_balancer_hears_which_nodes_have_endpoints(cluster: SimCluster) -> None:
    """Teaches: healthCheckNodePort says 200 where a ready Pod runs, and 503 elsewhere."""
    await cluster.kubectl.run("create deployment web --image=nginx")
    await cluster.apply(WEB)
    await cluster.run_for(15)
    service = cluster.get(SERVICES, "default/web")
    assert service is not None
    port = service.object["spec"]["healthCheckNodePort"]
    home = cluster.all(PODS)[0].object["spec"]["nodeName"]
    replies = {node: await ask(cluster, node, port) for node in ("node-1", "node-2", "node-3")}
    assert {node: reply.code for node, reply in replies.items()} == {
        node: 200 if node == home else 503 for node in replies
    }
    said = {"service": {"namespace": "default", "name": "web"}, "localEndpoints": 1, "serviceProxyHealthy": True}
    assert json.loads(replies[home].body) == said


async def test_kube_proxy_is_healthy_while_it_runs(cluster: SimCluster) -> None:
    """Teaches: its health port is its own: it is refused when the process is gone, though the rules still work."""
    assert (await ask(cluster, "node-1", HEALTHZ_PORT, "/healthz")).code == 200
    assert (await ask(cluster, "node-1", HEALTHZ_PORT, "/other")).code == 404
    cluster.faults.crash("kube-proxy/node-1")
    await cluster.run_for(1)
    assert (await ask(cluster, "node-1", HEALTHZ_PORT, "/healthz")).outcome == "refused"
