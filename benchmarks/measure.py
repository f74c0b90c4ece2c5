"""Measuring: seconds of wall time and megabytes of memory, of this process or of a whole other one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import NamedTuple


class Figure(NamedTuple):
    """One line of the table. `better` says which way the budget points: "≤" or "≥"."""

    what: str
    measured: float
    unit: str
    better: str = ""
    budget: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether it is within its budget; None without one."""
        if self.budget is None:
            return None
        return self.measured <= self.budget if self.better == "≤" else self.measured >= self.budget


def now() -> float:
    """Wall seconds."""
    return time.perf_counter()


def resident_megabytes() -> float:
    """What this process occupies now."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def whole_process(command: Sequence[str], runs: int = 3) -> tuple[float, float]:
    """The least wall seconds and the largest resident megabytes of several runs of a command."""
    best, peak = float("inf"), 0.0
    for _ in range(runs):
        started = now()
        process = subprocess.Popen([sys.executable, "-m", *command], stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
        best = min(best, now() - started)
        peak = max(peak, usage.ru_maxrss / (1 if sys.platform == "linux" else 1024) / 1024)
    return best, peak
