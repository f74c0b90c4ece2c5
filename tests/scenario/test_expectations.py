"""When an expectation is met, and when it has failed for good."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.api.stored import Stored
from kubesim.scenario.expectations import Judged, Verdict, judged
from kubesim.scenario.schema import Expectation

WORLD = {"Node": {"node-1": Stored(1, {"metadata": {"name": "node-1"}})}}
EMPTY: dict[str, dict[str, Stored]] = {}


def expectation(kind: str, **fields: Any) -> Judged:
    return judged([Expectation.model_validate({kind: {"get": "node/node-1"}, **fields})], 100)[0]


@pytest.mark.parametrize(
    ("kind", "story", "verdict", "at"),
    [
        ("eventually", [(1, False), (5, True), (9, False), (20, False)], Verdict.MET, 5),
        ("eventually", [(1, False), (20, False), (50, True)], Verdict.FAILED, 20),
        ("eventually", [(1, False), (20, True)], Verdict.MET, 20),
        ("always", [(1, True), (5, False), (20, True)], Verdict.FAILED, 5),
        ("always", [(1, True), (20, True), (50, False)], Verdict.MET, 20),
        ("never", [(1, False), (7, True), (20, False)], Verdict.FAILED, 7),
        ("never", [(1, False), (20, False), (50, True)], Verdict.MET, 20),
        ("stays", [(1, False), (5, True), (20, True), (90, True)], Verdict.MET, 5),
        ("stays", [(5, True), (20, True), (90, False)], Verdict.FAILED, 90),
        ("stays", [(1, False), (20, False), (50, True)], Verdict.FAILED, 20),
    ],
)
def test_the_four_kinds(kind: str, story: list[tuple[float, bool]], verdict: Verdict, at: float) -> None:
    """Teaches: eventually and always look at a window that ends at `by`, stays at everything after."""
    entry = expectation(kind, by=20)
    for now, holds in story:
        entry.judge(now, WORLD if holds else EMPTY)
    assert entry.verdict is verdict
    assert entry.at_seconds == at


def test_nothing_counts_before_from() -> None:
    """Teaches: `from` opens the window."""
    entry = expectation("eventually", **{"from": 10, "by": 20})
    entry.judge(5, WORLD)
    assert entry.verdict is Verdict.OPEN
    entry.judge(10, WORLD)
    assert entry.verdict is Verdict.MET
