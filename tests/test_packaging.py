"""What is shipped is whole: the wheel, installed where there is no checkout, runs a scenario."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def done(*command: str | Path, cwd: Path) -> str:
    """Runs a program; its output, if it ends well."""
    ended = subprocess.run(list(map(str, command)), cwd=cwd, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    done(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=ROOT)
    (found,) = folder.glob("kubesim-*.whl")
    return found


@pytest.mark.timeout(180)
def test_the_wheel_runs_a_scenario_from_an_empty_folder(wheel: Path, tmp_path: Path) -> None:
    """Teaches: an installed kubesim brings its scenarios along and needs no checkout."""
    environment, empty = tmp_path / "environment", tmp_path / "empty"
    empty.mkdir()
    venv.create(environment, symlinks=True)
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", environment / "bin" / "python")
    done(*pip, "install", "--quiet", "--no-deps", "--no-index", wheel, cwd=empty)
    # The dependencies are those of this environment; a path in a .pth file comes after the environment's own
    # packages, and .pth files in it (that of an editable kubesim) are not followed.
    (packages,) = (environment / "lib").glob("python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    where = done(environment / "bin" / "python", "-c", "import kubesim; print(kubesim.__file__)", cwd=empty)
    assert Path(where.strip()).is_relative_to(environment), "not the checkout"
    told = done(environment / "bin" / "kubesim", "run", "node-failure", cwd=empty)
    assert "7 of 7 expectations hold" in told
    assert list(empty.iterdir()) == []


@pytest.mark.timeout(180)
def test_the_wheel_holds_what_it_needs_and_no_more(wheel: Path) -> None:
    """Teaches: data files are in, tests and caches are not."""
    names = zipfile.ZipFile(wheel).namelist()
    assert "kubesim/_scenarios/01-node-failure/manifests/web.yaml" in names
    assert "kubesim/_scenarios/01-node-failure/lesson.md" in names
    folders = {name.split("/")[0].partition("-")[0] for name in names}
    assert folders == {"kubesim"}
    assert not [name for name in names if "__pycache__" in name or "/tests/" in name]
