"""The data of behaviours and of known images: frozen structs that scenarios and annotations can write as JSON."""

from __future__ import annotations

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
    """What a container uses from some time on."""

    after_seconds: float
    cpu_milli: int
    memory_bytes: int | None = None  # None: as its behaviour says.


class Behaviour(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """What one container does. Times in seconds count from its start, unless said."""

    start_seconds: float = 0.2  # From "start" until the process runs.
    run_seconds: float | None = None  # After this it exits by itself; None: runs until stopped.
    exit_code: int = 0
    reason: str = ""  # Of the exit; "" means Completed for code 0 and Error for others.
    message: str = ""  # The termination message.
    failures: int | None = None  # Only the first so many starts exit by themselves; None: every one.
    ready_after_seconds: float = 0.0  # Startup and readiness probes fail before.
    ready_for_seconds: float | None = None  # Readiness probes fail again from here on; None: never.
    live_for_seconds: float | None = None  # Liveness probes fail from here on; None: never.
    answer_seconds: float = 0.0  # How long it takes to answer a probe; longer than its timeout is a failure.
    stop_seconds: float | None = 0.1  # From SIGTERM until it ends; None: ignores SIGTERM and waits for SIGKILL.
    stop_exit_code: int = 0
    cpu_milli: int = 10
    memory_bytes: int = 20 << 20
    usage: tuple[Usage, ...] = ()  # How that changes with time, in order.
    log: tuple[LogLine, ...] = ()

    def exits_by_itself(self, attempt: int) -> bool:
        """Whether the start number `attempt` (from 0) ends without being stopped."""
        return self.run_seconds is not None and (self.failures is None or attempt < self.failures)

    def usage_at(self, seconds: float) -> tuple[int, int]:
        """Thousandths of a core and bytes, some seconds after the start."""
        now = next((each for each in reversed(self.usage) if each.after_seconds <= seconds), None)
        if now is None:
            return self.cpu_milli, self.memory_bytes
        return now.cpu_milli, self.memory_bytes if now.memory_bytes is None else now.memory_bytes


class KnownImage(msgspec.Struct, frozen=True):
    """What the library knows about an image: its compressed size and what it does by default."""

    size_bytes: int
    behaviour: Behaviour = Behaviour()
