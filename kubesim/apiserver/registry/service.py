"""The strategy of Services: a stable address in front of Pods that come and go.

The server gives each Service an address of its range (`None` asks for none: a headless Service) and, where the
type wants them, ports that every node listens on. An address is for life.
Upstream: pkg/registry/core/service/{strategy.go,storage/alloc.go}. Left out: IPv6, external names' details.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network
from random import Random
from typing import ClassVar

from kubesim.api.errors import FieldError, InternalError
from kubesim.api.errors import invalid as refuse
from kubesim.api.meta import with_fields
from kubesim.api.resources import Resource
from kubesim.api.stored import Object
from kubesim.apiserver.registry.allocator import AddressPool, Pool, PoolError
from kubesim.apiserver.registry.service_types import (
    LOAD_BALANCER,
    NONE,
    needs_address,
    needs_health_check,
    needs_node_ports,
    type_of,
    with_allocated_values,
    without_idle_fields,
)
from kubesim.apiserver.registry.strategy import Strategy
from kubesim.apiserver.validation.field import forbidden, invalid
from kubesim.apiserver.validation.names import Problems, dns_label
from kubesim.apiserver.validation.service import (
    service_warnings,
    validate_addresses,
    validate_service,
    validate_service_update,
)

SERVICE_NETWORK = IPv4Network("10.96.0.0/12")
NODE_PORT_FIRST, NODE_PORT_LAST, NODE_PORT_FIRST_DRAWN = 30000, 32767, 30086
AFFINITIES = ("ClientIP", NONE)


class ServiceStrategy(Strategy):
    """The rules of Services, and the pools of addresses and ports."""

    uses_pools: ClassVar[bool] = True

    def __init__(self, resource: Resource, random: Random, network: IPv4Network = SERVICE_NETWORK) -> None:
        super().__init__(resource)
        self._addresses = AddressPool(network, random)
        self._ports = Pool(NODE_PORT_FIRST, NODE_PORT_LAST, NODE_PORT_FIRST_DRAWN, random)

    def name_problems(self, name: str) -> Problems:
        """A DNS label: it becomes part of host names."""
        return dns_label(name)

    def learn(self, services: list[Object]) -> None:
        """What existing Services hold: called at start."""
        for service in services:
            address, ports = _held(service)
            if address:
                self._addresses.take(address)
            for port in ports:
                self._ports.take(port)

    def prepare_for_update(self, obj: Object, old: Object) -> None:
        """What is not mentioned is kept; what the new type does not need goes."""
        super().prepare_for_update(obj, old)
        spec, before = obj.get("spec") or {}, old["spec"]
        changed = without_idle_fields(with_allocated_values(_normalized(spec, before), before), before)
        if changed is not spec:
            obj["spec"] = changed

    def validate(self, obj: Object) -> list[FieldError]:
        """Type, ports, affinity."""
        spec: Object = obj.get("spec") or {}
        return validate_addresses(spec) or validate_service(spec)

    def warnings_on_create(self, obj: Object) -> Sequence[str]:
        """What is odd about it."""
        return service_warnings(obj)

    def warnings_on_update(self, obj: Object, old: Object) -> Sequence[str]:
        """The same."""
        del old
        return service_warnings(obj)

    def validate_update(self, obj: Object, old: Object) -> list[FieldError]:
        """The address is for life, unless the Service ceases to have one."""
        if obj.get("spec") is old["spec"]:
            return []
        return validate_service_update(obj.get("spec") or {}, old["spec"])

    def prepare_for_status_update(self, obj: Object, old: Object) -> None:
        """An address of a load balancer is one at which packets arrive for the Service, unless said otherwise."""
        super().prepare_for_status_update(obj, old)
        balancer: Object = (obj.get("status") or {}).get("loadBalancer") or {}
        ingress = [{**each, "ipMode": "VIP"} if each.get("ip") and not each.get("ipMode") else each
                   for each in balancer.get("ingress") or ()]  # fmt: skip
        if type_of(obj.get("spec") or {}) == LOAD_BALANCER and ingress != (balancer.get("ingress") or []):
            obj["status"] = with_fields(obj["status"], {"ingress": ingress}, "loadBalancer")

    def validate_status_update(self, obj: Object, old: Object) -> list[FieldError]:  # noqa: ARG002 (any change)
        """Only load balancers have addresses outside."""
        balancer: Object = (obj.get("status") or {}).get("loadBalancer") or {}
        if balancer.get("ingress") and type_of(obj.get("spec") or {}) != LOAD_BALANCER:
            words = 'may only be used when `spec.type` is "LoadBalancer"'
            return [forbidden("status.loadBalancer.ingress", words)]
        return []

    def allocate(self, obj: Object, old: Object | None) -> None:
        """Gives the Service its address and node ports."""
        spec: Object = dict(obj.get("spec") or {})
        held_address, held_ports = _held(old) if old is not None else ("", [])
        try:
            if needs_address(spec):
                self._allocate_address(obj, spec, held_address)
            if needs_node_ports(spec):
                spec["ports"] = self._allocate_ports(obj, spec.get("ports") or [], held_ports)
            if needs_health_check(spec) and not spec.get("healthCheckNodePort"):
                spec["healthCheckNodePort"] = self._ports.draw()
        except PoolError as error:
            raise InternalError(f"failed to allocate a serviceIP: {error}") from None
        if spec != obj.get("spec"):
            obj["spec"] = spec

    def release(self, obj: Object, kept: Object | None) -> None:
        """Gives back what only `obj` holds."""
        address, ports = _held(obj)
        kept_address, kept_ports = _held(kept) if kept is not None else ("", [])
        if address and address != kept_address:
            self._addresses.give_back(address)
        for port in ports:
            if port not in kept_ports:
                self._ports.give_back(port)

    def _allocate_address(self, obj: Object, spec: Object, held: str) -> None:
        address = spec.get("clusterIP") or (spec.get("clusterIPs") or [""])[0]
        if not address:
            address = self._addresses.draw()
        elif address not in (NONE, held):
            try:
                self._addresses.take(address)
            except PoolError as error:
                problem = invalid("spec.clusterIPs", [address], str(error))
                raise refuse(self.resource, obj["metadata"]["name"], [problem]) from None
        spec["clusterIP"], spec["clusterIPs"] = address, [address]
        spec.setdefault("ipFamilies", ["IPv4"])
        spec.setdefault("ipFamilyPolicy", "SingleStack")

    def _allocate_ports(self, obj: Object, ports: list[Object], held: list[int]) -> list[Object]:
        given = []
        for index, port in enumerate(ports):
            wanted = port.get("nodePort")
            if not wanted:
                given.append({**port, "nodePort": self._ports.draw()})
                continue
            at = f"spec.ports[{index}].nodePort"
            name = obj["metadata"]["name"]
            if not NODE_PORT_FIRST <= wanted <= NODE_PORT_LAST:
                valid = f"The range of valid ports is {NODE_PORT_FIRST}-{NODE_PORT_LAST}"
                words = f"provided port is not in the valid range. {valid}"
                raise refuse(self.resource, name, [invalid(at, wanted, words)])
            if wanted not in held:
                try:
                    self._ports.take(wanted)
                except PoolError:
                    words = "provided port is already allocated"
                    raise refuse(self.resource, name, [invalid(at, wanted, words)]) from None
            given.append(port)
        return given


def _normalized(spec: Object, before: Object) -> Object:
    """Who changes the first address alone means the list too."""
    address, addresses = spec.get("clusterIP"), spec.get("clusterIPs")
    if address == before.get("clusterIP") or not addresses or addresses != before.get("clusterIPs"):
        return spec
    if address:
        return {**spec, "clusterIPs": [address]}
    return {name: value for name, value in spec.items() if name != "clusterIPs"}


def _held(service: Object) -> tuple[str, list[int]]:
    """The address and the node ports that a Service holds."""
    spec: Object = service.get("spec") or {}
    address = spec.get("clusterIP") or ""
    ports = [port["nodePort"] for port in spec.get("ports") or () if port.get("nodePort")]
    if health_port := spec.get("healthCheckNodePort"):
        ports.append(health_port)
    return ("" if address == NONE else address), ports
