"""Compares two ordered outcomes: the same things must happen, as often, in the same order, with the same words.

What may vary between two runs of the same real cluster is left out: which twin Pod came first, the order of
unrelated objects within two seconds, and the counts of entries marked racy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from kubesim.recording import Entry, Outcome, Settled

ORDER_TOLERANCE_SECONDS = 2.0


class Difference(msgspec.Struct, frozen=True):
    """One thing that is not the same. `what` is missing, extra, count, order, time or settled."""

    what: str
    step: int
    about: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.what} (step {self.step}) {self.about}: expected {self.expected}, found {self.found}"


def compare_outcomes(
    expected: Outcome,
    found: Outcome,
    *,
    relevant: Callable[[str, str], bool] = lambda *_: True,
    tolerance_seconds: Callable[[Entry], float | None] = lambda _: None,
) -> list[Difference]:
    """All differences.

    `relevant(kind, name)` limits what is compared. `tolerance_seconds` of an entry says how far its time after
    the step may differ (None: it is not compared).
    """
    wanted = [entry for entry in expected.entries if relevant(entry.kind, entry.name)]
    got = [entry for entry in found.entries if relevant(entry.kind, entry.name)]
    return [
        *_entries(wanted, got, tolerance_seconds),
        *_orders(wanted, got),
        *settled_differences(expected.settled, found.settled, relevant),
    ]


def _entries(
    wanted: list[Entry], got: list[Entry], tolerance_seconds: Callable[[Entry], float | None]
) -> Iterator[Difference]:
    theirs = {entry.key: entry for entry in wanted}
    ours = {entry.key: entry for entry in got}
    for key, entry in theirs.items():
        twin = ours.get(key)
        if twin is None:
            if not entry.racy:
                yield Difference("missing", entry.step, about_entry(entry), f"{entry.count} times", "nothing")
            continue
        if twin.count != entry.count and not (entry.racy or twin.racy):
            yield Difference("count", entry.step, about_entry(entry), str(entry.count), str(twin.count))
        limit = tolerance_seconds(entry)
        if limit is not None and abs(twin.after_min - entry.after_min) > limit:
            yield Difference(
                "time", entry.step, about_entry(entry), f"{entry.after_min:.3f} s", f"{twin.after_min:.3f} s"
            )
    for key, entry in ours.items():
        if key not in theirs and not entry.racy:
            yield Difference("extra", entry.step, about_entry(entry), "nothing", f"{entry.count} times")


def _orders(wanted: list[Entry], got: list[Entry]) -> Iterator[Difference]:
    """What came clearly before something else in one run must not come clearly after it in the other."""
    place = {entry.key: entry for entry in got}
    common = [(entry, place[entry.key]) for entry in wanted if entry.key in place and not entry.racy]
    for index, (first, our_first) in enumerate(common):
        for second, our_second in common[index + 1 :]:
            if first.step != second.step or second.time - first.time <= ORDER_TOLERANCE_SECONDS:
                continue
            if our_first.time > our_second.time:
                about = f"{about_entry(first)} before {about_entry(second)}"
                yield Difference("order", first.step, about, "in this order", "the other way round")


def settled_differences(
    wanted: list[Settled], got: list[Settled], relevant: Callable[[str, str], bool]
) -> Iterator[Difference]:
    """The counters that are not the same at the end of a step window."""
    for theirs, ours in zip(wanted, got, strict=False):
        for name in sorted({*theirs.state, *ours.state}):
            kind, _, rest = name.partition("/")
            if relevant(kind, rest) and theirs.state.get(name) != ours.state.get(name):
                expected, found = str(theirs.state.get(name)), str(ours.state.get(name))
                yield Difference("settled", theirs.step, name, expected, found)
    if len(wanted) != len(got):
        yield Difference("settled", -1, "number of step windows", str(len(wanted)), str(len(got)))


def order_is_free(first: Entry, second: Entry) -> bool:
    """Taints of one key: two workers put them on, the one of NoExecute every 100 ms, whenever that is."""
    keys = [str(entry.change.get("taint", "")).rpartition(":")[0] for entry in (first, second)]
    return bool(keys[0]) and keys[0] == keys[1]


def about_entry(entry: Entry) -> str:
    """An entry in a few words."""
    changes = ", ".join(f"{key}={value}" for key, value in entry.change.items())
    return f"{entry.kind} {entry.name} [{changes}]"
