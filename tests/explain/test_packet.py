"""The way of a packet, and why it ends where it ends."""

from __future__ import annotations

import pytest

from kubesim.api.resources import PODS, SERVICES
from kubesim.api.stored import Object
from kubesim.cluster import SimCluster
from kubesim.explain.packet import PacketTrace, TraceError, target_of, trace_packet

WEB: Object = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {"type": "NodePort", "selector": {"app": "web"}, "ports": [{"port": 8080, "targetPort": 80}]},
}


async def serve(cluster: SimCluster, replicas: int = 2) -> None:
    await cluster.kubectl.run(f"create deployment web --image=nginx --replicas={replicas}")
    await cluster.apply(WEB)
    await cluster.run_for(15)


def kinds(trace: PacketTrace) -> list[str]:
    return [hop.kind for hop in trace.hops]


async def test_a_name_becomes_an_address_a_rule_an_endpoint_an_answer(cluster: SimCluster) -> None:
    """Teaches: all stations between `curl http://web` and a page."""
    await serve(cluster)
    pod = cluster.all(PODS)[0]
    trace = await trace_packet(cluster, pod.name, "web")
    assert kinds(trace) == ["source", "dns", "rules", "container", "answer"]
    assert trace.arrived
    assert trace.verdict.endswith("HTTP 200")
    assert any("-j DNAT --to-destination" in line for line in trace.hops[2].details)


async def test_a_trace_leaves_no_trace(cluster: SimCluster) -> None:
    """Teaches: to look at a run must not change it."""
    await serve(cluster)
    before = cluster.pod_network.kernels["node-1"]._random.getstate()
    await trace_packet(cluster, "node-1", "web")
    assert cluster.pod_network.kernels["node-1"]._random.getstate() == before


async def test_from_outside_a_node_port_is_the_way_in(cluster: SimCluster) -> None:
    """Teaches: outside, neither the names nor the addresses of the cluster are known."""
    await serve(cluster)
    service = cluster.get(SERVICES, "default/web")
    assert service is not None
    port = service.object["spec"]["ports"][0]["nodePort"]
    assert (await trace_packet(cluster, "outside", f"node-2:{port}")).arrived
    assert (await trace_packet(cluster, "outside", "web")).outcome == "unresolved"
    inside = await trace_packet(cluster, "outside", service.object["spec"]["clusterIP"])
    assert inside.verdict.startswith("no answer: no route leads from outside")


async def test_a_stale_proxy_is_named_with_the_pod_that_it_still_knows(cluster: SimCluster) -> None:
    """Teaches: the endpoint was right once; the trace says until when."""
    await serve(cluster, replicas=1)
    pod = cluster.all(PODS)[0]
    address = pod.object["status"]["podIP"]
    cluster.faults.partition("kube-proxy/node-1", "apiserver")
    await cluster.kubectl.run("delete deployment web")
    await cluster.run_for(12)
    trace = await trace_packet(cluster, "node-1", "web")
    assert kinds(trace) == ["source", "dns", "rules", "lost", "why"]
    assert "stale: node-1's kube-proxy has heard of no change for 12 s" in trace.hops[2].text
    assert trace.verdict == (
        f"no answer: node-1's kube-proxy still knows {address}; the Pod default/{pod.name} was deleted 12 s ago"
    )


async def test_no_endpoints_and_dead_machines_are_named(cluster: SimCluster) -> None:
    """Teaches: refused and silent are different troubles."""
    await serve(cluster, replicas=1)
    pod = cluster.all(PODS)[0]
    node = pod.object["spec"]["nodeName"]
    other = "node-1" if node != "node-1" else "node-2"
    refused = await trace_packet(cluster, other, f"pod/{pod.name}:81")
    assert refused.verdict == (
        f"connection refused: the Pod default/{pod.name} runs, but nobody in it listens at port 81"
    )
    cluster.faults.crash(node)
    silent = await trace_packet(cluster, other, f"pod/{pod.name}")
    assert silent.verdict == (
        f"no answer: the Pod default/{pod.name} is on {node}, whose machine is down (the cluster says Ready=True)"
    )


async def test_the_apiserver_answers_as_to_anybody(cluster: SimCluster) -> None:
    """Teaches: the Service default/kubernetes leads to the apiserver's own port."""
    trace = await trace_packet(cluster, "node-1", "kubernetes")
    assert (trace.outcome, trace.code) == ("answered", 400)  # Plain HTTP at a port that speaks TLS.
    cluster.faults.crash("apiserver")
    assert (await trace_packet(cluster, "node-1", "kubernetes")).outcome == "refused"
    cluster.faults.restart("apiserver")
    await cluster.run_for(60)


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        ("nobody", "web", 'there is no Pod "default/nobody" and no node "nobody"'),
        ("node-1", "pod/nobody", 'there is no Pod "default/nobody"'),
        ("node-1", "web:99999", '"web:99999" is no Service, Pod, name or address'),
    ],
)
async def test_what_there_is_not_is_refused(cluster: SimCluster, source: str, target: str, words: str) -> None:
    """Teaches: bad input gets one clear sentence."""
    with pytest.raises(TraceError, match=words):
        await trace_packet(cluster, source, target)


async def test_targets_are_read_as_people_write_them(cluster: SimCluster) -> None:
    """Teaches: a Service, a node, an address, a URL."""
    await cluster.apply(WEB)
    await cluster.run_for(1)
    asked = ["web", "svc/web", "web.default.svc.cluster.local", "http://web/shop", "node-2:30000", "10.0.0.1:53"]
    found = [tuple(target_of(cluster, each, "default")) for each in asked]
    assert found == [
        ("web", 8080, "/"),
        ("web", 8080, "/"),
        ("web.default.svc.cluster.local", 8080, "/"),
        ("web", 8080, "/shop"),
        ("192.168.49.3", 30000, "/"),
        ("10.0.0.1", 53, "/"),
    ]
