"""The data of behaviours and of known images: frozen structs that scenarios and annotations can write as JSON."""

from __future__ import annotations

from typing import Literal

import msgspec

MINIMUM_PERIOD_SECONDS = 0.1  # A log is read as far as the present moment: each line of it costs something.


class LogLine(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A line that a container prints: once, or again and again. `dated`: strftime's signs in it are replaced."""

    text: str
    after_seconds: float = 0.0
    every_seconds: float | None = None
    stream: int = 1  # 2: standard error.
    dated: bool = False

    def __post_init__(self) -> None:
        if self.every_seconds is not None and self.every_seconds < MINIMUM_PERIOD_SECONDS:
            raise ValueError(f"everySeconds must be at least {MINIMUM_PERIOD_SECONDS:g}")


class Usage(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """What a container uses from some time on. `ramp`: it got there evenly from the point before, not in a step."""

    after_seconds: float
    cpu_milli: int
    memory_bytes: int | None = None  # None: as its behaviour says.
    ramp: bool = False


class Answer(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """What a web server says to requests whose path begins with `path`; the longest match counts."""

    path: str = "/"
    code: int = 200
    body: str = ""
    content_type: str = "text/plain; charset=utf-8"
    after_seconds: float = 0.0  # From when on, counted from the start of the container.
    until_seconds: float | None = None
    port: int | None = None  # None: at every port of the container.
    every: int = 1  # Only every so many-th request: 3 is an error now and then.


class Dependency(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A Service that a program needs: `db` or `db.namespace`. What it does while that has no ready endpoint."""

    service: str
    otherwise: Literal["unready", "exit"] = "unready"
    patience_seconds: float = 0.0  # For "exit": how long it tries before it gives up.
    exit_code: int = 1


class Behaviour(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """What one container does. Times in seconds count from its start, unless said."""

    start_seconds: float = 0.2  # From "start" until the process runs.
    start_jitter_seconds: float = 0.0  # Up to so much more, by chance.
    start_error: str = ""  # Why the program cannot be started at all: `exec: "x": executable file not found …`.
    run_seconds: float | None = None  # After this it exits by itself; None: runs until stopped.
    exit_after_requests: int | None = None  # It exits when it has answered so many requests.
    exit_code: int = 0
    reason: str = ""  # Of the exit; "" means Completed for code 0 and Error for others.
    message: str = ""  # The termination message.
    failures: int | None = None  # Only the first so many starts exit by themselves; None: every one.
    ready_after_seconds: float = 0.0  # Startup and readiness probes fail before.
    ready_for_seconds: float | None = None  # Readiness probes fail again from here on; None: never.
    live_for_seconds: float | None = None  # Liveness probes fail from here on; None: never.
    answer_seconds: float = 0.0  # How long it takes to answer a probe; longer than its timeout is a failure.
    stop_seconds: float | None = 0.1  # From SIGTERM until it ends; None: ignores SIGTERM and waits for SIGKILL.
    stop_jitter_seconds: float = 0.0  # Up to so much more, by chance.
    stop_exit_code: int = 0
    cpu_milli: int = 10
    memory_bytes: int = 20 << 20
    usage: tuple[Usage, ...] = ()  # How that changes with time, in order.
    leak_bytes_per_second: int = 0  # Memory that it never gives back.
    request_cpu_milliseconds: float = 0.0  # What one request costs.
    request_leak_bytes: int = 0
    disk_bytes: int = 0  # What it writes at once, into its own layer or into `disk_volume` (an emptyDir's name) …
    disk_bytes_per_second: int = 0  # … and more every second.
    disk_volume: str = ""
    processes: int = 1
    processes_per_second: float = 0.0  # A fork bomb's fuse.
    http: tuple[Answer, ...] = ()  # What it answers; none: what its image answers.
    depends_on: tuple[Dependency, ...] = ()
    log: tuple[LogLine, ...] = ()

    def __post_init__(self) -> None:
        for name in ("start_seconds", "start_jitter_seconds", "run_seconds", "ready_after_seconds", "memory_bytes"):
            if (getattr(self, name) or 0) < 0:
                camel = name.split("_")[0] + "".join(word.capitalize() for word in name.split("_")[1:])
                raise ValueError(f"{camel} is negative")
        if not (0 <= self.exit_code <= 255 and 0 <= self.stop_exit_code <= 255):
            raise ValueError("an exit code is a number from 0 to 255")

    def exits_by_itself(self, attempt: int) -> bool:
        """Whether the start number `attempt` (from 0) ends without being stopped."""
        return self.run_seconds is not None and (self.failures is None or attempt < self.failures)

    def usage_at(self, seconds: float) -> tuple[int, int]:
        """Thousandths of a core and bytes, some seconds after the start, without what requests cost."""
        before = Usage(0.0, self.cpu_milli, self.memory_bytes)
        cpu, memory = float(self.cpu_milli), float(self.memory_bytes)
        for point in self.usage:
            wanted = self.memory_bytes if point.memory_bytes is None else point.memory_bytes
            at = msgspec.structs.replace(point, memory_bytes=wanted)
            if point.after_seconds <= seconds:
                before, cpu, memory = at, float(at.cpu_milli), float(wanted)
            elif at.ramp:
                share = (seconds - before.after_seconds) / (at.after_seconds - before.after_seconds)
                cpu += (at.cpu_milli - before.cpu_milli) * share
                memory += (wanted - (before.memory_bytes or 0)) * share
                break
            else:
                break
        return round(cpu), round(memory + self.leak_bytes_per_second * max(0.0, seconds))

    def seconds_until(self, memory_bytes: int) -> float | None:
        """When it first uses more than so much memory; None: never."""
        points = [0.0, *(point.after_seconds for point in self.usage)]
        for begin, end in zip(points, [*points[1:], None], strict=True):
            low = self.usage_at(begin)[1]
            if low > memory_bytes:
                return begin
            nearly = end - 1e-6 if end is not None else begin + 1e6
            high = self.usage_at(nearly)[1]
            if high > memory_bytes:
                return begin + (nearly - begin) * (memory_bytes - low) / (high - low)
        return None


class KnownImage(msgspec.Struct, frozen=True):
    """What the library knows about an image."""

    size_bytes: int  # Compressed.
    behaviour: Behaviour = Behaviour()
    base: Literal["", "alpine", "debian"] = ""  # Whose first layer and whose tools it has.
    ports: tuple[int, ...] = ()  # Where it listens.
    shell: bool = True  # Whether there is a shell in it.
    programs: tuple[str, ...] = ()  # What else can be run in it.
    needs: tuple[str, ...] = ()  # One of these variables must be set, or it ends with `complaint`.
    complaint: tuple[LogLine, ...] = ()
    user: str = ""  # As whom it runs; "" is root.
    needs_memory: bool = False  # A limit below its memory kills it; others make do.
