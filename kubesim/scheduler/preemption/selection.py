"""Of several nodes that could be cleared, the one where it hurts least.

Fewest overdrawn budgets; then the lowest priority of the highest victim; then the lowest sum of priorities; then
the fewest victims; then where the highest victims started last; then the first.
Upstream: `pickOneNodeForPreemption` in pkg/scheduler/framework/preemption.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from kubesim.scheduler.preemption.candidates import Candidate
from kubesim.scheduler.preemption.importance import earliest_start

ABOVE_ANY_NEGATIVE = 1 << 31  # Added to every priority, so that one more victim never makes a sum smaller.

# What is compared, in this order, and what a student is told when it decided. Smaller is better.
CRITERIA: tuple[tuple[str, Callable[[Candidate], Any]], ...] = (
    ("fewest violated disruption budgets", lambda candidate: candidate.violations),
    ("lowest priority of the most important victim", lambda candidate: candidate.victims[0].priority),
    (
        "lowest sum of the victims' priorities",
        lambda candidate: sum(victim.priority + ABOVE_ANY_NEGATIVE for victim in candidate.victims),
    ),
    ("fewest victims", lambda candidate: len(candidate.victims)),
)

LATEST_START: tuple[str, Callable[[Candidate], Any]] = (
    "latest start of the most important victims", lambda candidate: earliest_start(candidate.victims)
)  # fmt: skip


def rounds(candidates: Sequence[Candidate]) -> Iterator[tuple[str, list[Candidate], list[Candidate]]]:
    """(criterion, who is left, who is out by it) for every criterion that told candidates apart."""
    left = list(candidates)
    for criterion, measure in (*CRITERIA, LATEST_START):
        if len(left) < 2:
            return
        measures = [measure(candidate) for candidate in left]
        best = max(measures) if criterion == LATEST_START[0] else min(measures)
        kept = [candidate for candidate, measured in zip(left, measures, strict=True) if measured == best]
        beaten = [candidate for candidate, measured in zip(left, measures, strict=True) if measured != best]
        left = kept
        if beaten:
            yield criterion, kept, beaten


def best_candidates(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The best, and all that are as good; which of those is taken is chance upstream, the first one here."""
    left = list(candidates)
    for _, measure in CRITERIA:
        if len(left) < 2:
            return left
        measures = [measure(candidate) for candidate in left]
        least = min(measures)
        left = [candidate for candidate, measured in zip(left, measures, strict=True) if measured == least]
    starts = [earliest_start(candidate.victims) for candidate in left]
    latest = max(starts, default="")
    return [candidate for candidate, start in zip(left, starts, strict=True) if start == latest]
