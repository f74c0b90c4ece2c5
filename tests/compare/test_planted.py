"""Differences planted into recordings of a real control plane are found, each with its verdict."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kubesim.compare.findings import Finding
from kubesim.compare.lives import object_of
from kubesim.compare.pair import Rules
from kubesim.compare.recorded_run import run_of
from kubesim.compare.runs import Report, compare_runs
from kubesim.recording import Entry
from tests.compare.planting import (
    FAR_SECONDS,
    GOLDEN,
    Lines,
    Source,
    source,
    swappable,
    with_condition,
    with_counter,
    with_event_late,
    with_nodes_doubled,
    with_other_words,
    with_swap,
    without_event,
)

NAMES = sorted(path.name.removesuffix(".jsonl.gz") for path in GOLDEN.glob("*.jsonl.gz"))
BUSY = ["deployment-of-3", "node-crash", "job-complete", "drain-pdb", "statefulset", "cronjob-history", "rollout-undo"]


def compared(found: Source, lines: Lines) -> Report:
    return compare_runs([found.run], [run_of(lines, "planted")], Rules())


def differences(found: Source, lines: Lines) -> list[Finding]:
    return [item.finding for item in compared(found, lines).differences]


@pytest.mark.parametrize("name", NAMES)
def test_a_run_compared_with_itself_differs_in_nothing(name: str) -> None:
    """Teaches: not even where two real runs may differ."""
    run = source(name).run
    report = compare_runs([run], [run_of(source(name).lines, "again")], Rules(strict=True, exact_nodes=True))
    assert (report.differences, report.varying) == ((), ())
    assert len(report.same) > 10


@st.composite
def events(draw: Any) -> tuple[str, int]:
    """A recording, and the how-manieth of its events."""
    name = draw(st.sampled_from(BUSY))
    return name, draw(st.integers(0, len(source(name).events) - 1))


def taken(planted: tuple[str, int]) -> tuple[Source, int, Entry]:
    """The recording, the line of the event, and its entry."""
    found = source(planted[0])
    number, moment = found.events[planted[1]]
    return found, number, moment.entry


@settings(max_examples=20)
@given(events(), st.sampled_from(["reason", "message"]))
def test_other_words_of_an_event_are_found(planted: tuple[str, int], field: str) -> None:
    """Teaches: the same event in other words is one difference, not a missing one and an extra one."""
    found, number, entry = taken(planted)
    about = [each for each in differences(found, with_other_words(found, number, field)) if each.aspect == "event"]
    assert about
    assert {each.object for each in about} == {object_of(entry)}
    assert all("Planted" in each.found + each.what for each in about)
    assert "different" in {each.verdict for each in about} or "FailedScheduling" in about[0].what


@settings(max_examples=20)
@given(events())
def test_a_missing_event_is_found_and_so_is_an_extra_one(planted: tuple[str, int]) -> None:
    """Teaches: a comparison has two directions."""
    found, number, entry = taken(planted)
    lines = without_event(found, number)
    missing = [each for each in differences(found, lines) if each.aspect == "event"]
    assert {(each.verdict, each.object) for each in missing} == {("missing", object_of(entry))}
    other = compare_runs([run_of(lines, "planted")], [found.run], Rules())
    extra = [item.finding for item in other.differences if item.finding.aspect == "event"]
    assert {(each.verdict, each.object) for each in extra} == {("extra", object_of(entry))}


@settings(max_examples=20)
@given(events())
def test_an_event_that_comes_too_late_is_found(planted: tuple[str, int]) -> None:
    """Teaches: also if it is one of many, and in either direction."""
    found, number, entry = taken(planted)
    end = next((at for at, _ in found.run.steps if at > entry.time), found.lines[-1]["t"])
    assume(found.lines[number]["t"] + FAR_SECONDS < end)
    late = compared(found, with_event_late(found, number))
    verdicts = {(item.finding.verdict, item.finding.object) for item in late.differences if item.finding.seconds}
    assert ("later", object_of(entry)) in verdicts
    planted_run = run_of(with_event_late(found, number), "planted")
    early = compare_runs([planted_run], [found.run], Rules())
    assert "earlier" in {item.finding.verdict for item in early.differences}


@settings(max_examples=20)
@given(st.sampled_from([name for name in NAMES if swappable(source(name))]), st.data())
def test_two_events_that_change_places_are_found(name: str, data: st.DataObject) -> None:
    """Teaches: the order of what one component tells of one object is certain, however close."""
    found = source(name)
    first, second, early, late = data.draw(st.sampled_from(swappable(found)))
    orders = [each for each in differences(found, with_swap(found, early, late)) if each.aspect == "order"]
    assert (object_of(second), "different") in {(each.object, each.verdict) for each in orders}, (first, second)


@settings(max_examples=20)
@given(st.sampled_from(BUSY), st.data())
def test_another_reason_of_a_condition_is_found(name: str, data: st.DataObject) -> None:
    """Teaches: conditions count with their reasons, where they are part of the story."""
    found = source(name)
    kinds = ("Deployment", "Job", "Node")
    places = [
        number
        for number, line in enumerate(found.lines)
        if line.get("kind") in kinds and not line.get("initial") and line["verb"] != "DELETED"
        and not line["name"].startswith("fake-")
        and (line["object"].get("status") or {}).get("conditions")
    ]  # fmt: skip
    assume(places)
    number = data.draw(st.sampled_from(places))
    planted = differences(found, with_condition(found, number))
    assert any(each.aspect == "change" and "/Planted" in each.found + each.what for each in planted)


def test_another_reason_of_a_pod_is_found() -> None:
    """Teaches: conditions of Pods count with their reasons, too."""
    found = source("first-pod")
    ready = [
        number
        for number, line in enumerate(found.lines)
        if line.get("kind") == "Pod" and (line["object"].get("status") or {}).get("conditions")
    ]
    planted = differences(found, with_condition(found, ready[0], "Ready"))
    assert {(each.object, each.aspect) for each in planted} == {("Pod/hello", "change")}
    assert all("/Planted" in each.found + each.what for each in planted)


@pytest.mark.parametrize(
    ("name", "kind", "counter"),
    [
        ("deployment-of-3", "Deployment", "readyReplicas"),
        ("statefulset", "StatefulSet", "currentReplicas"),
        ("daemonset-new-node", "DaemonSet", "numberMisscheduled"),
        ("drain-pdb", "PodDisruptionBudget", "disruptionsAllowed"),
        ("job-complete", "Job", "succeeded"),
    ],
)
def test_a_counter_that_is_off_is_found_by_its_name(name: str, kind: str, counter: str) -> None:
    """Teaches: counters are compared where things have settled."""
    found = source(name)
    lines = [number for number, line in enumerate(found.lines) if line.get("kind") == kind and "initial" not in line]
    planted = differences(found, with_counter(found, lines[len(lines) // 2], counter))
    assert {(each.verdict, each.aspect) for each in planted} == {("different", "state")}
    assert all(each.what == f"{counter} at the end of the step" for each in planted)


def test_a_missing_endpoint_is_found() -> None:
    """Teaches: endpoints are counted by their state."""
    found = source("service-endpoints")
    lines = []
    for line in found.lines:
        if line.get("kind") == "EndpointSlice" and line["object"].get("endpoints"):
            line = {**line, "object": {**line["object"], "endpoints": line["object"]["endpoints"][1:]}}
        lines.append(line)
    assert {each.aspect for each in differences(found, lines)} == {"endpoints"}


def test_another_placement_is_found_but_not_another_twin() -> None:
    """Teaches: of equal nodes any will do, but two Pods on one node are not a Pod on each of two."""
    found = source("deployment-of-3")
    lines, _ = with_nodes_doubled(found)
    planted = differences(found, lines)
    assert [(each.verdict, each.aspect, each.object) for each in planted] == [
        ("different", "placement", "Pod/web-<rs1>-<p>")
    ]
    names = sorted({placed.node for placed in found.run.outcome.placements})
    turned = dict(zip(names, [*names[1:], names[0]], strict=True))
    other = []
    for line in found.lines:
        spec = (line.get("object") or {}).get("spec") or {}
        if line.get("kind") == "Pod" and spec.get("nodeName") in turned:
            spec = {**spec, "nodeName": turned[spec["nodeName"]]}
            line = {**line, "object": {**line["object"], "spec": spec}}
        other.append(line)
    assert differences(found, other) == []
