"""How custom objects are printed: the columns of their definition, or else name and age.

Upstream: pkg/registry/customresource/tableconvertor in k8s.io/apiextensions-apiserver.
"""

from __future__ import annotations

from typing import Any

import orjson

from kubesim.api.stored import Object
from kubesim.apiserver.crd.version import CustomVersion
from kubesim.apiserver.http.table.columns import AGE, NAME, Column, Moment, Printer, name_of, since
from kubesim.apiserver.http.table.jsonpath import find

AGE_COLUMN: Object = {
    "name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp", "description": AGE.description,
}  # fmt: skip
UNDESCRIBED = "Custom resource definition column (in JSONPath format): "


def custom_printer(version: CustomVersion) -> Printer:
    """The printer of one version."""
    columns = version.columns or (AGE_COLUMN,)
    heads = [
        Column(
            column["name"],
            column["type"],
            column.get("format") or "",
            column.get("priority") or 0,
            column.get("description") or UNDESCRIBED + column["jsonPath"],
        )
        for column in columns
    ]

    def cells(obj: Object, now: Moment) -> list[Any]:
        return [name_of(obj), *(cell(column, obj, now) for column in columns)]

    return Printer((NAME, *heads), cells)


def cell(column: Object, obj: Object, now: Moment) -> Any:
    """What a column shows of an object; None where there is nothing."""
    found = find(obj, column["jsonPath"])
    if not found:
        return None
    kind, value = column["type"], found[0]
    if kind == "string":
        return " ".join(map(_text, found))
    if value is None:
        return None
    if kind == "date":
        return _date(value, now)
    if kind == "boolean":
        return value if isinstance(value, bool) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return int(value) if kind == "integer" else float(value)


def _text(value: Any) -> str:
    """A value as JSONPath templates print it."""
    if isinstance(value, str):
        return value
    if value is None:
        return "<nil>"
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _date(value: Any, now: Moment) -> str | None:
    if not isinstance(value, str):
        return None
    try:
        return since(value, now)
    except ValueError:
        return "<invalid>"
