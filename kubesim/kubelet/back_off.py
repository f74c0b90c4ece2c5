"""Exponential back-off per key, with client-go's rules.

A delay grows when something is tried again, and is forgotten when the thing lived for twice the longest delay.

Upstream: k8s.io/client-go/util/flowcontrol/backoff.go.
"""

from __future__ import annotations

from dataclasses import dataclass

NANOSECONDS_PER_SECOND = 1_000_000_000


@dataclass(slots=True)
class Entry:
    """How long the present delay is, and when it was last made longer."""

    delay_seconds: float
    updated_ns: int


class BackOff:
    """Delays from `initial_seconds`, doubling to `max_seconds`."""

    def __init__(self, initial_seconds: float = 10.0, max_seconds: float = 300.0) -> None:
        self._initial_seconds = initial_seconds
        self._max_seconds = max_seconds
        self._entries: dict[str, Entry] = {}

    def delay_seconds(self, key: str) -> float:
        """The present delay of `key`; 0 if it never failed."""
        entry = self._entries.get(key)
        return entry.delay_seconds if entry is not None else 0.0

    def remaining_ns(self, key: str, event_ns: int, now_ns: int) -> int:
        """How long to wait yet, when the delay counts from the event (an exit); 0 if it may be tried now."""
        entry = self._entries.get(key)
        if entry is None or self._expired(entry, event_ns):
            return 0
        return max(0, event_ns + round(entry.delay_seconds * NANOSECONDS_PER_SECOND) - now_ns)

    def remaining_since_update_ns(self, key: str, now_ns: int) -> int:
        """The same, when the delay counts from the last try."""
        entry = self._entries.get(key)
        return self.remaining_ns(key, entry.updated_ns, now_ns) if entry is not None else 0

    def next(self, key: str, event_ns: int, now_ns: int) -> None:
        """It is tried again, or has failed again: the next delay is longer."""
        entry = self._entries.get(key)
        if entry is None or self._expired(entry, event_ns):
            self._entries[key] = Entry(self._initial_seconds, now_ns)
        else:
            entry.delay_seconds = min(entry.delay_seconds * 2, self._max_seconds)
            entry.updated_ns = now_ns

    def forget(self, prefix: str) -> None:
        """Drops all keys that begin with `prefix`: a Pod is gone."""
        for key in [key for key in self._entries if key.startswith(prefix)]:
            del self._entries[key]

    def _expired(self, entry: Entry, event_ns: int) -> bool:
        return event_ns - entry.updated_ns > 2 * self._max_seconds * NANOSECONDS_PER_SECOND


def go_duration(seconds: float) -> str:
    """A duration as Go prints it: 10s, 1m20s, 5m0s, 1.234s, 312ms, 0s."""
    if 0 < seconds < 1:
        milliseconds = seconds * 1000
        return f"{milliseconds:.3f}".rstrip("0").rstrip(".") + "ms"
    minutes, rest = divmod(seconds, 60)
    text = f"{rest:.3f}".rstrip("0").rstrip(".") + "s"
    hours, minutes = divmod(int(minutes), 60)
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text
