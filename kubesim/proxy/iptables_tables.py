"""The whole of a node's iptables in mode iptables: the standing chains, the walk of a packet, and `iptables-save`.

A new connection crosses nat PREROUTING (or OUTPUT, if a process of the node opens it), where a Service's rules may
change its destination; then filter INPUT, FORWARD or OUTPUT, which may refuse it; then nat POSTROUTING, where what is
marked gets the node's address as its source.
Upstream: iptablesJumpChains and syncProxyRules in pkg/proxy/iptables/proxier.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kubesim.proxy.iptables import EXTERNAL, FIREWALL, MARK_MASQ, NODE_PORTS, SERVICES, PortRules, Rules
from kubesim.proxy.iptables_rule import AFTER_DNAT, Rule, threshold
from kubesim.proxy.packet import ACCEPT, DROP, REJECT, Draw, Hit, Memory, Packet, Verdict, is_in

FILTER, NAT = "filter", "nat"
PORTALS, EXTERNAL_PORTALS = "kubernetes service portals", "kubernetes externally-visible service portals"
LB_FIREWALL, HEALTH = "kubernetes load balancer firewall", "kubernetes health check service ports"
LAST = "kubernetes service nodeports; NOTE: this must be the last rule in this chain"


def _new(target: str, comment: str) -> Rule:
    return Rule(target, comment, state="NEW")


FILTER_CHAINS: Rules = {
    "INPUT": [_new(FIREWALL, LB_FIREWALL), Rule(NODE_PORTS, HEALTH), _new(EXTERNAL, EXTERNAL_PORTALS),
              Rule("KUBE-FIREWALL")],
    "FORWARD": [_new(FIREWALL, LB_FIREWALL), Rule("KUBE-FORWARD", "kubernetes forwarding rules"),
                _new(SERVICES, PORTALS), _new(EXTERNAL, EXTERNAL_PORTALS)],
    "OUTPUT": [_new(FIREWALL, LB_FIREWALL), _new(SERVICES, PORTALS), Rule("KUBE-FIREWALL")],
    EXTERNAL: [],
    "KUBE-FIREWALL": [Rule("DROP", "block incoming localnet connections", not_source="127.0.0.0/8",
                           destination="127.0.0.0/8", state=AFTER_DNAT)],
    "KUBE-FORWARD": [Rule("DROP", state="INVALID"), Rule(ACCEPT, "kubernetes forwarding rules", mark="marked"),
                     Rule(ACCEPT, "kubernetes forwarding conntrack rule", state="RELATED,ESTABLISHED")],
    "KUBE-KUBELET-CANARY": [],
    NODE_PORTS: [],
    "KUBE-PROXY-CANARY": [],
    FIREWALL: [],
    SERVICES: [],
}  # fmt: skip
NAT_CHAINS: Rules = {
    "PREROUTING": [Rule(SERVICES, PORTALS)],
    "INPUT": [],
    "OUTPUT": [Rule(SERVICES, PORTALS)],
    "POSTROUTING": [Rule("KUBE-POSTROUTING", "kubernetes postrouting rules")],
    "KUBE-KUBELET-CANARY": [],
    MARK_MASQ: [Rule("MARK")],
    NODE_PORTS: [],
    "KUBE-POSTROUTING": [Rule("RETURN", mark="unmarked"), Rule("UNMARK"),
                         Rule("MASQUERADE", "kubernetes service traffic requiring SNAT")],
    "KUBE-PROXY-CANARY": [],
    SERVICES: [],
}  # fmt: skip
BUILT_IN = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")
OF_ENDPOINTS = ("KUBE-SVC-", "KUBE-SVL-", "KUBE-SEP-")  # There are very many; only what masquerades keeps its comment.
NODE_PORTS_RULE = Rule(NODE_PORTS, LAST, to_local=True)


class Walk:
    """One packet on its way through the rules of the ports whose address it carries."""

    def __init__(
        self, rules: Iterable[PortRules], packet: Packet, node: str, *, draw: Draw, memory: Memory, now: float
    ) -> None:
        self._node = node
        self._packet = packet
        self._draw = draw
        self._memory = memory
        self._now = now
        self._filter, self._nat = _joined(rules)
        self._address, self._port = packet.destination, packet.port
        self._marked = False
        self._translated = False
        self._remember = ""
        self._hits: list[Hit] = []

    def verdict(self, service: str) -> Verdict:
        """Where it goes."""
        here = self._packet.from_here
        self._run(NAT, "OUTPUT" if here else "PREROUTING")
        hook = "OUTPUT" if here else "INPUT" if self._is_local(self._address) else "FORWARD"
        action = self._run(FILTER, hook) or ACCEPT
        masquerade = action == ACCEPT and hook != "INPUT" and self._run(NAT, "POSTROUTING") == "MASQUERADE"
        return Verdict(
            action,
            self._address,
            self._port,
            masquerade,
            service if self._hits else "",
            tuple(self._hits),
            self._remember,
        )

    def _run(self, table: str, chain: str) -> str:
        """What becomes of the packet in a chain: "" if it comes out at the end."""
        chains = self._filter if table == FILTER else self._nat
        for rule in chains.get(chain, ()):
            if not self._matches(rule):
                continue
            target = rule.target
            if target in chains:
                place = len(self._hits)
                self._hits.append(Hit(table, chain, rule.text(chain)))
                if outcome := self._run(table, target):
                    return outcome
                if len(self._hits) == place + 1:
                    del self._hits[place:]  # Nothing in there was about this packet.
                continue
            if target == "RETURN":
                return ""
            self._hits.append(Hit(table, chain, rule.text(chain)))
            if target == "MARK":
                self._marked = True
            elif target == "DNAT":
                self._translate(rule)
                return target
            elif target in (ACCEPT, DROP, REJECT, "MASQUERADE"):
                return target
        return ""

    def _translate(self, rule: Rule) -> None:
        address, _, port = rule.to.rpartition(":")
        self._address, self._port, self._translated = address, int(port), True
        self._remember = rule.recent

    def _matches(self, rule: Rule) -> bool:
        packet = self._packet
        if rule.destination and not is_in(self._address, rule.destination):
            return False
        if rule.port and rule.port != self._port:
            return False
        if rule.protocol and rule.protocol != packet.protocol.lower():
            return False
        if rule.source and not is_in(packet.source, rule.source):
            return False
        if rule.not_source and is_in(packet.source, rule.not_source):
            return False
        return self._meets(rule)

    def _meets(self, rule: Rule) -> bool:
        """The matches that look beyond the addresses."""
        if rule.to_local and not self._is_local(self._address):
            return False
        if rule.from_local and not self._is_local(self._packet.source):
            return False
        if rule.mark and (rule.mark == "marked") is not self._marked:
            return False
        if rule.state and rule.state != "NEW" and not (rule.state == AFTER_DNAT and not self._translated):
            return False
        if rule.recent_seconds:
            return self._memory.is_recent(rule.recent, self._packet.source, rule.recent_seconds, self._now)
        return not rule.one_in or self._draw() < threshold(1 / rule.one_in)

    def _is_local(self, address: str) -> bool:
        return address == self._node or address.startswith("127.")


def _joined(rules: Iterable[PortRules]) -> tuple[Rules, Rules]:
    """The standing chains with the rules of some ports in them."""
    of_filter, of_nat = dict(FILTER_CHAINS), dict(NAT_CHAINS)
    for each in rules:
        for name, chain in each.filter.items():
            of_filter[name] = [*of_filter[name], *chain]
        for name, chain in each.nat.items():
            of_nat[name] = [*of_nat[name], *chain]
        of_nat.update(each.chains)
    of_nat[SERVICES] = [*of_nat[SERVICES], NODE_PORTS_RULE]
    return of_filter, of_nat


def save(rules: Iterable[PortRules], *, comments: bool = True) -> Iterator[str]:
    """The lines of `iptables-save` for both tables; `comments` False as in large clusters."""
    of_filter: Rules = {name: list(chain) for name, chain in FILTER_CHAINS.items()}
    of_nat: Rules = {name: list(chain) for name, chain in NAT_CHAINS.items()}
    for each in rules:
        for name, chain in each.filter.items():
            of_filter[name] += chain
        for name, chain in each.nat.items():
            of_nat[name] += chain
        of_nat.update(each.chains)
    of_nat[SERVICES].append(NODE_PORTS_RULE)
    for table, chains in ((FILTER, of_filter), (NAT, of_nat)):
        yield f"*{table}"
        names = [name for name in BUILT_IN if name in chains] + sorted(name for name in chains if name not in BUILT_IN)
        for name in names:
            yield f":{name} {'ACCEPT' if name in BUILT_IN else '-'} [0:0]"
        for name in names:
            commented = comments or not name.startswith(OF_ENDPOINTS)
            for rule in chains[name]:
                yield rule.text(name, commented=commented)
        yield "COMMIT"
