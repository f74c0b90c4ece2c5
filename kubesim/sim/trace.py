"""What happened, and because of what: the one trace that narrator, `why`, report and recordings read.

Two things are kept. *Records* are facts that are no object: a fault was injected, a Pod was considered and
did not fit, a scenario step began. *Origins* say, for every revision of the store, who wrote it and what
that writer was reacting to. They live here and never in the object, so a recording of a real cluster and
one of ours hold the same objects.

A cause is the revision that somebody reacted to (an int), or words for what has none: "timer
node-lifecycle/monitor", "step 2", "fault crash node-2". The context variable `CAUSES` carries them along
the await chain; a work queue sets it for the key that it hands out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

Cause = int | str

CAUSES: ContextVar[tuple[Cause, ...]] = ContextVar("kubesim_causes", default=())
CAUSES_MAX = 16


class Record(NamedTuple):
    """One fact: when (virtual ns), a constant snake_case event, and its fields."""

    time_ns: int
    event: str
    fields: dict[str, Any]


class Origin(NamedTuple):
    """Who wrote a revision, when (virtual ns), and because of what."""

    time_ns: int
    by: str
    causes: tuple[Cause, ...]


class Trace:
    """The trace of one simulation. Observers are called at once, in the order in which they subscribed."""

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns
        self.records: list[Record] = []
        self.origins: dict[int, Origin] = {}
        self.details: set[str] = set()  # Events that somebody wants told at length. Only asked for membership.
        self._observers: list[Callable[[Record], None]] = []

    def emit(self, event: str, **fields: Any) -> None:
        """Adds a record with the present time."""
        record = Record(self._now_ns(), event, fields)
        self.records.append(record)
        for observer in tuple(self._observers):
            observer(record)

    def wrote(self, revision: int, by: str, causes: tuple[Cause, ...]) -> None:
        """The apiserver says who made `revision`."""
        self.origins[revision] = Origin(self._now_ns(), by, causes)

    def forget_origins_below(self, revision: int) -> None:
        """After a compaction: what cannot be read any more needs no reason."""
        for old in [known for known in self.origins if known < revision]:
            del self.origins[old]

    def subscribe(self, observer: Callable[[Record], None]) -> Callable[[], None]:
        """Calls `observer` with every later record; the result undoes it."""
        self._observers.append(observer)
        return lambda: self._observers.remove(observer)


@contextmanager
def because(*causes: Cause) -> Iterator[None]:
    """What is written inside was caused by `causes` (at most the last 16 are kept)."""
    token = CAUSES.set(merge_causes(causes))
    try:
        yield
    finally:
        CAUSES.reset(token)


def merge_causes(causes: Iterable[Cause]) -> tuple[Cause, ...]:
    """Without repeats, the latest `CAUSES_MAX`."""
    return tuple(dict.fromkeys(causes))[-CAUSES_MAX:]
