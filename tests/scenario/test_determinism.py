"""The same seed is the same run, to the byte, in any process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kubesim.scenario import library


def trace_of(name: str, path: Path, hash_seed: int) -> bytes:
    command = [sys.executable, "-m", "kubesim.cli.main", "run", name, "--trace", str(path), "--quiet"]
    done = subprocess.run(command, env={"PYTHONHASHSEED": str(hash_seed)}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return path.read_bytes()


@pytest.mark.parametrize("name", list(library()))
def test_two_processes_with_different_hashes_write_the_same_trace(name: str, tmp_path: Path) -> None:
    """Teaches: nothing depends on the order of a set, on the clock of the machine or on an address in memory."""
    first = trace_of(name, tmp_path / "a.jsonl", 1)
    assert len(first) > 10_000
    assert trace_of(name, tmp_path / "b.jsonl", 2) == first


def test_a_compressed_trace_is_the_same_file_again(tmp_path: Path) -> None:
    """Teaches: gzip keeps a date and a name, unless told not to."""
    first = trace_of("scale-up-and-down", tmp_path / "a.jsonl.gz", 1)
    assert trace_of("scale-up-and-down", tmp_path / "b.jsonl.gz", 2) == first


def test_the_trace_does_not_depend_on_who_looks_on(tmp_path: Path, played: object) -> None:
    """Teaches: observers never write, so a run is the same with the narrator, the checks and without."""
    assert callable(played)
    assert trace_of("scale-up-and-down", tmp_path / "a.jsonl", 3) == played("scale-up-and-down").trace
