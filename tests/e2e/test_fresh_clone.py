"""The README's promise: a fresh clone, git, make and Python are enough."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    assert (ROOT / ".git").exists(), "this test clones the checkout that it stands in"
    folder = tmp_path_factory.mktemp("clone") / "kubesim"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
    return folder


@pytest.mark.e2e
@pytest.mark.timeout(600)
def test_make_demo_in_a_fresh_clone_tells_the_story_of_a_dead_node(clone: Path) -> None:
    """Teaches: one command from the README, and a newcomer watches a node die."""
    environment = {key: value for key, value in os.environ.items() if key not in ("VIRTUAL_ENV", "PYTHONPATH")}
    done = subprocess.run(
        ["make", "demo", f"PYTHON={sys.executable}"], cwd=clone, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    story = [
        "crash node-2",
        "kubelet/node-2            is silent",
        "Ready=Unknown",
        "node.kubernetes.io/unreachable:NoSchedule",
        "node.kubernetes.io/unreachable:NoExecute",
        "are deleted",
        "are created",
        "are bound to",
        "Running and ready",
        "now has 6 ready endpoints",
        "expectations hold",
    ]
    position = 0
    for line in story:
        position = done.stdout.find(line, position)
        assert position >= 0, f"{line!r} does not follow in:\n{done.stdout}"
