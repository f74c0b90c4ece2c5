"""What a service says of itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubesim.service import log as service_log
from kubesim.service.log import Log
from kubesim.sim import Simulation


async def test_faults_are_told_and_scheduling_attempts_are_not(sim: Simulation, tmp_path: Path) -> None:
    """Teaches: a log that tells everything tells nothing."""
    path = tmp_path / "log"
    with path.open("a") as out:
        sim.trace.subscribe(Log(out).record(sim.clock))
        sim.trace.emit("fault", verb="crash", name="node-2")
        sim.trace.emit("scheduling_attempt", pod="default/web")
        sim.trace.emit("reconcile_failed", key="default/web", error="not now")
    assert path.read_text().splitlines() == [
        "2024-01-13T09:00:00Z fault verb=crash name=node-2",
        '2024-01-13T09:00:00Z reconcile_failed key=default/web error="not now"',
    ]


def test_a_log_that_became_too_long_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Teaches: what grows has a limit."""
    monkeypatch.setattr(service_log, "BYTES_MAX", 1000)
    path = tmp_path / "log"
    with path.open("a") as out:
        log = Log(out)
        for number in range(100):
            log.write("said", number=number)
    assert path.stat().st_size <= 1000
    assert path.read_text().splitlines()[-1].endswith("said number=99")
