"""The rules that kube-proxy makes of one port of a Service in mode nftables. Pure.

Instead of one rule after the other there are maps: service-ips (address . protocol . port → chain) finds the Service
at once, however many there are. Its chain draws a number and looks the endpoint up in a map as well.
Upstream: syncProxyRules in pkg/proxy/nftables/proxier.go. Left out: masqueradeAll, nodePortAddresses beyond the
node's primary one, partial syncs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kubesim.proxy.config import NodeFacts
from kubesim.proxy.names import nft_base, nft_endpoint_base
from kubesim.proxy.packet import is_in
from kubesim.proxy.service_port import ServicePort
from kubesim.proxy.topology import Categories

MASQ = "mark-for-masquerade"
SERVICE_IPS, NODE_PORTS = "service-ips", "service-nodeports"
NO_ENDPOINT_SERVICES, NO_ENDPOINT_NODE_PORTS = "no-endpoint-services", "no-endpoint-nodeports"
FIREWALL_IPS = "firewall-ips"
REJECT_CHAIN = "reject-chain"


class NftRule(NamedTuple):
    """One rule. `kind` says what it does: "jump", "goto", "drop", "dnat", "update", or "choose" among `choices`."""

    kind: str
    target: str = ""
    destination: str = ""
    source: tuple[str, ...] = ()
    not_source: tuple[str, ...] = ()
    from_local: bool = False
    affinity: str = ""  # The source is in this set.
    seconds: int = 0
    protocol: str = ""
    choices: tuple[str, ...] = ()
    comment: str = ""

    def text(self) -> str:
        """As `nft list` prints it."""
        words = []
        if self.destination:
            words.append(f"ip daddr {self.destination}")
        if self.source:
            words.append(f"ip saddr {self.source[0]}")
        if self.not_source:
            many = "{ " + ", ".join(self.not_source) + " }"
            words.append(f"ip saddr != {many if self.kind == 'drop' else self.not_source[0]}")
        if self.from_local:
            words.append("fib saddr type local")
        if self.affinity:
            words.append(f"ip saddr @{self.affinity}")
        words.append(self._action())
        return " ".join(words) + (f' comment "{self.comment}"' if self.comment else "")

    def _action(self) -> str:
        if self.kind == "choose":
            pairs = ", ".join(f"{number} : goto {chain}" for number, chain in enumerate(self.choices))
            return f"numgen random mod {len(self.choices)} vmap {{ {pairs} }}"
        if self.kind == "update":
            return f"update @{self.target} {{ ip saddr }}"
        if self.kind == "dnat":
            return f"meta l4proto {self.protocol} dnat to {self.target}"
        return "drop" if self.kind == "drop" else f"{self.kind} {self.target}"


class Element(NamedTuple):
    """An entry of a map: what packets it is for, and the verdict."""

    map: str
    key: tuple[str, ...]
    verdict: str
    comment: str = ""

    def text(self) -> str:
        """key : verdict."""
        comment = f' comment "{self.comment}"' if self.comment else ""
        return f"{' . '.join(self.key)}{comment} : {self.verdict}"


class NftPort(NamedTuple):
    """What one port of a Service adds."""

    elements: list[Element]
    chains: dict[str, list[NftRule]]
    affinity: dict[str, int]  # Sets of clients, and their time-out in seconds.


def nft_rules_of(port: ServicePort, found: Categories, node: NodeFacts, cluster_cidr: str) -> NftPort:
    """All that a port adds on `node`."""
    base = nft_base(port)
    service, local, external = f"service-{base}", f"local-{base}", f"external-{base}"
    internal_chain = local if port.internal_local else service
    bases = {endpoint.address: nft_endpoint_base(port, endpoint) for endpoint in found.reachable}
    result = NftPort([], {}, {})
    has_internal = found.exist and bool(found.local or not port.internal_local)
    has_external = found.exist and bool(found.local or not port.external_local)
    _elements(result, port, found, (internal_chain, external, base), (has_internal, has_external))
    if not found.exist:
        return result
    if has_internal:
        rule = NftRule("jump", MASQ, destination=port.cluster_ip, not_source=(cluster_cidr,))
        result.chains[internal_chain] = [rule]
    if port.is_externally_accessible:
        result.chains[external] = _external_chain(port, cluster_cidr, service, local, goes_on=has_external)
    if port.load_balancer_ips and port.source_ranges:
        result.chains[f"firewall-{base}"] = [_firewall(port, node)]
    for chain, endpoints in ((service, found.cluster), (local, found.local)):
        if endpoints:
            chosen = [bases[endpoint.address] for endpoint in endpoints]
            result.chains.setdefault(chain, []).extend(_choice(port, chosen))
    for endpoint in found.reachable:
        address = endpoint.address
        _endpoint_chain(result, port, endpoint.ip, address, bases[address])
    return result


def _elements(
    result: NftPort, port: ServicePort, found: Categories, chains: tuple[str, str, str], has: tuple[bool, bool]
) -> None:
    """The entries of the maps: where packets come in, and where they are refused."""
    internal_chain, external_chain, base = chains
    has_internal, has_external = has
    protocol, number = port.protocol.lower(), str(port.port)
    refusal = "drop" if found.exist else f"goto {REJECT_CHAIN}"

    def add(map_: str, key: tuple[str, ...], verdict: str, comment: str = "") -> None:
        result.elements.append(Element(map_, key, verdict, comment))

    cluster = (port.cluster_ip, protocol, number)
    if has_internal:
        add(SERVICE_IPS, cluster, f"goto {internal_chain}")
    else:
        add(NO_ENDPOINT_SERVICES, cluster, refusal, port.name)
    for ip in (*port.external_ips, *port.load_balancer_ips):
        if found.exist:
            add(SERVICE_IPS, (ip, protocol, number), f"goto {external_chain}")
        if not has_external:
            add(NO_ENDPOINT_SERVICES, (ip, protocol, number), refusal, port.name)
        if port.source_ranges and ip in port.load_balancer_ips:
            add(FIREWALL_IPS, (ip, protocol, number), f"goto firewall-{base}", port.name)
    if port.node_port:
        key = (protocol, str(port.node_port))
        if found.exist:
            add(NODE_PORTS, key, f"goto {external_chain}")
        if not has_external:
            add(NO_ENDPOINT_NODE_PORTS, key, refusal, port.name)


def _external_chain(port: ServicePort, cidr: str, service: str, local: str, *, goes_on: bool) -> list[NftRule]:
    if port.external_local:
        chain = [
            NftRule("goto", service, source=(cidr,), comment="short-circuit pod traffic"),
            NftRule("jump", MASQ, from_local=True, comment="masquerade local traffic"),
            NftRule("goto", service, from_local=True, comment="short-circuit local traffic"),
        ]
    else:
        chain = [NftRule("jump", MASQ)]
    return [*chain, NftRule("goto", local if port.external_local else service)] if goes_on else chain


def _firewall(port: ServicePort, node: NodeFacts) -> NftRule:
    sources = port.source_ranges
    if any(is_in(node.address, source) for source in sources):
        sources += port.load_balancer_ips
    return NftRule("drop", not_source=sources)


def _choice(port: ServicePort, bases: Sequence[str]) -> list[NftRule]:
    chain = []
    if seconds := port.affinity_seconds:
        chain = [NftRule("goto", f"endpoint-{base}", affinity=f"affinity-{base}", seconds=seconds) for base in bases]
    return [*chain, NftRule("choose", choices=tuple(f"endpoint-{base}" for base in bases))]


def _endpoint_chain(result: NftPort, port: ServicePort, ip: str, address: str, base: str) -> None:
    chain = [NftRule("jump", MASQ, source=(ip,))]
    if port.affinity_seconds:
        result.affinity[f"affinity-{base}"] = port.affinity_seconds
        chain.append(NftRule("update", f"affinity-{base}"))
    result.chains[f"endpoint-{base}"] = [*chain, NftRule("dnat", address, protocol=port.protocol.lower())]
