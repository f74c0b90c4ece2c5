"""Objects of a real control plane, as recorded: one of each shape."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import orjson
import pytest

from kubesim.api.schema import Schema

GOLDEN = Path(__file__).parent.parent / "golden" / "api_objects.jsonl.gz"


@pytest.fixture(scope="session")
def recorded() -> list[dict[str, Any]]:
    """What a real apiserver sent, and (without uid) what was sent to one."""
    return [orjson.loads(line) for line in gzip.decompress(GOLDEN.read_bytes()).splitlines()]


@pytest.fixture(scope="session")
def served(recorded: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Only what a real apiserver sent."""
    return [obj for obj in recorded if obj["metadata"].get("resourceVersion")]


@pytest.fixture(scope="session")
def schema() -> Schema:
    """One schema for all tests: it is compiled lazily and otherwise never changes."""
    return Schema.load()
