"""The table of addons, and how they are switched on and off, as with minikube.

An addon is objects, which anybody can see and change, and a component that does its work. A profile remembers which are
on; a stopped cluster starts with them again. Upstream: minikube's pkg/addons, deploy/addons.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from kubesim.addons import (
    cloud_balancers,
    cluster_autoscaler,
    custom_metrics,
    host_path,
    ingress,
    metallb,
    network_disk,
)
from kubesim.addons.cloud import SimCloud
from kubesim.api.errors import BadRequestError, NotFoundError
from kubesim.api.resources import resource_of
from kubesim.api.stored import Object
from kubesim.api.wire import ClientCertificate
from kubesim.cluster import ADMIN, CONTROL_PLANE, SimCluster
from kubesim.components import Component
from kubesim.dns import MANIFESTS as DNS_MANIFESTS
from kubesim.dns import ClusterResolver, CoreDns
from kubesim.metrics_server import MANIFESTS, NAMESPACE, SERVICE, MetricsServer
from kubesim.proxy.names_fallback import TableResolver
from kubesim.sim import Simulation


class Addon(NamedTuple):
    """One addon: what it is good for, its objects in the order of creation, and how its component is made."""

    name: str
    purpose: str
    objects: tuple[Object, ...]
    make: Callable[[SimCluster], Component] | None = None  # None: its objects are all there is.
    switch: Callable[[SimCluster, bool], None] | None = None  # What else changes when it goes on or off.


def _machine(cluster: SimCluster) -> Simulation:
    return cluster.sim.on(cluster.faults.hosts[CONTROL_PLANE])


def _metrics_server(cluster: SimCluster) -> Component:
    account = ClientCertificate(f"system:serviceaccount:{NAMESPACE}:{SERVICE}", ("system:serviceaccounts",))
    return MetricsServer(_machine(cluster), cluster.client_for(SERVICE, account), CONTROL_PLANE)


def _host_path(cluster: SimCluster) -> Component:
    account = ClientCertificate(f"system:serviceaccount:{NAMESPACE}:{host_path.NAME}", ("system:serviceaccounts",))
    return host_path.make_program(_machine(cluster), cluster.client_for(host_path.NAME, account), cluster.trust)


def _network_disk(cluster: SimCluster) -> Component:
    client = cluster.client_for("disk-csi-controller", ClientCertificate("disk-csi-controller", ("system:masters",)))
    return network_disk.make_program(_machine(cluster), client, cluster.trust)


def _dns(cluster: SimCluster) -> Component:
    return CoreDns(_machine(cluster), cluster.client_for("coredns", ADMIN))


def _ingress(cluster: SimCluster) -> Component:
    return ingress.make_program(_machine(cluster), cluster.client_for(ingress.NAME, ADMIN), cluster.trust)


def _resolve_by_dns(cluster: SimCluster, on: bool) -> None:
    """Containers ask kube-dns; without it their names are looked up in their node's rules."""

    def running() -> CoreDns | None:
        component = cluster.running("dns")
        return component if isinstance(component, CoreDns) else None

    cluster.pod_network.resolver = ClusterResolver(running) if on else TableResolver()


def _cluster_autoscaler(cluster: SimCluster) -> Component:
    client = cluster.client_for(
        cluster_autoscaler.NAME, ClientCertificate(cluster_autoscaler.NAME, ("system:masters",))
    )
    return cluster_autoscaler.ClusterAutoscaler(_machine(cluster), client, SimCloud(cluster))


def _custom_metrics(cluster: SimCluster) -> Component:
    client = cluster.client_for(custom_metrics.NAME, ClientCertificate(custom_metrics.NAME, ("system:masters",)))
    return custom_metrics.CustomMetricsAdapter(_machine(cluster), client, CONTROL_PLANE)


def _metallb(cluster: SimCluster) -> Component:
    account = ClientCertificate(f"system:serviceaccount:{metallb.NAMESPACE}:controller", ("system:masters",))
    return metallb.make_program(_machine(cluster), cluster.client_for(metallb.NAME, account), cluster.trust)


def _cloud_balancers(cluster: SimCluster) -> Component:
    client = cluster.client_for(cloud_balancers.NAME, ClientCertificate(cloud_balancers.NAME, ("system:masters",)))
    return cloud_balancers.make_program(_machine(cluster), client, cluster.trust)


_TABLE = (
    Addon(SERVICE, "what nodes and Pods use: kubectl top, kubectl autoscale", MANIFESTS, _metrics_server),
    Addon("default-storageclass", "the StorageClass standard, for claims that name none", host_path.CLASS_OBJECTS),
    Addon(host_path.NAME, "makes volumes for claims of the class standard", host_path.PROVISIONER_OBJECTS, _host_path),
    Addon("dns", "CoreDNS: the names of Services and Pods, with search paths", DNS_MANIFESTS, _dns, _resolve_by_dns),
    Addon("ingress", "an ingress controller (nginx) for HTTP from outside", ingress.OBJECTS, _ingress),
    Addon("network-disk", "disks that one node at a time attaches, and that grow", network_disk.OBJECTS, _network_disk),
    Addon(metallb.NAME, "addresses for Services of type LoadBalancer", metallb.OBJECTS, _metallb),
    Addon(
        cloud_balancers.NAME, "addresses for Services of type LoadBalancer, as a cloud gives them", (), _cloud_balancers
    ),
    Addon(
        "custom-metrics",
        "metrics of Pods, objects and the outside world for autoscalers, from annotations",
        custom_metrics.OBJECTS,
        _custom_metrics,
    ),
    Addon(
        cluster_autoscaler.NAME,
        "machines that come when Pods find no room, and go",
        cluster_autoscaler.OBJECTS,
        _cluster_autoscaler,
    ),
)
ADDONS = {addon.name: addon for addon in _TABLE}


class Addons:
    """The addons of one cluster. `keep` hears the names of those that are on whenever they change."""

    def __init__(self, cluster: SimCluster, keep: Callable[[tuple[str, ...]], None] = lambda _: None) -> None:
        self._cluster = cluster
        self._keep = keep
        self._enabled: list[str] = []

    async def restore(self, names: tuple[str, ...]) -> None:
        """Those that were on when the cluster was stopped; a name that is not known any more is forgotten."""
        for name in names:
            if name in ADDONS:
                await self.enable(name)

    def all(self) -> list[Object]:
        """Every addon, and whether it is on."""
        return [
            {"name": addon.name, "enabled": addon.name in self._enabled, "purpose": addon.purpose}
            for addon in ADDONS.values()
        ]

    async def enable(self, name: str) -> Object:
        """Creates its objects, or puts them right, and starts it."""
        addon = self._known(name)
        for obj in addon.objects:
            await self._cluster.apply(obj, obj["metadata"].get("namespace", ""))
        if name not in self._enabled:
            self._start(addon)
            self._keep(tuple(self._enabled))
        return {"name": name, "enabled": True}

    async def disable(self, name: str) -> Object:
        """Stops it and deletes its objects, last created first; those that are gone already are not missed."""
        addon = self._known(name)
        if name in self._enabled:
            self._enabled.remove(name)
            if addon.make is not None:
                await self._cluster.remove(name)
            if addon.switch is not None:
                addon.switch(self._cluster, False)
            self._keep(tuple(self._enabled))
        for obj in reversed(addon.objects):
            metadata = obj["metadata"]
            try:
                await self._cluster.client.delete(
                    resource_of(obj), metadata["name"], metadata.get("namespace", ""), propagation_policy="Background"
                )
            except NotFoundError:
                continue
        return {"name": name, "enabled": False}

    def _known(self, name: str) -> Addon:
        if name not in ADDONS:
            raise BadRequestError(f'there is no addon "{name}"; there is {", ".join(ADDONS)}')
        return ADDONS[name]

    def _start(self, addon: Addon) -> None:
        self._enabled.append(addon.name)
        make = addon.make
        if make is not None:
            self._cluster.add(addon.name, lambda _: make(self._cluster))
        if addon.switch is not None:
            addon.switch(self._cluster, True)
