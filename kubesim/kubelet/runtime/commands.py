"""Understands the commands that lessons use: `sleep 5`, `false`, `sh -c "echo hi; exit 1"`.

Not a shell: it adds up sleeps and finds the exit code of the last command, and whatever it does not know runs
until it is stopped. A shell or a `sleep` that is process 1 of its container ignores SIGTERM (the kernel gives
process 1 no default signal handlers), which is why deleting such a Pod takes its whole grace period.
"""

from __future__ import annotations

import re
import shlex
from functools import lru_cache

import msgspec

from kubesim.kubelet.runtime.model import Behaviour

SHELLS = ("sh", "bash", "ash", "dash", "zsh")
INSTANT = (
    ":", "cat", "cd", "chmod", "chown", "cp", "date", "df", "echo", "env", "export", "expr", "hostname", "id", "ln",
    "ls", "mkdir", "mv", "nslookup", "printenv", "printf", "ps", "pwd", "rm", "set", "sync", "test", "touch", "true",
    "uname", "wc", "wget", "curl", "whoami", "trap", "awk", "base64", "basename", "cut", "df", "dirname", "du", "find",
    "free", "grep", "head", "md5sum", "mount", "nproc", "readlink", "sed", "seq", "sha256sum", "sort", "tee", "tr",
    "uniq", "uptime", "which", "xargs",
)  # fmt: skip
NETWORK_TOOLS = ("curl", "nc", "nslookup", "wget")
NETWORK_WORD = re.compile(rf"(?:^|[\s;&|(`!])(?:{'|'.join(NETWORK_TOOLS)})\s")
UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Outcome(msgspec.Struct, frozen=True):
    """How a command ends: after how long (None: never) and with which code. `exits`: the script ends with it."""

    seconds: float | None
    code: int = 0
    exits: bool = False


def interpret(command: tuple[str, ...], arguments: tuple[str, ...], image_behaviour: Behaviour) -> Behaviour:
    """What a container does when `command` and `arguments` replace the image's own; neither: what the image does.

    Arguments alone go to the image's entrypoint. Images whose default is a shell have none, so there they are
    the command.
    """
    words = command + arguments
    if not words:
        return image_behaviour
    if not command and image_behaviour.run_seconds is None:
        return image_behaviour
    handles_signals = "trap" in " ".join(words)
    if uses_network(words):  # How it ends is seen when it runs.
        stop_seconds = image_behaviour.stop_seconds if handles_signals else None
        return msgspec.structs.replace(image_behaviour, run_seconds=None, stop_seconds=stop_seconds)
    outcome = run_words(words)
    if outcome is None:
        return msgspec.structs.replace(image_behaviour, run_seconds=None)
    return msgspec.structs.replace(
        image_behaviour,
        run_seconds=outcome.seconds,
        exit_code=outcome.code,
        stop_seconds=image_behaviour.stop_seconds if handles_signals else None,
    )


@lru_cache(maxsize=1024)
def uses_network(words: tuple[str, ...]) -> bool:
    """Whether a command that we can play asks the network: what it does depends on when it asks."""
    if not words:
        return False
    name = words[0].rsplit("/", 1)[-1]
    return name in NETWORK_TOOLS or (name in SHELLS and bool(NETWORK_WORD.search(" ".join(words[1:]))))


@lru_cache(maxsize=1024)
def run_words(words: tuple[str, ...]) -> Outcome | None:
    """How one simple command ends; None if it is not known (then it runs until stopped)."""
    name, rest = words[0].rsplit("/", 1)[-1], words[1:]
    if name in SHELLS:
        return run_shell(rest)
    if name == "sleep":
        return Outcome(sleep_seconds(rest))
    if name == "exit":
        return Outcome(0.0, int(rest[0]) % 256 if rest and rest[0].isdigit() else 0, exits=True)
    if name == "false":
        return Outcome(0.0, 1)
    if name in ("tail", "while", "until"):
        return Outcome(None)
    return Outcome(0.0) if name in INSTANT else None


def run_shell(rest: tuple[str, ...]) -> Outcome | None:
    """How `sh` with these arguments ends; without a script it reads an empty input and ends at once."""
    flags = [word for word in rest if word.startswith("-")]
    others = [word for word in rest if not word.startswith("-")]
    if not any("c" in flag for flag in flags):
        return None if others else Outcome(0.0)
    return run_script(others[0]) if others else Outcome(0.0, 2)


def run_script(script: str) -> Outcome | None:
    """How a script of simple commands ends: sleeps add up, the last code counts, `&&` and `||` are obeyed."""
    if re.search(r"\b(while|until)\b", script):
        return Outcome(None)
    seconds, code = 0.0, 0
    for joint, text in simple_commands(script):
        if not text or (joint == "&&" and code != 0) or (joint == "||" and code == 0):
            continue
        outcome = run_words(simple_words(text))
        if outcome is None:
            return None
        if outcome.seconds is None:
            return outcome
        seconds, code = seconds + outcome.seconds, outcome.code
        if outcome.exits:
            break
    return Outcome(seconds, code)


def simple_commands(script: str) -> list[tuple[str, str]]:
    """The simple commands of a script, each with what joins it to the one before; quoted text stays whole."""
    commands = [(";", "")]
    for piece in re.findall(r"""'[^']*'|"[^"]*"|&&|\|\||[;\n]|[^;&|\n'"]+|.""", script):
        if piece in (";", "&&", "||", "\n"):
            commands.append((piece, ""))
        else:
            joint, text = commands[-1]
            commands[-1] = (joint, text + piece)
    return [(joint, text.strip()) for joint, text in commands]


def simple_words(text: str) -> tuple[str, ...]:
    """The words of one command, up to its first pipe, redirection or `&`; `exec` and assignments are skipped."""
    try:
        words = shlex.split(re.split(r"[|<>&]", text)[0], comments=True)
    except ValueError:  # An unclosed quote.
        words = text.split()
    while words and (words[0] == "exec" or re.fullmatch(r"\w+=.*", words[0])):
        words = words[1:]
    return tuple(words) or (":",)


def sleep_seconds(rest: tuple[str, ...]) -> float | None:
    """What `sleep` was asked for: `5`, `1m`, `0.5`; None for `infinity`."""
    total = 0.0
    for word in rest:
        match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", word)
        if match is None:
            return None
        total += float(match[1]) * UNITS[match[2]]
    return total
