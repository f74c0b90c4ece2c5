"""`kubesim fidelity timeline`, with kubectl emulated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

GOLDEN = Path(__file__).parent.parent / "golden" / "timelines"
FIRST_POD = str(GOLDEN / "first-pod.jsonl.gz")


def test_a_recording_that_agrees_ends_with_zero(call: Any) -> None:
    """Teaches: one line a recording, and the totals last."""
    done = call("fidelity", "timeline", "--in-process", FIRST_POD)
    assert done.code == 0
    assert done.out == "✔ first-pod: 10/10 entries agree (seed 1)\ntimelines 1/1 entries 10/10\n"


def test_programs_are_told_in_json(call: Any) -> None:
    """Teaches: the same numbers, and every difference with its kind."""
    done = call("fidelity", "timeline", "--in-process", "--seeds", "2-3", FIRST_POD, "--output", "json")
    told = json.loads(done.out)
    assert (told["timelines"], told["timelinesAgreeing"], told["entries"], told["entriesAgreeing"]) == (1, 1, 10, 10)
    assert told["results"][0]["entries"] == {"recorded": 10, "agrees": 10, "differs": 0, "missing": 0, "extra": 0}
    assert told["results"][0]["seed"] == 2


def test_our_own_recordings_can_be_kept_and_compared(call: Any, tmp_path: Path) -> None:
    """Teaches: what came out is there to be looked at, not only counted."""
    assert call("fidelity", "timeline", "--in-process", FIRST_POD, "--keep", str(tmp_path / "ours")).code == 0
    done = call("compare", FIRST_POD, str(tmp_path / "ours" / "first-pod.jsonl.gz"))
    assert "containers of hollow nodes (kubemark) end without a reason" in done.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([FIRST_POD, "--in-process", "--keep", str(GOLDEN)], "holds the recordings themselves"),
        ([FIRST_POD, FIRST_POD, "--in-process", "--keep", "ours"], "two of the recordings have one name"),
        ([FIRST_POD, "--in-process", "--keep", FIRST_POD + "/x"], "cannot be written"),
        (["nowhere.jsonl.gz"], "nowhere.jsonl.gz cannot be read as a recording"),
        ([FIRST_POD, "--kubectl", "no-such-kubectl"], "no-such-kubectl was not found"),
        ([FIRST_POD, "--seeds", "8-1"], "must go up"),
        ([FIRST_POD, "--seeds", "many"], "is neither a seed nor a range"),
        ([], "Missing argument"),
    ],
)
def test_bad_input_ends_with_two(call: Any, arguments: list[str], words: str) -> None:
    """Teaches: nothing is played before everything can be."""
    done = call("fidelity", "timeline", *arguments)
    assert done.code == 2
    assert words in done.err
