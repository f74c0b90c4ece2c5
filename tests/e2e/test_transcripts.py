"""665 kubectl commands that were recorded on a real control plane, played on a served cluster with the real kubectl."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]
GOLDEN = Path(__file__).parent.parent / "golden" / "kubectl" / "transcripts.json.gz"
# Every command that is answered otherwise, and why; docs/fidelity.md tells the reasons at length.
DIFFERENT: dict[str, dict[str, str]] = {}


@pytest.fixture(scope="module")
def played() -> dict[str, Any]:
    command = [sys.executable, "-m", "kubesim.cli.main", "fidelity", "kubectl", str(GOLDEN), "--output", "json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode in (0, 1), done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_the_commands_that_differ_are_those_that_are_known(played: dict[str, Any]) -> None:
    """Teaches: fidelity is measured, and what is missing has a name."""
    found = {
        result["id"]: {difference["cmd"]: "\n".join(difference["lines"]) for difference in result["differences"]}
        for result in played["results"]
    }
    unexpected = {
        f"{case}: {command}": lines
        for case, commands in found.items()
        for command, lines in commands.items()
        if command not in DIFFERENT.get(case, {})
    }
    assert not unexpected, "\n\n".join(f"{command}\n{lines}" for command, lines in unexpected.items())


def test_at_least_97_of_100_commands_are_answered_word_for_word(played: dict[str, Any]) -> None:
    """Teaches: what the project promises."""
    assert played["commands"] == 665
    assert played["commandsIdentical"] >= 0.97 * played["commands"]
