"""A recording as the comparison takes it: read, checked, and summed up.

A recording comes from a simulated cluster or from a real one; the format is the same (docs/recordings.md). What is
wrong with a file is said in one sentence with the number of the line. Several runs of one scenario may be named one
by one, as a folder, or by a pattern.
"""

from __future__ import annotations

import glob
import gzip
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import orjson

from kubesim.api.stored import Object
from kubesim.compare.wider_facts import wider_facts
from kubesim.recording import Outcome, ordered_outcome

SUFFIXES = (".jsonl", ".jsonl.gz")
VERBS = ("ADDED", "MODIFIED", "DELETED")


class RecordingError(Exception):
    """A file is no recording, or a broken one; the message says which line."""


class RecordedRun(msgspec.Struct, frozen=True):
    """One run. `nodes` are the machines as they were first seen; `steps` what was done, `exits` how it ended."""

    label: str
    meta: Object
    outcome: Outcome
    nodes: dict[str, Object]
    steps: tuple[tuple[float, Object], ...]
    exits: dict[int, int]


def recordings_in(place: str) -> list[Path]:
    """The recordings that a file, a folder or a pattern names, by name; RecordingError if there are none."""
    path = Path(place)
    if path.is_dir():
        found = sorted(each for each in path.iterdir() if each.name.endswith(SUFFIXES))
        if not found:
            raise RecordingError(f"{place}: there is no recording in this folder (*.jsonl, *.jsonl.gz)")
        return found
    if path.exists() or not glob.has_magic(place):
        return [path]
    found = sorted(Path(each) for each in glob.glob(place))
    if not found:
        raise RecordingError(f"{place}: no file is called so")
    return found


def read_run(path: Path) -> RecordedRun:
    """Reads and sums up one recording."""
    return run_of(list(checked_lines(path)), str(path))


def run_of(lines: Sequence[Object], label: str) -> RecordedRun:
    """Sums up the lines of a recording that is known to be whole."""
    try:
        outcome = ordered_outcome(lines, wider_facts)
    except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
        raise RecordingError(
            f"{label}: an object is not as Kubernetes has it ({type(error).__name__}: {error})"
        ) from None
    nodes: dict[str, Object] = {}
    for line in lines:
        if line.get("kind") == "Node":
            nodes.setdefault(line["name"], line["object"])
    steps = tuple((float(line["t"]), line["step"]) for line in lines if "step" in line)
    exits = {line["n"]: line["exit"] for line in lines if "exit" in line}
    return RecordedRun(label, lines[0]["meta"], outcome, nodes, steps, exits)


def checked_lines(path: Path) -> Iterator[Object]:
    """The lines of a file, each of them as a recording has it."""
    number = 0
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield checked(line, number, path)
    except FileNotFoundError:
        raise RecordingError(f"{path}: there is no such file") from None
    except EOFError:
        raise RecordingError(f"{path} is cut off after line {number}: the compressed file has no end") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise RecordingError(f"{path} cannot be unpacked after line {number}: {error}") from None
    except OSError as error:
        raise RecordingError(f"{path} cannot be read: {error.strerror or error}") from None
    if number == 0:
        raise RecordingError(f"{path} is no recording: it is empty")


def checked(line: bytes, number: int, path: Path) -> Object:
    """One line, or a RecordingError that says what is wrong with it."""
    where = f"{path}, line {number}"
    try:
        row: Any = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise RecordingError(f"{where} is not JSON: {error}") from None
    if not isinstance(row, dict):
        raise RecordingError(f"{where} is no JSON object")
    if number == 1 and not isinstance(row.get("meta"), dict):
        raise RecordingError(f"{path} is no recording: its first line holds no `meta`")
    if not isinstance(row.get("t"), int | float):
        raise RecordingError(f"{where} has no time `t` in seconds")
    fault = fault_of(row)
    if fault:
        raise RecordingError(f"{where}: {fault}")
    return row


def fault_of(row: Object) -> str:
    """What is wrong with a line that says something; "" for nothing."""
    if "verb" in row:
        if row["verb"] not in VERBS:
            return f"`verb` must be one of {', '.join(VERBS)}, not {row['verb']!r}"
        for key in ("kind", "namespace", "name"):
            if not isinstance(row.get(key), str):
                return f"`{key}` is missing or no text"
        obj = row.get("object")
        if not isinstance(obj, dict) or not isinstance(obj.get("metadata"), dict) or "name" not in obj["metadata"]:
            return "`object` is no object of Kubernetes: it has no metadata.name"
    if "step" in row and not (isinstance(row.get("n"), int) and isinstance(row["step"], dict)):
        return "a step needs a number `n` and what it does"
    last = row.get("lease_last")
    if "lease_last" in row and not (isinstance(last, dict) and {"node", "renewed_t"} <= last.keys()):
        return "`lease_last` needs `node` and `renewed_t`"
    return ""
