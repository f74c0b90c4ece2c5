"""The log of a service: what went wrong and what was done to it, one line each, in the profile's folder.

Of the trace's records it tells faults and failures; the scheduler's attempts, which are many, are left to the trace.
When the file has become too long it begins anew.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import TextIO

from kubesim.sim import Clock, Record
from kubesim.sim.clock import wall_now

BYTES_MAX = 10 << 20
TOLD = ("fault", "reconcile_failed", "pod_status_failed", "pod_condition_not_written", "event_rejected", "leader")


class Log:
    """Writes lines; `out` may be shared with whoever else writes to it."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._written = length_of(out)

    def write(self, event: str, **fields: object) -> None:
        """One line, with the wall clock's date."""
        self._line(wall_now().strftime("%Y-%m-%dT%H:%M:%SZ"), event, fields)

    def record(self, clock: Clock) -> Callable[[Record], None]:
        """A subscriber of a trace; its lines carry the cluster's date."""

        def note(record: Record) -> None:
            if record.event in TOLD:
                self._line(clock.timestamp(), record.event, dict(record.fields))

        return note

    def _line(self, date: str, event: str, fields: dict[str, object]) -> None:
        story = str(fields.pop("traceback", ""))
        told = " ".join(f"{key}={shown(value)}" for key, value in fields.items() if key != "event")
        line = f"{date} {event} {told}".rstrip() + "\n" + story
        if self._written + len(line) > BYTES_MAX:
            self._begin_anew()
        self._written += len(line)
        self._out.write(line)
        self._out.flush()

    def _begin_anew(self) -> None:
        """Cuts a file to nothing; a terminal or a pipe has no length."""
        self._written = 0
        try:
            os.ftruncate(self._out.fileno(), 0)
        except OSError:
            return


def length_of(out: TextIO) -> int:
    """How long a file is already; a terminal or a pipe has no length."""
    try:
        return os.fstat(out.fileno()).st_size
    except OSError:
        return 0


def shown(value: object) -> str:
    """A value of a field; in quotes if it has blanks."""
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if " " in text or not text else text
