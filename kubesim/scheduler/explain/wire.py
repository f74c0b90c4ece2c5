"""The table as plain data, for traces, the control endpoint and `--output json`: nodes that are alike are one entry.

    plugins     score plugin → weight, in the order of the lists below
    feasible    [{"nodes": […], "raw": […], "weighted": […], "total": N}], the best first
    rejected    [{"nodes": […], "plugin": …, "reasons": […], "words": "it has 300m cpu left, the Pod asks for 500m"}]
    best        the names of the best

Of an entry with many nodes only the first are named and `count` says how many there are.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from kubesim.scheduler.explain.preemption_words import preemption_told
from kubesim.scheduler.explain.table import Explanation, NodeRow
from kubesim.scheduler.preemption.candidates import DryRun

NODES_NAMED_MAX = 50

Table = dict[str, Any]


def as_table(explanation: Explanation, named_max: int = NODES_NAMED_MAX) -> Table:
    """The table; `named_max` nodes of an entry are named."""
    feasible: dict[Hashable, Table] = {}
    rejected: dict[Hashable, Table] = {}
    for row in explanation.rows:
        if row.is_out:
            entry = rejected.setdefault((row.rejected_by, row.reasons, row.words), _rejection(row))
        else:
            entry = feasible.setdefault((row.total, *row.raw.values(), *row.weighted.values()), _score(row))
        entry["nodes"].append(row.node)
    table: Table = {"plugins": explanation.weights} if explanation.weights else {}
    if feasible:
        table["feasible"] = sorted(feasible.values(), key=lambda entry: -entry.get("total", 0))
    if rejected:
        table["rejected"] = sorted(rejected.values(), key=lambda entry: -len(entry["nodes"]))
    table["best"] = list(explanation.best)
    for entry in (*table.get("feasible", ()), *table.get("rejected", ())):
        _shorten(entry, named_max)
    table["best"] = table["best"][:named_max]
    if len(explanation.best) > named_max:
        table["bestCount"] = len(explanation.best)
    return table


def told(explanation: Explanation, dry_run: DryRun | None, nominated: str) -> Table:
    """The table with what preemption tried."""
    table = as_table(explanation)
    if dry_run is not None:
        table["preemption"] = preemption_told(dry_run, nominated)
    return table


def _rejection(row: NodeRow) -> Table:
    return {"nodes": [], "plugin": row.rejected_by, "reasons": list(row.reasons), "words": row.words}


def _score(row: NodeRow) -> Table:
    if not row.weighted:
        return {"nodes": []}
    return {"nodes": [], "raw": [*row.raw.values()], "weighted": [*row.weighted.values()], "total": row.total}


def _shorten(entry: Table, named_max: int) -> None:
    if len(entry["nodes"]) > named_max:
        entry["count"] = len(entry["nodes"])
        entry["nodes"] = entry["nodes"][:named_max]
