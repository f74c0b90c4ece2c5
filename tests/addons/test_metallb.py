"""Addresses for Services of type LoadBalancer."""

from __future__ import annotations

import pytest

from kubesim.addons import Addons
from kubesim.addons.metallb import pool
from kubesim.api.resources import EVENTS, SERVICES
from kubesim.api.stored import Object
from kubesim.cluster import SimCluster
from kubesim.explain.packet import trace_packet


def service(name: str, **spec: object) -> Object:
    """A Service of type LoadBalancer for the Pods of `web`."""
    fields: Object = {"type": "LoadBalancer", "selector": {"app": "web"}, "ports": [{"port": 80}], **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": fields}


def address(cluster: SimCluster, name: str) -> str:
    """What `kubectl get service` shows as EXTERNAL-IP; "" while that is pending."""
    stored = cluster.get(SERVICES, f"default/{name}")
    assert stored is not None
    given = (stored.object["status"].get("loadBalancer") or {}).get("ingress") or [{"ip": ""}]
    ip: str = given[0]["ip"]
    return ip


async def test_without_it_a_load_balancer_is_pending(cluster: SimCluster) -> None:
    """Teaches: the type alone gives no address; somebody has to."""
    await cluster.apply(service("web"))
    await cluster.run_for(60)
    assert address(cluster, "web") == ""


async def test_services_get_addresses_of_the_pool(cluster: SimCluster) -> None:
    """Teaches: one address each, in order; a wish is granted if that one is free."""
    await Addons(cluster).enable("metallb")
    await cluster.apply(service("web"))
    await cluster.apply(service("wish", loadBalancerIP="192.168.49.110"))
    await cluster.apply(service("other", loadBalancerClass="example.com/other"))
    await cluster.run_for(5)
    assert [address(cluster, name) for name in ("web", "wish", "other")] == ["192.168.49.100", "192.168.49.110", ""]
    events = [event.object for event in cluster.all(EVENTS) if event.object["reason"] == "IPAllocated"]
    assert events[0]["message"] == 'Assigned IP "192.168.49.100"'


async def test_an_address_is_free_again_when_its_service_is_gone(cluster: SimCluster) -> None:
    """Teaches: who found no address gets the first that is given back."""
    await Addons(cluster).enable("metallb")
    await cluster.apply(service("first", loadBalancerIP="192.168.49.105"))
    await cluster.run_for(5)
    await cluster.apply(service("second", loadBalancerIP="192.168.49.105"))
    await cluster.run_for(5)
    assert address(cluster, "second") == ""
    assert any(event.object["reason"] == "AllocationFailed" for event in cluster.all(EVENTS))
    await cluster.kubectl.run("delete service first")
    await cluster.run_for(5)
    assert address(cluster, "second") == "192.168.49.105"


async def test_from_outside_the_address_leads_to_a_pod(cluster: SimCluster) -> None:
    """Teaches: one node announces the address; its rules choose the endpoint."""
    await Addons(cluster).enable("metallb")
    await cluster.kubectl.run("create deployment web --image=nginx --replicas=2")
    await cluster.apply(service("web", externalTrafficPolicy="Local"))
    await cluster.run_for(15)
    trace = await trace_packet(cluster, "outside", address(cluster, "web"))
    assert trace.arrived
    assert "announced by" in trace.hops[1].text
    assert (trace.hops[1].at, trace.hops[-1].at) == (
        trace.hops[-1].at,
        trace.hops[1].at,
    )  # Policy Local: no second hop.


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("- 10.0.0.1-10.0.0.3", ["10.0.0.1", "10.0.0.2", "10.0.0.3"]),
        ("- 10.0.0.254-10.0.0.300", ["10.0.0.254", "10.0.0.255"]),
        ("nothing", []),
    ],
)
def test_pools_are_ranges(text: str, found: list[str]) -> None:
    """Teaches: what is no range gives no addresses."""
    assert list(pool(text)) == found
