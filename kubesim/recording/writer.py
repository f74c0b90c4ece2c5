"""Writing a recording: one JSON object a line, keys in fixed order, nothing that depends on the machine.

The format is the one in which real control planes were recorded (see docs/recordings.md), with three more
keys where they are known: `rev` (revision), `by` (who wrote it) and `cause` (what they were reacting to), and a line
for every attempt of the scheduler's.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

import orjson

from kubesim.api.resources import LEASES
from kubesim.api.stored import Object
from kubesim.recording.change import RECORDED, Change
from kubesim.sim import Trace

LEASE_GAP_SECONDS = 12
NODE_LEASES = "kube-node-lease"
ATTEMPT = "scheduling_attempt"
# What only memory needs, and what the table says better.
ATTEMPT_SUMMARY = ("seen", "start", "offset", "rejected", "scores")


class Lines(Protocol):
    """What takes lines: a file, or whoever else wants them."""

    def write(self, line: bytes, /) -> object:
        """One line, with its end."""


class RecordingWriter:
    """Writes lines to `out` as changes happen; heartbeat Leases are summed up as gaps, not listed."""

    def __init__(self, out: Lines, trace: Trace, meta: Object) -> None:
        self._out = out
        self._trace = trace
        self._renewed: dict[str, int] = {}
        self.line(0, {"meta": meta})

    def change(self, change: Change) -> None:
        """One object that came, changed or went."""
        if change.resource is LEASES:
            self._lease(change)
            return
        if change.resource not in RECORDED:
            return
        fields: Object = {"verb": change.verb}
        if change.initial:
            fields["initial"] = True
        obj = change.object
        fields |= {"kind": change.kind, "namespace": change.new.namespace, "name": change.new.name, "object": obj}
        fields["rev"] = change.revision
        origin = self._trace.origins.get(change.revision)
        if origin is not None:
            fields |= {"by": origin.by, "cause": list(origin.causes)}
        self._before_ready_is_lost(change)
        self.line(change.time_ns, fields)

    def attempt(self, time_ns: int, fields: Object) -> None:
        """An attempt of the scheduler's for a Pod, with its table."""
        self.line(time_ns, {"attempt": {key: value for key, value in fields.items() if key not in ATTEMPT_SUMMARY}})

    def line(self, time_ns: int, fields: Object) -> None:
        """Any line."""
        self._out.write(orjson.dumps({"t": round(time_ns / 1e9, 6), **fields}) + b"\n")

    def _lease(self, change: Change) -> None:
        if change.new.namespace != NODE_LEASES:
            return
        before = self._renewed.get(change.new.name)
        self._renewed[change.new.name] = change.time_ns
        if before is not None and change.time_ns - before > LEASE_GAP_SECONDS * 1e9:
            seconds = round((change.time_ns - before) / 1e9, 3)
            self.line(change.time_ns, {"lease_gap": {"node": change.new.name, "seconds": seconds}})

    def _before_ready_is_lost(self, change: Change) -> None:
        if change.kind != "Node" or change.old is None or change.new.name not in self._renewed:
            return
        if _ready(change.old.object) == "True" and _ready(change.object) != "True":
            renewed = round(self._renewed[change.new.name] / 1e9, 3)
            self.line(change.time_ns, {"lease_last": {"node": change.new.name, "renewed_t": renewed}})


def read_recording(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a recording, compressed (.gz) or not."""
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as lines:
        yield from decode_lines(lines)


def decode_lines(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Lines of bytes as dicts; blank lines are passed over."""
    for line in lines:
        if line.strip():
            yield orjson.loads(line)


def _ready(obj: Object) -> str | None:
    conditions = (obj.get("status") or {}).get("conditions") or ()
    return next((entry["status"] for entry in conditions if entry["type"] == "Ready"), None)
