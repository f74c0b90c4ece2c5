"""Scalars that have a form of their own: times and bytes. Each has a canonical text that the server stores.

Upstream: k8s.io/apimachinery/pkg/apis/meta/v1/{time,micro_time}.go, and Go's time and encoding/base64.
"""

from __future__ import annotations

import binascii
import re
from datetime import UTC, datetime

TIME_LAYOUT = "2006-01-02T15:04:05Z07:00"
MICRO_TIME_LAYOUT = "2006-01-02T15:04:05.000000Z07:00"

# Whether a text is already in canonical form.
is_canonical_time = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ").fullmatch
is_canonical_micro_time = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z").fullmatch

# The elements of Go's layout, each with what it accepts.
_ELEMENTS = (
    ("2006", r"\d{4}"), ("-", "-"), ("01", r"\d\d"), ("-", "-"), ("02", r"\d\d"), ("T", "T"), ("15", r"\d\d"),
    (":", ":"), ("04", r"\d\d"), (":", ":"), ("05", r"\d\d(?:\.\d+)?"), ("Z07:00", r"Z|[+-]\d\d:\d\d"),
)  # fmt: skip
_BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")


def canonical_time(text: str) -> str:
    """RFC 3339 in UTC, whole seconds. ValueError with Go's words if it does not parse."""
    return _parse(text, TIME_LAYOUT).strftime("%Y-%m-%dT%H:%M:%SZ")


def canonical_micro_time(text: str) -> str:
    """RFC 3339 in UTC with exactly six decimals."""
    return _parse(text, MICRO_TIME_LAYOUT).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def canonical_bytes(text: str) -> str:
    """Base64 without line breaks. ValueError with Go's words if it is none."""
    position = _base64_error(text)
    if position is not None:
        raise ValueError(f"illegal base64 data at input byte {position}")
    return text.replace("\n", "").replace("\r", "")


def is_canonical_bytes(text: object) -> bool:
    """Whether a value is base64 as it is stored."""
    if type(text) is not str:
        return False
    try:
        # The standard decoder is lenient in ways that differ between Python versions: encode again and compare.
        return binascii.b2a_base64(binascii.a2b_base64(text), newline=False).decode() == text
    except ValueError:
        return False


def _parse(text: str, layout: str) -> datetime:
    rest = text
    for element, pattern in _ELEMENTS:
        match = re.match(pattern, rest)
        if match is None:
            raise ValueError(f'parsing time "{text}" as "{layout}": cannot parse "{rest}" as "{element}"')
        rest = rest[match.end() :]
    if rest:
        raise ValueError(f'parsing time "{text}": extra text: "{rest}"')
    # Go keeps nanoseconds, Python's parser takes microseconds at most.
    shortened = re.sub(r"(\.\d{6})\d+", r"\1", text)
    try:
        return datetime.fromisoformat(shortened).astimezone(UTC)
    except ValueError as error:
        raise ValueError(f'parsing time "{text}": {str(error).split(" must", maxsplit=1)[0]} out of range') from error


def _base64_error(text: str) -> int | None:
    """The position that Go's decoder complains about, or None."""
    letters = [(at, letter) for at, letter in enumerate(text) if letter not in "\r\n"]
    index = 0
    while index < len(letters):
        quantum = letters[index : index + 4]
        for place, (at, letter) in enumerate(quantum):
            if letter in _BASE64:
                continue
            if letter != "=" or place < 2:
                return at
            return _padding_error(letters[index:], place, len(text))
        if len(quantum) < 4:
            return quantum[0][0]
        index += 4
    return None


def _padding_error(letters: list[tuple[int, str]], place: int, length: int) -> int | None:
    """What is wrong from the first `=` on, which stands at `place` of its quantum of four."""
    if place == 2:
        if len(letters) < 4:
            return length
        if letters[3][1] != "=":
            return letters[3][0] - 1
    return letters[4][0] if len(letters) > 4 else None
