"""Services of type LoadBalancer in a cloud: pending, ensured, updated, deleted."""

from __future__ import annotations

from kubesim.addons import Addons
from kubesim.addons.cloud_balancers import FINALIZER
from kubesim.api.resources import EVENTS, SERVICES
from kubesim.api.stored import Object
from kubesim.cluster import SimCluster


def service(name: str = "web", type_: str = "LoadBalancer") -> Object:
    spec = {"type": type_, "selector": {"app": name}, "ports": [{"port": 80}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "default"}, "spec": spec}


def said(cluster: SimCluster) -> list[tuple[str, str]]:
    found = [one.object for one in cluster.all(EVENTS) if one.object["source"].get("component") == "service-controller"]
    return sorted({(one["reason"], one["message"]) for one in found})


def ingress(cluster: SimCluster, name: str = "web") -> object:
    stored = cluster.get(SERVICES, f"default/{name}")
    return stored and (stored.object["status"].get("loadBalancer") or {}).get("ingress")


async def test_a_service_waits_for_its_address(cluster: SimCluster) -> None:
    """Teaches: EXTERNAL-IP is <pending> until the cloud has made a balancer; two Services have two addresses."""
    await cluster.apply(service())
    await cluster.run_for(60)
    assert ingress(cluster) is None
    await Addons(cluster).enable("cloud-load-balancers")
    await cluster.run_for(7.9)
    assert ingress(cluster) is None
    await cluster.run_for(0.2)
    assert ingress(cluster) == [{"ip": "203.0.113.1", "ipMode": "VIP"}]
    await cluster.apply(service("other"))
    await cluster.run_for(9)
    assert ingress(cluster, "other") == [{"ip": "203.0.113.2", "ipMode": "VIP"}]
    assert said(cluster) == [
        ("EnsuredLoadBalancer", "Ensured load balancer"),
        ("EnsuringLoadBalancer", "Ensuring load balancer"),
    ]


async def test_a_balancer_is_taken_down_before_its_service_goes(cluster: SimCluster) -> None:
    """Teaches: a finalizer keeps the Service until the cloud has given everything back."""
    await Addons(cluster).enable("cloud-load-balancers")
    await cluster.apply(service())
    await cluster.run_for(10)
    await cluster.client.delete(SERVICES, "web", "default")
    await cluster.run_for(2.9)
    stored = cluster.get(SERVICES, "default/web")
    assert stored is not None
    assert stored.object["metadata"]["finalizers"] == [FINALIZER]
    await cluster.run_for(0.2)
    assert cluster.get(SERVICES, "default/web") is None
    assert ("DeletedLoadBalancer", "Deleted load balancer") in said(cluster)


async def test_a_service_that_wants_none_any_more_gives_it_back(cluster: SimCluster) -> None:
    """Teaches: another type is enough; the Service stays."""
    await Addons(cluster).enable("cloud-load-balancers")
    await cluster.apply(service())
    await cluster.run_for(10)
    await cluster.client.merge_patch(SERVICES, "web", {"spec": {"type": "ClusterIP"}}, "default")
    await cluster.run_for(5)
    stored = cluster.get(SERVICES, "default/web")
    assert stored is not None
    assert "finalizers" not in stored.object["metadata"]
    assert not ingress(cluster)
    assert ("Type", "LoadBalancer -> ClusterIP") in said(cluster)


async def test_a_node_that_fails_is_sent_nothing(cluster: SimCluster) -> None:
    """Teaches: the balancer is told when a node is NotReady, and when it is back."""
    await Addons(cluster).enable("cloud-load-balancers")
    await cluster.apply(service())
    await cluster.run_for(10)
    cluster.faults.crash("node-2")
    await cluster.run_for(70)
    assert ("UpdatedLoadBalancer", "Updated load balancer with new hosts") in said(cluster)
