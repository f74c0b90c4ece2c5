"""The file format of kubectl transcripts: cases, their commands, and what a real cluster answered.

A case has a namespace of its own (`p-ID`), files in its working directory and commands that run one after the
other in bash. `{ID}`, `{NS}` and `{NODE1}` in commands and files stand for the case, its namespace and the first
node. A command may say what of its output counts: `until` repeats it until the output matches, `sort` says that
the order of lines means nothing, `grep` and `drop` choose lines, `managed` keeps managedFields.
"""

from __future__ import annotations

import gzip
import re
import zlib
from pathlib import Path

import msgspec

GZIP_MAGIC = b"\x1f\x8b"
CASE_SECONDS = 20.0
UNTIL_SECONDS = 10.0


class TranscriptError(Exception):
    """The file holds no transcripts, or none that were asked for."""


class Answer(msgspec.Struct, frozen=True):
    """What came of one command; `rc` is "timeout" if it did not end."""

    rc: int | str
    stdout: str = ""
    stderr: str = ""


class Command(msgspec.Struct, frozen=True):
    """One line of bash, and what of its output counts."""

    cmd: str
    stdin: str = ""
    compare: bool = True
    until: str | None = None
    wait: float = UNTIL_SECONDS
    sort: bool = False
    grep: str | None = None
    drop: str | None = None
    managed: bool = False
    rc_only: bool = False


class Case(msgspec.Struct, frozen=True):
    """Commands that build upon each other."""

    id: str
    commands: tuple[Command, ...]
    results: tuple[Answer, ...]
    group: str = ""
    difficulty: str = ""
    files: dict[str, str] = {}
    cleanup: tuple[str, ...] = ()
    namespace: str = ""
    no_namespace: bool = False
    serial: bool = False  # Not beside others: it looks at what belongs to all.
    timeout: float = CASE_SECONDS

    @property
    def home_namespace(self) -> str:
        """The namespace in which its commands work."""
        return self.namespace or f"p-{self.id}"


class Meta(msgspec.Struct, frozen=True):
    """Where the transcripts were made."""

    nodes: tuple[str, ...] = ()
    versions: dict[str, str] = {}


class Transcripts(msgspec.Struct, frozen=True):
    """A file of them."""

    meta: Meta
    cases: tuple[Case, ...]


def read_transcripts(path: Path, only: str = "") -> Transcripts:
    """Reads a file, compressed or not; `only` is a regular expression for the ids of the cases that are wanted."""
    try:
        content = path.read_bytes()
        if content.startswith(GZIP_MAGIC):
            content = gzip.decompress(content)
        transcripts = msgspec.json.decode(content, type=Transcripts)
    except gzip.BadGzipFile as error:
        raise TranscriptError(f"{path} is no file of kubectl transcripts: {error}") from None
    except OSError as error:
        raise TranscriptError(f"{path} cannot be read: {error.strerror or error}") from None
    except (EOFError, zlib.error, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise TranscriptError(f"{path} is no file of kubectl transcripts: {error}") from None
    try:
        wanted = tuple(case for case in transcripts.cases if re.search(only, case.id))
    except re.error as error:
        raise TranscriptError(f'"{only}" is no regular expression: {error}') from None
    if not wanted:
        there = f'no case whose id matches "{only}"' if only else "no cases"
        raise TranscriptError(f"{path} holds {there}")
    for case in wanted:
        if len(case.results) != len(case.commands):
            counts = f"{len(case.commands)} commands and {len(case.results)} results"
            raise TranscriptError(f"{path}: case {case.id} has {counts}; record it again")
    return Transcripts(transcripts.meta, wanted)
