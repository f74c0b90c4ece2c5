"""Playing scenarios of the library with every invariant watched."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from kubesim.checks import Violation, Watching, check_settled
from kubesim.recording import decode_lines
from kubesim.scenario import Line, RunResult, find_scenario, load_scenario
from kubesim.scenario.runner import ScenarioRun
from kubesim.sim import run as run_on_virtual_time

QUIET_SECONDS = 25


@dataclass(frozen=True)
class Played:
    """A run that is over."""

    result: RunResult
    lines: list[Line]
    trace: bytes
    violations: list[Violation]

    @property
    def recording(self) -> list[dict[str, Any]]:
        return list(decode_lines(self.trace.splitlines()))

    @property
    def failures(self) -> list[str]:
        return [f"{entry.text}: {entry.seen}" for entry in self.result.judged if entry.verdict.value != "met"]


@cache
def play(name: str, seed: int | None = None, permute_seed: int | None = None) -> Played:
    """Plays a scenario once per process and seed."""
    loaded, lines, trace = load_scenario(find_scenario(name)), [], io.BytesIO()

    async def main() -> tuple[RunResult, list[Violation]]:
        run = ScenarioRun(loaded, lines.append, seed=seed, trace_to=trace)
        watching = Watching.of(run.cluster)
        run.cluster.observer.listen(watching.see)
        async with run.cluster:
            result = await run.play()
            await run.cluster.settle(QUIET_SECONDS)
            return result, [*watching.violations, *await check_settled(run.cluster)]

    result, violations = run_on_virtual_time(main, permute_seed=permute_seed)
    return Played(result, lines, trace.getvalue(), violations)


@pytest.fixture(scope="session")
def played() -> Callable[..., Played]:
    """Plays a scenario of the library: name, seed, permute_seed."""
    return play
