"""What a container has printed: found when somebody asks, and bounded like the file on a real node.

A log is made of a source that can say what is printed when: the lines of a behaviour, or process 1's program
(`process.py`). It is read only as far as the present moment, so a container whose log nobody reads costs nothing.
The file is begun anew at 10 MiB, as kubelets rotate it; what `kubectl logs` shows is the present file.
Upstream: pkg/kubelet/logs/container_log_manager.go, staging/src/k8s.io/cri-client/pkg/logs/logs.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from kubesim.api.session import STDOUT
from kubesim.kubelet.runtime.model import LogLine
from kubesim.kubelet.runtime.process import Interrupted, Program, Read, Sleep, Write

NANOSECONDS_PER_SECOND = 1_000_000_000
FILE_BYTES_MAX = 10 << 20
FOR_EVER_NS = 1 << 62

# What is printed, each with when (nanoseconds since the start): stream and bytes, or nothing but passing time.
Source = Iterator[tuple[int, int, bytes]]


class Entry(NamedTuple):
    """One line (or the beginning of one that is not ended yet) and when it was written, in Unix nanoseconds."""

    time_ns: int
    stream: int
    data: bytes


class ContainerLog:
    """The log of one start of a container, which began at `started_unix_ns`."""

    def __init__(self, source: Source, started_unix_ns: int) -> None:
        self.entries: list[Entry] = []
        self.dropped = 0  # How many lines went with files that were rotated away.
        self.listeners: dict[Callable[[], None], None] = {}  # Who follows it, told of what no source knows of.
        self._source = source
        self._started_ns = started_unix_ns
        self._size = 0
        self._ahead: tuple[int, int, bytes] | None = None

    def read_to(self, unix_ns: int) -> None:
        """Everything printed until then is in `entries`."""
        while (ahead := self._look()) is not None and self._started_ns + ahead[0] <= unix_ns:
            self._ahead = None
            if ahead[2]:
                self._add(Entry(self._started_ns + ahead[0], ahead[1], ahead[2]))

    def append(self, unix_ns: int, stream: int, data: bytes) -> None:
        """Something was printed that no source knows of: an answered request, an attached shell."""
        self.read_to(unix_ns)
        for line in data.splitlines(keepends=True):
            self._add(Entry(unix_ns, stream, line))
        for listener in list(self.listeners):
            listener()

    def next_unix_ns(self) -> int | None:
        """When to look again; None: nothing more will ever come by itself."""
        ahead = self._look()
        return None if ahead is None or ahead[0] >= FOR_EVER_NS else self._started_ns + ahead[0]

    def _look(self) -> tuple[int, int, bytes] | None:
        if self._ahead is None:
            self._ahead = next(self._source, None)
        return self._ahead

    def _add(self, entry: Entry) -> None:
        last = self.entries[-1] if self.entries else None
        if last is not None and last.stream == entry.stream and not last.data.endswith(b"\n"):
            self.entries[-1] = Entry(last.time_ns, last.stream, last.data + entry.data)
        else:
            if self._size + len(entry.data) > FILE_BYTES_MAX:
                self.dropped += len(self.entries)
                self.entries = []
                self._size = 0
            self.entries.append(entry)
        self._size += len(entry.data)


def printed_by(program: Program) -> Source:
    """What a program prints if it runs by itself; it finds nothing on its standard input."""
    now_ns = 0
    answer: bytes | None = None
    while True:
        try:
            effect = program.send(answer)
        except (StopIteration, Interrupted):
            return
        answer = b"" if isinstance(effect, Read) else None
        if isinstance(effect, Write):
            for line in effect.data.splitlines(keepends=True):
                yield now_ns, effect.stream, line
        elif isinstance(effect, Sleep):
            if effect.seconds is None:
                return
            now_ns += round(effect.seconds * NANOSECONDS_PER_SECOND)
            yield now_ns, STDOUT, b""


def printed_lines(lines: Sequence[LogLine], started_unix_ns: int) -> Source:
    """The lines of a behaviour, in order; those that come again and again are merged in."""
    queue = [(round(line.after_seconds * NANOSECONDS_PER_SECOND), index) for index, line in enumerate(lines)]
    while queue:
        queue.sort()
        when_ns, index = queue.pop(0)
        line = lines[index]
        yield when_ns, line.stream, f"{_text(line, started_unix_ns + when_ns)}\n".encode()
        if line.every_seconds:
            queue.append((when_ns + round(line.every_seconds * NANOSECONDS_PER_SECOND), index))


def _text(line: LogLine, unix_ns: int) -> str:
    if not line.dated:
        return line.text
    moment = datetime.fromtimestamp(unix_ns // NANOSECONDS_PER_SECOND, UTC)
    return moment.strftime(line.text.replace("%f", f"{unix_ns % NANOSECONDS_PER_SECOND // 1_000_000:03d}"))


def silent() -> Source:
    """A container that prints nothing."""
    return iter(())
