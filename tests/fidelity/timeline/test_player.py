"""Playing scenarios that hold what nobody knows, and recordings that are none."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from kubesim.fidelity.timeline import TimelineError, attempt, best_attempt, read_timeline
from kubesim.fidelity.timeline.player import loop_phase

STEPS: list[dict[str, Any]] = [
    {"at": 1, "run": "$KUBECTL run hello --image=nginx"},
    {"at": 2, "kill_node": "node-9"},
    {"at": 3, "freeze_node": "node-1"},
    {"at": 4, "kubelet": {"node": "fake-1", "rules": []}},
]


def recording(**changes: Any) -> list[dict[str, Any]]:
    scenario = {"name": "x", "until": 10, "steps": STEPS, "color": "red", **changes}
    return [{"t": 0.0, "meta": {"scenario": scenario, "server": "v1.36.2"}}, {"t": 1.0, "step": STEPS[0], "n": 0}]


def test_what_cannot_be_played_is_told_and_counts_as_differing() -> None:
    """Teaches: the rest is played nevertheless."""
    trial = attempt(recording(), 1)
    assert trial.unplayed == 3
    assert not trial.agrees
    assert [note.partition(":")[0] for note in trial.notes] == [
        "the scenario's field 'color' is not known and was passed over",
        "step 1 was not played",
        "step 2 was not played",
        "step 3 was not played",
    ]
    assert "a step of this kind is not known: freeze_node" in trial.notes[2]


def test_a_play_that_breaks_off_has_played_nothing() -> None:
    """Teaches: whatever goes wrong with one recording, the counts stay the recording's own."""
    pod = {"metadata": {"name": "p", "namespace": "t-x", "uid": "u"}, "spec": {}, "status": {"phase": "Pending"}}
    created = {"t": 1.5, "verb": "ADDED", "kind": "Pod", "namespace": "t-x", "name": "p", "object": pod}
    trial = attempt([*recording(files={"../x": "y"}), created, {"t": 9.0, "end": True}], 1)
    assert not trial.agrees
    assert (trial.comparison.entries, trial.comparison.count("missing")) == (2, 2)
    assert trial.unplayed == len(STEPS)
    assert trial.notes == (
        "the play broke off: TimelineError: a file of the scenario must have a plain name, not '../x'",
    )


def test_of_several_seeds_the_nearest_counts() -> None:
    """Teaches: the first that agrees ends the search; if none does, the best is told."""
    trial = best_attempt(recording(steps=[]), (4, 5))
    assert (trial.seed, trial.comparison.entries) == (4, 0)


NO_TIMES = json.dumps({"meta": {"scenario": {"name": "x", "until": 3, "steps": [{}]}}})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "cannot be read as a recording"),
        ('{"t": 0}\n', "its first line holds no scenario"),
        ("", "its first line holds no scenario"),
        ('{"meta": {"scenario": {"name": "x"}}}', "the scenario's `steps` is missing"),
        (NO_TIMES, "every step of the scenario needs a time"),
    ],
)
def test_a_file_that_is_no_recording_is_refused_in_a_sentence(tmp_path: Path, text: str, words: str) -> None:
    """Teaches: bad input gets one clear sentence."""
    path = tmp_path / "x.jsonl.gz"
    path.write_bytes(gzip.compress(text.encode()))
    with pytest.raises(TimelineError, match=words):
        read_timeline(path)


def test_a_file_that_is_not_compressed_as_it_says_is_refused(tmp_path: Path) -> None:
    """Teaches: the same for what no program has written."""
    path = tmp_path / "x.jsonl.gz"
    path.write_bytes(b"x")
    with pytest.raises(TimelineError, match="cannot be read as a recording"):
        read_timeline(path)


def test_a_loop_that_showed_tells_when_it_ran() -> None:
    """Teaches: when a loop began is chance; all of them begin with the controller manager."""
    condition = {"type": "DisruptionTarget", "status": "True", "reason": "DeletionByPodGC"}
    collected = {"t": 59.4, "verb": "MODIFIED", "kind": "Pod", "object": {"status": {"conditions": [condition]}}}
    silent = {"t": 56.8, "lease_last": {"node": "node-2", "renewed_t": 5.0}}
    assert loop_phase([*recording(), silent, collected]) == (20.0, 59.4)
    assert loop_phase([*recording(), silent]) == (5.0, 56.8)
    assert loop_phase(recording()) == (5.0, 0.0)
