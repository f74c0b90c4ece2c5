"""Timelines that were recorded on a real control plane, played with the real kubectl."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
GOLDEN = Path(__file__).parent.parent / "golden" / "timelines"
ENTRIES = 1858  # Of all recordings: their own number.
# Known differences, by recording: as in tests/fidelity/test_timelines.py, but for `apply`, which takes time here.
DIFFERENT = {"cronjob-history", "node-crash-return-400", "preemption"}
AGREEING_MIN = 1854


def play(*files: Path) -> dict[str, Any]:
    """What the command says."""
    command = [sys.executable, "-m", "kubesim.cli.main", "fidelity", "timeline", *map(str, files), "--output", "json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=800, check=False)
    assert done.returncode in (0, 1), done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_every_recording_is_played_and_all_but_the_known_ones_agree() -> None:
    """Teaches: shell lines run as they are, and the story is the real one.

    On a busy machine a command may take too long: what differs is played again, alone.
    """
    files = sorted(GOLDEN.glob("*.jsonl.gz"))
    played = play(*files)
    assert (played["timelines"], played["entries"]) == (len(files), ENTRIES)
    assert played["entriesAgreeing"] >= AGREEING_MIN - 10
    differing = {result["name"]: result for result in played["results"] if not result["agrees"]}
    again = [GOLDEN / f"{name}.jsonl.gz" for name in differing if name not in DIFFERENT]
    still = [result for result in (play(*again)["results"] if again else []) if not result["agrees"]]
    assert not still, json.dumps(still, indent=1)
