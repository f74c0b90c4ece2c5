"""The data of behaviours and of known images: frozen structs that scenarios and annotations can write as JSON."""

from __future__ import annotations

import msgspec


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

    def exits_by_itself(self, attempt: int) -> bool:
        """Whether the start number `attempt` (from 0) ends without being stopped."""
        return self.run_seconds is not None and (self.failures is None or attempt < self.failures)


class KnownImage(msgspec.Struct, frozen=True):
    """What the library knows about an image: its compressed size and what it does by default."""

    size_bytes: int
    behaviour: Behaviour = Behaviour()
