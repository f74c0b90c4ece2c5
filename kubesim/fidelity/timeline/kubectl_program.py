"""The kubectl of this machine, as a scenario may call it.

The recordings were made with a kubectl of v1.34 or later. An older one does not know how `autoscale` is told its
target since then (`--cpu=50%`, before: `--cpu-percent=50`), and takes a YAML file that begins with a brace for JSON.
Both are put into the old words before it reads them; nothing else is changed.
Upstream: KEP-2702 (autoscale), k8s.io/apimachinery/pkg/util/yaml (`GuessJSONStream`).
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

KNOWS_CPU_FLAG = (1, 34)
TELLS_JSON_FROM_YAML = (1, 33)
ASK_SECONDS = 60
YAML_SUFFIXES = (".yaml", ".yml")
OLD_WORDS = """#!/bin/bash
# kubectl before 1.34 calls the target of `autoscale` by another name.
words=()
while [ $# -gt 0 ]; do
  case "$1" in
    --cpu=*%) word="${1#--cpu=}"; words+=("--cpu-percent=${word%?}") ;;
    --cpu) word="$2"; shift; words+=("--cpu-percent=${word%?}") ;;
    *) words+=("$1") ;;
  esac
  shift
done
exec 'KUBECTL' "${words[@]}"
"""


class KubectlMissingError(Exception):
    """A program that is needed to play scenarios is not there."""


class KubectlProgram:
    """A kubectl: where it is and how old."""

    def __init__(self, name: str = "kubectl") -> None:
        found = shutil.which(name)
        if found is None or shutil.which("bash") is None:
            raise KubectlMissingError(f"{name if found is None else 'bash'} was not found; install it, or see $PATH")
        self.path = Path(found).absolute()
        self.version = version_of(self.path)

    def install(self, folder: Path) -> None:
        """Makes `folder` one that can stand first in PATH."""
        folder.mkdir(parents=True, exist_ok=True)
        if self.version >= KNOWS_CPU_FLAG:
            (folder / "kubectl").symlink_to(self.path)
            return
        quoted = str(self.path).replace("'", "'\\''")
        wrapper = folder / "kubectl"
        wrapper.write_text(OLD_WORDS.replace("KUBECTL", quoted), encoding="utf-8")
        wrapper.chmod(0o755)

    def readable(self, folder: Path) -> None:
        """Lets an old kubectl see that files of a scenario are YAML: a document mark at their head says so."""
        if self.version >= TELLS_JSON_FROM_YAML:
            return
        for path in sorted(folder.iterdir()):
            if path.suffix in YAML_SUFFIXES and path.is_file():
                text = path.read_text(encoding="utf-8")
                if text.lstrip().startswith("{") and not is_json(text):
                    path.write_text("---\n" + text, encoding="utf-8")


def version_of(program: Path) -> tuple[int, int]:
    """Major and minor version of a kubectl; (0, 0) if it does not say."""
    asked = subprocess.run(
        [str(program), "version", "--client", "-o", "json"], capture_output=True, timeout=ASK_SECONDS, check=False
    )
    try:
        version = json.loads(asked.stdout)["clientVersion"]
        return int(version["major"]), int("".join(filter(str.isdigit, version["minor"])))
    except (ValueError, KeyError):
        return 0, 0


def is_json(text: str) -> bool:
    """Whether it is what it looks like."""
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
