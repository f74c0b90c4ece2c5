"""A play held against its recording."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from kubesim.compare import Comparison, compare_timelines
from kubesim.recording import Entry, Outcome, Settled


def entry(name: str, time: float, *, step: int = 0, kind: str = "Pod", count: int = 1, **change: Any) -> Entry:
    """Something that happened `time` seconds after the start; step n began at second 100 n."""
    after = time - 100 * step
    return Entry(step, kind, name, change or {"life": "created"}, count, time, after, after)


def outcome(*entries: Entry, silences: tuple[dict[str, Any], ...] = ()) -> Outcome:
    windows = [Settled(step, 100.0 * (step + 1), {}) for step in (-1, 0, 1)]
    return Outcome("x", list(entries), windows, {}, list(silences))


def compared(expected: list[Entry], found: list[Entry]) -> Comparison:
    return compare_timelines(outcome(*expected), outcome(*found))


def whats(comparison: Comparison) -> list[str]:
    return [difference.what for verdict in comparison.verdicts for difference in verdict.differences]


def test_the_counts_are_those_of_the_recording() -> None:
    """Teaches: what was not played differs, and what is too much spoils the timeline but not the total."""
    found = compared(
        [entry("a", 1), entry("b", 1), entry("c", 1, count=3)], [entry("a", 1), entry("c", 1), entry("d", 1)]
    )
    assert (found.entries, found.count("agrees"), found.agrees) == (3, 1, False)
    assert whats(found) == ["missing", "count", "extra"]


@pytest.mark.parametrize(("late", "what"), [(12.3, []), (10.3, []), (7.9, ["time"]), (13.0, ["time"])])
def test_a_time_agrees_within_two_seconds(late: float, what: list[str]) -> None:
    """Teaches: from the step if nothing else is its cause."""
    assert whats(compared([entry("a", 10.4)], [entry("a", late)])) == what


def test_long_delays_agree_within_five_percent() -> None:
    """Teaches: who waits for long may be off by more."""
    assert whats(compared([entry("a", 90)], [entry("a", 94)])) == []
    assert whats(compared([entry("a", 90)], [entry("a", 95)])) == ["time"]


def test_what_follows_something_that_agrees_counts_from_there() -> None:
    """Teaches: a slow machine is no difference, as long as each delay is right."""
    slow = [entry(str(number), 1.9 * number) for number in range(1, 9)]
    quick = [entry(str(number), 0.1 * number) for number in range(1, 9)]
    assert whats(compared(slow, quick)) == []


def test_what_follows_something_that_disagrees_does_not() -> None:
    """Teaches: a wrong time vouches for no other."""
    assert whats(compared([entry("a", 10), entry("b", 10.1)], [entry("a", 20), entry("b", 20.1)])) == ["time", "time"]


def test_what_succeeds_after_failures_counts_from_the_last_of_them() -> None:
    """Teaches: how often it failed before is chance, and with it how far the back-off had come."""

    def tried(first: float, last: float, success: float) -> list[Entry]:
        failed = entry("set", first, kind="Event", count=2, reason="FailedCreate")
        return [msgspec.structs.replace(failed, after_max=last, racy=True), entry("a", success)]

    assert whats(compared(tried(16, 57, 139), tried(6, 67, 149))) == []
    assert whats(compared(tried(16, 57, 139), tried(6, 67, 139))) == []
    assert whats(compared(tried(16, 57, 139), tried(6, 67, 160))) == ["time"]


def test_a_nodes_silence_counts_from_its_last_lease() -> None:
    """Teaches: when a node was last heard of before it died is chance; the grace period is not."""
    lost = {"kind": "Node", "condition": "Ready", "to": "Unknown/NodeStatusUnknown"}
    theirs = outcome(entry("n", 52, **lost), silences=({"node": "n", "renewed_t": 1.0},))
    ours = outcome(entry("n", 63, **lost), silences=({"node": "n", "renewed_t": 9.0},))
    assert compare_timelines(theirs, ours).agrees
    late = outcome(entry("n", 63, **lost), silences=({"node": "n", "renewed_t": 1.0},))
    assert whats(compare_timelines(theirs, late)) == ["time"]


def test_a_loop_that_polls_has_one_period_more() -> None:
    """Teaches: the autoscaler looks every 15 s, and when it began is chance."""
    assert (
        whats(
            compared([entry("a", 3, kind="HorizontalPodAutoscaler")], [entry("a", 19, kind="HorizontalPodAutoscaler")])
        )
        == []
    )
    assert whats(
        compared([entry("a", 3, kind="HorizontalPodAutoscaler")], [entry("a", 23, kind="HorizontalPodAutoscaler")])
    ) == ["time"]


def test_what_comes_at_the_edge_of_a_step_may_come_in_the_next_window() -> None:
    """Teaches: 99.9 s and 100.1 s are the same, whatever began between them."""
    assert compared([entry("a", 99.9)], [entry("a", 100.1, step=1)]).agrees
    assert whats(compared([entry("a", 99.9)], [entry("a", 106, step=1)])) == ["time"]
    assert whats(compared([entry("a", 99.9)], [entry("a", 200.1, step=2)])) == ["missing", "extra"]


def test_order_matters_beyond_two_seconds_and_for_one_object_always() -> None:
    """Teaches: what happens to different objects at about the same time has no order."""
    assert whats(compared([entry("a", 1), entry("b", 2.5)], [entry("b", 1), entry("a", 2)])) == []
    ready, gone = {"podready": "True->False"}, {"life": "deleted"}
    turned = compared([entry("a", 1, **ready), entry("a", 2, **gone)], [entry("a", 1, **gone), entry("a", 2, **ready)])
    assert whats(turned) == ["order"]
