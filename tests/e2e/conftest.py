"""Tests here need programs that pip does not install. Where one is missing: a failure in CI, else a skip."""

from __future__ import annotations

import os
import shutil

import pytest

PROGRAMS = {
    "test_fresh_clone": ("git", "make"),
    "test_kubectl": ("kubectl",),
    "test_start": ("kubectl",),
    "test_streams": ("kubectl", "curl"),
    "test_transcripts": ("kubectl", "bash"),
    "test_webhook": ("kubectl",),
}


@pytest.fixture(autouse=True)
def _programs_are_there(request: pytest.FixtureRequest) -> None:
    needed = PROGRAMS[request.module.__name__.rpartition(".")[2]]
    missing = [program for program in needed if shutil.which(program) is None]
    if missing and os.environ.get("KUBESIM_CI"):
        pytest.fail(f"{', '.join(missing)} is not installed")
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")
