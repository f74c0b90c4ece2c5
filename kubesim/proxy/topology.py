"""Which endpoints of a Service a node may send packets to. Pure.

Ready ones; if there are none anywhere, those that end but still serve. Hints (from trafficDistribution) narrow the
choice to the node or its zone, if every ready endpoint has one and some are meant for here.
Upstream: pkg/proxy/topology.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kubesim.proxy.config import NodeFacts
from kubesim.proxy.endpoint import Endpoint
from kubesim.proxy.service_port import ServicePort

SAME_NODE, SAME_ZONE, ANYWHERE = "PreferSameNode", "PreferSameZone", ""


class Categories(NamedTuple):
    """The usable endpoints for policy Cluster and for policy Local, both together, and whether there are any at all."""

    cluster: tuple[Endpoint, ...]
    local: tuple[Endpoint, ...]
    reachable: tuple[Endpoint, ...]
    exist: bool


def is_same_on_all_nodes(port: ServicePort, endpoints: Sequence[Endpoint]) -> bool:
    """Whether every node comes to the same result: then it is worked out once for all of them."""
    return not port.uses_local_endpoints and not any(each.zone_hints or each.node_hints for each in endpoints)


def categorize(endpoints: Sequence[Endpoint], port: ServicePort, node: NodeFacts) -> Categories:
    """The endpoints of a port as `node` may use them."""
    cluster: tuple[Endpoint, ...] = ()
    local: tuple[Endpoint, ...] = ()
    mode, exist, local_is_ending = ANYWHERE, False, False
    if port.uses_cluster_endpoints:
        mode = topology_mode(endpoints, node)
        cluster = tuple(each for each in endpoints if each.ready and fits(each, mode, node))
        cluster = cluster or tuple(each for each in endpoints if is_ending(each))
        exist = bool(cluster)
    if not port.uses_local_endpoints:
        return Categories(cluster, (), cluster, exist)
    exist = exist or any(each.ready or is_ending(each) for each in endpoints)
    here = [each for each in endpoints if each.node == node.name]
    local = tuple(each for each in here if each.ready)
    if not local:
        local = tuple(each for each in here if is_ending(each))
        local_is_ending = bool(local)
    if not port.uses_cluster_endpoints:
        return Categories((), local, local, exist)
    if mode == ANYWHERE and not local_is_ending:
        return Categories(cluster, local, cluster, exist)
    both = {each.address: each for each in (*cluster, *local)}
    return Categories(cluster, local, tuple(both[address] for address in sorted(both)), exist)


def is_ending(endpoint: Endpoint) -> bool:
    """Whether an endpoint ends but still answers."""
    return endpoint.serving and endpoint.terminating and not endpoint.ready


def topology_mode(endpoints: Sequence[Endpoint], node: NodeFacts) -> str:
    """How near the endpoints have to be, as far as their hints say."""
    ready = [each for each in endpoints if each.ready]
    if not ready:
        return ANYWHERE
    if all(each.node_hints for each in ready) and any(node.name in each.node_hints for each in ready):
        return SAME_NODE
    if all(each.zone_hints for each in ready) and any(node.zone in each.zone_hints for each in ready):
        return SAME_ZONE
    return ANYWHERE


def fits(endpoint: Endpoint, mode: str, node: NodeFacts) -> bool:
    """Whether an endpoint is near enough."""
    if mode == SAME_NODE:
        return node.name in endpoint.node_hints
    return mode != SAME_ZONE or node.zone in endpoint.zone_hints
