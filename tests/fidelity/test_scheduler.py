"""Holds our scheduler against a real kube-scheduler v1.36.2: 650 random clusters, 1,276 placements.

tests/golden/scheduler/recordings.jsonl.gz is described in `kubesim.fidelity.scheduler.recordings`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from kubesim.fidelity.scheduler import Recording, StepResult, play, read_recordings, totals

RECORDINGS = Path(__file__).parents[1] / "golden" / "scheduler" / "recordings.jsonl.gz"
DECISIONS, SCORES, MESSAGES, PREEMPTIONS = 1276, 15934, 441, 47


@pytest.fixture(scope="module")
def recordings() -> list[Recording]:
    return read_recordings(RECORDINGS)


def first_difference(results: list[StepResult]) -> str:
    return next((f"seed {r.seed}, {r.pod}: {difference}" for r in results for difference in r.differences), "")


def test_every_placement_is_the_real_one(recordings: list[Recording]) -> None:
    """Teaches: scores are exact integers; a rounding done elsewhere would show. Ties are broken by chance."""
    results = [result for recording in recordings for result in play(recording)]
    assert first_difference(results) == ""
    counts = totals(results)
    assert counts["decisions"] == (DECISIONS, DECISIONS)
    assert counts["scores"] == (SCORES, SCORES)
    assert counts["messages"] == (MESSAGES, MESSAGES)
    assert counts["preemptions"] == (PREEMPTIONS, PREEMPTIONS)


def test_the_quick_form_places_as_the_real_one_too(recordings: list[Recording]) -> None:
    """Teaches: columns of numbers must not know anything better than the plugin that is asked node by node.

    Every fifth cluster: to set up columns costs more than to place a few Pods.
    """
    results = [result for recording in recordings[::5] for result in play(recording, columns=True)]
    assert first_difference(results) == ""
