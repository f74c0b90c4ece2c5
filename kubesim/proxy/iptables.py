"""The rules that kube-proxy makes of one port of a Service in mode iptables. Pure.

A rule in KUBE-SERVICES (or KUBE-NODEPORTS) finds the Service by its address and jumps to its own chains: KUBE-SVC-…
chooses among all endpoints, KUBE-SVL-… among those of this node, KUBE-EXT-… is for what comes from outside of the
cluster, KUBE-FW-… asks for the client's address first, KUBE-SEP-… is one endpoint. A port without endpoints is
refused in the table "filter".
Upstream: syncProxyRules in pkg/proxy/iptables/proxier.go. Left out: masqueradeAll, nfacct counters, nodePortAddresses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kubesim.proxy.config import NodeFacts
from kubesim.proxy.endpoint import Endpoint
from kubesim.proxy.iptables_rule import Rule
from kubesim.proxy.names import chain_hash, endpoint_chain
from kubesim.proxy.packet import is_in
from kubesim.proxy.service_port import ServicePort
from kubesim.proxy.topology import Categories

SERVICES, EXTERNAL, NODE_PORTS = "KUBE-SERVICES", "KUBE-EXTERNAL-SERVICES", "KUBE-NODEPORTS"
MARK_MASQ, FIREWALL = "KUBE-MARK-MASQ", "KUBE-PROXY-FIREWALL"
Rules = dict[str, list[Rule]]  # By chain.


class PortRules(NamedTuple):
    """What one port of a Service adds: rules in shared chains of both tables, and chains of its own in "nat"."""

    filter: Rules
    nat: Rules
    chains: Rules


class _Plan(NamedTuple):
    """What is known before rules are written."""

    port: ServicePort
    name: str
    protocol: str
    found: Categories
    internal: bool  # Whether what comes to the cluster IP has endpoints.
    external: bool
    svc: str
    svl: str
    ext: str
    fw: str  # "" if every client is welcome.
    chains: dict[str, str]  # Of the endpoints, by address.


def rules_of(port: ServicePort, found: Categories, node: NodeFacts, cluster_cidr: str) -> PortRules:
    """All rules of a port, as `node` has them."""
    plan = _plan(port, found)
    rules = PortRules({}, {}, {})
    _entrances(plan, rules)
    _refusals(plan, rules)
    if not found.exist:
        return rules
    if plan.internal:
        chain = rules.chains.setdefault(plan.svl if port.internal_local else plan.svc, [])
        comment = f"{plan.name} cluster IP"
        chain.append(
            Rule(
                MARK_MASQ, comment, plan.protocol, not_source=cluster_cidr, destination=port.cluster_ip, port=port.port
            )
        )
    if port.is_externally_accessible:
        rules.chains[plan.ext] = _external_chain(plan, cluster_cidr)
    if plan.fw:
        rules.chains[plan.fw] = _firewall_chain(plan, node)
    for chain_name, endpoints in ((plan.svc, found.cluster), (plan.svl, found.local)):
        if endpoints:
            rules.chains.setdefault(chain_name, []).extend(_choice(plan, endpoints))
    for endpoint in found.reachable:
        address = endpoint.address
        rules.chains[plan.chains[address]] = _endpoint_chain(plan, endpoint.ip, address)
    return rules


def _plan(port: ServicePort, found: Categories) -> _Plan:
    number = chain_hash(port)
    guarded = found.exist and port.load_balancer_ips and port.source_ranges
    return _Plan(
        port,
        port.name,
        port.protocol.lower(),
        found,
        internal=found.exist and bool(found.local or not port.internal_local),
        external=found.exist and bool(found.local or not port.external_local),
        svc=f"KUBE-SVC-{number}",
        svl=f"KUBE-SVL-{number}",
        ext=f"KUBE-EXT-{number}",
        fw=f"KUBE-FW-{number}" if guarded else "",
        chains={endpoint.address: endpoint_chain(port, endpoint) for endpoint in found.reachable},
    )


def _entrances(plan: _Plan, rules: PortRules) -> None:
    """The rules that find the Service by address."""
    port, services = plan.port, rules.nat.setdefault(SERVICES, [])
    if plan.internal:
        target = plan.svl if port.internal_local else plan.svc
        services.append(
            Rule(target, f"{plan.name} cluster IP", plan.protocol, destination=port.cluster_ip, port=port.port)
        )
    if not plan.found.exist:
        return
    for ip in port.external_ips:
        services.append(Rule(plan.ext, f"{plan.name} external IP", plan.protocol, destination=ip, port=port.port))
    for ip in port.load_balancer_ips:
        target = plan.fw or plan.ext
        services.append(Rule(target, f"{plan.name} loadbalancer IP", plan.protocol, destination=ip, port=port.port))
        if plan.fw:
            comment = f"{plan.name} traffic not accepted by {plan.fw}"
            rule = Rule("DROP", comment, plan.protocol, destination=ip, port=port.port)
            rules.filter.setdefault(FIREWALL, []).append(rule)
    if port.node_port:
        rules.nat[NODE_PORTS] = [Rule(plan.ext, plan.name, plan.protocol, port=port.node_port)]


def _refusals(plan: _Plan, rules: PortRules) -> None:
    """The rules that answer for a Service without endpoints: REJECT if there are none at all, DROP if none is here."""
    port, exist = plan.port, plan.found.exist
    target, comment = (
        ("DROP", f"{plan.name} has no local endpoints") if exist else ("REJECT", f"{plan.name} has no endpoints")
    )
    if not plan.internal:
        rule = Rule(target, comment, plan.protocol, destination=port.cluster_ip, port=port.port)
        rules.filter[SERVICES] = [rule]
    if not plan.external:
        external = [
            Rule(target, comment, plan.protocol, destination=ip, port=port.port)
            for ip in (*port.external_ips, *port.load_balancer_ips)
        ]
        if port.node_port:
            external.append(Rule(target, comment, plan.protocol, port=port.node_port, to_local=True))
        if external:
            rules.filter[EXTERNAL] = external
    if port.health_check_node_port:
        comment = f"{plan.name} health check node port"
        rules.filter[NODE_PORTS] = [Rule("ACCEPT", comment, "tcp", port=port.health_check_node_port)]


def _external_chain(plan: _Plan, cluster_cidr: str) -> list[Rule]:
    """KUBE-EXT-…: what comes from inside may go anywhere, whatever the policy says."""
    name = plan.port.name
    if plan.port.external_local:
        chain = [
            Rule(plan.svc, f"pod traffic for {name} external destinations", source=cluster_cidr),
            Rule(MARK_MASQ, f"masquerade LOCAL traffic for {name} external destinations", from_local=True),
            Rule(plan.svc, f"route LOCAL traffic for {name} external destinations", from_local=True),
        ]
    else:
        chain = [Rule(MARK_MASQ, f"masquerade traffic for {name} external destinations")]
    if plan.external:
        chain.append(Rule(plan.svl if plan.port.external_local else plan.svc))
    return chain


def _firewall_chain(plan: _Plan, node: NodeFacts) -> list[Rule]:
    """KUBE-FW-…: who reaches its end is dropped later, since it was not translated."""
    port = plan.port
    comment = f"{plan.name} loadbalancer IP"
    chain = [Rule(plan.ext, comment, source=source) for source in port.source_ranges]
    if any(is_in(node.address, source) for source in port.source_ranges):
        chain += [Rule(plan.ext, comment, source=ip) for ip in port.load_balancer_ips]
    return [*chain, Rule("", f"other traffic to {port.name} will be dropped by KUBE-PROXY-FIREWALL")]


def _choice(plan: _Plan, endpoints: Sequence[Endpoint]) -> list[Rule]:
    """First where the client went before, then one at random: 1/n, of those that are left 1/(n-1), and so on."""
    chain = []
    addresses = [endpoint.address for endpoint in endpoints]
    names = [plan.chains[address] for address in addresses]
    comments = [f"{plan.name} -> {address}" for address in addresses]
    if seconds := plan.port.affinity_seconds:
        chain = [
            Rule(name, comment, recent=name, recent_seconds=seconds)
            for name, comment in zip(names, comments, strict=True)
        ]
    for place, (name, comment) in enumerate(zip(names, comments, strict=True)):
        rest = len(endpoints) - place
        chain.append(Rule(name, comment, one_in=rest if rest > 1 else 0))
    return chain


def _endpoint_chain(plan: _Plan, ip: str, address: str) -> list[Rule]:
    """KUBE-SEP-…: an endpoint that reaches itself must not see its own address as the source."""
    recent = plan.chains[address] if plan.port.affinity_seconds else ""
    return [
        Rule(MARK_MASQ, plan.name, source=ip),
        Rule("DNAT", plan.name, plan.protocol, recent=recent, to=address),
    ]
