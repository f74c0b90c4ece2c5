"""A comparison on a terminal: the summary first, then what differs, step by step."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Sequence
from statistics import median

from rich.text import Text

from kubesim.cli.terminal import Terminal
from kubesim.compare.known import Known
from kubesim.compare.pair import step_words
from kubesim.compare.runs import Item, Report

STYLES = {
    "same": "green", "later": "yellow", "earlier": "yellow", "different": "bold red", "missing": "bold red",
    "extra": "bold red", "varies": "dim",
}  # fmt: skip
ORDER = ("different", "missing", "extra", "later", "earlier", "same")
VERDICT_WIDTH = 18
INDENT = " " * VERDICT_WIDTH


def tell(report: Report, *, everything: bool) -> None:
    """All of it, to standard output."""
    console = Terminal(file=sys.stdout, highlight=False, soft_wrap=True)
    for text in (*summary(report), *differences(report)):
        console.print(text)
    if everything:
        for text in titled("The same in both", report.same, "same", report):
            console.print(text)
    for text in footnotes(report):
        console.print(text)


def summary(report: Report) -> list[Text]:
    """What was compared, and how it came out."""
    lines = [Text(report.name or "two recordings", style="bold")]
    for letter, runs in (("A", report.a), ("B", report.b)):
        server = runs[0].meta.get("server") or runs[0].meta.get("serverVersion") or ""
        more = f" and {len(runs) - 1} more" if len(runs) > 1 else ""
        lines.append(Text(f"  {letter}  {runs[0].label}{more}" + (f"  ({server})" if server else ""), style="dim"))
    counts = [f"{number} {verdict}" for verdict in ORDER if (number := report.count(verdict))]
    known = sum(item.known is not None for item in report.differences)
    told = ", ".join(counts) or "nothing to compare"
    told += f" ({known} of the differences known)" if known else ""
    told += f"; {len(report.varying)} vary from run to run" if report.varying else ""
    verdict = "✘ they differ" if report.differences else "✔ nothing differs"
    lines.append(Text.assemble((verdict, "bold red" if report.differences else "bold green"), f": {told}"))
    return lines


def differences(report: Report) -> list[Text]:
    """What differs, under its step; and what varies."""
    lines: list[Text] = []
    step: int | None = None
    for item in report.differences:
        if item.finding.step != step:
            step = item.finding.step
            lines += [Text(), Text(step_title(report, step), style="bold")]
        lines += rendered(item, item.finding.verdict, report)
    lines += titled("Not in every pair of runs", report.varying, "varies", report)
    return lines


def titled(title: str, items: Sequence[Item], verdict: str, report: Report) -> list[Text]:
    """Items under a title of their own."""
    lines = [Text(), Text(title, style="bold")] if items else []
    for item in items:
        lines += rendered(item, verdict, report)
    return lines


def step_title(report: Report, step: int) -> str:
    """`step 2 (at 5 s) kill_node: node-2`."""
    if not 0 <= step < len(report.a[0].steps):
        return "before the first step" if step < 0 else f"step {step}"
    seconds, what = report.a[0].steps[step]
    return textwrap.shorten(f"step {step} (at {seconds:g} s) {step_words(what)}", 110, placeholder=" …")


def rendered(item: Item, verdict: str, report: Report) -> list[Text]:
    """One item: what and where; then what either side has."""
    finding, pairs = item.finding, report.pairs
    head = verdict if not finding.seconds or verdict == "varies" else f"{verdict} by {abs(finding.seconds):.1f} s"
    text = Text.assemble((f"{head:<{VERDICT_WIDTH}}", STYLES[verdict]), (finding.object, "bold"), f"  {finding.what}")
    if pairs > 1 and verdict == "varies":
        text.append(f"  ({finding.verdict} in {item.pairs} of {pairs} pairs)", style="dim")
    if item.known is not None:
        text.append(f"  [{known_ones(report).index(item.known) + 1}]", style="dim")
    lines = [text]
    if verdict != "same":
        lines.append(Text(f"{INDENT}  A {spread(item.times_a, pairs) or finding.expected}"))
        lines.append(Text(f"{INDENT}  B {spread(item.times_b, pairs) or finding.found}"))
    return lines


def known_ones(report: Report) -> list[Known]:
    """The explanations of this report, each once."""
    return list(dict.fromkeys(item.known for item in (*report.differences, *report.varying) if item.known is not None))


def footnotes(report: Report) -> list[Text]:
    """What is known of the differences."""
    known = known_ones(report)
    lines = [Text(), Text("Known", style="bold")] if known else []
    return lines + [Text(f"  [{number}] {each.why} ({each.link})") for number, each in enumerate(known, 1)]


def spread(times: Sequence[float], pairs: int) -> str:
    """How the times of several runs are spread; "" for a single one."""
    if pairs == 1 or not times:
        return ""
    return f"{min(times):.3f} … {median(times):.3f} … {max(times):.3f} s after the step, in {len(times)} runs"
