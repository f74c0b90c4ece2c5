"""CoreDNS in a simulated cluster: questions of Pods, on their way over the network."""

from __future__ import annotations

import pytest

from kubesim.addons import Addons
from kubesim.api.resources import CONFIG_MAPS, PODS
from kubesim.api.stored import Object
from kubesim.api.traffic import Addresses, Name, kernel_of
from kubesim.cluster import SimCluster
from kubesim.dns import CoreDns

pytestmark = pytest.mark.cluster(nodes=2)

WEB: Object = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": "nginx", "ports": [{"containerPort": 80}]}]},
        },
    },
}


def service(name: str, **spec: object) -> Object:
    ports = [{"name": "http", "port": 80, "targetPort": 80}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": "web"}, "ports": ports, **spec},
    }


async def with_dns(cluster: SimCluster, *objects: Object) -> CoreDns:
    await Addons(cluster).enable("dns")
    for obj in objects:
        await cluster.apply(obj)
    await cluster.settle()
    server = cluster.running("dns")
    assert isinstance(server, CoreDns)
    return server


async def ask(cluster: SimCluster, name: str, namespace: str = "default") -> Addresses:
    kernel = cluster.sim.network.handler(kernel_of("node-1"))
    assert kernel is not None
    answer: Addresses = await kernel(Name(name, "10.244.1.99", namespace))
    return answer


def said(server: CoreDns, name: str, type_: str = "A") -> tuple[str, list[str]]:
    answer = server.ask(name, type_)
    return answer.code, [record.data for record in answer.records]


async def test_the_short_name_of_a_service_works_in_its_namespace(cluster: SimCluster) -> None:
    """Teaches: the search path in resolv.conf makes web out of web.default.svc.cluster.local."""
    await with_dns(cluster, WEB, service("web", clusterIP="10.96.7.7"))
    found = await ask(cluster, "web")
    assert (found.addresses, found.full_name) == (("10.96.7.7",), "web.default.svc.cluster.local")
    assert (await ask(cluster, "web", "kube-system")).reason == "NXDOMAIN"
    assert (await ask(cluster, "web.default", "kube-system")).addresses == ("10.96.7.7",)
    assert (await ask(cluster, "kubernetes")).addresses == ("10.96.0.1",)


async def test_a_headless_service_is_the_addresses_of_its_ready_pods(cluster: SimCluster) -> None:
    """Teaches: without a cluster IP the client chooses, from all of them."""
    server = await with_dns(cluster, WEB, service("web", clusterIP="None"))
    pods = sorted(pod.object["status"]["podIP"] for pod in cluster.all(PODS) if pod.namespace == "default")
    name = "web.default.svc.cluster.local"
    assert (said(server, name)[0], sorted(said(server, name)[1])) == ("NOERROR", pods)
    host = pods[0].replace(".", "-")
    assert said(server, f"{host}.{name}") == ("NOERROR", [pods[0]])
    code, ports = said(server, f"_http._tcp.{name}", "SRV")
    assert (code, sorted(ports)) == ("NOERROR", [f"0 50 80 {pod.replace('.', '-')}.{name}." for pod in pods])
    await cluster.kubectl.run("scale deployment web --replicas 0")
    await cluster.settle()
    assert said(server, name) == ("NXDOMAIN", [])


async def test_every_kind_of_name_has_its_record(cluster: SimCluster) -> None:
    """Teaches: the DNS specification of Kubernetes, in one table."""
    server = await with_dns(
        cluster,
        service("web", clusterIP="10.96.7.7"),
        {**service("shop"), "spec": {"type": "ExternalName", "externalName": "shop.example.com"}},
    )
    web = "web.default.svc.cluster.local"
    assert said(server, f"_http._tcp.{web}", "SRV") == ("NOERROR", [f"0 100 80 {web}."])
    assert said(server, f"_dns._udp.{web}", "SRV") == ("NXDOMAIN", [])
    assert said(server, web, "TXT") == ("NOERROR", [])
    assert said(server, "10-244-1-5.default.pod.cluster.local") == ("NOERROR", ["10.244.1.5"])
    assert said(server, "7.7.96.10.in-addr.arpa", "PTR") == ("NOERROR", [f"{web}."])
    assert said(server, "dns-version.cluster.local", "TXT") == ("NOERROR", ['"1.1.0"'])
    assert said(server, "default.svc.cluster.local") == ("NOERROR", [])
    assert said(server, "web.nowhere.svc.cluster.local") == ("NXDOMAIN", [])
    assert said(server, "shop.default.svc.cluster.local") == ("NOERROR", ["shop.example.com.", "203.0.113.80"])
    assert said(server, "web") == ("NXDOMAIN", [])


async def test_without_its_pods_no_name_is_found(cluster: SimCluster) -> None:
    """Teaches: it is always DNS; here it is DNS because nobody is behind kube-dns."""
    await with_dns(cluster, service("web", clusterIP="10.96.7.7"))
    await cluster.kubectl.run("scale deployment coredns -n kube-system --replicas 0")
    await cluster.settle()
    answer = await ask(cluster, "web")
    assert (answer.addresses, answer.reason) == ((), "timeout")


async def change_corefile(cluster: SimCluster, text: str) -> None:
    stored = cluster.get(CONFIG_MAPS, "kube-system/coredns")
    assert stored is not None
    await cluster.apply({**stored.object, "data": {"Corefile": text}}, "kube-system")


async def test_a_changed_corefile_counts_half_a_minute_later(cluster: SimCluster) -> None:
    """Teaches: the plugin reload looks every 30 s; a file that is no good changes nothing."""
    server = await with_dns(cluster)
    await change_corefile(
        cluster, ".:53 {\n kubernetes cluster.local\n hosts {\n 10.9.9.9 lab.example\n }\n reload\n}\n"
    )
    await cluster.run_for(29)
    assert said(server, "lab.example") == ("NOERROR", ["203.0.113.80"])
    await cluster.run_for(2)
    assert said(server, "lab.example") == ("NOERROR", ["10.9.9.9"])
    assert said(server, "www.example") == ("REFUSED", []), "nothing is forwarded any more"
    await change_corefile(cluster, ".:53 {\n nonsense\n}\n")
    await cluster.run_for(31)
    assert said(server, "lab.example") == ("NOERROR", ["10.9.9.9"])
    assert server.failure == "Corefile:2 - Error during parsing: Unknown directive 'nonsense'"


async def test_switched_off_the_rules_of_the_node_know_names_again(cluster: SimCluster) -> None:
    """Teaches: a small cluster works without DNS, for its Services only."""
    addons = Addons(cluster)
    await addons.enable("dns")
    await cluster.apply(service("web", clusterIP="10.96.7.7"))
    await cluster.settle()
    await addons.disable("dns")
    await cluster.settle()
    assert (await ask(cluster, "web")).addresses == ("10.96.7.7",)
