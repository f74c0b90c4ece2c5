"""Timestamps and durations: reading, writing, and their parts. Upstream: cel-go common/types/{timestamp,duration}.go.

Finer than microseconds is cut off: Python's datetime holds no more.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from kubesim.apiserver.cel.errors import EvaluationError
from kubesim.apiserver.cel.functions.overload import Implementation

_RFC3339 = re.compile(r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:([Zz])|([+-])(\d\d):(\d\d))\Z")
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|ms|h|m|s)")
_OFFSET = re.compile(r"([+-]?)(\d\d):(\d\d)\Z")


def parse_timestamp(text: str) -> datetime:
    """RFC 3339 to a time in UTC."""
    found = _RFC3339.match(text)
    words = f'parsing time "{text}" as "2006-01-02T15:04:05Z07:00": cannot parse "{text}" as "2006"'
    if found is None:
        raise EvaluationError(words)
    micros = int(((found[7] or "") + "000000")[:6])
    offset = timedelta(hours=int(found[10] or 0), minutes=int(found[11] or 0))
    try:
        year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
        moment = datetime(year, month, day, hour, minute, second, micros, UTC)
        return moment + offset if found[9] == "-" else moment - offset
    except (ValueError, OverflowError):
        raise EvaluationError(words) from None


def timestamp_text(moment: datetime) -> str:
    """RFC 3339, with a fraction only where there is one."""
    text = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f".{moment.microsecond:06}".rstrip("0") if moment.microsecond else ""
    return f"{text}{fraction}Z"


def parse_duration(text: str) -> timedelta:
    """Go's way of writing durations."""
    rest = text[1:] if text[:1] in ("-", "+") else text
    seconds, at = 0.0, 0
    for found in _PART.finditer(rest):
        if found.start() != at:
            break
        seconds, at = seconds + float(found[1]) * _UNITS[found[2]], found.end()
    if rest != "0" and (not rest or at != len(rest)):
        raise EvaluationError(f'time: invalid duration "{text}"')
    return timedelta(seconds=-seconds if text.startswith("-") else seconds)


def duration_text(duration: timedelta) -> str:
    """Seconds with `s`, as string() gives them."""
    seconds = duration / timedelta(seconds=1)
    return f"{int(seconds) if seconds.is_integer() else seconds}s"


def _zone(name: str) -> tzinfo:
    offset = _OFFSET.match(name)
    if offset:
        delta = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
        return timezone(-delta if offset[1] == "-" else delta)
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise EvaluationError(f"unknown time zone {name}") from None


_PARTS = {
    "getFullYear": lambda moment: moment.year,
    "getMonth": lambda moment: moment.month - 1,
    "getDayOfMonth": lambda moment: moment.day - 1,
    "getDate": lambda moment: moment.day,
    "getDayOfWeek": lambda moment: moment.isoweekday() % 7,
    "getDayOfYear": lambda moment: moment.timetuple().tm_yday - 1,
    "getHours": lambda moment: moment.hour,
    "getMinutes": lambda moment: moment.minute,
    "getSeconds": lambda moment: moment.second,
    "getMilliseconds": lambda moment: moment.microsecond // 1000,
}
_DURATION_PARTS = {"getHours": 3600.0, "getMinutes": 60.0, "getSeconds": 1.0}


def _of_timestamp(part: Any) -> Implementation:
    return lambda moment, zone="UTC": part(moment.astimezone(_zone(zone)))


def _of_duration(unit: float) -> Implementation:
    return lambda duration: int(duration / timedelta(seconds=unit))


FUNCTIONS: tuple[tuple[str, Implementation], ...] = (
    *((f"timestamp::{name}(): int", _of_timestamp(part)) for name, part in _PARTS.items()),
    *((f"timestamp::{name}(string): int", _of_timestamp(part)) for name, part in _PARTS.items()),
    *((f"duration::{name}(): int", _of_duration(unit)) for name, unit in _DURATION_PARTS.items()),
    ("duration::getMilliseconds(): int", lambda duration: int(duration / timedelta(milliseconds=1))),
)
