"""Two outcomes side by side."""

from __future__ import annotations

import msgspec

from kubesim.compare import compare_outcomes
from kubesim.compare.outcomes import order_is_free
from kubesim.recording import Entry, Outcome


def entry(name: str, time: float, *, count: int = 1, racy: bool = False) -> Entry:
    return Entry(0, "Pod", name, {"life": "created"}, count, time, time, time, racy=racy)


def outcome(*entries: Entry) -> Outcome:
    return Outcome("x", list(entries), [], {}, [])


def whats(expected: Outcome, found: Outcome, limit: float | None = None) -> list[str]:
    return [difference.what for difference in compare_outcomes(expected, found, tolerance_seconds=lambda _: limit)]


def test_equal_outcomes_do_not_differ() -> None:
    """Teaches: clocks alone make no difference."""
    assert whats(outcome(entry("a", 1.0)), outcome(entry("a", 1.4))) == []


def test_what_is_missing_extra_or_counted_otherwise_is_told() -> None:
    """Teaches: the three ways in which a set of changes can differ."""
    assert whats(outcome(entry("a", 1)), outcome(entry("b", 1))) == ["missing", "extra"]
    assert whats(outcome(entry("a", 1, count=3)), outcome(entry("a", 1, count=2))) == ["count"]


def test_racy_entries_may_be_missing_and_counted_otherwise() -> None:
    """Teaches: two runs of the same real cluster differ in these, too."""
    assert whats(outcome(entry("a", 1, racy=True)), outcome()) == []
    assert whats(outcome(entry("a", 1, count=3, racy=True)), outcome(entry("a", 1))) == []


def test_order_matters_only_beyond_two_seconds() -> None:
    """Teaches: what happens at about the same time has no order."""
    near = outcome(entry("a", 1.0), entry("b", 2.5))
    far = outcome(entry("a", 1.0), entry("b", 9.0))
    turned = outcome(entry("b", 1.0), entry("a", 2.0))
    assert whats(near, turned) == []
    assert whats(far, turned) == ["order"]


def test_time_is_compared_where_a_tolerance_is_given() -> None:
    """Teaches: a timing is a fact, too, once it is said how exact it is."""
    late = msgspec.structs.replace(entry("a", 1), after_min=4.5)
    assert whats(outcome(entry("a", 1)), outcome(late), 2.0) == ["time"]
    assert whats(outcome(entry("a", 1)), outcome(late), 5.0) == []


def test_which_of_two_taints_of_one_key_comes_first_is_chance() -> None:
    """Teaches: NoSchedule follows at once, NoExecute at the next tick of 100 ms; either may be first."""

    def taint(text: str) -> Entry:
        return Entry(1, "Node", "node-1", {"taint": text}, 1, 0.0, 0.0, 0.0)

    lost, execute = "+node.kubernetes.io/unreachable:NoSchedule", "+node.kubernetes.io/unreachable:NoExecute"
    assert order_is_free(taint(lost), taint(execute))
    assert not order_is_free(taint(lost), taint("+node.kubernetes.io/unschedulable:NoSchedule"))
    ready = Entry(1, "Node", "node-1", {"condition": "Ready"}, 1, 0.0, 0.0, 0.0)
    assert not order_is_free(ready, taint(execute))
    assert not order_is_free(ready, ready)
