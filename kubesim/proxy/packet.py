"""One new connection as a node's kernel sees it, and what the rules made of it.

Only the first packet of a connection meets the rules of kube-proxy: conntrack lets the others follow. So a packet
here stands for a connection. Addresses are IPv4.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

TCP, UDP, SCTP = "TCP", "UDP", "SCTP"
ACCEPT, DROP, REJECT = "ACCEPT", "DROP", "REJECT"

Draw = Callable[[], float]  # From 0 to 1, without 1.


class Packet(NamedTuple):
    """The first packet of a connection. `from_here`: a process of the node itself sends it (OUTPUT, not PREROUTING)."""

    source: str
    destination: str
    port: int
    protocol: str = TCP
    from_here: bool = False


class Hit(NamedTuple):
    """A rule that the packet matched, as `iptables-save`, `nft list` or `ipvsadm -Ln` would print it."""

    table: str
    chain: str
    rule: str


class Verdict(NamedTuple):
    """Where a packet goes: `address`:`port` if it is accepted, which differs from the packet's own after a DNAT."""

    action: str
    address: str
    port: int
    masquerade: bool = False  # It leaves with the node's own address as its source.
    service: str = ""  # "namespace/name:port" of the Service whose rules it met.
    hits: tuple[Hit, ...] = ()
    remember: str = ""  # The list of clients (session affinity) that the source is to be put on.
    turn: str = ""  # The virtual server (ipvs) whose turn has passed.

    @property
    def was_translated(self) -> bool:
        """Whether a Service's rules chose an endpoint."""
        return self.action == ACCEPT and bool(self.service)


class Memory:
    """What a kernel remembers of connections: where clients were sent (`recent` lists), and whose turn it is (ipvs)."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], float] = {}
        self._turns: dict[str, int] = {}

    def is_recent(self, name: str, client: str, within_seconds: float, now: float) -> bool:
        """Whether `client` is on the list `name` since at most `within_seconds`."""
        seen = self._seen.get((name, client))
        return seen is not None and now - seen < within_seconds

    def turn(self, name: str) -> int:
        """How many connections the virtual server `name` has given away."""
        return self._turns.get(name, 0)

    def commit(self, verdict: Verdict, client: str, now: float) -> None:
        """The packet that got this verdict has passed."""
        if verdict.remember:
            self._seen[(verdict.remember, client)] = now
        if verdict.turn:
            self._turns[verdict.turn] = self.turn(verdict.turn) + 1

    def forget(self) -> None:
        """The machine lost its power."""
        self._seen.clear()
        self._turns.clear()


def number_of(address: str) -> int:
    """An IPv4 address as a number; -1 if it is none."""
    parts = address.split(".")
    if len(parts) != 4 or not all(part.isdigit() and len(part) <= 3 for part in parts):
        return -1
    a, b, c, d = (int(part) for part in parts)
    return -1 if max(a, b, c, d) > 255 else a << 24 | b << 16 | c << 8 | d


def is_in(address: str, cidr: str) -> bool:
    """Whether an address is in a network (10.244.0.0/16), or is that address."""
    network, slash, length = cidr.partition("/")
    if not slash or length == "32":
        return address == network
    shift = 32 - int(length)
    number = number_of(address)
    return number >= 0 and number >> shift == number_of(network) >> shift
