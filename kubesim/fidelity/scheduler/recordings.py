"""The file format of recorded placements: one random cluster a line, and what kube-scheduler did with its Pods.

A line holds `objects` (created first) and `steps`: a Pod each, with what became of it. See `Expected`.
"""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import Any

import msgspec

Object = dict[str, Any]
GZIP_MAGIC = b"\x1f\x8b"


class RecordingError(Exception):
    """The file holds no placements."""


class Expected(msgspec.Struct, frozen=True):
    """What the real scheduler did.

    `totals` and `scores` (plugin → node → normalised and weighted) are of the feasible nodes, both empty if there was
    at most one. `message` is the first FailedScheduling text. After preemption `victims` were deleted and the Pod was
    bound to `node`; a Pod without a node was deleted before the next step.
    """

    node: str | None = None
    totals: dict[str, int] = {}
    scores: dict[str, dict[str, int]] = {}
    message: str | None = None
    nominated: str | None = None
    victims: tuple[str, ...] = ()


class Step(msgspec.Struct, frozen=True):
    """A Pod to place."""

    pod: Object
    expect: Expected


class Recording(msgspec.Struct, frozen=True):
    """One cluster."""

    seed: int
    objects: tuple[Object, ...]
    steps: tuple[Step, ...]


def read_recordings(path: Path) -> list[Recording]:
    """Reads a file of lines, compressed or not."""
    try:
        content = path.read_bytes()
        if content.startswith(GZIP_MAGIC):
            content = gzip.decompress(content)
        decode = msgspec.json.Decoder(Recording).decode
        recordings = []
        for number, line in enumerate(content.splitlines(), start=1):
            if line.strip():
                recordings.append(_checked(decode(line), path, number))
    except OSError as error:
        raise RecordingError(f"{path} cannot be read: {error.strerror or error}") from None
    except (EOFError, zlib.error, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RecordingError(f"{path} is no file of recorded placements: {error}") from None
    if not recordings:
        raise RecordingError(f"{path} holds no recorded placements")
    return recordings


def _checked(recording: Recording, path: Path, number: int) -> Recording:
    for obj in (*recording.objects, *(step.pod for step in recording.steps)):
        metadata = obj.get("metadata")
        if not (
            isinstance(obj.get("kind"), str) and isinstance(metadata, dict) and isinstance(metadata.get("name"), str)
        ):
            raise RecordingError(f"{path}: line {number} holds something that is no Kubernetes object")
    return recording
