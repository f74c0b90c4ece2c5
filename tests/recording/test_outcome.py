"""Summing up a recording: our rules give the very outcomes that came with the recordings of real clusters."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from kubesim.recording import Entry, ordered_outcome, read_recording

GOLDEN = Path(__file__).parent.parent / "golden" / "timelines"
NAMES = sorted(path.name.removesuffix(".jsonl.gz") for path in GOLDEN.glob("*.jsonl.gz"))


def as_published(entry: Entry) -> dict[str, Any]:
    found: dict[str, Any] = {"step": entry.step, "kind": entry.kind, "name": entry.name, **entry.change}
    found |= {"count": entry.count, "t": round(entry.time, 3)}
    found["after_seconds"] = {"min": entry.after_min, "max": entry.after_max}
    if entry.combined:
        found["combined"] = entry.combined
    if entry.racy:
        found["racy"] = True
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_is_summed_up_as_its_own_tool_does(name: str) -> None:
    """Teaches: an ordered outcome is what two runs of the same cluster have in common."""
    published = json.loads(gzip.decompress((GOLDEN / f"{name}.outcome.json.gz").read_bytes()))
    outcome = ordered_outcome(read_recording(GOLDEN / f"{name}.jsonl.gz"))
    assert [as_published(entry) for entry in outcome.entries] == published["outcome"]
    settled = [{"step": entry.step, "t": entry.time, "state": entry.state} for entry in outcome.settled]
    assert settled == published["settled"]
    assert {name: [list(link) for link in chain] for name, chain in outcome.chains.items()} == published["objects"]
