"""The rules of one node: made of a table, in one of three modes; printed, and met by packets.

`route` is a pure function of the table, the packet, the kernel's memory and a drawn number. It looks only at the rules
of the ports whose address the packet carries, since no other could match; what it hits is what `text` prints.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from kubesim.proxy import iptables_tables, ipvs_table, nftables_table
from kubesim.proxy.config import IPTABLES, IPVS, NodeFacts, ProxyConfig
from kubesim.proxy.iptables import PortRules, rules_of
from kubesim.proxy.ipvs import IpvsPort, ipvs_rules_of
from kubesim.proxy.nftables import NftPort, nft_rules_of
from kubesim.proxy.packet import Draw, Memory, Packet, Verdict
from kubesim.proxy.service_port import ServicePort
from kubesim.proxy.table import Entry, Found, Table
from kubesim.proxy.topology import Categories, categorize, is_same_on_all_nodes

LARGE_CLUSTER_ENDPOINTS = 1000  # Beyond this kube-proxy leaves out the comments of endpoints.

Made = TypeVar("Made")


class NodeRules:
    """What a kube-proxy has made of `table` on `node`."""

    def __init__(self, table: Table, node: NodeFacts, config: ProxyConfig) -> None:
        self.table = table
        self.node = node
        self.config = config

    def route(self, packet: Packet, *, draw: Draw, memory: Memory, now: float) -> Verdict:
        """Where a packet goes that this node sends or receives."""
        config, address = self.config, self.node.address
        found = self._candidates(packet)
        service = found[0][1].name if found else ""
        if config.mode == IPTABLES:
            rules = [self._iptables(*each) for each in found]
            walk = iptables_tables.Walk(rules, packet, address, draw=draw, memory=memory, now=now)
            return walk.verdict(service)
        if config.mode == IPVS:
            servers = [self._ipvs(*each) for each in found]
            ipvs_walk = ipvs_table.IpvsWalk(
                servers, packet, address, memory=memory, now=now, cluster_cidr=config.cluster_cidr
            )
            return ipvs_walk.verdict(service, is_service_ip=not found and self.table.has_address(packet.destination))
        nft = nftables_table.NftWalk(
            [self._nftables(*each) for each in found], packet, address, draw=draw, memory=memory, now=now,
            is_cluster_ip=self.table.has_address, service_cidr=config.service_cidr,
        )  # fmt: skip
        return nft.verdict(service)

    def text(self, service: str = "") -> Iterator[str]:
        """All rules, or those of one Service ("namespace/name"), as the tools of the node print them."""
        ports = list(self._ports(service))
        config = self.config
        if config.mode == IPTABLES:
            count = sum(len(entry.endpoints(port)) for entry, port in ports)
            made = (self._iptables(*each) for each in ports)
            return iptables_tables.save(made, comments=count <= LARGE_CLUSTER_ENDPOINTS)
        if config.mode == IPVS:
            return ipvs_table.listing((self._ipvs(*each) for each in ports), config.cluster_cidr)
        cluster_ips = sorted({port.cluster_ip for _, port in ports})
        nft = (self._nftables(*each) for each in ports)
        return nftables_table.listing(nft, self.node.address, cluster_ips, config.service_cidr)

    def categories(self, entry: Entry, port: ServicePort) -> Categories:
        """The endpoints of a port as this node may use them."""
        return self._made("categories", entry, port, lambda: categorize(entry.endpoints(port), port, self.node))

    def ports(self) -> Iterable[Found]:
        """Every port of every Service, sorted by name."""
        return self._ports("")

    def _ports(self, service: str) -> Iterator[Found]:
        for entry in self.table.entries():
            for port in entry.ports:
                if not service or service == f"{port.namespace}/{port.service}":
                    yield entry, port

    def _candidates(self, packet: Packet) -> list[Found]:
        found = self.table.at(packet.destination, packet.port, packet.protocol)
        if packet.destination == self.node.address:
            found = [*found, *self.table.at("", packet.port, packet.protocol)]
        return found

    def _iptables(self, entry: Entry, port: ServicePort) -> PortRules:
        cidr = self.config.cluster_cidr
        # A firewall chain asks whether the node's own address is welcome, so it is another on every node.
        is_own = bool(port.source_ranges)
        make = lambda: rules_of(port, self.categories(entry, port), self.node, cidr)  # noqa: E731
        return self._made("iptables", entry, port, make, is_own=is_own)

    def _nftables(self, entry: Entry, port: ServicePort) -> NftPort:
        cidr = self.config.cluster_cidr
        make = lambda: nft_rules_of(port, self.categories(entry, port), self.node, cidr)  # noqa: E731
        return self._made("nftables", entry, port, make, is_own=bool(port.source_ranges))

    def _ipvs(self, entry: Entry, port: ServicePort) -> IpvsPort:
        return self._made(
            "ipvs", entry, port, lambda: ipvs_rules_of(port, self.categories(entry, port), self.node), is_own=True
        )

    def _made(
        self, what: str, entry: Entry, port: ServicePort, make: Callable[[], Made], *, is_own: bool = False
    ) -> Made:
        """Something that is made once: for all nodes, or for this one if it depends on the node."""
        shared = not is_own and is_same_on_all_nodes(port, entry.endpoints(port))
        key = (what, port.port_name, port.protocol, port.port, None if shared else self.node)
        if key not in entry.made:
            entry.made[key] = make()
        made: Made = entry.made[key]
        return made
