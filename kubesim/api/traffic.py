"""What crosses the network between Pods: one connection with at most one request on it, and what became of it.

Every machine has two endpoints in `sim.network`: `net/NODE` is its kernel, which takes a `Connection` from a process
or from another machine and finds where it has to go; `podnet/NODE` are the containers on it, which answer at the
addresses of their Pods. A `Name` asks the kernel of a node for the addresses behind a name.

Latency, loss and partitions are those of the links between machines. A message that is lost is never answered: who
waits brings a deadline, as with every endpoint.
"""

from __future__ import annotations

from typing import Any

import msgspec

TCP, UDP, SCTP = "TCP", "UDP", "SCTP"
# What becomes of a connection. LOST: nobody answers; the sender waits until it gives up.
ANSWERED, CONNECTED, REFUSED, RESET, UNREACHABLE, LOST = (
    "answered",
    "connected",
    "refused",
    "reset",
    "unreachable",
    "lost",
)


def kernel_of(node: str) -> str:
    """The endpoint of a machine's kernel."""
    return f"net/{node}"


def containers_on(node: str) -> str:
    """The endpoint of the containers of a machine."""
    return f"podnet/{node}"


def program_of(namespace: str, pod: str) -> str:
    """The endpoint of a program that answers in a Pod's place: an addon's (a proxy, an ingress controller)."""
    return f"program/{namespace}/{pod}"


class HttpCall(msgspec.Struct, frozen=True):
    """A request of HTTP; names of headers are in lower case."""

    method: str = "GET"
    path: str = "/"
    headers: dict[str, str] = {}
    body: bytes = b""
    tls: bool = False


class Connection(msgspec.Struct, frozen=True):
    """A new connection. `source` is the sender's address: a Pod's, a node's, or one of outside.

    `data` is what is sent on it: an HttpCall, bytes (UDP: one datagram), or nothing: it is only opened.
    """

    source: str
    destination: str
    port: int
    protocol: str = TCP
    data: HttpCall | bytes | None = None
    arrived: bool = False  # Whether it comes over the wire (from another machine), not from a process here.
    translated: bool = False  # Whether a node's rules have chosen its destination already.
    trace: bool = False  # Whether each hop is told.
    probing: bool = False  # A trace: it leaves nothing behind in a kernel's memory or a container's log.


class Hop(msgspec.Struct, frozen=True):
    """One station of a connection. `at` is a node, "outside" or the like; `details` are rules or the like."""

    kind: str  # "dns", "rules", "node", "container", "answer", "lost".
    at: str
    text: str
    details: tuple[str, ...] = ()
    facts: dict[str, Any] = {}


class Reply(msgspec.Struct, frozen=True):
    """What became of a connection, and who answered."""

    outcome: str
    code: int = 0
    headers: dict[str, str] = {}
    body: bytes = b""
    reason: str = ""  # In words, if it failed.
    source: str = ""  # The sender's address as the other side sees it.
    address: str = ""  # Where it went at last.
    port: int = 0
    node: str = ""
    namespace: str = ""
    pod: str = ""
    container: str = ""
    hops: tuple[Hop, ...] = ()


class Name(msgspec.Struct, frozen=True):
    """A question of a process in a Pod (or on a node) for the IPv4 addresses of a name."""

    name: str
    source: str
    namespace: str = "default"  # Of the Pod: its resolver tries this namespace first.
    trace: bool = False


class Addresses(msgspec.Struct, frozen=True):
    """The answer: addresses in order; none and a `reason` if there are none."""

    addresses: tuple[str, ...] = ()
    full_name: str = ""
    reason: str = ""  # "NXDOMAIN", or "timeout".
    hops: tuple[Hop, ...] = ()
