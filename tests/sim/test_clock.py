"""Reading the time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from kubesim.sim import Simulation, parse_timestamp
from kubesim.sim.clock import parse_timestamp_ns, wall_now, wall_seconds


async def test_a_virtual_run_begins_at_a_fixed_date(sim: Simulation) -> None:
    """Teaches: two runs of one seed print the same dates."""
    assert sim.clock.timestamp() == "2024-01-13T09:00:00Z"
    assert sim.clock.micro_timestamp() == "2024-01-13T09:00:00.000000Z"
    assert (sim.clock.now(), sim.clock.now_ns()) == (0, 0)


async def test_dates_are_cut_not_rounded(sim: Simulation) -> None:
    """Teaches: metav1.Time has whole seconds, metav1.MicroTime microseconds, and Go cuts both."""
    await asyncio.sleep(61.999_999_9)
    assert sim.clock.timestamp() == "2024-01-13T09:01:01Z"
    assert sim.clock.micro_timestamp() == "2024-01-13T09:01:01.999999Z"
    await asyncio.sleep(0.000_000_1)
    assert sim.clock.timestamp() == "2024-01-13T09:01:02Z"


async def test_how_long_ago_a_date_was(sim: Simulation) -> None:
    """Teaches: ages of leases and conditions come from dates in objects."""
    await asyncio.sleep(100.5)
    assert sim.clock.since("2024-01-13T09:00:00Z") == 100.5
    assert sim.clock.since("2024-01-13T10:01:40.500000+01:00") == 0
    assert sim.clock.since("2024-01-13T09:02:00Z") == -19.5


async def test_a_skewed_clock_believes_another_time(sim: Simulation) -> None:
    """Teaches: a machine whose clock is ahead writes dates from the future; its timers are not affected."""
    await asyncio.sleep(10)
    ahead, behind = sim.clock.of_a_machine(), sim.clock.of_a_machine()
    ahead.set_skew(90)
    behind.set_skew(-0.5)
    assert ahead.timestamp() == "2024-01-13T09:01:40Z"
    assert behind.micro_timestamp() == "2024-01-13T09:00:09.500000Z"
    assert ahead.now() == sim.clock.now() == 10
    assert sim.clock.since(ahead.timestamp()) == -90


async def test_a_cluster_may_begin_at_another_date() -> None:
    """Teaches: a served cluster begins now, since kubectl computes ages on its own clock."""
    sim = Simulation(epoch=datetime(2026, 11, 22, 1, 2, 3, tzinfo=UTC))
    assert sim.clock.timestamp() == "2026-11-22T01:02:03Z"


@pytest.mark.parametrize("text", ["", "yesterday", "2024-01-13", "2024-01-13T09:00:00"])
def test_what_is_no_date_is_an_error(text: str) -> None:
    """Teaches: RFC 3339 needs a zone."""
    with pytest.raises(ValueError):
        parse_timestamp_ns(text)


def test_dates_are_read_to_the_microsecond() -> None:
    """Teaches: both kinds of dates, and any offset."""
    assert parse_timestamp("1970-01-01T00:00:01Z") == 1
    assert parse_timestamp_ns("2024-01-13T09:00:00.000001Z") == 1_705_136_400_000_001_000
    assert parse_timestamp_ns("1969-12-31T23:59:59.500000Z") == -500_000_000


def test_the_machines_own_clock_is_read_here_only() -> None:
    """Teaches: certificates and the first moment of a served cluster need the real date."""
    assert wall_now().tzinfo is UTC
    assert wall_seconds() <= wall_seconds()
