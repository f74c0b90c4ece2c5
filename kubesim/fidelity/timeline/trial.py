"""One recording put to the test: read, played, compared, and told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from kubesim.api.stored import Object
from kubesim.compare import Comparison, compare_timelines
from kubesim.fidelity.timeline.player import KNOWN_FIELDS, Opener, TimelineError, emulated, play_timeline
from kubesim.recording import ordered_outcome, read_recording
from kubesim.sim import run

OUTPUT_SHOWN = 160


class Trial(msgspec.Struct, frozen=True):
    """How one recording came out. `notes` are what a reader should know beside the differences."""

    name: str
    seed: int
    comparison: Comparison
    notes: tuple[str, ...]
    unplayed: int  # Steps that could not be played.
    played: tuple[Object, ...] = ()  # The lines of our own recording.

    @property
    def agrees(self) -> bool:
        """Whether everything was played and nothing differs."""
        return self.comparison.agrees and not self.unplayed

    @property
    def distance(self) -> int:
        """How much does not agree."""
        verdicts = self.comparison.verdicts
        return sum(each.standing != "agrees" for each in verdicts) + len(self.comparison.settled) + self.unplayed


def read_timeline(path: Path) -> list[Object]:
    """The lines of a recording, or a TimelineError that says what is wrong with it."""
    try:
        lines = list(read_recording(path))
    except (OSError, EOFError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise TimelineError(f"{path} cannot be read as a recording: {why}") from None
    scenario = scenario_of(lines)
    if scenario is None:
        raise TimelineError(f"{path} is no recording of a timeline: its first line holds no scenario under `meta`")
    for key, kind in (("name", str), ("steps", list), ("until", (int, float))):
        if not isinstance(scenario.get(key), kind):
            raise TimelineError(f"{path}: the scenario's `{key}` is missing or of the wrong type")
    if not all(isinstance(step, dict) and isinstance(step.get("at"), int | float) for step in scenario["steps"]):
        raise TimelineError(f"{path}: every step of the scenario needs a time, `at`, in seconds")
    return lines


def scenario_of(lines: Sequence[Any]) -> Object | None:
    """The scenario in the first line."""
    meta = lines[0].get("meta") if lines and isinstance(lines[0], dict) else None
    scenario = meta.get("scenario") if isinstance(meta, dict) else None
    return scenario if isinstance(scenario, dict) else None


def attempt(lines: Sequence[Object], seed: int, opener: Opener = emulated) -> Trial:
    """Plays a recording in a simulation of its own. One that breaks off has played nothing: all of it is missing."""
    scenario = lines[0]["meta"]["scenario"]
    try:
        played = run(lambda: play_timeline(lines, seed=seed, opener=opener))
    except Exception as error:  # Whatever it was, the other recordings are played.
        nothing = [lines[0], {"t": 0.0, "end": True}]
        comparison = compare_timelines(ordered_outcome(lines), ordered_outcome(nothing))
        note = f"the play broke off: {type(error).__name__}: {error}"
        return Trial(scenario["name"], seed, comparison, (note,), len(scenario["steps"]))
    comparison = compare_timelines(ordered_outcome(lines), ordered_outcome(played))
    unplayed = sum(bool(line.get("unplayed")) for line in played)
    return Trial(scenario["name"], seed, comparison, tuple(notes_on(scenario, lines, played)), unplayed, tuple(played))


def best_attempt(lines: Sequence[Object], seeds: Sequence[int], opener: Opener = emulated) -> Trial:
    """The first play that agrees, or else the one that is nearest."""
    best: Trial | None = None
    for seed in seeds:
        trial = attempt(lines, seed, opener)
        if best is None or trial.distance < best.distance:
            best = trial
        if best.agrees:
            break
    assert best is not None, "there is at least one seed"
    return best


def notes_on(scenario: Object, recorded: Sequence[Object], played: Sequence[Object]) -> Iterator[str]:
    """Fields that nobody knows, steps that could not be played, commands that ended otherwise."""
    for name in sorted(scenario.keys() - KNOWN_FIELDS):
        yield f"the scenario's field {name!r} is not known and was passed over"
    codes = {line["n"]: line["exit"] for line in recorded if "exit" in line}
    for line in played:
        if "exit" not in line:
            continue
        said = " ".join(line["output"].split())[:OUTPUT_SHOWN]
        if line.get("unplayed"):
            yield f"step {line['n']} was not played: {said}"
        elif line["exit"] != codes.get(line["n"], line["exit"]):
            yield f"step {line['n']} ended with {line['exit']}, in the recording with {codes[line['n']]}: {said}"
