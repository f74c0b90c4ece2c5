"""MetalLB: addresses for Services of type LoadBalancer, where there is no cloud that gives any.

Its controller gives every such Service an address of the pool in its ConfigMap; one node announces it (layer 2; see
`kubesim.proxy.outside`). Without it such a Service waits for ever with `<pending>`, as on a bare cluster.
Upstream: metallb v0.9, as minikube's addon has it. Left out: BGP, several pools, shared addresses, the speakers' Pods.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from kubesim.addons.program import Program
from kubesim.api.meta import with_fields
from kubesim.api.resources import CONFIG_MAPS, SERVICES
from kubesim.api.stored import Object, Stored
from kubesim.api.tokens import Trust
from kubesim.client.client import Client
from kubesim.controllers.controller import Controller, ControllerContext, RetryLaterError
from kubesim.sim import Simulation

NAME = "metallb"
NAMESPACE, CONFIG = "metallb-system", "config"
ADDRESSES = "192.168.49.100-192.168.49.120"
LOAD_BALANCER = "LoadBalancer"
RANGE = re.compile(r"(\d+\.\d+\.\d+)\.(\d+)\s*-\s*(?:\1\.)?(\d+)(?!\.)")
OBJECTS: tuple[Object, ...] = (
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": {"app": NAME}}},
    {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": CONFIG, "namespace": NAMESPACE},
        "data": {
            "config": f"address-pools:\n- name: default\n  protocol: layer2\n  addresses:\n  - {ADDRESSES}\n",
        },
    },
)


def make_program(sim: Simulation, client: Client, trust: Trust) -> Program:
    """The controller, with an identity of its own."""
    return Program(sim, client, trust, [(Allocator, "metallb-controller")])


class Allocator(Controller):
    """Gives addresses; the queue holds keys of Services."""

    name = "metallb"

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context)
        self._services = self.informers.of(SERVICES)
        self._services.add_handler(
            on_add=self.enqueue, on_update=lambda _, new: self.enqueue(new), on_delete=self._everybody
        )
        self._config = self.informers.of(CONFIG_MAPS, namespace=NAMESPACE)
        self._config.add_handler(on_add=self._everybody, on_update=lambda _, new: self._everybody(new))

    async def reconcile(self, key: str) -> None:
        """An address for whoever needs one."""
        service = self._services.get(key)
        if service is None or not needs_address(service.object):
            return
        address = self._choose(service.object)
        if not address:
            self.recorder.event(
                service, "Warning", "AllocationFailed", f'Failed to allocate IP for "{key}": no available IPs'
            )
            raise RetryLaterError(f"no address is left for {key}")
        self.recorder.event(service, "Normal", "IPAllocated", f'Assigned IP "{address}"')
        balancer = {"ingress": [{"ip": address, "ipMode": "VIP"}]}
        await self.client.update_status(SERVICES, with_fields(service.object, {"loadBalancer": balancer}, "status"))

    def _choose(self, service: Object) -> str:
        """The address that the Service asks for, else the first that is free; "" if there is none."""
        taken = {address for other in self._services.list() for address in given(other.object)}
        free = [address for address in pool(self._text()) if address not in taken]
        wanted = service["spec"].get("loadBalancerIP", "")
        if wanted:
            return wanted if wanted in free else ""
        return next(iter(free), "")

    def _text(self) -> str:
        config = self._config.get(f"{NAMESPACE}/{CONFIG}")
        return str((config.object.get("data") or {}).get("config", "")) if config is not None else ""

    def _everybody(self, _: Stored) -> None:
        """An address may be free now for somebody who waits."""
        for service in self._services.list():
            if needs_address(service.object):
                self.enqueue(service)


def needs_address(service: Object) -> bool:
    """Whether a Service waits for an address of ours."""
    spec = service["spec"]
    is_ours = spec.get("type") == LOAD_BALANCER and not spec.get("loadBalancerClass")
    return is_ours and "deletionTimestamp" not in service["metadata"] and not given(service)


def given(service: Object) -> list[str]:
    """The addresses that a Service has."""
    balancer = (service.get("status") or {}).get("loadBalancer") or {}
    return [each["ip"] for each in balancer.get("ingress") or () if each.get("ip")]


def pool(text: str) -> Iterator[str]:
    """The addresses of the ranges in a configuration, in order."""
    for match in RANGE.finditer(text):
        for number in range(int(match[2]), int(match[3]) + 1):
            if number <= 255:
                yield f"{match[1]}.{number}"
