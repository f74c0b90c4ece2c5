"""The options of `curl` that lessons use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from kubesim.kubelet.runtime.shell.net_tools import seconds_of

FLAGS = {
    "s": "silent", "S": "show-error", "k": "insecure", "f": "fail", "i": "include", "I": "head", "L": "location",
    "v": "verbose", "O": "remote-name", "4": "ipv4", "N": "no-buffer", "g": "globoff", "j": "junk",
}  # fmt: skip
VALUES = {
    "m": "max-time", "o": "output", "w": "write-out", "X": "request", "d": "data", "H": "header", "A": "user-agent",
    "u": "user", "e": "referer",
}  # fmt: skip
LONG_VALUES = {
    *VALUES.values(),
    "connect-timeout",
    "retry",
    "retry-delay",
    "resolve",
    "data-raw",
    "json",
    "url",
    "cacert",
}
LONG_FLAGS = {*FLAGS.values(), "fail-with-body", "no-progress-meter", "compressed", "http1.1", "retry-connrefused",
              "retry-all-errors"}  # fmt: skip


@dataclass
class Options:
    """What the words of the command say."""

    flags: set[str] = field(default_factory=set)
    values: dict[str, str] = field(default_factory=dict)
    headers: list[str] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)
    problem: str = ""


def parse_options(words: Sequence[str]) -> Options:
    """The words of the command."""
    options, queue = Options(), list(words)
    while queue and not options.problem:
        word = queue.pop(0)
        if word.startswith("--") and len(word) > 2:
            _long(options, word[2:], queue)
        elif word.startswith("-") and len(word) > 1:
            _short(options, word[1:], queue)
        else:
            options.urls.append(word)
    return options


def _long(options: Options, name: str, queue: list[str]) -> None:
    if name in LONG_FLAGS:
        options.flags.add(name)
    elif name not in LONG_VALUES:
        options.problem = f"option --{name}: is unknown"
    elif not queue:
        options.problem = f"option --{name}: requires parameter"
    else:
        _keep(options, name, queue.pop(0))


def _short(options: Options, letters: str, queue: list[str]) -> None:
    for place, letter in enumerate(letters):
        if letter in FLAGS:
            options.flags.add(FLAGS[letter])
        elif letter in VALUES:
            rest = letters[place + 1 :]
            if not rest and not queue:
                options.problem = f"option -{letter}: requires parameter"
            else:
                _keep(options, VALUES[letter], rest or queue.pop(0))
            return
        else:
            options.problem = f"option -{letters}: is unknown"
            return


def _keep(options: Options, name: str, value: str) -> None:
    if name == "header":
        options.headers.append(value)
    elif name in ("data", "data-raw", "json"):
        options.data.append(value)
        if name == "json":
            options.headers.append("Content-Type: application/json")
    elif name == "url":
        options.urls.append(value)
    elif name in ("max-time", "connect-timeout", "retry", "retry-delay") and seconds_of(value) is None:
        options.problem = f"option {'-m' if name == 'max-time' else f'--{name}'}: expected a proper numerical parameter"
    else:
        options.values[name] = value
