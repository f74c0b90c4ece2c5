"""Schedules: what they mean, when they fall due, and how a bad one is refused."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kubesim.api.cron import CronError, parse_schedule


def following(schedule: str, after: str, zone: str = "", count: int = 1) -> list[str]:
    moment: datetime | None = datetime.fromisoformat(after).replace(tzinfo=UTC)
    found = []
    for _ in range(count):
        assert moment is not None
        moment = parse_schedule(schedule, zone).next(moment)
        found.append("never" if moment is None else moment.strftime("%Y-%m-%dT%H:%M"))
    return found


@pytest.mark.parametrize(
    ("schedule", "after", "expected"),
    [
        ("* * * * *", "2024-01-13T09:00:00", ["2024-01-13T09:01", "2024-01-13T09:02"]),
        ("*/20 * * * *", "2024-01-13T09:05:30", ["2024-01-13T09:20", "2024-01-13T09:40"]),
        ("5/25 * * * *", "2024-01-13T09:00:00", ["2024-01-13T09:05", "2024-01-13T09:30"]),
        ("30 6-16/4 * * 1-5", "2024-01-12T15:00:00", ["2024-01-15T06:30", "2024-01-15T10:30"]),
        ("0 0 13 * FRI", "2024-01-13T00:00:00", ["2024-01-19T00:00", "2024-01-26T00:00"]),
        ("0 0 29 feb ?", "2024-03-01T00:00:00", ["2028-02-29T00:00"]),
        ("@weekly", "2024-01-13T09:00:00", ["2024-01-14T00:00"]),
        ("@every 90s", "2024-01-13T09:00:00", ["2024-01-13T09:01", "2024-01-13T09:03"]),
        ("59 23 31 2 *", "2024-01-13T09:00:00", ["never"]),
    ],
)
def test_a_schedule_names_moments(schedule: str, after: str, expected: list[str]) -> None:
    """Teaches: fields, steps, names; a day may be given by month or by week; some schedules never fall due."""
    assert following(schedule, after, count=len(expected)) == expected


def test_clocks_that_change_skip_an_hour_or_repeat_one() -> None:
    """Teaches: in local time some moments do not exist, and some exist twice."""
    assert following("30 2 * * *", "2024-03-30T12:00:00", "Europe/Berlin") == ["2024-04-01T00:30"]
    twice = following("30 2 * * *", "2024-10-26T12:00:00", "Europe/Berlin", count=3)
    assert twice == ["2024-10-27T00:30", "2024-10-27T01:30", "2024-10-28T01:30"]
    assert following("0 9 * * *", "2024-07-01T00:00:00", "America/New_York") == ["2024-07-01T13:00"]
    assert following("TZ=Asia/Tokyo 0 9 * * *", "2024-07-01T00:00:00") == ["2024-07-02T00:00"]


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ("", "empty spec string"),
        ("nope", "expected exactly 5 fields, found 1: [nope]"),
        ("@never", "unrecognized descriptor: @never"),
        ("@every soon", 'failed to parse duration @every soon: time: invalid duration "soon"'),
        ("@every 5", 'failed to parse duration @every 5: time: missing unit in duration "5"'),
        ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
        ("*/2/3 * * * *", "too many slashes: */2/3"),
        ("* * * * 7", "end of range (7) above maximum (6): 7"),
        ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
        ("x * * * *", 'failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax'),
        ("TZ=Mars/Base * * * * *", "provided bad location Mars/Base: unknown time zone Mars/Base"),
    ],
)
def test_a_bad_schedule_is_refused_in_the_parsers_words(schedule: str, words: str) -> None:
    """Teaches: what each mistake is called."""
    with pytest.raises(CronError) as caught:
        parse_schedule(schedule)
    assert str(caught.value) == words
