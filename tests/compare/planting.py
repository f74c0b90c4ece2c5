"""Differences planted into a recording: one place is changed, and it is known what must be found."""

from __future__ import annotations

import functools
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from kubesim.compare.lives import firsts, lane_of, lives_of, object_of
from kubesim.compare.recorded_run import RecordedRun, checked_lines, run_of
from kubesim.recording import Entry, Moment

GOLDEN = Path(__file__).parent.parent / "golden" / "timelines"
Lines = list[dict[str, Any]]
FAR_SECONDS = 30.0  # More than any tolerance and any period of a loop.


class Source(NamedTuple):
    """A recording, and of each of its events that counts which line tells it."""

    lines: Lines
    run: RecordedRun
    events: list[tuple[int, Moment]]


@functools.cache
def source(name: str) -> Source:
    lines = list(checked_lines(GOLDEN / f"{name}.jsonl.gz"))
    run = run_of(lines, name)
    told = {(moment.time, moment.entry.change["reason"]): moment for moment in run.outcome.moments if is_sure(moment)}
    events = [
        (number, told[line["t"], line["object"]["reason"]])
        for number, line in enumerate(lines)
        if line.get("kind") == "Event" and (line["t"], line["object"]["reason"]) in told
    ]
    return Source(lines, run, events)


def is_sure(moment: Moment) -> bool:
    """An event that two runs of one cluster would both tell, as often."""
    return moment.entry.kind == "Event" and not moment.entry.racy


def changed(lines: Lines, number: int, **fields: Any) -> Lines:
    """With other fields in the object of one line."""
    line = lines[number]
    return [*lines[:number], {**line, "object": {**line["object"], **fields}}, *lines[number + 1 :]]


def of_same_event(lines: Lines, number: int) -> list[int]:
    """All lines of the event that is told in one of them."""
    name = lines[number]["name"]
    return [at for at, line in enumerate(lines) if line.get("kind") == "Event" and line["name"] == name]


def with_other_words(found: Source, number: int, field: str) -> Lines:
    lines = found.lines
    for at in of_same_event(lines, number):
        lines = changed(lines, at, **{field: f"Planted{lines[at]['object'][field]}"})
    return lines


def without_event(found: Source, number: int) -> Lines:
    gone = set(of_same_event(found.lines, number))
    return [line for at, line in enumerate(found.lines) if at not in gone]


def with_event_late(found: Source, number: int) -> Lines:
    """All lines of the event come later, the rest as before."""
    late = set(of_same_event(found.lines, number))
    lines = [{**line, "t": line["t"] + FAR_SECONDS} if at in late else line for at, line in enumerate(found.lines)]
    return ordered(lines)


def ordered(lines: Lines) -> Lines:
    """By time; the end last."""
    return sorted(lines, key=lambda line: (bool(line.get("end")), line["t"]))


def with_condition(found: Source, number: int, type_: str = "") -> Lines:
    """From one line on, a condition of its object (the first one) has another reason."""
    lines, first = list(found.lines), found.lines[number]
    type_ = type_ or first["object"]["status"]["conditions"][0]["type"]
    for at in range(number, len(lines)):
        line = lines[at]
        if "verb" in line and (line["kind"], line["name"]) == (first["kind"], first["name"]):
            copy = orjson.loads(orjson.dumps(line))
            for entry in copy["object"]["status"].get("conditions") or ():
                if entry["type"] == type_:
                    entry["reason"] = "Planted"
            lines[at] = copy
    return lines


def with_counter(found: Source, number: int, counter: str) -> Lines:
    """One object has one more in a counter of its status, from a line on."""
    lines, first = list(found.lines), found.lines[number]
    for at in range(number, len(lines)):
        line = lines[at]
        if "verb" in line and (line["kind"], line["name"]) == (first["kind"], first["name"]):
            copy = orjson.loads(orjson.dumps(line))
            status = copy["object"]["status"]
            status[counter] = status.get(counter, 0) + 1
            lines[at] = copy
    return lines


def with_nodes_doubled(found: Source) -> tuple[Lines, str]:
    """All Pods of one role that went to several nodes in one step go to the first of them."""
    places: dict[tuple[int, str], set[str]] = {}
    for placed in found.run.outcome.placements:
        role = placed.pod.rpartition("-")[0]
        places.setdefault((placed.step, role), set()).add(placed.node)
    (_, role), nodes = next((key, nodes) for key, nodes in places.items() if len(nodes) > 1)
    first, *rest = sorted(nodes)
    lines = []
    for line in found.lines:
        if line.get("kind") == "Pod" and (line["object"].get("spec") or {}).get("nodeName") in rest:
            spec = {**line["object"]["spec"], "nodeName": first}
            line = {**line, "object": {**line["object"], "spec": spec}}
        lines.append(line)
    return lines, role


def swappable(found: Source) -> list[tuple[Entry, Entry, int, int]]:
    """Pairs of events that one component told of one object, each once, one right after the other in one step."""
    by_place = {(moment.time, moment.entry.key): number for number, moment in found.events}
    pairs = []
    for life in lives_of(found.run.outcome).values():
        entries = {moment.entry.key: moment.entry for moment in life}
        for lane in {lane_of(moment): None for moment in life if is_sure(moment)}:
            once = list(firsts(life, lane))
            for (key, time), (other, then) in pairwise(once):
                places = by_place.get((time, key)), by_place.get((then, other))
                if key[0] == other[0] and time < then and None not in places:
                    pairs.append((entries[key], entries[other], *places))
    return pairs


def with_swap(found: Source, first: int, second: int) -> Lines:
    """Two events change places in time."""
    lines = list(found.lines)
    early, late = lines[first]["t"], lines[second]["t"]
    lines[first], lines[second] = {**lines[first], "t": late}, {**lines[second], "t": early}
    return ordered(lines)


__all__ = [
    "FAR_SECONDS", "GOLDEN", "Source", "changed", "object_of", "ordered", "source", "swappable", "with_condition",
    "with_counter", "with_event_late", "with_nodes_doubled", "with_other_words", "with_swap", "without_event",
]  # fmt: skip
