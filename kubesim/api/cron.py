"""Schedules of CronJobs: five fields, `@hourly` and its kin, `@every 90s`, and when they next fall due.

Field by field: `*`, `5`, `1-5`, `*/10`, `5/15` (from 5 on), `mon-fri`, and lists of these. When both the day of the
month and the day of the week are restricted, either suffices. An hour that a clock change skips is skipped, one that
it repeats comes twice. Seconds and `L`, `W`, `#` do not exist in this dialect.
Upstream: github.com/robfig/cron/v3 (ParseStandard, SpecSchedule.Next).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from fractions import Fraction
from typing import NamedTuple, Protocol

from kubesim.api.time_zones import time_zone

DESCRIPTORS = {
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}  # fmt: skip
EVERY = "@every "
ZONE_PREFIXES = ("TZ=", "CRON_TZ=")
YEARS_AHEAD = 5  # A schedule that does not fall due within five years never does.
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DURATION_UNITS = {
    "ns": Fraction(1, 10**9), "us": Fraction(1, 10**6), "µs": Fraction(1, 10**6), "μs": Fraction(1, 10**6),
    "ms": Fraction(1, 1000), "s": Fraction(1), "m": Fraction(60), "h": Fraction(3600),
}  # fmt: skip


class CronError(ValueError):
    """A schedule cannot be read; the message is the parser's own."""


class Bounds(NamedTuple):
    """What a field may hold, and the names that stand for numbers."""

    low: int
    high: int
    names: tuple[str, ...] = ()


FIELDS = (
    Bounds(0, 59),
    Bounds(0, 23),
    Bounds(1, 31),
    Bounds(1, 12, ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")),
    Bounds(0, 6, ("sun", "mon", "tue", "wed", "thu", "fri", "sat")),
)


class Schedule(Protocol):
    """Knows its moments."""

    def next(self, after: datetime) -> datetime | None:
        """The first moment after `after` (an aware date), in UTC; None if there is none in the next five years."""
        ...


class Field(NamedTuple):
    """The numbers that one field allows; `is_star`: it says nothing about days."""

    allowed: frozenset[int]
    is_star: bool


class SpecSchedule(NamedTuple):
    """Five fields, in a time zone."""

    minute: Field
    hour: Field
    day: Field
    month: Field
    weekday: Field
    zone: tzinfo

    def next(self, after: datetime) -> datetime | None:
        """Goes on by the coarsest unit that does not fit, in local time, as the original does."""
        moment = (after.astimezone(UTC) + SECOND).replace(microsecond=0)
        moment = moment if moment.second == 0 else moment.replace(second=0) + MINUTE
        last = moment.astimezone(self.zone).year + YEARS_AHEAD
        while True:
            local = moment.astimezone(self.zone)
            if local.year > last:
                return None
            if local.month not in self.month.allowed:
                moment = self._midnight(local.year + local.month // 12, local.month % 12 + 1, 1, moment)
            elif not self._fits_day(local):
                tomorrow = local.date() + timedelta(days=1)
                moment = self._midnight(tomorrow.year, tomorrow.month, tomorrow.day, moment)
            elif local.hour not in self.hour.allowed:
                moment += HOUR - timedelta(minutes=local.minute)
            elif local.minute not in self.minute.allowed:
                moment += MINUTE
            else:
                return moment

    def _fits_day(self, local: datetime) -> bool:
        by_month = local.day in self.day.allowed
        by_week = local.isoweekday() % 7 in self.weekday.allowed
        if self.day.is_star or self.weekday.is_star:
            return by_month and by_week
        return by_month or by_week

    def _midnight(self, year: int, month: int, day: int, moment: datetime) -> datetime:
        """The beginning of a local day; where a clock change skips midnight, the first moment behind it."""
        begin = datetime(year, month, day, tzinfo=self.zone).astimezone(UTC)
        while begin <= moment or begin.astimezone(self.zone).day != day:
            begin += HOUR
        return begin


class EverySchedule(NamedTuple):
    """A constant delay, in whole seconds."""

    seconds: int

    def next(self, after: datetime) -> datetime | None:
        """So many seconds later, at a whole second."""
        return after.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=self.seconds)


def parse_schedule(text: str, zone: str = "") -> Schedule:
    """Reads a schedule, in the time zone called `zone` (UTC without one); CronError if it cannot be read."""
    if not text:
        raise CronError("empty spec string")
    location: tzinfo = time_zone(zone) if zone else UTC
    if text.startswith(ZONE_PREFIXES):
        prefix, _, text = text.partition(" ")
        name = prefix.partition("=")[2]
        text = text.strip()
        try:
            location = time_zone(name)
        except ValueError as error:
            raise CronError(f"provided bad location {name}: {error}") from None
    if text.startswith("@"):
        if text.startswith(EVERY):
            return EverySchedule(_every(text.removeprefix(EVERY)))
        if text not in DESCRIPTORS:
            raise CronError(f"unrecognized descriptor: {text}")
        text = DESCRIPTORS[text]
    parts = text.split()
    if len(parts) != len(FIELDS):
        raise CronError(f"expected exactly {len(FIELDS)} fields, found {len(parts)}: [{' '.join(parts)}]")
    minute, hour, day, month, weekday = (_field(part, bounds) for part, bounds in zip(parts, FIELDS, strict=True))
    return SpecSchedule(minute, hour, day, month, weekday, location)


def duration_seconds(text: str) -> Fraction:
    """Reads Go's "1h30m"; CronError in the words of time.ParseDuration."""
    quoted = f'"{text}"'
    rest = text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return Fraction(0)
    if not rest:
        raise CronError(f"time: invalid duration {quoted}")
    total = Fraction(0)
    while rest:
        number = _leading(rest, "0123456789.")
        if not number.strip(".") or number.count(".") > 1:
            raise CronError(f"time: invalid duration {quoted}")
        rest = rest[len(number) :]
        unit = rest[: next((at for at, sign in enumerate(rest) if sign in ".0123456789"), len(rest))]
        if not unit:
            raise CronError(f"time: missing unit in duration {quoted}")
        if unit not in DURATION_UNITS:
            raise CronError(f'time: unknown unit "{unit}" in duration {quoted}')
        total += Fraction(f"0{number}" if number.startswith(".") else number.rstrip(".")) * DURATION_UNITS[unit]
        rest = rest[len(unit) :]
    return -total if text.startswith("-") else total


def _every(text: str) -> int:
    try:
        seconds = duration_seconds(text)
    except CronError as error:
        raise CronError(f"failed to parse duration {EVERY}{text}: {error}") from None
    return max(1, int(seconds))


def _field(text: str, bounds: Bounds) -> Field:
    allowed: set[int] = set()
    is_star = False
    for part in filter(None, text.split(",")):
        numbers, star = _range(part, bounds)
        allowed.update(numbers)
        is_star = is_star or star
    return Field(frozenset(allowed), is_star)


def _range(part: str, bounds: Bounds) -> tuple[Sequence[int], bool]:
    """One element of one field: `*`, `5`, `1-5`, `*/10`, `mon`."""
    span, *steps = part.split("/")
    ends = span.split("-")
    is_star = ends[0] in ("*", "?")
    if is_star:
        low, high = bounds.low, bounds.high
    else:
        low = high = _number(ends[0], bounds)
        if len(ends) > 2:
            raise CronError(f"too many hyphens: {part}")
        if len(ends) == 2:
            high = _number(ends[1], bounds)
    if len(steps) > 1:
        raise CronError(f"too many slashes: {part}")
    step = 1
    if steps:
        step = _integer(steps[0])
        high = bounds.high if len(ends) == 1 else high
    if low < bounds.low:
        raise CronError(f"beginning of range ({low}) below minimum ({bounds.low}): {part}")
    if high > bounds.high:
        raise CronError(f"end of range ({high}) above maximum ({bounds.high}): {part}")
    if low > high:
        raise CronError(f"beginning of range ({low}) beyond end of range ({high}): {part}")
    if step == 0:
        raise CronError(f"step of range should be a positive number: {part}")
    return range(low, high + 1, step), is_star and step == 1


def _number(text: str, bounds: Bounds) -> int:
    name = text.lower()
    return bounds.names.index(name) + bounds.low if name in bounds.names else _integer(text)


def _integer(text: str) -> int:
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not (digits.isascii() and digits.isdecimal()):
        raise CronError(f'failed to parse int from {text}: strconv.Atoi: parsing "{text}": invalid syntax')
    number = int(text)
    if abs(number) >= 2**63:
        raise CronError(f'failed to parse int from {text}: strconv.Atoi: parsing "{text}": value out of range')
    if number < 0:
        raise CronError(f"negative number ({number}) not allowed: {text}")
    return number


def _leading(text: str, signs: str) -> str:
    return text[: len(text) - len(text.lstrip(signs))]
