"""Holds a played timeline against its recording, entry by entry, and counts what agrees.

Every entry of the recorded outcome gets a verdict: it *agrees*, *differs* (in its count, its time or its order), or
is *missing*; what only the play has is *extra*. Beside them stand the counters at the end of each step.

A time is taken from its cause. A real control plane and its machine are slower here and there, and what follows
then comes later too; so an entry's time agrees if its distance from its step, or from something before it that
itself agreed, is the recorded one within 2 s or 5 %. A node's silence counts from the last renewal of its Lease.
What succeeds at last after failures counts from the last of them: how many there were before is chance, and with
it how far their back-off had come. Where a loop polls, one period more is allowed (`period_of`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

from kubesim.compare.outcomes import (
    ORDER_TOLERANCE_SECONDS,
    Difference,
    about_entry,
    order_is_free,
    settled_differences,
)
from kubesim.recording import Entry, Outcome

TOLERANCE_SECONDS = 2.0
TOLERANCE_SHARE = 0.05
NODE_MONITOR_SECONDS = 5.0  # --node-monitor-period
POD_GC_SECONDS = 20.0
AUTOSCALER_SECONDS = 15.0  # --horizontal-pod-autoscaler-sync-period
NAMESPACE_SECONDS = 15.0
NODE_LOOP_REASONS = {"RemovingNode", "RegisteredNode", "NodeNotReady", "DeletingNode"}
RETRIED = {"FailedCreate", "FailedScheduling"}
NOTHING = "nothing"

Standing = Literal["agrees", "differs", "missing", "extra"]
Moments = tuple[float, float]  # The same moment in the recording and in the play.


class Verdict(msgspec.Struct, frozen=True):
    """What became of one entry."""

    standing: Standing
    step: int
    about: str
    differences: tuple[Difference, ...] = ()


class Comparison(msgspec.Struct, frozen=True):
    """How one recording came out: a verdict for each of its entries, then the extra ones; and the counters."""

    verdicts: tuple[Verdict, ...]
    settled: tuple[Difference, ...]

    def count(self, standing: Standing) -> int:
        """How many entries stand so."""
        return sum(verdict.standing == standing for verdict in self.verdicts)

    @property
    def entries(self) -> int:
        """How many the recording has."""
        return len(self.verdicts) - self.count("extra")

    @property
    def agrees(self) -> bool:
        """Whether nothing differs."""
        return not self.settled and all(verdict.standing == "agrees" for verdict in self.verdicts)


def compare_timelines(expected: Outcome, found: Outcome) -> Comparison:
    """The verdicts on `found`, a play of the recording that `expected` sums up."""
    pairs, extra = paired(expected.entries, found.entries)
    faults: dict[int, list[Difference]] = {}
    for entry, twin in pairs:
        if entry.count != twin.count and not (entry.racy or twin.racy):
            fault = Difference("count", entry.step, about_entry(entry), str(entry.count), str(twin.count))
            faults.setdefault(id(entry), []).append(fault)
    causes = {**step_starts(expected, found), **silences(expected, found)}
    for fault, entry in [*time_faults(pairs, causes), *order_faults(pairs)]:
        faults.setdefault(id(entry), []).append(fault)
    there = {id(entry) for entry, _ in pairs}
    verdicts = [verdict_on(entry, there, faults) for entry in expected.entries]
    verdicts += [Verdict("extra", entry.step, about_entry(entry), (surplus(entry),)) for entry in extra]
    settled = settled_differences(expected.settled, found.settled, lambda *_: True)
    return Comparison(tuple(verdicts), tuple(settled))


def verdict_on(entry: Entry, there: set[int], faults: dict[int, list[Difference]]) -> Verdict:
    """The verdict on a recorded entry. One that may be there or not between two real runs is not missed."""
    about = about_entry(entry)
    if id(entry) not in there and not entry.racy:
        lack = Difference("missing", entry.step, about, f"{entry.count} times", NOTHING)
        return Verdict("missing", entry.step, about, (lack,))
    found = tuple(faults.get(id(entry), ()))
    return Verdict("differs" if found else "agrees", entry.step, about, found)


def surplus(entry: Entry) -> Difference:
    """What only the play has."""
    return Difference("extra", entry.step, about_entry(entry), NOTHING, f"{entry.count} times")


def paired(wanted: list[Entry], got: list[Entry]) -> tuple[list[tuple[Entry, Entry]], list[Entry]]:
    """Entries of the same thing in both, and those that only the play has.

    What comes at the edge of a step may come in the next window: then it is the same thing if nothing else is.
    """
    ours = {entry.key: entry for entry in got}
    pairs = [(entry, ours.pop(entry.key)) for entry in wanted if entry.key in ours]
    there = {entry.key for entry, _ in pairs}
    missing = [entry for entry in wanted if entry.key not in there and not entry.racy]
    extra = [entry for entry in ours.values() if not entry.racy]
    for entry in missing:
        twin = next((each for each in extra if is_neighbour(entry, each)), None)
        if twin is not None:
            extra.remove(twin)
            pairs.append((entry, twin))
    return sorted(pairs, key=lambda pair: (pair[0].time, pair[1].time)), extra


def is_neighbour(entry: Entry, twin: Entry) -> bool:
    """The same change, as often, one window earlier or later."""
    return abs(entry.step - twin.step) == 1 and entry.key[1:] == twin.key[1:] and entry.count == twin.count


def step_starts(expected: Outcome, found: Outcome) -> dict[int | str, Moments]:
    """By step: when it began, which is when the window before it ended."""
    windows = zip(expected.settled, found.settled, strict=False)
    return {theirs.step + 1: (theirs.time, ours.time) for theirs, ours in windows if theirs.step == ours.step}


def silences(expected: Outcome, found: Outcome) -> dict[int | str, Moments]:
    """By node: when its Lease was last renewed before its silence was noticed."""
    ours = {str(each["node"]): float(each["renewed_t"]) for each in found.silences}
    theirs = {str(each["node"]): float(each["renewed_t"]) for each in expected.silences}
    return {node: (theirs[node], ours[node]) for node in theirs if node in ours}


def time_faults(
    pairs: Iterable[tuple[Entry, Entry]],
    causes: dict[int | str, Moments],
    seconds: float = TOLERANCE_SECONDS,
    share: float = TOLERANCE_SHARE,
) -> Iterator[tuple[Difference, Entry]]:
    """The entries whose time agrees, within `seconds` or `share` of the delay, with nothing that could be its cause."""
    agreed: list[Moments] = []
    for entry, twin in pairs:
        possible = [causes[key] for key in (entry.step, entry.name) if key in causes]
        period = period_of(entry)
        if any(
            is_as_far(entry.time - a, twin.time - b, max(seconds, share * (entry.time - a)) + period)
            for a, b in (*possible, *reversed(agreed))
        ):
            agreed.append((entry.time, twin.time))
            if entry.count > 1:
                agreed.append((entry.time + spread(entry), twin.time + spread(twin)))
        elif entry.racy and entry.change.get("reason") in RETRIED:
            agreed.append((entry.time + spread(entry), twin.time + spread(twin)))
        elif not entry.racy:
            expected, found = f"{entry.after_min:.3f} s", f"{twin.after_min:.3f} s"
            yield Difference("time", entry.step, about_entry(entry), expected, found), entry


def spread(entry: Entry) -> float:
    """Seconds from the first to the last occurrence."""
    return entry.after_max - entry.after_min


def is_as_far(recorded: float, played: float, limit: float) -> bool:
    """Whether two delays are the same, for a cause that came before its effect."""
    return recorded >= 0 and abs(recorded - played) <= limit


def period_of(entry: Entry) -> float:
    """The period of the loop that a change waits for; 0 if none does."""
    change, reason = entry.change, str(entry.change.get("reason", ""))
    if entry.kind == "Namespace":
        return NAMESPACE_SECONDS
    if entry.kind == "Node" and ("condition" in change or str(change.get("taint", "")).endswith(":NoExecute")):
        return NODE_MONITOR_SECONDS
    if reason in NODE_LOOP_REASONS:
        return NODE_MONITOR_SECONDS
    if str(change.get("to", "")).endswith("/DeletionByPodGC"):
        return POD_GC_SECONDS
    if "HorizontalPodAutoscaler" in (entry.kind, entry.name.partition("/")[0]):
        return AUTOSCALER_SECONDS
    return 0.0


def order_faults(pairs: list[tuple[Entry, Entry]]) -> Iterator[tuple[Difference, Entry]]:
    """What came clearly before something else in the recording, and clearly after it in the play."""
    sure = [(entry, twin) for entry, twin in pairs if not entry.racy]
    for index, (first, our_first) in enumerate(sure):
        for second, our_second in sure[index + 1 :]:
            if first.step != second.step or our_first.time <= our_second.time:
                continue
            same = (first.kind, first.name) == (second.kind, second.name) and is_single(first)
            if same and order_is_free(first, second):
                continue
            clear = 0.0 if same else ORDER_TOLERANCE_SECONDS
            if second.time - first.time > clear and our_first.time - our_second.time > clear:
                about = f"{about_entry(first)} before {about_entry(second)}"
                yield Difference("order", first.step, about, "in this order", "the other way round"), second


def is_single(entry: Entry) -> bool:
    """Whether the entry is about one object, and happened once: of twins each has an order of its own."""
    return "<" not in entry.name and entry.count == 1 and entry.kind != "Event"
