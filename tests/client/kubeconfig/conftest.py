"""Kubeconfig files to read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a kubeconfig with one context, `main`; what is given replaces or adds fields."""

    def make(
        name: str = "config", *, cluster: dict[str, Any] | None = None, user: dict[str, Any] | None = None,
        context: dict[str, Any] | None = None, **top: Any,
    ) -> Path:  # fmt: skip
        content = {
            "current-context": "main",
            "clusters": [{"name": "c", "cluster": {"server": "https://10.0.0.1:6443", **(cluster or {})}}],
            "users": [{"name": "u", "user": user or {}}],
            "contexts": [{"name": "main", "context": {"cluster": "c", "user": "u", **(context or {})}}],
            **top,
        }
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(yaml.safe_dump(content))
        return file

    return make
