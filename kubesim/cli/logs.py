"""Structured logs of a run: the records of the trace, as they happen, one event a line.

These are the very records that the narrator and recordings read (faults, scheduling attempts, failed
reconciles, leader changes); a log is only another way to look at them. Times are virtual.
"""

from __future__ import annotations

from typing import Any, TextIO

import orjson
import structlog

from kubesim.sim import Record, Simulation


def log_to(sim: Simulation, out: TextIO, *, as_json: bool) -> None:
    """Writes every later record of `sim` to `out`, for people or as JSON."""
    renderer: Any = structlog.processors.JSONRenderer(serializer=lambda event, **_: orjson.dumps(event).decode())
    if not as_json:
        renderer = structlog.dev.ConsoleRenderer(colors=out.isatty(), sort_keys=False, pad_event_to=24)
    logger = structlog.wrap_logger(
        structlog.PrintLogger(out), processors=[renderer], wrapper_class=structlog.BoundLogger
    )

    def write(record: Record) -> None:
        fields = {key: value for key, value in record.fields.items() if key != "event"}
        logger.info(record.event, timestamp=f"{record.time_ns / 1e9:.6f}", **fields)

    sim.trace.subscribe(write)
