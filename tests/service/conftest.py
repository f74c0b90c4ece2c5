"""A home of its own for every test."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubesim.service.profile import Profile


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("KUBECONFIG", "XDG_STATE_HOME", "KUBESIM_HOME"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "home"


@pytest.fixture
def profile(home: Path) -> Profile:
    return Profile(home / "profiles", "lesson")
