"""Exponential back-off, as client-go counts it."""

from __future__ import annotations

import pytest

from kubesim.kubelet.back_off import BackOff, go_duration

SECOND = 1_000_000_000


def test_delays_double_up_to_five_minutes() -> None:
    """Teaches: 10, 20, 40, 80, 160, 300, 300 seconds."""
    back_off, now = BackOff(), 0
    waits = []
    for _ in range(8):
        waits.append(back_off.remaining_ns("c", now, now) // SECOND)
        now += waits[-1] * SECOND
        back_off.next("c", now, now)
        now += SECOND  # It ran for a second.
    assert waits == [0, 10, 20, 40, 80, 160, 300, 300]


def test_ten_good_minutes_are_forgiven() -> None:
    """Teaches: a container that ran for ten minutes starts from the beginning."""
    back_off = BackOff()
    for _ in range(4):
        back_off.next("c", 0, 0)
    assert back_off.remaining_ns("c", 600 * SECOND, 600 * SECOND) == 80 * SECOND
    later = 601 * SECOND
    assert back_off.remaining_ns("c", later, later) == 0
    back_off.next("c", later, later)
    assert back_off.delay_seconds("c") == 10


def test_a_pull_counts_from_its_last_try() -> None:
    """Teaches: an image's back-off counts from the failure, a container's from its exit."""
    back_off = BackOff()
    assert back_off.remaining_since_update_ns("i", 0) == 0
    back_off.next("i", 0, 0)
    assert back_off.remaining_since_update_ns("i", 4 * SECOND) == 6 * SECOND
    assert back_off.remaining_since_update_ns("i", 10 * SECOND) == 0


def test_what_is_forgotten_starts_anew() -> None:
    """Teaches: another Pod has its own back-off."""
    back_off = BackOff()
    back_off.next("pod-1/c", 0, 0)
    back_off.next("pod-10/c", 0, 0)
    back_off.forget("pod-1/")
    assert (back_off.delay_seconds("pod-1/c"), back_off.delay_seconds("pod-10/c")) == (0, 10)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (0.312, "312ms"), (10, "10s"), (1.05, "1.05s"), (80, "1m20s"), (300, "5m0s"), (3661.5, "1h1m1.5s")],
)
def test_durations_are_written_as_go_writes_them(seconds: float, text: str) -> None:
    """Teaches: the messages of a kubelet are word for word."""
    assert go_duration(seconds) == text
