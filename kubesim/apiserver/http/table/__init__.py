"""Tables: what `kubectl get` prints is made by the server, a row of cells for each object.

One file a group, one `Printer` a kind; a kind without one gets its name and age.
Upstream: pkg/printers/internalversion/printers.go, k8s.io/apiserver/pkg/registry/rest/table.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kubesim.api.resources import Resource
from kubesim.api.stored import Object, Stored
from kubesim.apiserver.http.answers import partial
from kubesim.apiserver.http.table import (
    administration,
    batch,
    core,
    metrics,
    network,
    nodes,
    pods,
    policy,
    storage,
    workloads,
)
from kubesim.apiserver.http.table.columns import DEFAULT, Moment, Printer
from kubesim.apiserver.http.table.descriptions import described

_PRINTERS: dict[tuple[str, str], Printer] = {
    **pods.PRINTERS,
    **nodes.PRINTERS,
    **core.PRINTERS,
    **workloads.PRINTERS,
    **batch.PRINTERS,
    **network.PRINTERS,
    **policy.PRINTERS,
    **storage.PRINTERS,
    **administration.PRINTERS,
    **metrics.PRINTERS,
}
PRINTERS = {(group, kind): described(printer, group, kind) for (group, kind), printer in _PRINTERS.items()}


def printer_for(resource: Resource) -> Printer:
    """How objects of a resource are printed."""
    return PRINTERS.get((resource.group, resource.kind), DEFAULT)


def table(
    printer: Printer, stored: Sequence[Stored], now: Moment, *, metadata: Object, include: str, headers: bool = True
) -> Object:
    """The Table of some objects; `include` is Metadata, Object or None: what each row carries besides its cells."""
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": printer.definitions() if headers else None,
        "rows": [_row(printer, item, now, include) for item in stored],
    }


def _row(printer: Printer, stored: Stored, now: Moment, include: str) -> Object:
    row: dict[str, Any] = {"cells": printer.cells(stored.object, now)}
    if printer.conditions is not None and (conditions := printer.conditions(stored.object)):
        row["conditions"] = conditions
    if include == "Object":
        row["object"] = stored.object
    elif include != "None":
        row["object"] = partial(stored)
    return row
