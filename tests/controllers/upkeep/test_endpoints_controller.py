"""Tests of kubesim.controllers.endpoints_controller and endpoint_slice_mirroring, against a real apiserver."""

from __future__ import annotations

from typing import Any

from kubesim.api.resources import ENDPOINT_SLICES, ENDPOINTS, SERVICES
from kubesim.api.stored import Object
from kubesim.controllers.endpoint_slice_mirroring import EndpointSliceMirroringController
from kubesim.controllers.endpoints_controller import EndpointsController
from kubesim.controllers.endpoints_plan import Address, repack, truncated
from kubesim.sim import Simulation

CONTROLLERS = (EndpointsController, EndpointSliceMirroringController)
WATCHED = (ENDPOINTS, ENDPOINT_SLICES)
MANAGED = {"endpoints.kubernetes.io/managed-by": "endpoint-controller"}


async def service(cluster: Any, name: str = "web", **spec: Any) -> Object:
    ports = [{"name": "http", "port": 80, "targetPort": 8080}]
    metadata = {"name": name, "namespace": "default", "labels": {"tier": "front"}}
    spec = {"selector": {"app": name}, "ports": ports} | spec
    spec = {key: value for key, value in spec.items() if value is not None}
    made = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}
    return (await cluster.client.create(SERVICES, made)).object


def addresses(endpoints: Object) -> dict[str, list[str]]:
    """The Pods behind a Service, by state."""
    found: dict[str, list[str]] = {}
    for subset in endpoints.get("subsets") or ():
        for name in ("addresses", "notReadyAddresses"):
            found.setdefault(name, []).extend(entry["targetRef"]["name"] for entry in subset.get(name) or ())
    return {name: pods for name, pods in found.items() if pods}


async def test_endpoints_live_as_long_as_their_service(sim: Simulation, plane: Any) -> None:
    """Teaches: labels, subsets, ready and unready addresses Pods; the end of the Service is theirs."""
    async with plane(sim, CONTROLLERS, WATCHED) as cluster:
        await service(cluster)
        await cluster.at(1)
        empty = await cluster.get(ENDPOINTS, "web")
        assert empty["metadata"]["labels"] == {"tier": "front", **MANAGED}
        assert "subsets" not in empty
        await cluster.node("node-1")
        await cluster.pod("a", "node-1", ready="True", ip="10.0.0.1")
        await cluster.pod("b", "node-1", ready="False", ip="10.0.0.2")
        await cluster.at(3)
        endpoints = await cluster.get(ENDPOINTS, "web")
        assert addresses(endpoints) == {"addresses": ["a"], "notReadyAddresses": ["b"]}
        assert endpoints["subsets"][0]["ports"] == [{"name": "http", "port": 8080, "protocol": "TCP"}]
        await cluster.client.delete(SERVICES, "web", "default")
        await cluster.at(4)
        assert "web" not in await cluster.names(ENDPOINTS, "default")


async def test_a_headless_service_says_so_and_may_publish_unready_pods(sim: Simulation, plane: Any) -> None:
    """Teaches: the label service.kubernetes.io/headless; publishNotReadyAddresses; no ports are no obstacle."""
    async with plane(sim, CONTROLLERS, WATCHED) as cluster:
        await service(cluster, clusterIP="None", publishNotReadyAddresses=True, ports=None)
        await cluster.node("node-1")
        await cluster.pod("a", "node-1", ready="False", ip="10.0.0.1")
        await cluster.at(2)
        endpoints = await cluster.get(ENDPOINTS, "web")
        assert endpoints["metadata"]["labels"]["service.kubernetes.io/headless"] == ""
        assert addresses(endpoints) == {"addresses": ["a"]}
        assert "ports" not in endpoints["subsets"][0]


async def test_endpoints_written_by_hand_are_mirrored(sim: Simulation, plane: Any) -> None:
    """Teaches: a Service without a selector gets its slices from Endpoints, and loses them with these."""
    async with plane(sim, CONTROLLERS, WATCHED) as cluster:
        await service(cluster, "db", selector=None)
        subset = {
            "addresses": [{"ip": "192.0.2.1"}], "notReadyAddresses": [{"ip": "192.0.2.2"}], "ports": [{"port": 5432}],
        }  # fmt: skip
        metadata = {"name": "db", "namespace": "default", "labels": {"from": "hand"}}
        await cluster.client.create(ENDPOINTS, {"metadata": metadata, "subsets": [subset]})
        await cluster.at(1)
        (name,) = [each for each in await cluster.names(ENDPOINT_SLICES, "default") if each.startswith("db-")]
        mirrored = await cluster.get(ENDPOINT_SLICES, name)
        assert mirrored["metadata"]["labels"] == {
            "from": "hand", "kubernetes.io/service-name": "db",
            "endpointslice.kubernetes.io/managed-by": "endpointslicemirroring-controller.k8s.io",
        }  # fmt: skip
        assert mirrored["metadata"]["ownerReferences"][0]["kind"] == "Endpoints"
        assert [(e["addresses"], e["conditions"]) for e in mirrored["endpoints"]] == [
            (["192.0.2.1"], {"ready": True}),
            (["192.0.2.2"], {"ready": False}),
        ]
        patch = {"subsets": [{**subset, "addresses": [{"ip": "192.0.2.9"}]}]}
        await cluster.client.merge_patch(ENDPOINTS, "db", patch, "default")
        await cluster.at(2)
        mirrored = await cluster.get(ENDPOINT_SLICES, name)
        assert mirrored["endpoints"][0]["addresses"] == ["192.0.2.9"]
        await cluster.client.delete(ENDPOINTS, "db", "default")
        await cluster.at(4)
        assert name not in await cluster.names(ENDPOINT_SLICES, "default")


def address(ip: str, *, ready: bool = True) -> Address:
    return Address(ip, f"uid-{ip}", ready, {"ip": ip})


def test_ports_of_the_same_addresses_share_a_subset() -> None:
    """Teaches: the canonical form: addresses in order, ports in the order of their hashes."""
    both = [address("10.0.0.2"), address("10.0.0.1", ready=False)]
    one = [address("10.0.0.1")]
    http, https, extra = ("http", 80, "TCP", ""), ("https", 443, "TCP", ""), ("x", 1, "TCP", "")
    packed = repack({http: both, https: both, extra: one})
    assert sorted(len(subset["ports"]) for subset in packed) == [1, 2]
    wide = next(subset for subset in packed if len(subset["ports"]) == 2)
    assert (wide["addresses"], wide["notReadyAddresses"]) == ([{"ip": "10.0.0.2"}], [{"ip": "10.0.0.1"}])
    assert repack({extra: one, https: list(reversed(both)), http: both}) == packed


def test_a_thousand_addresses_are_the_most() -> None:
    """Teaches: unready addresses make room for ready ones; every subset gives in proportion."""
    many = [{"ip": str(number)} for number in range(900)]
    kept = truncated([{"addresses": many, "notReadyAddresses": many}])
    assert [(len(subset["addresses"]), len(subset["notReadyAddresses"])) for subset in kept] == [(900, 100)]
    kept = truncated([{"addresses": many}, {"addresses": many, "notReadyAddresses": many}])
    assert [(len(subset["addresses"]), "notReadyAddresses" in subset) for subset in kept] == [(500, False)] * 2
