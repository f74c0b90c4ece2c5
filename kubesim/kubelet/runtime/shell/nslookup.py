"""`nslookup`: asks the resolver of the container for a name, and `getent hosts`.

Upstream: networking/nslookup.c of busybox, bin/dig/nslookup.c of BIND. Left out: other types than A, other servers,
interactive use; busybox tells every suffix of the search path that has no such name, this one tells the outcome.
"""

from __future__ import annotations

from collections.abc import Sequence

from kubesim.kubelet.runtime.process import ERR, OUT, Program, Write
from kubesim.kubelet.runtime.shell.net_tools import look_up
from kubesim.kubelet.runtime.shell.session import Shell

SERVER = "10.96.0.10"
USAGE = "Usage: nslookup HOST\n"


def nslookup(shell: Shell, words: Sequence[str]) -> Program:
    """The addresses of a name, and who said so."""
    names = [word for word in words if not word.startswith("-")]
    if len(names) != 1 or len(names) != len(words):
        yield Write(ERR, f"BusyBox v1.37.0 multi-call binary.\n\n{USAGE}".encode())
        return 1
    name = names[0]
    found = yield from look_up(shell, name)
    if found.reason and found.reason != "NXDOMAIN":
        yield Write(OUT, b";; connection timed out; no servers could be reached\n\n")
        return 1
    text = f"Server:\t\t{SERVER}\nAddress:\t{SERVER}:53\n\n"
    if not found.addresses:
        yield Write(OUT, f"{text}** server can't find {name}: NXDOMAIN\n\n".encode())
        return 1
    answers = "".join(f"Name:\t{found.full_name or name}\nAddress: {address}\n" for address in found.addresses)
    yield Write(OUT, f"{text}{answers}\n".encode())
    return 0


def getent(shell: Shell, words: Sequence[str]) -> Program:
    """`getent hosts NAME`, as programs that ask the C library would see it."""
    if len(words) != 2 or words[0] not in ("hosts", "ahosts", "ahostsv4"):
        yield Write(ERR, b"Usage: getent hosts NAME\n")
        return 1
    found = yield from look_up(shell, words[1])
    if not found.addresses:
        return 2
    lines = [f"{address:<15} {found.full_name or words[1]}\n" for address in found.addresses]
    yield Write(OUT, "".join(lines).encode())
    return 0
