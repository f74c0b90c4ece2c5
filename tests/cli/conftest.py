"""Calling the program in this process, and a small scenario to call it with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from kubesim.cli.main import main

SCENARIO = """\
apiVersion: kubesim.dev/v1alpha1
kind: Scenario
metadata:
  name: mine
spec:
  title: Mine
  until: 10s
  cluster:
    nodes: 1
  steps:
    - at: 1s
      kubectl: apply -f pod.yaml
    - at: 9s
      fault:
        crash: node-1
  expect:
    - eventually:
        get: pod/hello
        where:
          status.phase: Running
      by: 8s
      say: the Pod runs
"""
POD = """\
apiVersion: v1
kind: Pod
metadata:
  name: hello
spec:
  containers:
    - name: main
      image: busybox
"""


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


Call = Callable[..., Outcome]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Runs the program with some arguments; never a traceback."""

    def run(*arguments: str) -> Outcome:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err + captured.out
        assert isinstance(ended.value.code, int)
        return Outcome(ended.value.code, captured.out, captured.err)

    return run


class Files(NamedTuple):
    """A scenario in a folder of its own."""

    folder: Path

    @property
    def scenario(self) -> str:
        return str(self.folder / "scenario.yaml")

    def change(self, name: str, old: str, new: str) -> None:
        path = self.folder / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))


@pytest.fixture
def files(tmp_path: Path) -> Files:
    (tmp_path / "scenario.yaml").write_text(SCENARIO)
    (tmp_path / "pod.yaml").write_text(POD)
    return Files(tmp_path)
