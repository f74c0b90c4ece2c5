"""The table "ip kube-proxy" of nftables: a packet's way through it, and `nft list table ip kube-proxy`.

Upstream: setupNFTables in pkg/proxy/nftables/proxier.go. A packet to an address of a Service that has no such port is
refused here, and one to an unused address of the Services' network dropped: in mode iptables both get lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from kubesim.proxy.nftables import (
    FIREWALL_IPS,
    MASQ,
    NO_ENDPOINT_NODE_PORTS,
    NO_ENDPOINT_SERVICES,
    NODE_PORTS,
    REJECT_CHAIN,
    SERVICE_IPS,
    Element,
    NftPort,
    NftRule,
)
from kubesim.proxy.packet import ACCEPT, DROP, REJECT, Draw, Hit, Memory, Packet, Verdict, is_in

TABLE = "ip kube-proxy"
BY_ADDRESS = "type ipv4_addr . inet_proto . inet_service : verdict"
BY_PORT = "type inet_proto . inet_service : verdict"
MAPS = {
    FIREWALL_IPS: (BY_ADDRESS, "destinations that are subject to LoadBalancerSourceRanges"),
    NO_ENDPOINT_NODE_PORTS: (BY_PORT, "vmap to drop or reject packets to service nodeports with no endpoints"),
    NO_ENDPOINT_SERVICES: (BY_ADDRESS, "vmap to drop or reject packets to services with no endpoints"),
    SERVICE_IPS: (BY_ADDRESS, "ClusterIP, ExternalIP and LoadBalancer IP traffic"),
    NODE_PORTS: (BY_PORT, "NodePort traffic"),
}
LOOK_UP = {
    FIREWALL_IPS: ("firewall-check", f"ip daddr . meta l4proto . th dport vmap @{FIREWALL_IPS}"),
    NO_ENDPOINT_SERVICES: (
        "service-endpoints-check", f"ip daddr . meta l4proto . th dport vmap @{NO_ENDPOINT_SERVICES}"),
    NO_ENDPOINT_NODE_PORTS: (
        "nodeport-endpoints-check",
        f"ip daddr @nodeport-ips meta l4proto . th dport vmap @{NO_ENDPOINT_NODE_PORTS}"),
    SERVICE_IPS: ("services", f"ip daddr . meta l4proto . th dport vmap @{SERVICE_IPS}"),
    NODE_PORTS: ("services", f"ip daddr @nodeport-ips meta l4proto . th dport vmap @{NODE_PORTS}"),
}  # fmt: skip
INVALID_PORT = 'ip daddr @cluster-ips reject comment "Reject traffic to invalid ports of ClusterIPs"'
UNUSED = 'ip daddr {{ {cidr} }} drop comment "Drop traffic to unallocated ClusterIPs"'
BASE_CHAINS = {
    "cluster-ips-check": ("", [INVALID_PORT, UNUSED]),
    "filter-prerouting-pre-dnat": ("type filter hook prerouting priority -110; policy accept;",
                                   ["ct state new jump firewall-check"]),
    "filter-output-pre-dnat": ("type filter hook output priority -110; policy accept;",
                               ["ct state new jump firewall-check"]),
    "filter-input": ("type filter hook input priority filter; policy accept;",
                     ["ct state new jump nodeport-endpoints-check", "ct state new jump service-endpoints-check"]),
    "filter-forward": ("type filter hook forward priority filter; policy accept;",
                       ["ct state new jump service-endpoints-check", "ct state new jump cluster-ips-check"]),
    "filter-output": ("type filter hook output priority filter; policy accept;",
                      ["ct state new jump service-endpoints-check", "ct state new jump cluster-ips-check"]),
    "firewall-check": ("", [LOOK_UP[FIREWALL_IPS][1]]),
    MASQ: ("", ["meta mark set meta mark | 0x00004000"]),
    "masquerading": ("", ["meta mark & 0x00004000 == 0x00000000 return", "meta mark set meta mark ^ 0x00004000",
                          "masquerade fully-random"]),
    "nat-output": ("type nat hook output priority -100; policy accept;", ["jump services"]),
    "nat-postrouting": ("type nat hook postrouting priority srcnat; policy accept;", ["jump masquerading"]),
    "nat-prerouting": ("type nat hook prerouting priority dstnat; policy accept;", ["jump services"]),
    "nodeport-endpoints-check": ("", [LOOK_UP[NO_ENDPOINT_NODE_PORTS][1]]),
    REJECT_CHAIN: ('comment "helper for @no-endpoint-services / @no-endpoint-nodeports"', ["reject"]),
    "services": ("", [LOOK_UP[SERVICE_IPS][1], LOOK_UP[NODE_PORTS][1]]),
    "service-endpoints-check": ("", [LOOK_UP[NO_ENDPOINT_SERVICES][1]]),
}  # fmt: skip


class NftWalk:
    """One packet on its way through the table, as far as the ports concern it whose address it carries."""

    def __init__(
        self, ports: Iterable[NftPort], packet: Packet, node: str, *, draw: Draw, memory: Memory, now: float,
        is_cluster_ip: Callable[[str], bool], service_cidr: str,
    ) -> None:  # fmt: skip
        ports = list(ports)
        self._chains = {name: chain for port in ports for name, chain in port.chains.items()}
        self._maps: dict[tuple[str, tuple[str, ...]], Element] = {
            (element.map, element.key): element for port in ports for element in port.elements
        }
        self._packet = packet
        self._node = node
        self._draw = draw
        self._memory = memory
        self._now = now
        self._is_cluster_ip = is_cluster_ip
        self._service_cidr = service_cidr
        self._address, self._port = packet.destination, packet.port
        self._marked = False
        self._remember = ""
        self._hits: list[Hit] = []

    def verdict(self, service: str) -> Verdict:
        """Where it goes."""
        here = self._packet.from_here
        action = self._look_up(FIREWALL_IPS)
        if not action:
            if not self._look_up(SERVICE_IPS):
                self._look_up(NODE_PORTS)
            is_local = self._address == self._node
            checks = (NO_ENDPOINT_NODE_PORTS, NO_ENDPOINT_SERVICES) if is_local else (NO_ENDPOINT_SERVICES,)
            action = next((outcome for name in checks if (outcome := self._look_up(name))), "")
            if not action and not is_local:
                action = self._check_cluster_ips()
        action = action or ACCEPT
        masquerade = action == ACCEPT and self._marked and (here or self._address != self._node)
        if masquerade:
            self._hit("masquerading", "masquerade fully-random")
        name = service if self._hits else ""
        return Verdict(action, self._address, self._port, masquerade, name, tuple(self._hits), self._remember)

    def _look_up(self, name: str) -> str:
        """A map with the packet's destination as its key: what becomes of it, "" if it goes on."""
        protocol, port = self._packet.protocol.lower(), str(self._port)
        by_port = name in (NODE_PORTS, NO_ENDPOINT_NODE_PORTS)
        if by_port and self._address != self._node:
            return ""
        element = self._maps.get((name, (protocol, port) if by_port else (self._address, protocol, port)))
        if element is None:
            return ""
        chain, rule = LOOK_UP[name]
        self._hit(chain, f"{rule} {{ {element.text()} }}")
        if element.verdict == "drop":
            return DROP
        return self._run(element.verdict.removeprefix("goto "))

    def _run(self, chain: str) -> str:
        if chain == REJECT_CHAIN:
            self._hit(chain, "reject")
            return REJECT
        for rule in self._chains.get(chain, ()):
            if not self._matches(rule):
                continue
            self._hit(chain, rule.text())
            if rule.kind == "jump":
                self._marked = True
                self._hit(MASQ, BASE_CHAINS[MASQ][1][0])
            elif rule.kind == "update":
                self._remember = rule.target
            elif rule.kind == "drop":
                return DROP
            elif rule.kind == "dnat":
                address, _, port = rule.target.rpartition(":")
                self._address, self._port = address, int(port)
                return ACCEPT
            else:
                choices = rule.choices
                return self._run(choices[int(self._draw() * len(choices))] if choices else rule.target)
        return ""

    def _matches(self, rule: NftRule) -> bool:
        source = self._packet.source
        if rule.destination and rule.destination != self._packet.destination:
            return False
        if rule.source and not is_in(source, rule.source[0]):
            return False
        if any(is_in(source, each) for each in rule.not_source):
            return False
        if rule.from_local and source != self._node:
            return False
        return not rule.affinity or self._memory.is_recent(rule.affinity, source, rule.seconds, self._now)

    def _check_cluster_ips(self) -> str:
        if not is_in(self._address, self._service_cidr):
            return ""
        known = self._is_cluster_ip(self._address)
        self._hit("cluster-ips-check", INVALID_PORT if known else UNUSED.format(cidr=self._service_cidr))
        return REJECT if known else DROP

    def _hit(self, chain: str, rule: str) -> None:
        self._hits.append(Hit(TABLE, chain, rule))


def listing(ports: Iterable[NftPort], node: str, cluster_ips: Iterable[str], service_cidr: str) -> Iterator[str]:
    """The lines of `nft list table ip kube-proxy`."""
    ports = list(ports)
    elements: dict[str, list[Element]] = {}
    for port in ports:
        for element in port.elements:
            elements.setdefault(element.map, []).append(element)
    yield f"table {TABLE} {{"
    yield '\tcomment "rules for kube-proxy"'
    yield from _set("cluster-ips", "type ipv4_addr", "Active ClusterIPs", cluster_ips)
    yield from _set("nodeport-ips", "type ipv4_addr", "IPs that accept NodePort traffic", [node])
    for name, (type_, comment) in MAPS.items():
        yield from _set(name, type_, comment, (each.text() for each in elements.get(name, ())), kind="map")
    for port in ports:
        for name, seconds in port.affinity.items():
            yield from (f"\tset {name} {{", "\t\ttype ipv4_addr", "\t\tsize 65535", "\t\tflags dynamic,timeout",
                        f"\t\ttimeout {_duration(seconds)}", "\t}")  # fmt: skip
    for name, (head, rules) in BASE_CHAINS.items():
        yield from _chain(
            name, [head] * bool(head) + [rule.format(cidr=service_cidr) if rule is UNUSED else rule for rule in rules]
        )
    for port in ports:
        for name, chain in port.chains.items():
            yield from _chain(name, [rule.text() for rule in chain])
    yield "}"


def _set(name: str, type_: str, comment: str, members: Iterable[str], *, kind: str = "set") -> Iterator[str]:
    yield f"\t{kind} {name} {{"
    yield f"\t\t{type_}"
    yield f'\t\tcomment "{comment}"'
    if lines := list(members):
        yield "\t\telements = { " + ",\n\t\t\t     ".join(lines) + " }"
    yield "\t}"


def _chain(name: str, lines: Iterable[str]) -> Iterator[str]:
    yield f"\tchain {name} {{"
    for line in lines:
        yield f"\t\t{line}"
    yield "\t}"


def _duration(seconds: int) -> str:
    """10800 → 3h, as nft prints it."""
    parts = ((seconds // 86400, "d"), (seconds // 3600 % 24, "h"), (seconds // 60 % 60, "m"), (seconds % 60, "s"))
    return "".join(f"{count}{unit}" for count, unit in parts if count)
