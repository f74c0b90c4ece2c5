"""Where scenarios are: those that come with kubesim, and any file or folder of the user's own.

The library is the folder scenarios/ beside the package in a checkout, and kubesim/_scenarios in a wheel. A
name is a folder's without its number: `01-node-failure` is called `node-failure`.
"""

from __future__ import annotations

import difflib
import re
from pathlib import Path

from kubesim.scenario.load import ScenarioError, load_scenario
from kubesim.scenario.schema import Scenario

PACKAGE = Path(__file__).resolve().parent.parent
NUMBER = re.compile(r"^\d+-")
FILE = "scenario.yaml"


def library_folder() -> Path:
    """The folder with the scenarios that come with kubesim."""
    installed = PACKAGE / "_scenarios"
    return installed if installed.is_dir() else PACKAGE.parent / "scenarios"


def library() -> dict[str, Path]:
    """Name → scenario.yaml of every scenario in the library, in the order of their numbers."""
    folder = library_folder()
    if not folder.is_dir():
        return {}
    files = sorted(entry / FILE for entry in folder.iterdir() if (entry / FILE).is_file())
    return {NUMBER.sub("", file.parent.name): file for file in files}


def find_scenario(file_or_name: str) -> Path:
    """The scenario.yaml behind a name, a file or a folder; ScenarioError says what there is."""
    known = library()
    if file_or_name in known:
        return known[file_or_name]
    path = Path(file_or_name)
    if path.is_dir():
        path = path / FILE
    if path.is_file():
        return path
    if path.suffix in (".yaml", ".yml") or len(path.parts) > 1:
        raise ScenarioError(f"{path}: there is no such file")
    near = difflib.get_close_matches(file_or_name, known, n=1)
    hint = f'did you mean "{near[0]}"?' if near else f"there is {', '.join(known) or 'none installed'}"
    raise ScenarioError(f'no scenario is called "{file_or_name}"; {hint}')


def load_library() -> list[tuple[str, Scenario]]:
    """Every scenario of the library, read and checked."""
    return [(name, load_scenario(path).scenario) for name, path in library().items()]
