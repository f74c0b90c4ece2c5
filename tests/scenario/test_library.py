"""The library of scenarios: every expectation holds, whatever the seed and the order of what is ready at once."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.recording import ordered_outcome
from kubesim.scenario import library, load_library

NAMES = list(library())
SEEDS = (1, 2, 3)


def test_the_library_is_read_in_the_order_of_its_numbers() -> None:
    """Teaches: lessons have an order."""
    assert NAMES[0] == "node-failure"
    assert len(NAMES) >= 5
    assert [name for name, _ in load_library()] == NAMES


def test_every_scenario_has_a_lesson() -> None:
    """Teaches: a scenario without a lesson is a test."""
    for name, path in library().items():
        lesson = (path.parent / "lesson.md").read_text()
        assert f"kubesim run {name}" in lesson


@pytest.mark.parametrize("name", NAMES)
def test_another_seed_is_another_run_with_the_same_outcome(played: Any, name: str) -> None:
    """Teaches: names and heartbeats are chance; what happens to whom, and in which step, is not luck."""
    runs = [played(name, seed) for seed in SEEDS]
    for run in runs:
        assert run.result.ok, run.failures
        assert not run.violations
    assert len({run.trace for run in runs}) == len(SEEDS)
    stories = [story(run.recording) for run in runs]
    assert stories[0]
    assert stories[1] == stories[0]
    assert stories[2] == stories[0]


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_what_is_ready_at_once_does_not_matter(played: Any, name: str) -> None:
    """Teaches: what depends on the order of two tasks in one instant is a race, and this finds it."""
    run = played(name, None, 1)
    assert run.result.ok, run.failures
    assert not run.violations


def story(recording: list[dict[str, Any]]) -> set[tuple[int, str, str, str]]:
    """What must happen in every run: transitions of workloads and nodes, and warnings, names normalised."""
    entries = ordered_outcome(recording).entries
    kinds = ("Deployment", "Node", "Namespace", "Service", "Job", "CronJob", "DaemonSet")
    return {entry.key for entry in entries if entry.kind in kinds and not entry.racy}
