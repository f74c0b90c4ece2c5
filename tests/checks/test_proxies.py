"""The invariants of kube-proxies find what they are there to find."""

from __future__ import annotations

from kubesim.api.stored import Object
from kubesim.checks.proxies import check_proxies
from kubesim.cluster import SimCluster

WEB: Object = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
}


async def test_connected_proxies_know_what_there_is(cluster: SimCluster) -> None:
    """Teaches: watch, table, rules: every node ends with the same."""
    await cluster.kubectl.run("create deployment web --image=nginx --replicas=3")
    await cluster.apply(WEB)
    await cluster.run_for(30)
    assert list(check_proxies(cluster)) == []


async def test_a_proxy_that_lags_is_found_once_it_could_know_better(cluster: SimCluster) -> None:
    """Teaches: while a node is cut off its old rules are nobody's fault."""
    await cluster.kubectl.run("create deployment web --image=nginx --replicas=3")
    await cluster.apply(WEB)
    await cluster.run_for(30)
    cluster.faults.partition("kube-proxy/node-2", "apiserver")
    await cluster.kubectl.run("delete deployment web")
    await cluster.run_for(100)
    assert list(check_proxies(cluster)) == []
    cluster.faults.repair("kube-proxy/node-2", "apiserver")
    names = [name for name, _, _ in check_proxies(cluster)]
    assert "no Pod is served by a proxy after it was removed" in names
    assert {subject for _, subject, _ in check_proxies(cluster)} == {"kube-proxy/node-2"}
