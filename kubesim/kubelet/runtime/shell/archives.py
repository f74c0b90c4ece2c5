"""`tar`: an archive to standard output, or out of standard input. It is what `kubectl cp` runs in the container.

Left out: compression, links, owners and permissions, and members named on extraction.
"""

from __future__ import annotations

import io
import posixpath
from collections.abc import Sequence

from kubesim.kubelet.runtime.process import ERR, OUT, Program, Write
from kubesim.kubelet.runtime.shell.session import Shell
from kubesim.kubelet.runtime.shell.tools import NANOSECONDS_PER_SECOND, NO_SUCH, Tool, absolute

FILE_MODE, DIRECTORY_MODE = 0o644, 0o755


def tar(shell: Shell, words: Sequence[str]) -> Program:
    """`tar cf - PATH…`, `tar xf - [-C DIRECTORY]`, `tar tf -`."""
    letters, directory, paths = _read(words)
    where = absolute(shell, directory)
    if not shell.files.is_directory(where):
        yield Write(ERR, f"tar: can't change directory to '{directory}': {NO_SUCH}\n".encode())
        return 1
    if "c" in letters:
        data, err = _pack(shell, where, paths)
        if err:
            yield Write(ERR, err.encode())  # First: whoever reads an archive stops at its end.
        yield Write(OUT, data)
        return 1 if err else 0
    if "x" in letters or "t" in letters:
        lines: list[bytes] = []
        while line := (yield from shell.read_line()):
            lines.append(line)
        names, err = _unpack(shell, where, b"".join(lines), writes="x" in letters)
        if "t" in letters or "v" in letters:
            yield Write(OUT, "".join(f"{name}\n" for name in names).encode())
    else:
        err = "tar: must specify one of -c, -x or -t\n"
    if err:
        yield Write(ERR, err.encode())
    return 1 if err else 0


def _read(words: Sequence[str]) -> tuple[str, str, list[str]]:
    """The letters of the options, the directory to begin in, and the paths."""
    letters, directory, paths = "", ".", list[str]()
    queue = list(words)
    if queue and not queue[0].startswith("-"):
        queue[0] = f"-{queue[0]}"  # The old form: tar cf - PATH
    while queue:
        word = queue.pop(0)
        if word in ("-C", "--directory") and queue:
            directory = queue.pop(0)
        elif word.startswith("-") and len(word) > 1:
            letters += "" if word.startswith("--") else word[1:]
            if word.endswith("f") and not word.startswith("--") and queue and queue[0] == "-":
                queue.pop(0)
        else:
            paths.append(word)
    return letters, directory, paths


def _pack(shell: Shell, where: str, paths: Sequence[str]) -> tuple[bytes, str]:
    """The archive, and what was wrong."""
    import tarfile

    err, written = "", io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for path in paths:
            start = posixpath.normpath(posixpath.join(where, path))
            if not shell.files.exists(start):
                err += f"tar: {path}: {NO_SUCH}\n"
            stack = [start] if shell.files.exists(start) else []
            while stack:
                at = stack.pop()
                name = posixpath.normpath(path + at[len(start) :]).lstrip("/")
                member = tarfile.TarInfo(name)
                member.mtime = shell.unix_ns() // NANOSECONDS_PER_SECOND
                data = shell.files.read(at)
                if data is None:
                    member.type, member.mode = tarfile.DIRTYPE, DIRECTORY_MODE
                    stack += [posixpath.join(at, entry) for entry in reversed(shell.files.entries(at))]
                    archive.addfile(member)
                else:
                    member.size, member.mode = len(data), FILE_MODE
                    archive.addfile(member, io.BytesIO(data))
    return written.getvalue(), err


def _unpack(shell: Shell, where: str, data: bytes, *, writes: bool) -> tuple[list[str], str]:
    """The names in an archive, and what was wrong."""
    import tarfile

    names: list[str] = []
    err = ""
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            for member in archive:
                names.append(member.name)
                at = posixpath.normpath(posixpath.join(where, member.name.lstrip("/")))
                if not writes or not (member.isdir() or member.isfile()):
                    continue
                if member.isdir():
                    shell.files.make_directory(at)
                    continue
                source = archive.extractfile(member)
                if problem := shell.files.write(at, source.read() if source is not None else b""):
                    err += f"tar: can't open '{member.name}': {problem}\n"
    except tarfile.TarError:
        err += "tar: invalid tar magic\n"
    return names, err


ARCHIVES: dict[str, Tool] = {"tar": tar}
