"""One run of A and one of B: everything that is the same, and everything that is not.

What happened is paired entry by entry with the engine of the timelines (`kubesim.compare.timelines`), and times are
held against their causes there too; here each occurrence is, not only the first. What is left over on both sides and
is about the same thing is one difference: another reason, another message. Beside the entries stand the order within
the life of each object, placements, the counters at the end of each step, and the steps themselves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import msgspec

from kubesim.compare.findings import NOTHING, Aspect, Finding, Tolerance, Verdict
from kubesim.compare.lives import lives_of, matched, object_of, swaps
from kubesim.compare.placements import placement_findings
from kubesim.compare.recorded_run import RecordedRun
from kubesim.compare.timelines import Moments, order_faults, paired, silences, step_starts, time_faults
from kubesim.compare.words import change_in_words, family_of, likeness
from kubesim.recording import Entry, Outcome

ENDPOINT_KINDS = ("Endpoints", "EndpointSlice")
# They stand in `default`; a run on a real cluster has a namespace of its own instead.
APISERVERS_OWN = {"Endpoints/kubernetes", "EndpointSlice/kubernetes"}
Pairs = list[tuple[Entry, Entry]]


class Rules(msgspec.Struct, frozen=True):
    """How to compare. `strict`: also what two runs of one real cluster may differ in; `exact_nodes`: nodes by name."""

    tolerance: Tolerance = Tolerance()
    strict: bool = False
    exact_nodes: bool = False


class _Gap(msgspec.Struct):
    """An entry that one side has more often than the other."""

    entry: Entry
    number: int
    whole: bool  # The other side has none of it.


def compare_pair(a: RecordedRun, b: RecordedRun, rules: Rules) -> list[Finding]:
    """All findings, in order of time; what is the same included."""
    pairs, _ = paired(a.outcome.entries, b.outcome.entries)
    found = [
        *step_findings(a, b, rules),
        *change_findings(a.outcome, b.outcome, pairs, rules),
        *order_findings(a.outcome, b.outcome, pairs),
        *state_findings(a.outcome, b.outcome),
        *placement_findings(a, b, exact=rules.exact_nodes),
    ]
    return sorted(found, key=lambda finding: finding.step)


def step_findings(a: RecordedRun, b: RecordedRun, rules: Rules) -> Iterator[Finding]:
    """The same steps, at the same time, with the same exit codes."""
    for number in range(max(len(a.steps), len(b.steps))):
        (at_a, step_a), (at_b, step_b) = (run.steps[number] if number < len(run.steps) else (0, {}) for run in (a, b))
        about = f"Step/{number}"
        if not step_a or not step_b:
            verdict: Verdict = "missing" if step_a else "extra"
            yield Finding(verdict, "step", number, about, "the step", step_words(step_a), step_words(step_b))
            continue
        verdict = "same" if step_words(step_a) == step_words(step_b) else "different"
        yield Finding(verdict, "step", number, about, "what is done", step_words(step_a), step_words(step_b))
        late = at_b - at_a
        if abs(late) > max(rules.tolerance.seconds, rules.tolerance.share * at_a):
            yield timed(number, about, "when it begins", at_a, at_b, late)
    for number in sorted(a.exits.keys() & b.exits.keys()):
        if a.exits[number] != b.exits[number]:
            codes = str(a.exits[number]), str(b.exits[number])
            yield Finding("different", "step", number, f"Step/{number}", "exit code", *codes)


def step_words(step: dict[str, object]) -> str:
    """What a step does, without when."""
    return ", ".join(f"{key}: {value}" for key, value in step.items() if key != "at") or NOTHING


def change_findings(a: Outcome, b: Outcome, pairs: Pairs, rules: Rules) -> Iterator[Finding]:
    """Every entry of A, and what only B has."""
    lacking, surplus = gaps(a, b, pairs, rules)
    yield from gap_findings(lacking, surplus)
    yield from time_findings(a, b, pairs, rules)
    incomplete = {id(gap.entry) for gap in lacking}
    for entry, twin in pairs:
        if id(entry) not in incomplete and (entry.count == twin.count or is_racy(entry, twin)):
            yield finding("same", entry, times_word(entry.count), times_word(twin.count))


def gaps(a: Outcome, b: Outcome, pairs: Pairs, rules: Rules) -> tuple[list[_Gap], list[_Gap]]:
    """What A has more often than B, and the other way round.

    Unless `strict`, racy entries only where whole families of them are missing: how often a failure repeats is
    chance, that it happens is not.
    """
    twins = {id(entry) for pair in pairs for entry in pair}
    families = [{family_of(entry) for entry in outcome.entries} for outcome in (a, b)]
    lacking = [_Gap(entry, entry.count, True) for entry in a.entries if id(entry) not in twins]
    surplus = [_Gap(entry, entry.count, True) for entry in b.entries if id(entry) not in twins]
    lacking = [gap for gap in lacking if rules.strict or counts_as_gap(gap.entry, families[1])]
    surplus = [gap for gap in surplus if rules.strict or counts_as_gap(gap.entry, families[0])]
    for entry, twin in pairs:
        if rules.strict or not is_racy(entry, twin):
            if entry.count > twin.count:
                lacking.append(_Gap(entry, entry.count - twin.count, False))
            elif twin.count > entry.count:
                surplus.append(_Gap(twin, twin.count - entry.count, False))
    return lacking, surplus


def counts_as_gap(entry: Entry, other_side: set[tuple[object, ...]]) -> bool:
    """Whether it matters that the other side has no such entry."""
    return not entry.racy or family_of(entry) not in other_side


def is_racy(entry: Entry, twin: Entry) -> bool:
    """Whether the count may vary."""
    return entry.racy or twin.racy


def gap_findings(lacking: list[_Gap], surplus: list[_Gap]) -> Iterator[Finding]:
    """What both sides have in other words is different; the rest is missing or extra."""
    for gap in lacking:
        while gap.number and (near := nearest(gap.entry, surplus)) is not None:
            number = min(gap.number, near.number)
            yield finding("different", gap.entry, said(gap.entry, number), said(near.entry, number))
            near.number -= number
            gap.number -= number
            if not near.number:
                surplus.remove(near)
        if gap.number:
            there = gap.entry.count - gap.number
            yield finding("missing", gap.entry, times_word(gap.entry.count), times_word(0 if gap.whole else there))
    for gap in surplus:
        there = gap.entry.count - gap.number
        yield finding("extra", gap.entry, times_word(0 if gap.whole else there), times_word(gap.entry.count))


def nearest(entry: Entry, gaps: list[_Gap]) -> _Gap | None:
    """What is most like an entry, if anything is like it."""
    near = max(gaps, key=lambda gap: likeness(entry, gap.entry), default=None)
    return near if near is not None and likeness(entry, near.entry) > 0 else None


def said(entry: Entry, number: int) -> str:
    """The words of a change, with how often if that is not once."""
    return change_in_words(entry) + (f" ({times_word(number)})" if number > 1 else "")


def times_word(count: int) -> str:
    """`once`, `3 times`, `nothing`."""
    return {0: NOTHING, 1: "once"}.get(count, f"{count} times")


def finding(verdict: Verdict, entry: Entry, expected: str, found: str) -> Finding:
    """A verdict on an entry."""
    aspect: Aspect = "event" if entry.kind == "Event" else "change"
    return Finding(verdict, aspect, entry.step, object_of(entry), change_in_words(entry), expected, found)


def time_findings(a: Outcome, b: Outcome, pairs: Pairs, rules: Rules) -> Iterator[Finding]:
    """Each occurrence against its causes. Of several that are off the one that is most so is told."""
    theirs, ours = occurrences(a), occurrences(b)
    single: list[tuple[Entry, Entry]] = []
    origin: dict[int, tuple[Entry, Entry]] = {}
    for entry, twin in pairs:
        times = list(zip(theirs[id(entry)], ours[id(twin)], strict=False))
        for when, then in times if len(theirs[id(entry)]) == len(ours[id(twin)]) else times[:1]:
            one, other = at_time(entry, when), at_time(twin, then)
            single.append((one, other))
            origin[id(one)] = entry, other
    single.sort(key=lambda pair: (pair[0].time, pair[1].time))
    starts: dict[int | str, Moments] = {-1: (0.0, 0.0), **step_starts(a, b)}
    worst: dict[int, Finding] = {}
    for _, one in time_faults(single, {**starts, **silences(a, b)}, rules.tolerance.seconds, rules.tolerance.share):
        entry, other = origin[id(one)]
        began, began_there = starts.get(entry.step, (0.0, 0.0))
        after, after_there = one.time - began, other.time - began_there
        found = timed(entry.step, object_of(entry), change_in_words(entry), after, after_there, after_there - after)
        if id(entry) not in worst or abs(found.seconds) > abs(worst[id(entry)].seconds):
            worst[id(entry)] = found
    yield from worst.values()


def occurrences(outcome: Outcome) -> dict[int, list[float]]:
    """By id of entry: when it happened, each time."""
    found: dict[int, list[float]] = {id(entry): [] for entry in outcome.entries}
    for moment in outcome.moments:
        found[id(moment.entry)] += [moment.time] * moment.count
    return {key: sorted(times) for key, times in found.items()}


def at_time(entry: Entry, time: float) -> Entry:
    """One occurrence of an entry as an entry of its own."""
    after = entry.after_min + time - entry.time
    return msgspec.structs.replace(entry, count=1, time=time, after_min=after, after_max=after)


def timed(step: int, about: str, what: str, when: float, then: float, late: float) -> Finding:
    """Later or earlier."""
    verdict: Verdict = "later" if late > 0 else "earlier"
    return Finding(verdict, "time", step, about, what, f"{when:.3f} s", f"{then:.3f} s", round(late, 3))


def order_findings(a: Outcome, b: Outcome, pairs: Pairs) -> Iterator[Finding]:
    """Within the life of each object; and between objects, of what is more than two seconds apart."""
    ours, theirs = lives_of(a), lives_of(b)
    told: Counter[tuple[str, str]] = Counter()
    for name, twin in matched(ours, theirs):
        if not name or not twin:
            continue
        for first, second in swaps(ours[name], theirs[twin]):
            words = change_in_words(first.entry), change_in_words(second.entry)
            told[words] += 1
            about = object_of(second.entry)
            yield swapped(second.entry.step, about, words[1], f"after {words[0]}", f"before {words[0]}")
    for difference, entry in order_faults(pairs):
        first_words = difference.about.partition(" before ")[0]
        yield swapped(entry.step, object_of(entry), change_in_words(entry), f"after {first_words}", "before it")


def swapped(step: int, about: str, what: str, expected: str, found: str) -> Finding:
    """The other way round."""
    return Finding("different", "order", step, about, what, expected, found)


def state_findings(a: Outcome, b: Outcome) -> Iterator[Finding]:
    """The counters of workloads, slices, quotas and budgets at the end of each step."""
    for theirs, ours in zip(a.settled, b.settled, strict=False):
        for name in sorted({*theirs.state, *ours.state} - APISERVERS_OWN):
            aspect: Aspect = "endpoints" if name.partition("/")[0] in ENDPOINT_KINDS else "state"
            wanted, got = theirs.state.get(name), ours.state.get(name)
            if wanted is None or got is None:
                verdict: Verdict = "extra" if wanted is None else "missing"
                yield Finding(
                    verdict, aspect, theirs.step, name, "at the end of the step", numbers(wanted), numbers(got)
                )
                continue
            for key in dict.fromkeys([*wanted, *got]):
                values = str(wanted.get(key, 0)), str(got.get(key, 0))
                verdict = "same" if values[0] == values[1] else "different"
                yield Finding(verdict, aspect, theirs.step, name, f"{key} at the end of the step", *values)


def numbers(state: dict[str, object] | None) -> str:
    """All counters of an object."""
    return NOTHING if state is None else ", ".join(f"{key}={value}" for key, value in state.items())
