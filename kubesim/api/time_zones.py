"""Time zones by their IANA names, from the package `tzdata`, so that every machine knows the same ones.

Upstream: Go's time.LoadLocation, with the zones that are built into kube-apiserver and kube-controller-manager.
"""

from __future__ import annotations

import re
from datetime import UTC, tzinfo
from functools import lru_cache
from importlib import resources
from zoneinfo import ZoneInfo

PART = re.compile(r"[A-Za-z._0-9+-]+")
PACKAGE = "tzdata"
FOLDER = "zoneinfo"
COMPILED_ZONE = b"TZif"


@lru_cache(maxsize=256)
def time_zone(name: str) -> tzinfo:
    """The zone called `name`; ValueError with Go's words if there is none."""
    if name in ("", "UTC"):
        return UTC
    parts = name.split("/")
    if all(is_plain(part) for part in parts):
        file = resources.files(PACKAGE).joinpath(FOLDER, *parts)
        if file.is_file():
            with file.open("rb") as opened:
                if opened.read(len(COMPILED_ZONE)) == COMPILED_ZONE:
                    opened.seek(0)
                    return ZoneInfo.from_file(opened, key=name)
    raise ValueError(f"unknown time zone {name}")


def is_plain(part: str) -> bool:
    """Whether one part of a name may be one: no way out of the folder, no flag."""
    return part not in (".", "..") and not part.startswith("-") and PART.fullmatch(part) is not None
