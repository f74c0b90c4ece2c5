"""Reading the time: virtual nanoseconds inside, RFC 3339 dates where an object shows them.

Virtual runs begin at 2024-01-13T09:00:00Z, so that two runs of one seed print the same dates. Nothing
outside `kubesim.sim` reads the machine's clock.
"""

from __future__ import annotations

import time as wall
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from kubesim.sim.loop import NANOSECONDS_PER_SECOND, SimLoop

VIRTUAL_EPOCH = datetime(2024, 1, 13, 9, 0, 0, tzinfo=UTC)
UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock:
    """The virtual time of one simulation, and the date that it stands for.

    Kubernetes writes two kinds of dates: `metav1.Time` in whole seconds (`timestamp`) and
    `metav1.MicroTime` (`micro_timestamp`). A date of a second is cut, not rounded, as Go does.
    """

    def __init__(self, loop: SimLoop, epoch: datetime = VIRTUAL_EPOCH) -> None:
        self._loop = loop
        self._epoch_ns = int((epoch - UNIX_EPOCH).total_seconds()) * NANOSECONDS_PER_SECOND
        self._skew_ns = 0
        self._cached: tuple[int, str] = (-1, "")  # A moment, and its date in whole seconds;
        self._cached_micro: tuple[int, str] = (-1, "")  # and in microseconds.

    def now_ns(self) -> int:
        """Virtual nanoseconds since the run began."""
        return self._loop.now_ns

    def now(self) -> float:
        """Virtual seconds since the run began."""
        return self._loop.now_ns / NANOSECONDS_PER_SECOND

    def unix_ns(self) -> int:
        """Nanoseconds since 1970 that the virtual now stands for (on a machine with a skewed clock: its belief)."""
        return self._epoch_ns + self._loop.now_ns + self._skew_ns

    def of_a_machine(self) -> Clock:
        """A clock of a machine's own: it runs as this one does, but may be set wrong."""
        clock = Clock(self._loop)
        clock._epoch_ns = self._epoch_ns
        return clock

    def set_skew(self, seconds: float) -> None:
        """From here on this clock is `seconds` ahead of the true time (negative: behind)."""
        self._skew_ns = round(seconds * NANOSECONDS_PER_SECOND)

    def timestamp(self) -> str:
        """Now as `metav1.Time`: 2024-01-13T09:00:05Z."""
        now_ns = self._epoch_ns + self._loop.now_ns + self._skew_ns
        if self._cached[0] != now_ns:
            self._cached = (now_ns, format_seconds(now_ns // NANOSECONDS_PER_SECOND))
        return self._cached[1]

    def micro_timestamp(self) -> str:
        """Now as `metav1.MicroTime`: 2024-01-13T09:00:05.123456Z."""
        now_ns = self._epoch_ns + self._loop.now_ns + self._skew_ns
        if self._cached_micro[0] != now_ns:
            second, rest = divmod(now_ns, NANOSECONDS_PER_SECOND)
            self._cached_micro = (now_ns, f"{format_seconds(second)[:-1]}.{rest // 1000:06d}Z")
        return self._cached_micro[1]

    def since(self, timestamp: str) -> float:
        """Seconds from a date in an object until now."""
        return (self.unix_ns() - parse_timestamp_ns(timestamp)) / NANOSECONDS_PER_SECOND


@lru_cache(maxsize=4096)
def format_seconds(unix_seconds: int) -> str:
    """A whole second since 1970 as RFC 3339 in UTC."""
    return (UNIX_EPOCH + timedelta(seconds=unix_seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


@lru_cache(maxsize=16384)
def parse_timestamp_ns(timestamp: str) -> int:
    """Nanoseconds since 1970 of an RFC 3339 date; ValueError if it is none."""
    moment = datetime.fromisoformat(timestamp)
    if moment.tzinfo is None:
        raise ValueError(f"{timestamp!r} has no time zone: an RFC 3339 date ends in Z or an offset")
    whole = int((moment.replace(microsecond=0) - UNIX_EPOCH).total_seconds())
    return whole * NANOSECONDS_PER_SECOND + moment.microsecond * 1000


def parse_timestamp(timestamp: str) -> float:
    """Seconds since 1970 of an RFC 3339 date."""
    return parse_timestamp_ns(timestamp) / NANOSECONDS_PER_SECOND


def wall_now() -> datetime:
    """The machine's own date and time: for certificates of a served cluster, and its first moment."""
    return datetime.now(UTC)


def wall_seconds() -> float:
    """A monotonic reading of the machine's clock, to report how long a run took."""
    return wall.perf_counter()
