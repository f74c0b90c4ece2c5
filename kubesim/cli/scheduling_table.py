"""One attempt of the scheduler's as a student reads it: the table, why nodes are out, and why the winner won."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kubesim.scheduler.explain.preemption_words import in_sentences
from kubesim.scheduler.explain.seen import counted, listed

ROWS_MAX = 20
MIN_FEASIBLE_NODES = 100

Told = Mapping[str, Any]
COMPARED = ("chosen", "nominated", "message", "error", "evaluated", "table")


def story_in_lines(story: Told) -> list[str]:
    """All attempts for one Pod; one that came to the same as the one before is a line."""
    lines: list[str] = []
    before: Told | None = None
    for attempt in story["attempts"]:
        title = f"{story['pod']}, attempt {attempt['attempt']}, at {attempt['t']:.3f} s"
        if before is not None and all(attempt.get(key) == before.get(key) for key in COMPARED):
            lines.append(f"{title}: as attempt {before['attempt']}")
            continue
        lines += ["", title, *attempt_in_lines(attempt)] if lines else [title, *attempt_in_lines(attempt)]
        before = attempt
    return lines


def attempt_in_lines(attempt: Told) -> list[str]:
    """The table and its sentences."""
    if "error" in attempt:
        return [f"It failed: {attempt['error']}"]
    table: Told | None = attempt.get("table")
    if table is None:
        return _without_table(attempt)
    lines = _looked_at(attempt)
    if any("weighted" in entry for entry in table.get("feasible", ())):
        lines += ["", *scores_in_lines(table, attempt.get("chosen", "")), ""]
    lines += [_rejection(entry) for entry in table.get("rejected", ())]
    lines.append(verdict(attempt, table))
    if "preemption" in table:
        lines += in_sentences(table["preemption"])
    return lines


def _without_table(attempt: Told) -> list[str]:
    """The past is forgotten: what the record itself says."""
    lines = [f"The table cannot be made: {attempt['forgotten']}."] if "forgotten" in attempt else []
    if attempt.get("scores"):
        best = ", ".join(f"{node} {total}" for node, total in attempt["scores"].items())
        lines.append(f"The best nodes and their points: {best}.")
    for reason, count in (attempt.get("rejected") or {}).items():
        lines.append(f"{counted(count, 'node')}: {reason}")
    chosen = attempt.get("chosen")
    return [*lines, f"{chosen} was chosen." if chosen else f"No node would do: {attempt.get('message', '')}"]


def _looked_at(attempt: Told) -> list[str]:
    evaluated, nodes = attempt.get("evaluated", attempt["nodes"]), attempt["nodes"]
    if evaluated >= nodes or not attempt.get("feasible"):
        return []
    if evaluated == 1 and attempt["feasible"] == 1:
        return [
            f"The Pod is promised {attempt['chosen']} and fits there by now: no other of {nodes} nodes is looked at."
        ]
    return [
        f"Only {evaluated} of {nodes} nodes were looked at: with {attempt['feasible']} that will do the search ends "
        "(percentageOfNodesToScore); the next Pod's begins where this one stopped."
    ]


def scores_in_lines(table: Told, chosen: str) -> list[str]:
    """The points of every node by plugin, normalised and weighted, the raw score in brackets.

    A plugin that thinks the same of all nodes is named below instead of in a column.
    """
    weights: Mapping[str, int] = table["plugins"]
    entries = table["feasible"]
    columns = [place for place in range(len(weights)) if len({entry["weighted"][place] for entry in entries}) > 1]
    names = [f"{name} x{weight}" if weight != 1 else name for name, weight in weights.items()]
    heads = ["NODE", *(names[place] for place in columns), "TOTAL", ""]
    rows: list[list[str]] = []
    hidden = 0
    for entry in entries:
        cells = [f"{entry['weighted'][place]} ({entry['raw'][place]})" for place in columns]
        for node in entry["nodes"]:
            if len(rows) >= ROWS_MAX and node != chosen:
                hidden += 1
                continue
            mark = "← chosen" if node == chosen else "as good" if node in table["best"] else ""
            rows.append([node, *cells, str(entry["total"]), mark])
        hidden += entry.get("count", len(entry["nodes"])) - len(entry["nodes"])
    lines = in_columns([heads, *rows])
    if hidden:
        lines.append(f"and {counted(hidden, 'node')} more (`--output json` names them)")
    alike = [place for place in range(len(weights)) if place not in columns]
    if alike:
        same = ", ".join(f"{[*weights][place]} {entries[0]['weighted'][place]}" for place in alike)
        lines.append(f"The same for all: {same}")
    return lines


def in_columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns with three blanks between them."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["   ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _rejection(entry: Told) -> str:
    count = entry.get("count", len(entry["nodes"]))
    names = listed(entry["nodes"][:count])
    if count > len(entry["nodes"]):
        names = f"{', '.join(entry['nodes'][:3])} and {count - 3} more"
    out = f"{names} is out" if count == 1 else f"{names} are out, each"
    return f"{out} ({entry['plugin']}): {entry['words']}."


def verdict(attempt: Told, table: Told) -> str:
    """Who won and by how much, and how a tie was broken; or that nobody did."""
    chosen = attempt.get("chosen", "")
    if not chosen:
        return f"No node will do. kube-scheduler says: {attempt.get('message', '')}"
    entries, best = table.get("feasible", ()), table["best"]
    if not entries or "weighted" not in entries[0]:
        return f"{chosen} is chosen: it is the only node that is left, so nothing is scored."
    total, ties = entries[0]["total"], table.get("bestCount", len(best))
    if chosen not in best and ties <= len(best):
        return f"{chosen} is chosen, though by the plugins' points it would be {listed(best)}: an extender has its say."
    if ties > 1:
        others = listed(best) if ties == len(best) else f"{ties} nodes"
        return f"{others} are equally good ({total} points); chance, which the seed decides, chose {chosen}."
    if len(entries) == 1:
        return f"{chosen} is chosen with {total} points."
    return f"{chosen} is chosen with {total} points; next is {listed(entries[1]['nodes'])} with {entries[1]['total']}."


def pods_in_lines(pods: Sequence[Told]) -> list[str]:
    """Which Pods were tried, and what came of it."""
    rows = [(one["pod"], str(one["attempts"]), one["node"] or f"none: {one['message']}") for one in pods]
    return in_columns([("POD", "ATTEMPTS", "NODE"), *rows])
