"""The commands that a shell does itself, because they change the shell."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from kubesim.kubelet.runtime.process import ERR, OUT, Program, Write
from kubesim.kubelet.runtime.shell.programs import PROGRAMS
from kubesim.kubelet.runtime.shell.session import Shell
from kubesim.kubelet.runtime.shell.tools import absolute


class Exit(Exception):  # noqa: N818 - it is no error
    """`exit`: leaves the shell."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def cd(shell: Shell, words: Sequence[str]) -> Program:
    """Changes the directory."""
    path = absolute(shell, words[0] if words else "/root")
    if not shell.files.is_directory(path):
        yield Write(
            ERR, f"{shell.name}: cd: can't cd to {words[0] if words else path}: No such file or directory\n".encode()
        )
        return 2
    shell.directory = path
    return 0


def exit_(shell: Shell, words: Sequence[str]) -> Program:
    """Leaves."""
    yield from ()
    raise Exit(int(words[0]) % 256 if words and words[0].isdigit() else shell.code)


def export(shell: Shell, words: Sequence[str]) -> Program:
    """Variables for the programs that are started."""
    if not words:
        for name in sorted(shell.exported):
            yield Write(OUT, f"export {name}='{shell.variables.get(name, '')}'\n".encode())
    for word in words:
        name, sign, value = word.partition("=")
        if sign:
            shell.variables[name] = value
        shell.exported[name] = None
    return 0


def unset(shell: Shell, words: Sequence[str]) -> Program:
    """Forgets variables."""
    yield from ()
    for word in words:
        shell.variables.pop(word, None)
        shell.exported.pop(word, None)
    return 0


def read(shell: Shell, words: Sequence[str]) -> Program:
    """A line of input into variables."""
    names = [word for word in words if not word.startswith("-")] or ["REPLY"]
    line = yield from shell.read_line()
    parts = line.decode(errors="replace").strip().split(None, len(names) - 1)
    for index, name in enumerate(names):
        shell.variables[name] = parts[index] if index < len(parts) else ""
    return 0 if line else 1


def set_(shell: Shell, words: Sequence[str]) -> Program:
    """The variables; options are accepted."""
    if not words:
        for name, value in sorted(shell.variables.items()):
            yield Write(OUT, f"{name}='{value}'\n".encode())
    return 0


def type_(_shell: Shell, words: Sequence[str]) -> Program:
    """What a word would run."""
    code = 0
    for word in words:
        if word in BUILTINS:
            yield Write(OUT, f"{word} is a shell builtin\n".encode())
        elif word in PROGRAMS:
            yield Write(OUT, f"{word} is /bin/{word}\n".encode())
        else:
            yield Write(OUT, f"{word}: not found\n".encode())
            code = 127
    return code


def command(_shell: Shell, words: Sequence[str]) -> Program:
    """`command -v NAME`: where a program is."""
    rest = [word for word in words if not word.startswith("-")]
    found = [word for word in rest[:1] if word in PROGRAMS or word in BUILTINS]
    for word in found:
        yield Write(OUT, f"{word if word in BUILTINS else f'/bin/{word}'}\n".encode())
    return 0 if found else 127


def exec_(shell: Shell, words: Sequence[str]) -> Program:
    """A program in place of the shell."""
    if not words:
        return 0
    raise Exit((yield from shell.run_words(words)))


def eval_(shell: Shell, words: Sequence[str]) -> Program:
    """Words as a script."""
    return (yield from shell.script(" ".join(words)))


def nothing(_shell: Shell, _words: Sequence[str]) -> Program:
    """`:`, `trap`, `wait`: accepted."""
    yield from ()
    return 0


def shift(shell: Shell, words: Sequence[str]) -> Program:
    """Drops the first arguments."""
    yield from ()
    del shell.arguments[: int(words[0]) if words and re.fullmatch(r"\d+", words[0]) else 1]
    return 0


BUILTINS: dict[str, Callable[[Shell, Sequence[str]], Program]] = {
    ":": nothing, "cd": cd, "command": command, "eval": eval_, "exec": exec_, "exit": exit_, "export": export,
    "read": read, "return": exit_, "set": set_, "shift": shift, "trap": nothing, "type": type_, "ulimit": nothing,
    "umask": nothing, "unset": unset, "wait": nothing,
}  # fmt: skip
