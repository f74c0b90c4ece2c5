"""The programs of a simulated container: what a busybox has, as far as lessons use it.

Each takes the shell that started it and its words, and says what it does; most only print. Their words are
busybox's.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import wraps
from typing import NamedTuple

from kubesim.kubelet.runtime.process import ERR, OUT, Program, Sleep, Write
from kubesim.kubelet.runtime.shell.session import Shell

Tool = Callable[[Shell, Sequence[str]], Program]
UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
NO_SUCH = "No such file or directory"
NANOSECONDS_PER_SECOND = 1_000_000_000


class Result(NamedTuple):
    """What a program prints, and its exit code."""

    out: str = ""
    err: str = ""
    code: int = 0


def plain(function: Callable[[Shell, Sequence[str]], Result]) -> Tool:
    """A program that only prints."""

    @wraps(function)
    def run(shell: Shell, words: Sequence[str]) -> Program:
        result = function(shell, words)
        if result.out:
            yield Write(OUT, result.out.encode())
        if result.err:
            yield Write(ERR, result.err.encode())
        return result.code

    return run


def absolute(shell: Shell, path: str) -> str:
    """A path from the root."""
    return posixpath.normpath(posixpath.join(shell.directory, path)).replace("//", "/")


def input_of(shell: Shell, path: str) -> tuple[bytes, str]:
    """What is in a file, or what is wrong with it."""
    path = absolute(shell, path)
    data = shell.files.read(path)
    if data is None:
        return b"", "Is a directory" if shell.files.is_directory(path) else NO_SUCH
    return data, ""


def flags_of(words: Sequence[str]) -> tuple[str, list[str]]:
    """The letters of all options, and the other words."""
    letters = "".join(word[1:] for word in words if word.startswith("-") and len(word) > 1)
    return letters, [word for word in words if not (word.startswith("-") and len(word) > 1)]


def now(shell: Shell) -> datetime:
    """The virtual date."""
    return datetime.fromtimestamp(shell.unix_ns() // NANOSECONDS_PER_SECOND, UTC)


# -- files ----------------------------------------------------------------------------------------------


def ls(shell: Shell, words: Sequence[str]) -> Result:
    """Names, one a line."""
    letters, paths = flags_of(words)
    out, err = [], []
    for path in paths or ["."]:
        at = absolute(shell, path)
        if not shell.files.exists(at):
            err.append(f"ls: {path}: {NO_SUCH}\n")
        elif not shell.files.is_directory(at) or "d" in letters:
            out.append(_entry(shell, at, path, letters))
        else:
            names = [name for name in shell.files.entries(at) if "a" in letters or not name.startswith(".")]
            if len(paths) > 1:
                out.append(f"{path}:\n")
            if "l" in letters:
                out.append("total 0\n")
            out += [_entry(shell, posixpath.join(at, name), name, letters) for name in names]
    return Result("".join(out), "".join(err), 1 if err else 0)


def _entry(shell: Shell, path: str, name: str, letters: str) -> str:
    if "l" not in letters:
        return f"{name}\n"
    folder = shell.files.is_directory(path)
    size = 4096 if folder else len(shell.files.read(path) or b"")
    mode = "drwxr-xr-x    2" if folder else "-rw-r--r--    1"
    return f"{mode} root     root     {size:>9} {now(shell):%b %e %H:%M} {name}\n"


def rm(shell: Shell, words: Sequence[str]) -> Result:
    """Removes."""
    letters, paths = flags_of(words)
    err = ""
    for path in paths:
        at = absolute(shell, path)
        if not shell.files.exists(at):
            err += "" if "f" in letters else f"rm: can't remove '{path}': {NO_SUCH}\n"
        elif shell.files.is_directory(at) and "r" not in letters.lower():
            err += f"rm: '{path}' is a directory\n"
        else:
            shell.files.remove(at)
    return Result("", err, 1 if err else 0)


def mkdir(shell: Shell, words: Sequence[str]) -> Result:
    """Makes directories."""
    letters, paths = flags_of(words)
    err = ""
    for path in paths:
        at = absolute(shell, path)
        if shell.files.exists(at):
            err += "" if "p" in letters else f"mkdir: can't create directory '{path}': File exists\n"
        elif "p" not in letters and not shell.files.is_directory(posixpath.dirname(at)):
            err += f"mkdir: can't create directory '{path}': {NO_SUCH}\n"
        else:
            shell.files.make_directory(at)
    return Result("", err, 1 if err else 0)


def touch(shell: Shell, words: Sequence[str]) -> Result:
    """Makes empty files."""
    err = ""
    for path in flags_of(words)[1]:
        if shell.files.exists(absolute(shell, path)):
            continue
        if problem := shell.files.write(absolute(shell, path), b""):
            err += f"touch: {path}: {problem}\n"
    return Result("", err, 1 if err else 0)


def cp(shell: Shell, words: Sequence[str]) -> Result:
    """Copies a file."""
    return _copied(shell, words, "cp")


def mv(shell: Shell, words: Sequence[str]) -> Result:
    """Moves a file."""
    result = _copied(shell, words, "mv")
    if not result.code:
        shell.files.remove(absolute(shell, flags_of(words)[1][0]))
    return result


def _copied(shell: Shell, words: Sequence[str], name: str) -> Result:
    paths = flags_of(words)[1]
    if len(paths) != 2:
        return Result("", f"{name}: missing file operand\n", 1)
    data, problem = input_of(shell, paths[0])
    if problem:
        return Result("", f"{name}: can't stat '{paths[0]}': {problem}\n", 1)
    target = absolute(shell, paths[1])
    if shell.files.is_directory(target):
        target = posixpath.join(target, posixpath.basename(paths[0]))
    problem = shell.files.write(target, data)
    return Result("", f"{name}: can't create '{paths[1]}': {problem}\n" if problem else "", 1 if problem else 0)


# -- the machine ----------------------------------------------------------------------------------------


def env(shell: Shell, words: Sequence[str]) -> Result:
    """The environment."""
    if words and words[0] in shell.variables:
        return Result(f"{shell.variables[words[0]]}\n")
    if words and not words[0].startswith("-"):
        return Result("", "", 1)
    names = [name for name in shell.exported if name in shell.variables]
    return Result("".join(f"{name}={shell.variables[name]}\n" for name in names))


def date(shell: Shell, words: Sequence[str]) -> Result:
    """The virtual date."""
    moment = now(shell)
    for word in words:
        if word.startswith("+"):
            return Result(moment.strftime(word[1:].replace("%s", str(int(moment.timestamp())))) + "\n")
    if any("I" in word for word in words):
        return Result(f"{moment:%Y-%m-%dT%H:%M:%S+00:00}\n" if "-Iseconds" in words else f"{moment:%Y-%m-%d}\n")
    return Result(f"{moment:%a %b %e %H:%M:%S} UTC {moment:%Y}\n")


def hostname(shell: Shell, words: Sequence[str]) -> Result:
    """The name of the Pod, or with -i its address."""
    return Result(f"{shell.surroundings.pod_ip if '-i' in words else shell.surroundings.hostname}\n")


def id_(shell: Shell, words: Sequence[str]) -> Result:
    """Who runs this."""
    user, group = shell.surroundings.user_id, shell.surroundings.group_id
    if "-u" in words:
        return Result(f"{user}\n")
    if "-g" in words:
        return Result(f"{group}\n")
    names = ["(root)" if number == 0 else "" for number in (user, group)]
    groups = " groups=0(root)" if group == 0 else ""
    return Result(f"uid={user}{names[0]} gid={group}{names[1]}{groups}\n")


def whoami(shell: Shell, _: Sequence[str]) -> Result:
    """The user's name."""
    user = shell.surroundings.user_id
    return Result("root\n") if user == 0 else Result("", f"whoami: unknown uid {user}\n", 1)


def ps(shell: Shell, _: Sequence[str]) -> Result:
    """Process 1 and ourselves."""
    main = shell.surroundings.main_command or "/pause"
    return Result(f"PID   USER     TIME  COMMAND\n    1 root      0:00 {main}\n    7 root      0:00 ps\n")


def uname(shell: Shell, words: Sequence[str]) -> Result:
    """The kernel."""
    parts = {"s": "Linux", "n": shell.surroundings.hostname, "r": "6.8.0-kubesim", "m": "x86_64"}
    letters = flags_of(words)[0] or "s"
    if "a" in letters:
        return Result(f"Linux {parts['n']} {parts['r']} #1 SMP x86_64 GNU/Linux\n")
    return Result(" ".join(parts[letter] for letter in letters if letter in parts) + "\n")


def pwd(shell: Shell, _: Sequence[str]) -> Result:
    """Where we are."""
    return Result(f"{shell.directory}\n")


def sleep(_shell: Shell, words: Sequence[str]) -> Program:
    """Waits, on virtual time."""
    total = 0.0
    for word in words:
        match = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)([smhd]?)", word)
        if word in ("infinity", "inf"):
            yield Sleep(None)
        if match is None:
            yield Write(ERR, f"sleep: invalid number '{word}'\n".encode())
            return 1
        total += float(match[1]) * UNITS[match[2]]
    yield Sleep(total)
    return 0


# -- words ----------------------------------------------------------------------------------------------


def echo(_shell: Shell, words: Sequence[str]) -> Result:
    """Its words."""
    end, escapes = "\n", False
    words = list(words)
    while words and re.fullmatch(r"-[neE]+", words[0]):
        escapes |= "e" in words[0]
        end = "" if "n" in words.pop(0) else end
    text = " ".join(words)
    return Result((_escaped(text) if escapes else text) + end)


def printf(_shell: Shell, words: Sequence[str]) -> Result:
    """A format with its words."""
    if not words:
        return Result("", "printf: usage: printf FORMAT [ARG]...\n", 1)
    text, rest, out = _escaped(words[0]), list(words[1:]), ""
    signs = re.findall(r"%[-0-9.]*[sdiqb%]", text)
    while True:
        values = tuple(rest.pop(0) if rest else "" for sign in signs if sign != "%%")
        queue = list(values)

        def put(match: re.Match[str], queue: list[str] = queue) -> str:
            if match[0] == "%%":
                return "%"
            value = queue.pop(0)
            if match[0][-1] in "di":
                return match[0] % (int(value) if re.fullmatch(r"-?\d+", value) else 0)
            return (match[0][:-1] + "s") % value

        out += re.sub(r"%[-0-9.]*[sdiqb%]", put, text)
        if not rest or not values:
            return Result(out)


def _escaped(text: str) -> str:
    signs = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "a": "\a", "0": "\0", "e": "\033", '"': '"'}
    return re.sub(r"\\(.)", lambda match: signs.get(match[1], match[0]), text)


def true(_shell: Shell, _words: Sequence[str]) -> Result:
    """Succeeds."""
    return Result()


def false(_shell: Shell, _words: Sequence[str]) -> Result:
    """Fails."""
    return Result(code=1)


def seq(_shell: Shell, words: Sequence[str]) -> Result:
    """Numbers."""
    if not words or not all(re.fullmatch(r"-?\d+", word) for word in words):
        return Result("", "seq: invalid number\n", 1)
    numbers = [int(word) for word in words[:3]]
    first, step, last = {1: (1, 1, numbers[-1]), 2: (numbers[0], 1, numbers[-1])}.get(
        len(numbers), (numbers[0], numbers[1] if len(numbers) > 1 else 1, numbers[-1])
    )
    return Result(
        "".join(f"{number}\n" for number in list(range(first, last + (1 if step > 0 else -1), step or 1))[:100_000])
    )


def test(shell: Shell, words: Sequence[str]) -> Result:
    """A condition."""
    return Result(code=0 if _holds(shell, list(words)) else 1)


def bracket(shell: Shell, words: Sequence[str]) -> Result:
    """`[ … ]`."""
    if not words or words[-1] != "]":
        return Result("", "[: missing ]\n", 2)
    return test(shell, words[:-1])


def _holds(shell: Shell, words: list[str]) -> bool:
    if words and words[0] == "!":
        return not _holds(shell, words[1:])
    for joint in ("-o", "-a"):
        if joint in words[1:-1]:
            place = words.index(joint)
            left, right = _holds(shell, words[:place]), _holds(shell, words[place + 1 :])
            return (left or right) if joint == "-o" else (left and right)
    if len(words) == 3:
        return _compared(*words)
    if len(words) == 2:
        at = absolute(shell, words[1])
        checks: dict[str, Callable[[], bool]] = {
            "-n": lambda: bool(words[1]), "-z": lambda: not words[1],
            "-e": lambda: shell.files.exists(at), "-d": lambda: shell.files.is_directory(at),
            "-f": lambda: shell.files.read(at) is not None, "-s": lambda: bool(shell.files.read(at)),
            "-r": lambda: shell.files.exists(at), "-w": lambda: shell.files.exists(at),
        }  # fmt: skip
        return checks.get(words[0], lambda: False)()
    return len(words) == 1 and bool(words[0])


def _compared(left: str, sign: str, right: str) -> bool:
    if sign in ("=", "==", "!="):
        return (left == right) is (sign != "!=")
    if not all(re.fullmatch(r"-?\d+", each) for each in (left, right)):
        return False
    a, b = int(left), int(right)
    return {"-eq": a == b, "-ne": a != b, "-lt": a < b, "-le": a <= b, "-gt": a > b, "-ge": a >= b}.get(sign, False)


TOOLS: dict[str, Tool] = {
    name: plain(function)
    for name, function in {
        "[": bracket, "cp": cp, "date": date, "echo": echo, "env": env, "false": false, "hostname": hostname, "id": id_,
        "ls": ls, "mkdir": mkdir, "mv": mv, "printenv": env, "printf": printf, "ps": ps, "pwd": pwd, "rm": rm,
        "seq": seq, "test": test, "touch": touch, "true": true, "uname": uname, "whoami": whoami,
    }.items()
}  # fmt: skip
TOOLS["sleep"] = sleep
