"""Stand-ins for programs that drive nodes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

STAND_IN = Path(__file__).parent / "programs" / "stand_in.py"


def install_stand_ins(folder: Path) -> Path:
    """Puts `minikube` and `docker` into a folder; the file in which they write what they were asked."""
    folder.mkdir(parents=True, exist_ok=True)
    for program in ("minikube", "docker"):
        path = folder / program
        path.write_text(f'#!/bin/sh\nexec {sys.executable} {STAND_IN} {program} "$@"\n')
        path.chmod(0o755)
    return folder / "log"


@pytest.fixture
def stand_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """The stand-ins are in $PATH; the result says what they were asked."""
    log = install_stand_ins(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("STAND_IN_LOG", str(log))
    monkeypatch.delenv("STAND_IN_PROFILE", raising=False)
    return lambda: log.read_text().splitlines() if log.exists() else []
