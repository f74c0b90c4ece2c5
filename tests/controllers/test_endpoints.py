"""Tests of kubesim.controllers.endpoints."""

from typing import Any

import msgspec

from kubesim.api.stored import Stored
from kubesim.api.views import Pod, Service
from kubesim.controllers.endpoints import address_types, belongs, is_change, place, port_key, port_objects


def service(**spec: Any) -> Service:
    spec = {"clusterIP": "10.96.0.1", "ipFamilies": ["IPv4"], "selector": {"app": "web"}} | spec
    return msgspec.convert({"metadata": {"name": "web", "namespace": "default"}, "spec": spec}, Service)


def pod(*, ready: str = "True", ips: tuple[str, ...] = ("10.0.0.1",), phase: str = "Running", **more: Any) -> Stored:
    """A Pod on node-1; `more` goes into metadata or spec."""
    metadata = {"name": "web-1", "namespace": "default", "uid": "u", "labels": {"app": "web"}}
    metadata |= {key: value for key, value in more.items() if key == "deletionTimestamp"}
    spec = {"nodeName": "node-1", "containers": []}
    spec |= {key: value for key, value in more.items() if key != "deletionTimestamp"}
    status: dict[str, Any] = {"phase": phase, "conditions": [{"type": "Ready", "status": ready}]}
    if ips:
        status |= {"podIP": ips[0], "podIPs": [{"ip": ip} for ip in ips]}
    return Stored(1, {"metadata": metadata, "spec": spec, "status": status})


def only(stored: Stored, of: Service, zone: str = "") -> dict[str, Any]:
    (placed,) = place(stored.view(Pod), of, zone)
    return placed.endpoint


def test_an_endpoint_says_who_it_is_where_and_in_what_state() -> None:
    """Teaches: the fields of an endpoint, in the order in which the real ones have them."""
    entry = only(pod(), service(), zone="eu-1")
    assert list(entry.items()) == [
        ("addresses", ["10.0.0.1"]),
        ("conditions", {"ready": True, "serving": True, "terminating": False}),
        ("targetRef", {"kind": "Pod", "namespace": "default", "name": "web-1", "uid": "u"}),
        ("nodeName", "node-1"),
        ("zone", "eu-1"),
    ]


def test_a_terminating_pod_serves_but_is_not_ready() -> None:
    """Teaches: load balancers let go of it while it finishes what it began."""
    leaving = pod(deletionTimestamp="2024-01-13T09:00:00Z")
    assert only(leaving, service())["conditions"] == {"ready": False, "serving": True, "terminating": True}


def test_publish_not_ready_addresses_calls_every_pod_ready() -> None:
    """Teaches: for peers that have to find each other before they are ready."""
    unready = pod(ready="False")
    assert only(unready, service())["conditions"]["ready"] is False
    published = only(unready, service(publishNotReadyAddresses=True))
    assert published["conditions"] == {"ready": True, "serving": False, "terminating": False}


def test_a_pod_of_the_services_subdomain_has_a_host_name() -> None:
    """Teaches: how a StatefulSet's Pods get names in DNS."""
    member = pod(hostname="db-0", subdomain="web")
    assert only(member, service(clusterIP="None"))["hostname"] == "db-0"
    assert "hostname" not in only(pod(hostname="db-0", subdomain="other"), service())


def test_a_pod_that_ended_or_has_no_address_has_no_endpoint() -> None:
    """Teaches: terminated is not terminating."""
    assert belongs(pod().view(Pod))
    assert not belongs(pod(phase="Succeeded").view(Pod))
    assert not belongs(pod(ips=()).view(Pod))


def test_each_kind_of_address_has_slices_of_its_own() -> None:
    """Teaches: dual stack means two slices."""
    dual = service(ipFamilies=["IPv4", "IPv6"])
    placed = place(pod(ips=("10.0.0.1", "fd00::1")).view(Pod), dual, "")
    assert [(p.group.address_type, p.key.addresses) for p in placed] == [
        ("IPv4", ("10.0.0.1",)),
        ("IPv6", ("fd00::1",)),
    ]
    assert place(pod().view(Pod), service(ipFamilies=["IPv6"]), "") == []


def test_the_families_of_a_service_that_does_not_say_follow_from_its_address() -> None:
    """Teaches: Services of old; a headless one may have both."""
    assert address_types(service(ipFamilies=[])) == ("IPv4",)
    assert address_types(service(ipFamilies=[], clusterIP="fd00::1")) == ("IPv6",)
    assert address_types(service(ipFamilies=[], clusterIP="None")) == ("IPv4", "IPv6")


def test_a_target_port_is_a_number_or_a_name_that_the_pod_gives() -> None:
    """Teaches: with a name, Pods of two versions may listen on two numbers, and land in two slices."""
    ports = [
        {"name": "http", "port": 80, "protocol": "TCP", "targetPort": 8080},
        {"name": "metrics", "port": 90, "protocol": "TCP", "targetPort": "metrics", "appProtocol": "http"},
        {"name": "missing", "port": 91, "protocol": "TCP", "targetPort": "nobody"},
    ]
    containers = [{"name": "c", "ports": [{"name": "metrics", "containerPort": 9090, "protocol": "TCP"}]}]
    (placed,) = place(pod(containers=containers).view(Pod), service(ports=ports), "")
    assert placed.group.ports == (("http", "TCP", 8080, ""), ("metrics", "TCP", 9090, "http"))
    sidecar = [
        {"name": "s", "restartPolicy": "Always", "ports": [{"name": "metrics", "containerPort": 7, "protocol": "TCP"}]}
    ]
    (placed,) = place(pod(initContainers=sidecar).view(Pod), service(ports=ports), "")
    assert placed.group.ports[1][2] == 7


def test_ports_written_and_read_are_the_same_key() -> None:
    """Teaches: a slice is found again by its ports, whatever their order."""
    ports = (("a", "TCP", 1, ""), ("b", "UDP", 2, "http"))
    assert port_key(port_objects(ports)) == ports
    assert port_key(list(reversed(port_objects(ports)))) == ports
    assert port_key(None) == ()


def test_only_what_an_endpoint_shows_is_a_change() -> None:
    """Teaches: most of what a kubelet writes about a Pod does not concern its Services."""
    assert not is_change(pod(), pod(restartPolicy="Always"))
    assert is_change(pod(), pod(ready="False"))
    assert is_change(pod(), pod(ips=("10.0.0.2",)))
    assert is_change(pod(), pod(phase="Failed"))
    assert is_change(pod(), pod(deletionTimestamp="2024-01-13T09:00:00Z"))
    assert is_change(pod(), pod(nodeName="node-2"))
