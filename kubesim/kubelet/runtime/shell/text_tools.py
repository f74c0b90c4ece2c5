"""The programs that read text: cat, grep, head, tail, wc, sort, tee and a few more."""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence

from kubesim.kubelet.runtime.process import ERR, OUT, Effect, Program, Sleep, Write
from kubesim.kubelet.runtime.shell.session import Shell
from kubesim.kubelet.runtime.shell.tools import Tool, absolute, flags_of, input_of

Lines = Generator[Effect, bytes | None, tuple[list[bytes], int]]


def lines_of(shell: Shell, name: str, paths: Sequence[str]) -> Lines:
    """The lines of files, or of standard input; and the exit code of the reading."""
    found: list[bytes] = []
    code = 0
    for path in paths or ["-"]:
        if path == "-":
            while line := (yield from shell.read_line()):
                found.append(line)
            continue
        data, problem = input_of(shell, path)
        if problem:
            said = (
                f"{name}: can't open '{path}': {problem}\n"
                if problem != "Is a directory"
                else (f"{name}: read error: {problem}\n")
            )
            yield Write(ERR, said.encode())
            code = 1
        found += data.splitlines(keepends=True)
    return found, code


def cat(shell: Shell, words: Sequence[str]) -> Program:
    """What is in files; standard input as it comes."""
    paths = flags_of(words)[1]
    if not paths or paths == ["-"]:
        while line := (yield from shell.read_line()):
            yield Write(OUT, line)
        return 0
    lines, code = yield from lines_of(shell, "cat", paths)
    if lines:
        yield Write(OUT, b"".join(lines))
    return code


def head(shell: Shell, words: Sequence[str]) -> Program:
    """The first lines."""
    count, paths = _count(words)
    lines, code = yield from lines_of(shell, "head", paths)
    if lines:
        yield Write(OUT, b"".join(lines[:count]))
    return code


def tail(shell: Shell, words: Sequence[str]) -> Program:
    """The last lines; with -f it never ends."""
    follows = any(re.fullmatch(r"-\w*[fF]", word) for word in words)
    count, paths = _count([word for word in words if word not in ("-f", "-F")])
    lines, code = yield from lines_of(shell, "tail", paths)
    if lines:
        yield Write(OUT, b"".join(lines[-count:] if count else ()))
    if follows and not code:
        yield Sleep(None)
    return code


def _count(words: Sequence[str]) -> tuple[int, list[str]]:
    """How many lines: `-n 3`, `-n3`, `-3`."""
    count, paths, rest = 10, [], list(words)
    while rest:
        word = rest.pop(0)
        if word == "-n" and rest:
            word = f"-{rest.pop(0)}"
        match = re.fullmatch(r"-n?\+?(\d+)", word)
        if match:
            count = int(match[1])
        else:
            paths.append(word)
    return count, paths


def grep(shell: Shell, words: Sequence[str]) -> Program:
    """The lines that match."""
    letters, others = flags_of(words)
    if not others:
        yield Write(ERR, b"grep: no pattern\n")
        return 2
    try:
        pattern = re.escape(others[0]) if "F" in letters else others[0]
        matcher = re.compile(pattern.encode(), re.IGNORECASE if "i" in letters else 0)
    except re.error:
        yield Write(ERR, f"grep: bad regex '{others[0]}'\n".encode())
        return 2
    lines, code = yield from lines_of(shell, "grep", others[1:])
    hits = [line for line in lines if bool(matcher.search(line.rstrip(b"\n"))) is ("v" not in letters)]
    if "c" in letters:
        yield Write(OUT, f"{len(hits)}\n".encode())
    elif hits and "q" not in letters:
        yield Write(OUT, b"".join(_ended(line) for line in hits))
    return 2 if code else int(not hits)


def wc(shell: Shell, words: Sequence[str]) -> Program:
    """How many lines, words and bytes."""
    letters, paths = flags_of(words)
    lines, code = yield from lines_of(shell, "wc", paths)
    text = b"".join(lines)
    numbers = {"l": text.count(b"\n"), "w": len(text.split()), "c": len(text)}
    shown = [str(numbers[letter]) for letter in (letters or "lwc") if letter in numbers]
    words_out = shown[0] if len(shown) == 1 else "".join(f"{number:>10}" for number in shown)
    yield Write(OUT, f"{words_out}{' ' + paths[0] if paths else ''}\n".encode())
    return code


def sort(shell: Shell, words: Sequence[str]) -> Program:
    """The lines in order."""
    letters, paths = flags_of(words)
    lines, code = yield from lines_of(shell, "sort", paths)
    lines = [_ended(line) for line in lines]
    if "u" in letters:
        lines = list(dict.fromkeys(lines))
    lines.sort(key=_number if "n" in letters else None, reverse="r" in letters)
    if lines:
        yield Write(OUT, b"".join(lines))
    return code


def tee(shell: Shell, words: Sequence[str]) -> Program:
    """Standard input into files, and on."""
    letters, paths = flags_of(words)
    if "a" not in letters:
        for path in paths:
            shell.files.write(absolute(shell, path), b"")
    while line := (yield from shell.read_line()):
        yield Write(OUT, line)
        for path in paths:
            shell.files.write(absolute(shell, path), line, append=True)
    return 0


def base64(shell: Shell, words: Sequence[str]) -> Program:
    """Encodes, or with -d decodes."""
    from base64 import b64decode, encodebytes

    letters, paths = flags_of(words)
    lines, code = yield from lines_of(shell, "base64", paths)
    try:
        yield Write(OUT, b64decode(b"".join(lines)) if "d" in letters else encodebytes(b"".join(lines)))
    except ValueError:
        yield Write(ERR, b"base64: truncated input\n")
        return 1
    return code


def yes(_shell: Shell, words: Sequence[str]) -> Program:
    """The same line again and again."""
    while True:
        yield Write(OUT, f"{' '.join(words) or 'y'}\n".encode())
        yield Sleep(0.1)


def _ended(line: bytes) -> bytes:
    return line if line.endswith(b"\n") else line + b"\n"


def _number(line: bytes) -> tuple[int, bytes]:
    match = re.match(rb"\s*(-?\d+)", line)
    return (int(match[1]) if match else 0, line)


TEXT_TOOLS: dict[str, Tool] = {
    "base64": base64, "cat": cat, "grep": grep, "head": head, "sort": sort, "tail": tail, "tee": tee, "wc": wc,
    "yes": yes,
}  # fmt: skip
