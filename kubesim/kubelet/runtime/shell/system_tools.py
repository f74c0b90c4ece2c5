"""Programs that look at the machine and its processes, and `kill`.

A container sees two processes: its own and whoever looks. A signal to process 1 from inside does what the kernel lets
it do: SIGKILL and SIGSTOP never reach the first process of a namespace from within, and a program without a handler
ignores the others. What `free` and `df` tell is the node's, as in life; the container's own limits stand in
/sys/fs/cgroup. Their words are busybox's.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Sequence

from kubesim.kubelet.runtime.process import ERR, OUT, Program, Signal, Write
from kubesim.kubelet.runtime.shell.session import Shell
from kubesim.kubelet.runtime.shell.text_tools import lines_of
from kubesim.kubelet.runtime.shell.tools import Result, Tool, absolute, flags_of, input_of, now, plain

SIGNALS = {"HUP": 1, "INT": 2, "QUIT": 3, "KILL": 9, "USR1": 10, "USR2": 12, "TERM": 15, "CONT": 18, "STOP": 19}
MEMORY_KIB = 4028492
DISK_KIB, DISK_USED_KIB = 61255492, 9188324
OWN_PID = 7


def kill(shell: Shell, words: Sequence[str]) -> Program:
    """`kill 1`, `kill -9 1`, `kill -s HUP 1`, `kill -l`."""
    number, rest = SIGNALS["TERM"], list(words)
    if rest and rest[0] == "-l":
        yield Write(OUT, "".join(f"{value:2}) {name}\n" for name, value in SIGNALS.items()).encode())
        return 0
    if rest and rest[0].startswith("-"):
        name = rest.pop(0)[1:]
        if name == "s" and rest:
            name = rest.pop(0)
        found = SIGNALS.get(name.upper().removeprefix("SIG"), int(name) if name.isdigit() else None)
        if found is None:
            yield Write(ERR, f"{shell.name}: kill: bad signal name '{name}'\n".encode())
            return 1
        number = found
    if not rest:
        yield Write(ERR, f"{shell.name}: kill: you need to specify whom to kill\n".encode())
        return 1
    code = 0
    for word in rest:
        if word == "1":
            if number:
                yield Signal(number)
        elif word != str(OWN_PID):
            why = "No such process" if word.isdigit() else "invalid number"
            yield Write(ERR, f"{shell.name}: can't kill pid {word}: {why}\n".encode())
            code = 1
    return code


def pkill(shell: Shell, words: Sequence[str]) -> Program:
    """`pkill NAME`, `killall NAME`: process 1, if it is called so."""
    names = [word for word in words if not word.startswith("-")]
    if names and names[0] in shell.surroundings.main_command:
        signals = [word[1:] for word in words if word.startswith("-")]
        return (yield from kill(shell, [*(f"-{each}" for each in signals[:1]), "1"]))
    if names:
        yield Write(ERR, f"killall: {names[0]}: no process killed\n".encode())
    return 1


def pgrep(shell: Shell, words: Sequence[str]) -> Result:
    """The number of process 1, if it is called so."""
    names = [word for word in words if not word.startswith("-")]
    return Result("1\n") if names and names[-1] in shell.surroundings.main_command else Result(code=1)


def df(_shell: Shell, words: Sequence[str]) -> Result:
    """The node's disk."""
    rows = [("overlay", DISK_KIB, DISK_USED_KIB, "/"), ("tmpfs", 65536, 0, "/dev"), ("shm", 65536, 0, "/dev/shm")]
    human = "h" in flags_of(words)[0]
    head = "Filesystem                Size      Used Available Use% Mounted on\n" if human else (
        "Filesystem           1K-blocks      Used Available Use% Mounted on\n"
    )  # fmt: skip
    lines = []
    for name, size, used, place in rows:
        cells = [_human(each) if human else str(each) for each in (size, used, size - used)]
        width = 21 if human else 20
        lines.append(f"{name:<{width}} {cells[0]:>8} {cells[1]:>9} {cells[2]:>9} {used * 100 // size:>3}% {place}\n")
    return Result(head + "".join(lines))


def free(_shell: Shell, words: Sequence[str]) -> Result:
    """The node's memory."""
    letters = flags_of(words)[0]
    unit = 1024 if "m" in letters else 1024 * 1024 if "g" in letters else 1
    total, used, cached = MEMORY_KIB // unit, MEMORY_KIB // 5 // unit, MEMORY_KIB // 2 // unit
    row = (total, used, total - used - cached, 0, cached, total - used)
    head = "".join(f"{name:>12}" for name in ("total", "used", "free", "shared", "buff/cache", "available"))
    line = "".join(f"{each:>12}" for each in row)
    return Result(f"      {head}\nMem:  {line}\nSwap: {0:>12}{0:>12}{0:>12}\n")


def uptime(shell: Shell, _: Sequence[str]) -> Result:
    """Since when the machine runs, more or less."""
    return Result(f" {now(shell):%H:%M:%S} up 1 day,  0 users,  load average: 0.10, 0.08, 0.05\n")


def top(shell: Shell, _: Sequence[str]) -> Result:
    """One picture, as with -n 1."""
    main = shell.surroundings.main_command or "/pause"
    return Result(
        f"Mem: {MEMORY_KIB // 5}K used, {MEMORY_KIB * 4 // 5}K free, 0K shrd, 0K buff, {MEMORY_KIB // 2}K cached\n"
        "CPU:   1% usr   1% sys   0% nic  98% idle   0% io   0% irq   0% sirq\n"
        "  PID  PPID USER     STAT   VSZ %VSZ CPU %CPU COMMAND\n"
        f"    1     0 root     S     4404   0%   0   0% {main}\n"
        f"    {OWN_PID}     0 root     R     4404   0%   1   0% top\n"
    )


def nproc(_shell: Shell, _words: Sequence[str]) -> Result:
    """The node's processors."""
    return Result("2\n")


def mount(shell: Shell, _: Sequence[str]) -> Result:
    """What is mounted."""
    lines = ["overlay on / type overlay (rw,relatime)\n", "proc on /proc type proc (rw,nosuid,nodev,noexec,relatime)\n"]
    lines += [f"/dev/vda1 on {place} type ext4 (rw,relatime)\n" for place in shell.surroundings.mounts]
    return Result("".join(lines))


def find(shell: Shell, words: Sequence[str]) -> Result:
    """`find PATH -name PATTERN -type f`."""
    roots = []
    rest = list(words)
    while rest and not rest[0].startswith("-"):
        roots.append(rest.pop(0))
    options = dict(zip(rest[::2], rest[1::2], strict=False))
    pattern, kind = options.get("-name", options.get("-iname", "")), options.get("-type", "")
    expression = re.compile(
        re.escape(pattern or "*").replace(r"\*", ".*").replace(r"\?", "."), re.IGNORECASE if "-iname" in options else 0
    )
    found: list[str] = []
    for root in roots or ["."]:
        if not shell.files.exists(absolute(shell, root)):
            return Result("", f"find: {root}: No such file or directory\n", 1)
        stack = [root]
        while stack and len(found) < 10_000:
            path = stack.pop()
            is_directory = shell.files.is_directory(absolute(shell, path))
            wanted = kind in ("", "d" if is_directory else "f")
            if wanted and expression.fullmatch(posixpath.basename(path.rstrip("/")) or path):
                found.append(path)
            if is_directory:
                entries = shell.files.entries(absolute(shell, path))
                stack += [f"{path.rstrip('/')}/{name}" for name in reversed(entries)]
    return Result("".join(f"{path}\n" for path in found))


def which(shell: Shell, words: Sequence[str]) -> Result:
    """Where programs are."""
    found = [word for word in words if shell.finds(word)]
    return Result("".join(f"/usr/bin/{word}\n" for word in found), code=0 if len(found) == len(words) else 1)


def du(shell: Shell, words: Sequence[str]) -> Result:
    """How big files are."""
    letters, paths = flags_of(words)
    lines = []
    for path in paths or ["."]:
        at = absolute(shell, path)
        if not shell.files.exists(at):
            return Result("", f"du: {path}: No such file or directory\n", 1)
        size = len(shell.files.read(at) or b"") // 1024 + 4
        lines.append(f"{_human(size) if 'h' in letters else size}\t{path}\n")
    return Result("".join(lines))


def basename(_shell: Shell, words: Sequence[str]) -> Result:
    """The last part of a path."""
    name = posixpath.basename(words[0].rstrip("/")) if words else ""
    return Result(f"{name.removesuffix(words[1]) if len(words) > 1 else name}\n")


def dirname(_shell: Shell, words: Sequence[str]) -> Result:
    """A path without its last part."""
    return Result(f"{posixpath.dirname(words[0].rstrip('/')) or '.'}\n" if words else "\n")


def readlink(shell: Shell, words: Sequence[str]) -> Result:
    """A path from the root."""
    paths = flags_of(words)[1]
    return Result("".join(f"{absolute(shell, path)}\n" for path in paths))


def digest(kind: str) -> Tool:
    """`sha256sum` and its kin."""

    def run(shell: Shell, words: Sequence[str]) -> Result:
        lines: list[str] = []
        for path in flags_of(words)[1]:
            data, problem = input_of(shell, path)
            if problem:
                return Result("".join(lines), f"{kind}sum: can't open '{path}': {problem}\n", 1)
            lines.append(f"{hashlib.new(kind, data, usedforsecurity=False).hexdigest()}  {path}\n")
        return Result("".join(lines))

    return plain(run)


def chmod(shell: Shell, words: Sequence[str]) -> Result:
    """Accepted: files have no modes here."""
    for path in flags_of(words)[1][1:]:
        if not shell.files.exists(absolute(shell, path)):
            return Result("", f"chmod: {path}: No such file or directory\n", 1)
    return Result()


def nothing(_shell: Shell, _words: Sequence[str]) -> Result:
    """Accepted."""
    return Result()


def tac(shell: Shell, words: Sequence[str]) -> Program:
    """Lines, the last first."""
    lines, code = yield from lines_of(shell, "tac", flags_of(words)[1])
    yield Write(OUT, b"".join(reversed(lines)))
    return code


def _human(kibibytes: int) -> str:
    size = float(kibibytes)
    for unit in ("K", "M", "G"):
        if size < 1024 or unit == "G":
            return f"{size:.1f}{unit}" if size else "0"
        size /= 1024
    return str(kibibytes)


SYSTEM_TOOLS: dict[str, Tool] = {
    name: plain(function)
    for name, function in {
        "basename": basename, "chgrp": nothing, "chmod": chmod, "chown": chmod, "clear": nothing, "df": df,
        "dirname": dirname, "du": du, "find": find, "free": free, "mount": mount, "nproc": nproc, "pgrep": pgrep,
        "readlink": readlink, "realpath": readlink, "stty": nothing, "sync": nothing, "top": top, "uptime": uptime,
        "which": which,
    }.items()
}  # fmt: skip
SYSTEM_TOOLS |= {"kill": kill, "killall": pkill, "pkill": pkill, "tac": tac}
SYSTEM_TOOLS |= {f"{kind}sum": digest(kind) for kind in ("md5", "sha1", "sha256", "sha512")}
