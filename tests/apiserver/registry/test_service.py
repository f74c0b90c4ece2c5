"""Services: addresses and ports from the server's pools."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from random import Random
from typing import Any

import pytest

from kubesim.api.errors import InvalidError
from kubesim.api.resources import SERVICES
from kubesim.api.stored import Object
from kubesim.apiserver.registry.allocator import AddressPool, Pool, PoolError
from kubesim.etcd import Member
from kubesim.sim import Simulation


def service(name: str = "web", **spec: Any) -> Object:
    return {"metadata": {"name": name}, "spec": {"selector": {"app": name}, "ports": [{"port": 80}], **spec}}


async def refusal_of(api: Any, name: str = "x", **spec: Any) -> str:
    with pytest.raises(InvalidError) as refusal:
        await api.create(SERVICES, service(name, **spec))
    return str(refusal.value)


async def test_a_service_gets_an_address_of_the_range(sim: Simulation, boot: Any) -> None:
    """Teaches: clusterIP from 10.96.0.0/12, not from the part that is kept for fixed ones."""
    async with boot(sim) as api:
        made = (await api.create(SERVICES, service())).object
        spec = made["spec"]
        assert IPv4Address(spec["clusterIP"]) in IPv4Network("10.96.0.0/12")
        assert IPv4Address(spec["clusterIP"]) > IPv4Address("10.96.1.0")
        assert spec == {
            "selector": {"app": "web"},
            "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}],
            "type": "ClusterIP",
            "sessionAffinity": "None",
            "internalTrafficPolicy": "Cluster",
            "clusterIP": spec["clusterIP"],
            "clusterIPs": [spec["clusterIP"]],
            "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "SingleStack",
        }
        assert made["status"] == {"loadBalancer": {}}
        assert "generation" not in made["metadata"]


async def test_addresses_are_the_same_for_the_same_seed(sim: Simulation, boot: Any) -> None:
    """Teaches: random, but the simulation's random."""
    async with boot(sim) as one:
        first = (await one.create(SERVICES, service())).object["spec"]["clusterIP"]
    async with boot(Simulation(7)) as two:
        assert (await two.create(SERVICES, service())).object["spec"]["clusterIP"] == first
    async with boot(Simulation(8)) as three:
        assert (await three.create(SERVICES, service())).object["spec"]["clusterIP"] != first


async def test_a_certain_address_can_be_asked_for(sim: Simulation, boot: Any) -> None:
    """Teaches: once, and only one of the range; it is free again when the Service is gone."""
    async with boot(sim) as api:
        await api.create(SERVICES, service(clusterIP="10.96.0.10"))
        assert await refusal_of(api, clusterIP="10.96.0.10") == (
            'Service "x" is invalid: spec.clusterIPs: Invalid value: ["10.96.0.10"]: failed to allocate IP 10.96.0.10: '
            "provided IP is already allocated"
        )
        assert await refusal_of(api, clusterIP="1.2.3.4") == (
            'Service "x" is invalid: spec.clusterIPs: Invalid value: ["1.2.3.4"]: failed to allocate IP 1.2.3.4: '
            "the provided network does not match the current range"
        )
        await api.delete(SERVICES, "web")
        await api.create(SERVICES, service("other", clusterIP="10.96.0.10"))


async def test_a_refused_service_keeps_no_address(sim: Simulation, boot: Any) -> None:
    """Teaches: what is taken before the write is given back when the write fails, or was only tried."""
    async with boot(sim) as api:
        await api.create(SERVICES, service())
        with pytest.raises(Exception, match='services "web" already exists'):
            await api.create(SERVICES, service(clusterIP="10.96.0.11"))
        await api.create(SERVICES, service("dry", clusterIP="10.96.0.11"), dry_run=True)
        await api.create(SERVICES, service("real", clusterIP="10.96.0.11"))


async def test_a_headless_service_has_none(sim: Simulation, boot: Any) -> None:
    """Teaches: clusterIP None: DNS answers with the Pods themselves."""
    async with boot(sim) as api:
        spec = (await api.create(SERVICES, service(clusterIP="None"))).object["spec"]
        assert (spec["clusterIP"], spec["clusterIPs"]) == ("None", ["None"])
        await api.create(SERVICES, service("b", clusterIP="None"))


async def test_an_address_is_for_life(sim: Simulation, boot: Any) -> None:
    """Teaches: left out it is kept; another one is refused."""
    async with boot(sim) as api:
        made = await api.create(SERVICES, service())
        changed = await api.update(SERVICES, service(ports=[{"port": 81}]))
        assert changed.object["spec"]["clusterIP"] == made.object["spec"]["clusterIP"]
        with pytest.raises(InvalidError, match="may not change once set"):
            await api.patch(SERVICES, "web", {"spec": {"clusterIP": "10.96.0.77", "clusterIPs": ["10.96.0.77"]}})


async def test_node_ports_come_from_30000_to_32767(sim: Simulation, boot: Any) -> None:
    """Teaches: drawn, or asked for, and each given once."""
    async with boot(sim) as api:
        made = (await api.create(SERVICES, service(type="NodePort"))).object["spec"]["ports"][0]["nodePort"]
        assert 30000 <= made <= 32767
        await api.create(SERVICES, service("b", type="LoadBalancer", ports=[{"port": 80, "nodePort": 30001}]))
        assert await refusal_of(api, type="NodePort", ports=[{"port": 80, "nodePort": 30001}]) == (
            'Service "x" is invalid: spec.ports[0].nodePort: Invalid value: 30001: provided port is already allocated'
        )
        assert await refusal_of(api, type="NodePort", ports=[{"port": 80, "nodePort": 80}]) == (
            'Service "x" is invalid: spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid '
            "range. The range of valid ports is 30000-32767"
        )
        await api.patch(SERVICES, "b", {"metadata": {"labels": {"a": "b"}}})
        await api.delete(SERVICES, "b")
        await api.create(SERVICES, service("c", type="NodePort", ports=[{"port": 80, "nodePort": 30001}]))


async def test_pools_are_learnt_anew_at_start(sim: Simulation, boot: Any) -> None:
    """Teaches: the pools are memory; the Services are the truth."""
    etcd = Member(sim)
    async with boot(sim, etcd) as api:
        await api.create(SERVICES, service(clusterIP="10.96.0.10"))
    async with boot(sim, etcd) as api:
        assert "provided IP is already allocated" in await refusal_of(api, clusterIP="10.96.0.10")


async def test_the_rules_of_ports(sim: Simulation, boot: Any) -> None:
    """Teaches: needed, named when there are several, and of a known protocol."""
    async with boot(sim) as api:
        assert await refusal_of(api, ports=[]) == 'Service "x" is invalid: spec.ports: Required value'
        assert await refusal_of(api, ports=[{"port": 80}, {"port": 81}]) == (
            'Service "x" is invalid: [spec.ports[0].name: Required value, spec.ports[1].name: Required value]'
        )
        assert await refusal_of(api, ports=[{"name": "a", "port": 80}, {"name": "a", "port": 81}]) == (
            'Service "x" is invalid: spec.ports[1].name: Duplicate value: "a"'
        )
        assert await refusal_of(api, "1bad", ports=[{"port": 0}]) == (
            'Service "1bad" is invalid: [spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive, '
            "spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive]"
        )
        assert await refusal_of(api, ports=[{"port": 80, "targetPort": "no way"}]) == (
            'Service "x" is invalid: spec.ports[0].targetPort: Invalid value: "no way": '
            "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"
        )
        assert await refusal_of(api, ports=[{"port": 80, "protocol": "ICMP"}], sessionAffinity="Maybe") == (
            'Service "x" is invalid: [spec.ports[0].protocol: Unsupported value: "ICMP": supported values: "SCTP", '
            '"TCP", "UDP", spec.sessionAffinity: Unsupported value: "Maybe": supported values: "ClientIP", "None"]'
        )
        assert await refusal_of(api, type="Bogus") == (
            'Service "x" is invalid: spec.type: Unsupported value: "Bogus": supported values: "ClusterIP", '
            '"ExternalName", "LoadBalancer", "NodePort"'
        )
        assert await refusal_of(api, type="ExternalName", ports=[]) == (
            'Service "x" is invalid: spec.externalName: Required value'
        )


def test_a_nearly_full_pool_finds_the_last_free_number() -> None:
    """Teaches: draws are tried first, then every number; a full pool says so."""
    pool = Pool(1, 5, 3, Random(1))
    assert sorted(pool.draw() for _ in range(5)) == [1, 2, 3, 4, 5]
    with pytest.raises(PoolError, match=r"^range is full$"):
        pool.draw()
    pool.give_back(2)
    assert pool.draw() == 2


def test_an_address_must_be_one() -> None:
    """Teaches: text that is no address is refused."""
    pool = AddressPool(IPv4Network("10.0.0.0/28"), Random(1))
    with pytest.raises(PoolError, match="is not valid"):
        pool.take("web")
    assert pool.draw() in {f"10.0.0.{number}" for number in range(1, 15)}


async def patched(api: Any, **spec: Any) -> Object:
    """What a merge patch of the spec makes of the Service web."""
    made = await api.patch(SERVICES, "web", {"spec": spec})
    spec_made: Object = made.object["spec"]
    return spec_made


async def test_a_service_that_stops_being_a_node_port_gives_its_ports_back(sim: Simulation, boot: Any) -> None:
    """Teaches: fields depend on the type; what the client did not touch and the new type has not goes by itself."""
    async with boot(sim) as api:
        await api.create(SERVICES, service(type="LoadBalancer", loadBalancerClass="x.io/y"))
        spec = await patched(api, type="ClusterIP")
        assert spec["ports"] == [{"port": 80, "protocol": "TCP", "targetPort": 80}]
        assert not {"externalTrafficPolicy", "allocateLoadBalancerNodePorts", "loadBalancerClass"} & set(spec)


async def test_an_external_name_has_no_address(sim: Simulation, boot: Any) -> None:
    """Teaches: the address is given back when the type needs none, and a new one is drawn when it does again."""
    async with boot(sim) as api:
        await api.create(SERVICES, service())
        spec = await patched(api, type="ExternalName", externalName="a.example.com")
        assert not {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"} & set(spec)
        assert (await patched(api, type="ClusterIP", externalName=None))["clusterIP"].startswith("10.")


async def test_a_port_keeps_its_node_port(sim: Simulation, boot: Any) -> None:
    """Teaches: a PUT that leaves out what the server had allocated does not lose it."""
    async with boot(sim) as api:
        made = (await api.create(SERVICES, service(type="NodePort"))).object
        spec = await patched(api, ports=[{"port": 81}])
        assert spec["ports"][0]["nodePort"] == made["spec"]["ports"][0]["nodePort"]


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"externalTrafficPolicy": "Local"}, "may only be set for externally-accessible services"),
        ({"healthCheckNodePort": 30001}, "may only be set when `type` is 'LoadBalancer' and"),
        ({"loadBalancerSourceRanges": ["10.0.0.0/8"]}, "spec.LoadBalancerSourceRanges: Forbidden: may only be used"),
        ({"loadBalancerClass": "x.io/y"}, "spec.loadBalancerClass: Forbidden: may only be used when `type` is"),
        ({"ports": [{"port": 80, "nodePort": 30001}]}, "may not be used when `type` is 'ClusterIP'"),
        ({"ports": [{"name": "a", "port": 80}, {"name": "b", "port": 80}]}, 'Duplicate value: {"Name":"","Protocol"'),
        ({"ipFamilyPolicy": "RequireDualStack"}, "this cluster is not configured for dual-stack services"),
        ({"type": "NodePort", "clusterIP": "None"}, "may not be set to 'None' for NodePort services"),
        ({"type": "ExternalName", "externalName": "x", "clusterIP": "None"}, "may not be set for ExternalName"),
    ],
)
async def test_a_type_allows_only_its_own_fields(sim: Simulation, boot: Any, spec: Object, words: str) -> None:
    """Teaches: what a Service may say depends on its type."""
    async with boot(sim) as api:
        assert words in await refusal_of(api, **spec)


async def test_a_load_balancer_keeps_its_class(sim: Simulation, boot: Any) -> None:
    """Teaches: who balances is decided once."""
    async with boot(sim) as api:
        await api.create(SERVICES, service(type="LoadBalancer"))
        with pytest.raises(InvalidError, match="may not change once set"):
            await patched(api, loadBalancerClass="x.io/y")


async def test_only_load_balancers_have_addresses_outside(sim: Simulation, boot: Any) -> None:
    """Teaches: whoever balances writes the address into the status; packets arrive for the Service (VIP)."""
    async with boot(sim) as api:
        made = (await api.create(SERVICES, service(type="LoadBalancer"))).object
        status = {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}}
        changed = (await api.update(SERVICES, {**made, "status": status}, subresource="status")).object
        assert changed["status"]["loadBalancer"]["ingress"] == [{"ip": "1.2.3.4", "ipMode": "VIP"}]
        other = (await api.create(SERVICES, service("plain"))).object
        with pytest.raises(InvalidError, match=r"may only be used when `spec\.type` is"):
            await api.update(SERVICES, {**other, "status": status}, subresource="status")
