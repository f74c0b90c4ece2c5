"""One rule of iptables: what it matches, what it does, and how `iptables-save` prints it.

Upstream of the format: xtables-save; the options stand in its order (addresses and protocol first, then the matches).
"""

from __future__ import annotations

from typing import NamedTuple

MARK = "0x4000/0x4000"
WHOLE = 1 << 31  # iptables counts probabilities in 2^31ths, which is why a third is printed as 0.33333333349.
AFTER_DNAT = "RELATED,ESTABLISHED,DNAT"


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

    def text(self, chain: str) -> str:
        """The line of `iptables-save`."""
        return f"-A {chain} {' '.join(self._words())}"

    def _words(self) -> list[str]:
        words = self._addresses()
        negated = "! " if self.state == AFTER_DNAT else ""
        state = f"-m conntrack {negated}--ctstate {self.state}" if self.state else ""
        comment = f'-m comment --comment "{self.comment}"' if self.comment else ""
        words += [word for word in ((state, comment) if self.state == "NEW" else (comment, state)) if word]
        if self.to_local:
            words.append("-m addrtype --dst-type LOCAL")
        if self.from_local:
            words.append("-m addrtype --src-type LOCAL")
        if self.mark:
            words.append(f"-m mark {'! ' if self.mark == 'unmarked' else ''}--mark {MARK}")
        if self.one_in:
            words.append(f"-m statistic --mode random --probability {probability(self.one_in)}")
        if self.recent:
            how = f"--rcheck --seconds {self.recent_seconds} --reap" if self.recent_seconds else "--set"
            words.append(f"-m recent {how} --name {self.recent} --mask 255.255.255.255 --rsource")
        if self.protocol and (self.port or self.to):
            words.append(f"-m {self.protocol}" + (f" --dport {self.port}" if self.port else ""))
        if self.target:
            words.append(
                f"-j {TARGETS.get(self.target, self.target)}" + (f" --to-destination {self.to}" * bool(self.to))
            )
        return words

    def _addresses(self) -> list[str]:
        words = []
        if self.source:
            words.append(f"-s {network(self.source)}")
        if self.not_source:
            words.append(f"! -s {network(self.not_source)}")
        if self.destination:
            words.append(f"-d {network(self.destination)}")
        if self.protocol:
            words.append(f"-p {self.protocol}")
        return words


TARGETS = {
    "REJECT": "REJECT --reject-with icmp-port-unreachable",
    "MARK": f"MARK --set-xmark {MARK}",
    "UNMARK": "MARK --set-xmark 0x4000/0x0",
    "MASQUERADE": "MASQUERADE --random-fully",
}


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
