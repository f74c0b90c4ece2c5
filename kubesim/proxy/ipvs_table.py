"""A node in mode ipvs: a packet's way through ipsets and virtual servers, and what `ipvsadm -Ln` and `ipset` print.

Upstream: pkg/proxy/ipvs/proxier.go (iptablesJumpChain, writeIptablesRules), ipset.go; ipvsadm's own listing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kubesim.proxy.ipvs import (
    BALANCER,
    BALANCER_FW,
    BALANCER_LOCAL,
    CLUSTER_IP,
    EXTERNAL_IP,
    IPVS_IPS,
    LOOP_BACK,
    SOURCE_CIDR,
    IpvsPort,
    VirtualServer,
)
from kubesim.proxy.packet import ACCEPT, DROP, REJECT, Hit, Memory, Packet, Verdict, is_in

NAT, FILTER, IPVS = "nat", "filter", "ipvs"
MARK = Hit(NAT, "KUBE-MARK-MASQ", "-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000")
HEAD = (
    "IP Virtual Server version 1.2.1 (size=4096)",
    "Prot LocalAddress:Port Scheduler Flags",
    "  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn",
)
TYPES = {
    "KUBE-CLUSTER-IP": "hash:ip,port", "KUBE-EXTERNAL-IP": "hash:ip,port", "KUBE-EXTERNAL-IP-LOCAL": "hash:ip,port",
    "KUBE-HEALTH-CHECK-NODE-PORT": "bitmap:port", "KUBE-IPVS-IPS": "hash:ip", "KUBE-LOAD-BALANCER": "hash:ip,port",
    "KUBE-LOAD-BALANCER-FW": "hash:ip,port", "KUBE-LOAD-BALANCER-LOCAL": "hash:ip,port",
    "KUBE-LOAD-BALANCER-SOURCE-CIDR": "hash:ip,port,net", "KUBE-LOAD-BALANCER-SOURCE-IP": "hash:ip,port,ip",
    "KUBE-LOOP-BACK": "hash:ip,port,ip", "KUBE-NODE-PORT-LOCAL-SCTP": "hash:ip,port",
    "KUBE-NODE-PORT-LOCAL-TCP": "bitmap:port", "KUBE-NODE-PORT-LOCAL-UDP": "bitmap:port",
    "KUBE-NODE-PORT-SCTP": "hash:ip,port", "KUBE-NODE-PORT-TCP": "bitmap:port", "KUBE-NODE-PORT-UDP": "bitmap:port",
}  # fmt: skip
OPTIONS = {
    "bitmap:port": "range 0-65535",
    "hash:ip": "family inet hashsize 1024 maxelem 65536",
    "hash:ip,port": "family inet hashsize 1024 maxelem 65536",
    "hash:ip,port,ip": "family inet hashsize 1024 maxelem 65536",
    "hash:ip,port,net": "family inet hashsize 1024 maxelem 65536",
}


COMMENT, TO = "-m comment --comment", "-m set --match-set"
PORTAL, LOCAL_BALANCER, BALANCER_MASQ = "portal", "local balancer", "balancer"
FOREIGN, EXTERNAL, HAIRPIN, UNKNOWN_PORT, NOT_WELCOME = "foreign", "external", "hairpin", "unknown port", "not welcome"
RULES = {  # By what they are for; {cidr} is the Pods' network.
    "loopback": "-A KUBE-SERVICES -s 127.0.0.0/8 -j RETURN",
    PORTAL: f'-A KUBE-SERVICES {COMMENT} "Kubernetes service lb portal" {TO} {BALANCER} dst,dst -j KUBE-LOAD-BALANCER',
    FOREIGN: f'-A KUBE-SERVICES ! -s {{cidr}} {COMMENT} "Kubernetes service cluster ip + port for masquerade purpose" '
    f"{TO} {CLUSTER_IP} dst,dst -j KUBE-MARK-MASQ",
    EXTERNAL: f'-A KUBE-SERVICES {COMMENT} "Kubernetes service external ip + port for masquerade and filter purpose" '
    f"{TO} {EXTERNAL_IP} dst,dst -j KUBE-MARK-MASQ",
    "node port": "-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODE-PORT",
    "cluster ip": f"-A KUBE-SERVICES {TO} {CLUSTER_IP} dst,dst -j ACCEPT",
    "balancer ip": f"-A KUBE-SERVICES {TO} {BALANCER} dst,dst -j ACCEPT",
    LOCAL_BALANCER: f'-A KUBE-LOAD-BALANCER {COMMENT} "Kubernetes service load balancer ip + port with '
    f'externalTrafficPolicy=local" {TO} {BALANCER_LOCAL} dst,dst -j RETURN',
    BALANCER_MASQ: "-A KUBE-LOAD-BALANCER -j KUBE-MARK-MASQ",
    **{
        f"{name} port{local}": f'-A KUBE-NODE-PORT -p {name.lower()} {COMMENT} "Kubernetes nodeport {name} port {why}" '
        f"{TO} KUBE-NODE-PORT{local}-{name} dst -j {target}"
        for name in ("TCP", "UDP")
        for local, why, target in (
            ("-LOCAL", "with externalTrafficPolicy=local", "RETURN"),
            ("", "for masquerade purpose", "KUBE-MARK-MASQ"),
        )
    },
    "mark": MARK.rule,
    HAIRPIN: f'-A KUBE-POSTROUTING {COMMENT} "Kubernetes endpoints dst ip:port, source ip for solving hairpin purpose" '
    f"{TO} {LOOP_BACK} dst,dst,src -j MASQUERADE",
    "unmarked": "-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN",
    "unmark": "-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0",
    "masquerade": f'-A KUBE-POSTROUTING {COMMENT} "kubernetes service traffic requiring SNAT" '
    "-j MASQUERADE --random-fully",
    "firewall": f'-A KUBE-PROXY-FIREWALL {COMMENT} "Kubernetes service load balancer ip + port for load balancer with '
    f'sourceRange" {TO} {BALANCER_FW} dst,dst -j KUBE-SOURCE-RANGES-FIREWALL',
    "welcome": f'-A KUBE-SOURCE-RANGES-FIREWALL {COMMENT} "Kubernetes service load balancer ip + port + source cidr '
    f'for packet filter" {TO} {SOURCE_CIDR} dst,dst,src -j RETURN',
    NOT_WELCOME: "-A KUBE-SOURCE-RANGES-FIREWALL -j DROP",
    UNKNOWN_PORT: f"-A KUBE-IPVS-FILTER -m conntrack --ctstate NEW {TO} {IPVS_IPS} dst "
    "-j REJECT --reject-with icmp-port-unreachable",
}


class IpvsWalk:
    """One packet on its way, as far as the ports concern it whose address it carries."""

    def __init__(
        self, ports: Iterable[IpvsPort], packet: Packet, node: str, *, memory: Memory, now: float, cluster_cidr: str
    ) -> None:
        ports = list(ports)
        self._sets = {(member.set, member.entry) for port in ports for member in port.members}
        self._servers = {(each.address, each.port, each.protocol): each for port in ports for each in port.servers}
        self._packet = packet
        self._node = node
        self._memory = memory
        self._now = now
        self._cidr = cluster_cidr
        self._hits: list[Hit] = []

    def verdict(self, service: str, *, is_service_ip: bool) -> Verdict:
        """Where it goes."""
        packet = self._packet
        address, port = packet.destination, packet.port
        server = self._servers.get((address, port, packet.protocol))
        if server is None:
            if is_service_ip:  # The address is this machine's (kube-ipvs0), but nobody listens at the port.
                self._hit(FILTER, UNKNOWN_PORT)
                return Verdict(REJECT, address, port, hits=tuple(self._hits))
            return Verdict(ACCEPT, address, port)
        if self._is_dropped():
            return Verdict(DROP, address, port, False, service, tuple(self._hits))
        marked = self._is_marked()
        self._hits.append(Hit(IPVS, "virtual server", virtual_line(server)))
        if not server.servers:
            return Verdict(REJECT, address, port, False, service, tuple(self._hits))
        chosen, remember, turn = self._choose(server)
        self._hits.append(Hit(IPVS, "real server", real_line(chosen)))
        ip, _, number = chosen.rpartition(":")
        looped = (LOOP_BACK, f"{ip},{packet.protocol.lower()}:{number},{packet.source}") in self._sets
        if looped:
            self._hit(NAT, HAIRPIN)
        return Verdict(ACCEPT, ip, int(number), marked or looped, service, tuple(self._hits), remember, turn)

    def _choose(self, server: VirtualServer) -> tuple[str, str, str]:
        """A real server, the list of clients to be put on, and the virtual server whose turn has passed."""
        if seconds := server.persistent_seconds:
            for each in server.servers:
                if self._memory.is_recent(f"{server.name} {each}", self._packet.source, seconds, self._now):
                    return each, f"{server.name} {each}", ""
        chosen = server.servers[self._memory.turn(server.name) % len(server.servers)]
        return chosen, f"{server.name} {chosen}" if server.persistent_seconds else "", server.name

    def _is_dropped(self) -> bool:
        packet = self._packet
        entry = f"{packet.destination},{packet.protocol.lower()}:{packet.port}"
        if (BALANCER_FW, entry) not in self._sets:
            return False
        sources = [
            each[len(entry) + 1 :] for name, each in self._sets if name == SOURCE_CIDR and each.startswith(entry)
        ]
        if any(is_in(packet.source, source) for source in sources):
            return False
        self._hit(FILTER, NOT_WELCOME)
        return True

    def _is_marked(self) -> bool:
        """Whether it has to leave with the node's address."""
        packet = self._packet
        entry = f"{packet.destination},{packet.protocol.lower()}:{packet.port}"
        rule = ""
        if (BALANCER, entry) in self._sets:
            self._hit(NAT, PORTAL)
            if (BALANCER_LOCAL, entry) in self._sets:
                self._hit(NAT, LOCAL_BALANCER)
            else:
                rule = BALANCER_MASQ
        elif (CLUSTER_IP, entry) in self._sets:
            rule = "" if is_in(packet.source, self._cidr) else FOREIGN
        elif (EXTERNAL_IP, entry) in self._sets:
            rule = EXTERNAL
        elif packet.destination == self._node:
            is_local = (f"KUBE-NODE-PORT-LOCAL-{packet.protocol}", str(packet.port)) in self._sets
            self._hit(NAT, f"{packet.protocol} port{'-LOCAL' * is_local}")
            if not is_local:
                self._hits.append(MARK)
            return not is_local
        if rule:
            self._hit(NAT, rule)
            self._hits.append(MARK)
        return bool(rule)

    def _hit(self, table: str, name: str) -> None:
        rule = RULES.get(name, RULES["node port"]).format(cidr=self._cidr)
        self._hits.append(Hit(table, rule.split()[1], rule))


def virtual_line(server: VirtualServer) -> str:
    """A virtual server, as ipvsadm prints it."""
    flags = f" persistent {server.persistent_seconds}" if server.persistent_seconds else ""
    return f"{server.protocol}  {server.address}:{server.port} rr{flags}"


def real_line(address: str) -> str:
    """A real server."""
    return f"  -> {address:<28} {'Masq':<7} {1:<6} {0:<10} {0:<10}".rstrip()


def listing(ports: Iterable[IpvsPort], cidr: str) -> Iterator[str]:
    """The lines of `ipvsadm -Ln`, then of `ipset save`, then of the standing iptables rules."""
    ports = list(ports)
    yield "# ipvsadm -Ln"
    yield from HEAD
    for server in sorted((each for port in ports for each in port.servers), key=lambda each: each.name):
        yield virtual_line(server)
        yield from (real_line(address) for address in server.servers)
    yield "# ipset save"
    entries: dict[str, dict[str, None]] = {name: {} for name in TYPES}
    for port in ports:
        for member in port.members:
            entries[member.set][member.entry] = None
    for name, type_ in TYPES.items():
        yield f"create {name} {type_} {OPTIONS[type_]}"
        yield from (f"add {name} {entry}" for entry in entries[name])
    yield "# iptables-save"
    yield from (rule.format(cidr=cidr) for rule in RULES.values())
