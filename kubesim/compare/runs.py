"""Several runs of A beside several runs of B: what differs in every pair of them.

Two runs of one real cluster differ in what chance decides. So with several runs a difference counts if each run of A
shows it against each run of B: something that always happens here and never there, two spreads of times that do not
touch even with the tolerance. What only some pairs show varies, and is told as such.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import median

import msgspec

from kubesim.compare.findings import Finding
from kubesim.compare.known import Known, known_for
from kubesim.compare.lives import object_of
from kubesim.compare.pair import Rules, compare_pair
from kubesim.compare.recorded_run import RecordedRun, RecordingError
from kubesim.compare.words import change_in_words
from kubesim.recording import Outcome

VERDICTS = ("later", "earlier", "different", "missing", "extra")
Times = tuple[float, ...]
Identity = tuple[object, ...]  # Of a finding; of several of one kind, which.
Place = tuple[int, str, str]  # Step, object, change in words.


class Item(msgspec.Struct, frozen=True):
    """A finding on all runs. `known`: what docs/fidelity.md says of it. Times are seconds after the step, one a run."""

    finding: Finding
    pairs: int  # How many pairs of runs show it.
    known: Known | None = None
    times_a: Times = ()
    times_b: Times = ()


class Report(msgspec.Struct, frozen=True):
    """A beside B."""

    name: str
    a: tuple[RecordedRun, ...]
    b: tuple[RecordedRun, ...]
    differences: tuple[Item, ...]
    varying: tuple[Item, ...]
    same: tuple[Item, ...]

    @property
    def pairs(self) -> int:
        """How many pairs of runs were compared."""
        return len(self.a) * len(self.b)

    def count(self, verdict: str) -> int:
        """How many items have this verdict."""
        items = self.same if verdict == "same" else self.differences
        return sum(item.finding.verdict == verdict for item in items)


def compare_runs(a: Sequence[RecordedRun], b: Sequence[RecordedRun], rules: Rules) -> Report:
    """The report on A and B."""
    name = one_scenario([*a, *b])
    pairs = [compare_pair(left, right, rules) for left in a for right in b]
    seen: dict[Identity, list[Finding]] = {}
    for findings in pairs:
        counts: Counter[Identity] = Counter()
        for finding in findings:
            counts[finding.identity] += 1
            seen.setdefault((*finding.identity, counts[finding.identity]), []).append(finding)
    times = times_of(a), times_of(b)
    differences, varying, same = list[Item](), list[Item](), list[Item]()
    for found in seen.values():
        item = item_of(found, times, name)
        if item.finding.verdict != "same":
            (differences if len(found) == len(pairs) else varying).append(item)
        elif len(found) == len(pairs) or not is_elsewhere(item.finding, seen):
            same.append(item)
    for items in (differences, varying, same):
        items.sort(key=lambda item: item.finding.step)
    return Report(name, tuple(a), tuple(b), tuple(differences), tuple(varying), tuple(same))


def one_scenario(runs: Sequence[RecordedRun]) -> str:
    """The scenario of all runs; RecordingError if they played different ones."""
    names = {run.label: scenario_name(run) for run in runs}
    told = {label: name for label, name in names.items() if name}
    if len(set(told.values())) > 1:
        first, *rest = told
        other = next(label for label in rest if told[label] != told[first])
        raise RecordingError(
            f"these are runs of different scenarios: {first} of {told[first]}, {other} of {told[other]}"
        )
    return next(iter(told.values()), "")


def scenario_name(run: RecordedRun) -> str:
    """What the first line calls the scenario."""
    scenario = run.meta.get("scenario")
    if isinstance(scenario, dict):
        return str(scenario.get("name") or (scenario.get("metadata") or {}).get("name") or "")
    return scenario if isinstance(scenario, str) else ""


def item_of(found: list[Finding], times: tuple[dict[Place, Times], dict[Place, Times]], scenario: str) -> Item:
    """One item of the same finding in some pairs of runs."""
    first = found[0]
    place = first.step, first.object, first.what
    if len(found) > 1 and first.seconds:
        first = msgspec.structs.replace(first, seconds=round(median(each.seconds for each in found), 3))
    known = None if first.verdict == "same" else known_for(first, scenario)
    return Item(first, len(found), known, times[0].get(place, ()), times[1].get(place, ()))


def is_elsewhere(finding: Finding, seen: dict[Identity, list[Finding]]) -> bool:
    """Whether other pairs of runs show a difference in the same thing."""
    aspect, step, about, what, _ = finding.identity
    return any((aspect, step, about, what, verdict, 1) in seen for verdict in VERDICTS)


def times_of(runs: Sequence[RecordedRun]) -> dict[Place, Times]:
    """By step, object and change: seconds after the step, one for each run that has it."""
    found: dict[Place, Times] = {}
    for run in runs:
        for place, after in first_times(run.outcome).items():
            found[place] = (*found.get(place, ()), after)
    return found


def first_times(outcome: Outcome) -> dict[Place, float]:
    """When each thing first happened in one run."""
    return {
        (entry.step, object_of(entry), change_in_words(entry)): entry.after_min for entry in reversed(outcome.entries)
    }
