"""One rule of iptables: what it matches, what it does, and how `iptables-save` prints it.

Upstream of the format: xtables-save; the options stand in its order (addresses and protocol first, then the matches).
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

MARK = "0x4000/0x4000"
WHOLE = 1 << 31  # iptables counts probabilities in 2^31ths, which is why a third is printed as 0.33333333349.
NEW, AFTER_DNAT = "NEW", "RELATED,ESTABLISHED,DNAT"


class Rule(NamedTuple):
    """Fields that are empty match everything. `target` "" counts only."""

    target: str
    comment: str = ""
    protocol: str = ""
    source: str = ""  # An address or a network.
    not_source: str = ""
    destination: str = ""
    port: int = 0
    to_local: bool = False  # The destination is an address of this machine.
    from_local: bool = False
    one_in: int = 0  # Matches at random once in so many times.
    recent: str = ""  # Matches clients of this list…
    recent_seconds: int = 0  # …that were sent there so recently; 0: puts the client on the list and matches.
    mark: str = ""  # "marked", "unmarked".
    state: str = ""  # Of the connection: "NEW", or one that no new connection has.
    to: str = ""  # Of a DNAT.

    def text(self, chain: str, *, commented: bool = True) -> str:
        """The line of `iptables-save`."""
        (target, comment, protocol, source, not_source, destination, port, to_local, from_local, one_in, recent,
         seconds, mark, state, to) = self  # fmt: skip
        line = f"-A {chain}"
        if source:
            line += f" -s {source}" if "/" in source else f" -s {source}/32"
        if not_source:
            line += f" ! -s {network(not_source)}"
        if destination:
            line += f" -d {destination}" if "/" in destination else f" -d {destination}/32"
        if protocol:
            line += f" -p {protocol}"
        if state == NEW:
            line += f" -m conntrack --ctstate {state}"
        if comment and (commented or not_source):
            line += f' -m comment --comment "{comment}"'
        if to_local or from_local or mark or (state and state != NEW):
            line += self._rarely()
        if one_in:
            line += f" -m statistic --mode random --probability {probability(one_in)}"
        if recent:
            how = f"--rcheck --seconds {seconds} --reap" if seconds else "--set"
            line += f" -m recent {how} --name {recent} --mask 255.255.255.255 --rsource"
        if port:
            line += f" -m {protocol} --dport {port}"
        elif to:
            line += f" -m {protocol}"
        if to:
            return f"{line} -j DNAT --to-destination {to}"
        return f"{line} -j {TARGETS.get(target, target)}" if target else line

    def _rarely(self) -> str:
        """The matches that few rules have."""
        line = ""
        if self.state and self.state != NEW:
            line += f" -m conntrack {'! ' if self.state == AFTER_DNAT else ''}--ctstate {self.state}"
        if self.to_local:
            line += " -m addrtype --dst-type LOCAL"
        if self.from_local:
            line += " -m addrtype --src-type LOCAL"
        if self.mark:
            line += f" -m mark {'! ' if self.mark == 'unmarked' else ''}--mark {MARK}"
        return line


TARGETS = {
    "REJECT": "REJECT --reject-with icmp-port-unreachable",
    "MARK": f"MARK --set-xmark {MARK}",
    "UNMARK": "MARK --set-xmark 0x4000/0x0",
    "MASQUERADE": "MASQUERADE --random-fully",
}


@cache
def probability(one_in: int) -> str:
    """1/n as iptables-save prints it: kube-proxy writes ten digits, the kernel keeps 31 bits."""
    written = float(f"{1 / one_in:.10f}")
    return f"{threshold(written):.11f}"


def threshold(written: float) -> float:
    """A probability as the kernel keeps it."""
    return round(written * WHOLE) / WHOLE


def network(address: str) -> str:
    """Networks as they are, addresses with /32."""
    return address if "/" in address else f"{address}/32"
