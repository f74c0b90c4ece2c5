"""A controller's memory of what it asked for."""

from __future__ import annotations

from kubesim.controllers.expectations import EXPECTATIONS_TIMEOUT_SECONDS, Expectations


class Watch:
    """A clock that the test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_nobody_waits_for_what_was_never_expected() -> None:
    """Teaches: a controller that has just started may act at once."""
    assert Expectations(Watch()).satisfied("a/b")


def test_creations_are_waited_for_until_the_cache_shows_them_all() -> None:
    """Teaches: without this, a stale cache would make a ReplicaSet create its Pods twice."""
    expectations = Expectations(Watch())
    expectations.expect_creations("a/b", 3)
    expectations.creation_observed("a/b")
    assert not expectations.satisfied("a/b")
    expectations.creation_observed("a/b", 2)
    assert expectations.satisfied("a/b")
    assert expectations.satisfied("a/other")


def test_a_deletion_counts_once_though_it_is_seen_twice() -> None:
    """Teaches: a Pod is seen terminating and then gone; crossing off by name keeps the count right."""
    expectations = Expectations(Watch())
    expectations.expect_deletions("a/b", ["a/p1", "a/p2"])
    expectations.deletion_observed("a/b", "a/p1")
    expectations.deletion_observed("a/b", "a/p1")
    expectations.deletion_observed("a/b", "a/stranger")
    assert not expectations.satisfied("a/b")
    expectations.deletion_observed("a/b", "a/p2")
    assert expectations.satisfied("a/b")


def test_an_expectation_lapses_after_five_minutes() -> None:
    """Teaches: a Pod that came and went between two looks would otherwise block its set for ever."""
    clock = Watch()
    expectations = Expectations(clock)
    expectations.expect_creations("a/b", 1)
    clock.now = EXPECTATIONS_TIMEOUT_SECONDS
    assert not expectations.satisfied("a/b")
    clock.now += 0.001
    assert expectations.satisfied("a/b")


def test_an_owner_that_is_gone_leaves_nothing_behind() -> None:
    """Teaches: a new owner of the same name starts clean."""
    expectations = Expectations(Watch())
    expectations.expect_creations("a/b", 1)
    expectations.forget("a/b")
    assert expectations.satisfied("a/b")
    expectations.creation_observed("a/b")
    expectations.deletion_observed("a/b", "a/p1")
