"""Balancers of a cloud for Services of type LoadBalancer: the service controller of a cloud-controller-manager.

A Service that wants one gets a finalizer, some seconds later an address in its status, and loses both when it is
deleted or wants none any more. When nodes come or go the balancer is told where to send to. The addresses are of
203.0.113.0/24, which is nobody's (RFC 5737).
Upstream: k8s.io/cloud-provider/controllers/service. Left out: classes of balancers, health checks, quotas of the cloud.
"""

from __future__ import annotations

import asyncio

from kubesim.addons.program import Program
from kubesim.api.errors import NotFoundError
from kubesim.api.meta import with_fields
from kubesim.api.resources import NODES, SERVICES
from kubesim.api.stored import Object, Stored
from kubesim.api.tokens import Trust
from kubesim.client.client import Client
from kubesim.controllers.controller import Controller, ControllerContext
from kubesim.recording.facts import condition
from kubesim.sim import Simulation

NAME = "cloud-load-balancers"
FINALIZER = "service.kubernetes.io/load-balancer-cleanup"
EXCLUDED = "node.kubernetes.io/exclude-from-external-load-balancers"
CREATE_SECONDS, DELETE_SECONDS = 8.0, 3.0
NETWORK, SIZE = "203.0.113", 254


def make_program(sim: Simulation, client: Client, trust: Trust) -> Program:
    """The controller."""
    return Program(sim, client, trust, [(ServiceController, "service-controller")])


class ServiceController(Controller):
    """The queue holds keys of Services."""

    name = "service-lb-controller"

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context)
        self._services = self.informers.of(SERVICES)
        self._nodes = self.informers.of(NODES)
        self._hosts: dict[str, tuple[str, ...]] = {}  # By Service: the nodes that its balancer sends to.
        self._services.add_handler(on_add=self._seen, on_update=self._updated, on_delete=self._gone)
        self._nodes.add_handler(on_add=self._node_seen, on_update=self._node_updated, on_delete=self._node_seen)

    async def reconcile(self, key: str) -> None:
        """Makes, changes or removes the balancer of one Service."""
        service = self._services.get(key)
        if service is None:
            return
        service = await self.client.get(SERVICES, service.name, service.namespace)  # The cache may be behind.
        if wants_balancer(service.object):
            await self._ensure(service)
        elif FINALIZER in finalizers_of(service.object):
            await self._remove(service)

    async def _ensure(self, service: Stored) -> None:
        hosts = self._usable()
        if addresses_of(service.object):
            if self._hosts.setdefault(service.key, hosts) != hosts:
                self._hosts[service.key] = hosts
                self.recorder.event(service, "Normal", "UpdatedLoadBalancer", "Updated load balancer with new hosts")
            return
        self.recorder.event(service, "Normal", "EnsuringLoadBalancer", "Ensuring load balancer")
        if FINALIZER not in finalizers_of(service.object):
            changed = [*finalizers_of(service.object), FINALIZER]
            patch = {"metadata": {"finalizers": changed}}
            await self.client.merge_patch(SERVICES, service.name, patch, service.namespace)
        await asyncio.sleep(CREATE_SECONDS)
        if not hosts:
            words = "There are no available nodes for LoadBalancer"
            self.recorder.event(service, "Warning", "UnAvailableLoadBalancer", words)
        wanted: str = service.object["spec"].get("loadBalancerIP") or self._free_address()
        ingress = [{"ip": wanted, "ipMode": "VIP"}]
        self._hosts[service.key] = hosts
        await self._write(service, {"ingress": ingress})
        self.recorder.event(service, "Normal", "EnsuredLoadBalancer", "Ensured load balancer")

    async def _remove(self, service: Stored) -> None:
        self.recorder.event(service, "Normal", "DeletingLoadBalancer", "Deleting load balancer")
        await asyncio.sleep(DELETE_SECONDS)
        self._hosts.pop(service.key, None)
        if addresses_of(service.object):
            await self._write(service, {})
        fresh = await self.client.get(SERVICES, service.name, service.namespace)
        kept = [each for each in finalizers_of(fresh.object) if each != FINALIZER]
        await self.client.update(SERVICES, with_fields(fresh.object, {"finalizers": kept or None}, "metadata"))
        self.recorder.event(service, "Normal", "DeletedLoadBalancer", "Deleted load balancer")

    async def _write(self, service: Stored, balancer: Object) -> None:
        try:
            fresh = await self.client.get(SERVICES, service.name, service.namespace)
        except NotFoundError:
            return
        await self.client.update_status(SERVICES, with_fields(fresh.object, {"loadBalancer": balancer}, "status"))

    def _free_address(self) -> str:
        taken = {address for service in self._services.list() for address in addresses_of(service.object)}
        numbers = (f"{NETWORK}.{number}" for number in range(1, SIZE + 1))
        return next(address for address in numbers if address not in taken)

    def _usable(self) -> tuple[str, ...]:
        """The nodes that a balancer may send to."""
        return tuple(sorted(node.name for node in self._nodes.list() if is_usable(node.object)))

    # -- what the caches tell -------------------------------------------------------------------------

    def _seen(self, service: Stored) -> None:
        if wants_balancer(service.object) or FINALIZER in finalizers_of(service.object):
            self.enqueue(service)

    def _updated(self, old: Stored, service: Stored) -> None:
        before, after = (stored.object["spec"].get("type", "ClusterIP") for stored in (old, service))
        if before != after and "LoadBalancer" in (before, after):
            self.recorder.event(service, "Normal", "Type", f"{before} -> {after}")
        self._seen(service)

    def _gone(self, service: Stored) -> None:
        self._hosts.pop(service.key, None)

    def _node_updated(self, old: Stored, node: Stored) -> None:
        if is_usable(old.object) != is_usable(node.object):
            self._node_seen(node)

    def _node_seen(self, _node: Stored) -> None:
        for key in list(self._hosts):
            self.queue.add(key)


def wants_balancer(service: Object) -> bool:
    """Whether it is of the type, and not on its way out."""
    return service["spec"].get("type") == "LoadBalancer" and "deletionTimestamp" not in service["metadata"]


def finalizers_of(service: Object) -> list[str]:
    """The finalizers, [] if there are none."""
    return service["metadata"].get("finalizers") or []


def addresses_of(service: Object) -> list[str]:
    """The addresses of its balancer."""
    balancer = (service.get("status") or {}).get("loadBalancer") or {}
    return [each["ip"] for each in balancer.get("ingress") or () if each.get("ip")]


def is_usable(node: Object) -> bool:
    """Whether it is ready, and does not ask to be left out."""
    is_excluded = EXCLUDED in (node["metadata"].get("labels") or {})
    return not is_excluded and condition(node, "Ready").get("status") == "True"
