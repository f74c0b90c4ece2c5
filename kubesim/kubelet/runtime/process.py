"""A program as a generator: it says what it does (writes, sleeps, reads), and whoever runs it does that.

So the same program serves two ends. `exec` runs it at once, on virtual time. What process 1 of a container would
have printed until now is found by running its program when somebody reads the log, and not before.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import NamedTuple

from kubesim.api.session import STDERR, STDOUT
from kubesim.api.traffic import TCP, Addresses, HttpCall, Reply


class Write(NamedTuple):
    """Bytes on standard output (1) or standard error (2)."""

    stream: int
    data: bytes


class Sleep(NamedTuple):
    """Nothing for some seconds; None: until it is stopped."""

    seconds: float | None


class Read(NamedTuple):
    """Wants a line of standard input: it is answered with one, with its newline, or with nothing at the end."""


class Signal(NamedTuple):
    """A signal for process 1, from inside of the container."""

    number: int


@dataclass(slots=True)
class Lookup:
    """Wants the addresses of a name; whoever runs the program fills in `found`."""

    name: str
    source: str
    namespace: str
    seconds: float = 0.0  # At most so long; 0: as long as a resolver tries.
    found: Addresses | None = None


@dataclass(slots=True)
class Dial:
    """Wants a connection; whoever runs the program fills in `reply`. Left empty: there is no network."""

    source: str
    address: str
    port: int
    protocol: str = TCP
    data: HttpCall | bytes | None = None
    seconds: float = 0.0  # At most so long; 0: as long as the kernel tries.
    reply: Reply | None = None


Effect = Write | Sleep | Read | Signal | Lookup | Dial
Program = Generator[Effect, bytes | None, int]  # Returns its exit code.

OUT, ERR = STDOUT, STDERR
FILES_BYTES_MAX = 1 << 20


@dataclass
class Surroundings:
    """What a process in a container finds: made by the kubelet from the Pod, its ConfigMaps and Secrets."""

    hostname: str = ""
    pod_ip: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)  # What volumes show, by absolute path.
    mounts: tuple[str, ...] = ()  # Where volumes are mounted, empty ones too.
    working_dir: str = "/"
    user_id: int = 0
    group_id: int = 0
    main_command: str = ""  # Of process 1, for `ps`.
    namespace: str = ""  # Of the Pod.
    image: str = ""


class Interrupted(Exception):  # noqa: N818 - it is no error: somebody pressed ^C
    """Thrown into a program at what it waits for: SIGINT."""
