"""Columns, and how the time since something is written.

Upstream: metav1.TableColumnDefinition, k8s.io/apimachinery/pkg/util/duration.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from kubesim.api.stored import Object
from kubesim.apiserver.http.table.fields import field_description
from kubesim.sim.clock import parse_timestamp_ns

NONE, UNKNOWN, UNSET = "<none>", "<unknown>", "<unset>"
SECOND = 1_000_000_000
MINUTE, HOUR, DAY = 60, 3600, 24 * 3600
YEAR = 365 * DAY

Moment = int  # Nanoseconds since 1970.
Cells = Callable[[Object, Moment], list[Any]]


class Column(NamedTuple):
    """One column. Priority 1 is shown only with `-o wide`. `field` is the one it shows: its words describe it."""

    name: str
    type: str = "string"
    format: str = ""
    priority: int = 0
    description: str = ""
    field: str = ""


class Printer(NamedTuple):
    """How one kind is printed. `conditions` marks rows that are of no interest any more (completed Pods)."""

    columns: tuple[Column, ...]
    cells: Cells
    conditions: Callable[[Object], list[Object]] | None = None

    def definitions(self) -> list[Object]:
        """The columns as a Table carries them."""
        return [
            {
                "name": column.name,
                "type": column.type,
                "format": column.format,
                "description": field_description(column.field) if column.field else column.description,
                "priority": column.priority,
            }
            for column in self.columns
        ]


NAME = Column("Name", format="name", field="ObjectMeta.name")
AGE = Column("Age", field="ObjectMeta.creationTimestamp")
CREATED_AT = AGE._replace(name="Created At", type="date")


def wide(name: str, type_: str = "string") -> Column:
    """A column that only `-o wide` shows."""
    return Column(name, type_, "", 1)


def name_of(obj: Object) -> str:
    """The first cell of nearly every row."""
    name: str = obj["metadata"]["name"]
    return name


def age_of(obj: Object, now: Moment) -> str:
    """Since when the object exists."""
    return since(obj["metadata"].get("creationTimestamp"), now)


def since(timestamp: str | None, now: Moment) -> str:
    """The time from a date until now."""
    if not timestamp:
        return UNKNOWN
    return duration(now - parse_timestamp_ns(timestamp))


def duration(nanoseconds: int) -> str:
    """About how long: two units where the larger one is small."""
    if nanoseconds < -SECOND:
        return "<invalid>"
    seconds = int(nanoseconds / SECOND)
    if seconds < 2 * MINUTE:
        return f"{max(seconds, 0)}s"
    if seconds < 10 * MINUTE:
        return _two(seconds, MINUTE, "m", 1, "s")
    if seconds < 3 * HOUR:
        return f"{seconds // MINUTE}m"
    if seconds < 8 * HOUR:
        return _two(seconds, HOUR, "h", MINUTE, "m")
    if seconds < 2 * DAY:
        return f"{seconds // HOUR}h"
    if seconds < 8 * DAY:
        return _two(seconds, DAY, "d", HOUR, "h")
    if seconds < 2 * YEAR:
        return f"{seconds // DAY}d"
    if seconds < 8 * YEAR:
        return _two(seconds, YEAR, "y", DAY, "d")
    return f"{seconds // YEAR}y"


def _two(seconds: int, large: int, large_unit: str, small: int, small_unit: str) -> str:
    rest = seconds % large // small
    return f"{seconds // large}{large_unit}" + (f"{rest}{small_unit}" if rest else "")


def labels_text(labels: dict[str, str] | None) -> str:
    """`a=b,c=d`, sorted."""
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items())) or NONE


def joined(values: list[str]) -> str:
    """`a,b`, or `<none>`."""
    return ",".join(values) or NONE


def containers_and_images(pod_spec: Object) -> tuple[str, str]:
    """The names and images of all containers, as wide columns show them."""
    containers = pod_spec.get("containers") or ()
    return ",".join(c["name"] for c in containers), ",".join(c.get("image", "") for c in containers)


def spec_of(obj: Object) -> Object:
    """`spec`, or nothing."""
    spec: Object = obj.get("spec") or {}
    return spec


def status_of(obj: Object) -> Object:
    """`status`, or nothing."""
    status: Object = obj.get("status") or {}
    return status


def _name_and_age(obj: Object, _now: Moment) -> list[Any]:
    return [name_of(obj), obj["metadata"].get("creationTimestamp")]


def _plain(obj: Object, now: Moment) -> list[Any]:
    return [name_of(obj), age_of(obj, now)]


# What a kind gets that nobody wrote a printer for; and the same with an age instead of a date.
DEFAULT = Printer((NAME, CREATED_AT), _name_and_age)
NAME_AND_AGE = Printer((NAME, AGE), _plain)
