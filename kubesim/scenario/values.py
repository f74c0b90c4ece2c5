"""The values in a scenario file that have a form of their own: durations, quantities, and lists of one."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator

from kubesim.api.quantity import milli

DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?")


def parse_duration(value: object) -> float:
    """Seconds of `90`, `90s`, `1m30s`, `2h` or `250ms`; ValueError otherwise."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = float(value)
    else:
        match = DURATION.fullmatch(str(value)) if value != "" else None
        if match is None or not any(match.groups()):
            raise ValueError("expected a duration such as 90s, 1m30s or 250ms")
        hours, minutes, whole, milli = (float(part or 0) for part in match.groups())
        seconds = hours * 3600 + minutes * 60 + whole + milli / 1000
    if seconds < 0:
        raise ValueError("a duration cannot be negative")
    return seconds


Seconds = Annotated[float, BeforeValidator(parse_duration)]


def checked_quantity(value: Any) -> Any:
    """The quantity as it is written; ValueError if it is none."""
    try:
        is_good = milli(value) >= 0
    except (ValueError, TypeError, AttributeError):
        is_good = False
    if not is_good:
        raise ValueError("expected a quantity such as 2, 500m or 4Gi")
    return value


Quantity = Annotated[str | int | float, BeforeValidator(checked_quantity)]


def as_list(value: Any) -> Any:
    """One thing stands for a list of one."""
    return [value] if isinstance(value, str | dict) else value


Lines = Annotated[list[str], BeforeValidator(as_list)]
