"""Which strategy each kind has: one visible list. A kind that is not in it has the plain one."""

from __future__ import annotations

from kubesim.api.resources import Resource
from kubesim.apiserver.registry.namespace import NamespaceStrategy
from kubesim.apiserver.registry.pod import PodStrategy
from kubesim.apiserver.registry.service import ServiceStrategy
from kubesim.apiserver.registry.simple import (
    ConfigStrategy,
    EndpointSliceStrategy,
    EventStrategy,
    LeaseStrategy,
    NodeStrategy,
    PriorityClassStrategy,
    SecretStrategy,
)
from kubesim.apiserver.registry.strategy import Strategy
from kubesim.apiserver.registry.workload import DeploymentStrategy, ReplicationControllerStrategy, WorkloadStrategy
from kubesim.sim import Simulation

STRATEGIES: dict[tuple[str, str], type[Strategy]] = {
    ("", "pods"): PodStrategy,
    ("", "nodes"): NodeStrategy,
    ("", "namespaces"): NamespaceStrategy,
    ("", "events"): EventStrategy,
    ("", "configmaps"): ConfigStrategy,
    ("", "secrets"): SecretStrategy,
    ("", "replicationcontrollers"): ReplicationControllerStrategy,
    ("apps", "deployments"): DeploymentStrategy,
    ("apps", "replicasets"): WorkloadStrategy,
    ("coordination.k8s.io", "leases"): LeaseStrategy,
    ("discovery.k8s.io", "endpointslices"): EndpointSliceStrategy,
    ("scheduling.k8s.io", "priorityclasses"): PriorityClassStrategy,
}


def strategy_for(resource: Resource, sim: Simulation) -> Strategy:
    """A fresh strategy for one server."""
    if (resource.group, resource.plural) == ("", "services"):
        return ServiceStrategy(resource, sim.chance.stream("service"))
    return STRATEGIES.get((resource.group, resource.plural), Strategy)(resource)
