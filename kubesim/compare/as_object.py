"""A comparison for programs: plain JSON with a version."""

from __future__ import annotations

from kubesim.api.stored import Object
from kubesim.compare.runs import Item, Report

API_VERSION = "kubesim.dev/comparison/v1"
VERDICTS = ("same", "later", "earlier", "different", "missing", "extra")


def as_object(report: Report, *, everything: bool = True) -> Object:
    """The report; without `everything` what is the same is only counted."""
    found: Object = {
        "apiVersion": API_VERSION,
        "scenario": report.name,
        "a": [run.label for run in report.a],
        "b": [run.label for run in report.b],
        "differs": bool(report.differences),
        "counts": {verdict: report.count(verdict) for verdict in VERDICTS} | {"varying": len(report.varying)},
        "differences": [item_object(item) for item in report.differences],
        "varying": [item_object(item) for item in report.varying],
    }
    if everything:
        found["same"] = [item_object(item) for item in report.same]
    return found


def item_object(item: Item) -> Object:
    """One item."""
    finding = item.finding
    found: Object = {
        "verdict": finding.verdict,
        "aspect": finding.aspect,
        "step": finding.step,
        "object": finding.object,
        "what": finding.what,
        "a": finding.expected,
        "b": finding.found,
        "pairs": item.pairs,
    }
    if finding.seconds:
        found["seconds"] = finding.seconds
    if item.times_a or item.times_b:
        found["times"] = {"a": list(item.times_a), "b": list(item.times_b)}
    if item.known is not None:
        found["known"] = {"why": item.known.why, "link": item.known.link}
    return found
