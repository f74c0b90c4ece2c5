"""The report as one page that needs nothing else: no network, no script, no font. Everything in it is escaped.

First the verdict and what differs; then, per object, its life in A beside its life in B on one axis of time, as a
drawing and as a table, so that it can be read, printed, searched, and heard.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from kubesim.compare.lives import Life, lives_of, matched
from kubesim.compare.page_style import STYLE
from kubesim.compare.runs import Item, Report
from kubesim.compare.words import change_in_words
from kubesim.recording.names import without_pod_numbers

MARKS = {"same": "=", "later": "→", "earlier": "←", "different": "≠", "missing": "-", "extra": "+"}
ORDER = ("different", "missing", "extra", "later", "earlier", "same")
WIDTH, LANE, MARGIN = 960, 26, 70  # Of the drawing, in its own units.


def page(report: Report) -> str:
    """The whole page."""
    title = f"{report.name or 'Two recordings'}: A beside B"
    body = "\n".join([*head_part(report), *difference_part(report), *object_part(report)])
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f'<a class="skip" href="#differences">To the differences</a>\n<header><h1>{escape(title)}</h1></header>\n'
        f"<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def head_part(report: Report) -> Iterator[str]:
    """What was compared, and how it came out."""
    words = "They differ" if report.differences else "Nothing differs"
    yield f'<p class="verdict {"bad" if report.differences else "good"}">{words}.</p>'
    yield "<dl>"
    for letter, runs in (("A", report.a), ("B", report.b)):
        yield f"<dt>{letter}</dt><dd>{escape(', '.join(run.label for run in runs))}</dd>"
    yield "</dl>"
    counts = [(verdict, report.count(verdict)) for verdict in ORDER]
    yield '<ul class="counts">'
    for verdict, number in counts:
        if number:
            yield f'<li class="{verdict}"><b>{number}</b> {MARKS[verdict]} {verdict}</li>'
    yield "</ul>"


def difference_part(report: Report) -> Iterator[str]:
    """All differences in one table, and what varies in another."""
    yield '<section id="differences" tabindex="-1"><h2>What differs</h2>'
    if report.differences:
        yield from item_table("Differences, step by step", report.differences)
    else:
        yield "<p>Nothing.</p>"
    if report.varying:
        yield "<h2>What varies from run to run</h2>"
        yield from item_table(f"Not shown by all {report.pairs} pairs of runs", report.varying)
    yield "</section>"


def item_table(caption: str, items: Iterable[Item]) -> Iterator[str]:
    """A row for each item."""
    yield f'<div class="wide"><table><caption>{escape(caption)}</caption><thead><tr>'
    yield "".join(f'<th scope="col">{head}</th>' for head in ("Verdict", "Step", "Object", "What", "A", "B", "Known"))
    yield "</tr></thead><tbody>"
    for item in items:
        finding = item.finding
        verdict = f"{MARKS[finding.verdict]} {finding.verdict}"
        verdict += f" by {abs(finding.seconds):.1f} s" if finding.seconds else ""
        known = f"{escape(item.known.why)} <small>{escape(item.known.link)}</small>" if item.known else ""
        cells = (str(finding.step), finding.object, finding.what, finding.expected, finding.found)
        yield f'<tr class="{finding.verdict}"><th scope="row">{escape(verdict)}</th>'
        yield "".join(f"<td>{escape(cell)}</td>" for cell in cells) + f"<td>{known}</td></tr>"
    yield "</tbody></table></div>"


def object_part(report: Report) -> Iterator[str]:
    """The lives of all objects; those with differences are open."""
    ours, theirs = lives_of(report.a[0].outcome), lives_of(report.b[0].outcome)
    troubled = {item.finding.object for item in report.differences}
    until = max([1.0, *(life[-1].time for life in (*ours.values(), *theirs.values()))])
    odd = {(item.finding.object, item.finding.step, item.finding.what): item for item in report.differences}
    yield '<section id="objects"><h2>The life of each object</h2>'
    if report.pairs > 1:
        yield f"<p>Of {escape(report.a[0].label)} and {escape(report.b[0].label)}; other runs are in the numbers.</p>"
    pairs = sorted(matched(ours, theirs), key=lambda pair: first_time(ours, theirs, pair))
    for name, twin in pairs:
        role = without_pod_numbers(name or twin)
        is_open = " open" if role in troubled else ""
        label = name if not twin or name == twin else f"{name or NOBODY} (A), {twin} (B)"
        yield f"<details{is_open}><summary>{escape(label)}</summary>"
        yield drawing(role, ours.get(name, []), theirs.get(twin, []), until)
        yield from life_table(role, ours.get(name, []), theirs.get(twin, []), odd)
        yield "</details>"
    yield "</section>"


NOBODY = "nobody"


def first_time(ours: dict[str, Life], theirs: dict[str, Life], pair: tuple[str, str]) -> float:
    """When an object first appears."""
    name, twin = pair
    return ours[name][0].time if name else theirs[twin][0].time


def drawing(role: str, ours: Life, theirs: Life, until: float) -> str:
    """Two lines, a mark on them for each change; what a mark means is told where it is pointed at."""
    parts = [f'<svg viewBox="0 0 {WIDTH} {2 * LANE + 6}" role="img" aria-label="{escape(role)}: A above, B below">']
    for lane, (letter, life) in enumerate((("A", ours), ("B", theirs))):
        middle = LANE * lane + LANE // 2
        parts.append(f'<text x="4" y="{middle + 4}">{letter}</text>')
        parts.append(f'<line x1="{MARGIN // 2}" y1="{middle}" x2="{WIDTH - 10}" y2="{middle}"/>')
        for moment in life:
            at = MARGIN // 2 + (WIDTH - 10 - MARGIN // 2) * moment.time / until
            kind = "event" if moment.entry.kind == "Event" else "change"
            told = escape(f"{moment.time:.3f} s: {change_in_words(moment.entry)}")
            parts.append(f'<circle class="{kind}" cx="{at:.1f}" cy="{middle}" r="4"><title>{told}</title></circle>')
    return "".join(parts) + "</svg>"


def life_table(role: str, ours: Life, theirs: Life, odd: dict[tuple[str, int, str], Item]) -> Iterator[str]:
    """Row by row what happened on both sides, at which time; what only one side has leaves the other cell empty."""
    yield f'<div class="wide"><table><caption>{escape(role)}</caption><thead><tr>'
    yield "".join(f'<th scope="col">{head}</th>' for head in ("Step", "A", "B", "What", "Verdict"))
    yield "</tr></thead><tbody>"
    for step, words, times in side_by_side(ours, theirs):
        item = odd.get((role, step, words))
        verdict = item.finding.verdict if item else "same" if all(times) else "extra" if times[1] else "missing"
        shown = f"{MARKS[verdict]} {verdict}" + ("" if item or all(times) else " here")
        cells = (str(step), *times, words, shown)
        yield f'<tr class="{verdict}">' + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
    yield "</tbody></table></div>"


def side_by_side(ours: Life, theirs: Life) -> list[tuple[int, str, tuple[str, str]]]:
    """Step, what happened, and when in A and in B; in the order of A, then of B."""
    rows: dict[tuple[int, str, int], list[str]] = {}
    order: dict[tuple[int, str, int], float] = {}
    for side, life in enumerate((ours, theirs)):
        counts: dict[tuple[int, str], int] = {}
        for moment in life:
            place = moment.entry.step, change_in_words(moment.entry)
            counts[place] = counts.get(place, 0) + 1
            row = (*place, counts[place])
            rows.setdefault(row, ["", ""])[side] = f"{moment.time:.3f} s"
            order.setdefault(row, moment.time)
    ordered = sorted(rows, key=lambda row: (row[0], order[row]))
    return [(row[0], row[1], (rows[row][0], rows[row][1])) for row in ordered]
