"""Filters for pipelines: cut, tr, sed, awk, uniq, xargs, nl. Of sed and awk only what people type by heart.

Their words are busybox's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from kubesim.kubelet.runtime.process import ERR, OUT, Program, Write
from kubesim.kubelet.runtime.shell.session import Shell
from kubesim.kubelet.runtime.shell.text_tools import lines_of
from kubesim.kubelet.runtime.shell.tools import Tool


def cut(shell: Shell, words: Sequence[str]) -> Program:
    """`cut -d: -f1,3`, `cut -c1-5`."""
    options, paths = _options(words, "dfc")
    lines, code = yield from lines_of(shell, "cut", paths)
    delimiter = options.get("d", "\t")
    out = []
    for line in _texts(lines):
        pieces = list(line) if "c" in options else line.split(delimiter)
        if len(pieces) == 1 and "f" in options:
            out.append(line)
            continue
        chosen = [pieces[index] for index in _indexes(options.get("f") or options.get("c", ""), len(pieces))]
        out.append(("" if "c" in options else delimiter).join(chosen))
    yield Write(OUT, "".join(f"{line}\n" for line in out).encode())
    return code


def _indexes(text: str, count: int) -> list[int]:
    """`1,3-5,7-` as places from 0."""
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        begin = int(first) if first.isdigit() else 1
        end = int(last) if last.isdigit() else (count if dash else begin)
        found += range(begin - 1, min(end, count))
    return found


def tr(shell: Shell, words: Sequence[str]) -> Program:
    """`tr a-z A-Z`, `tr -d '\\n'`."""
    flags = [word for word in words if word.startswith("-")]
    sets = [_set(word) for word in words if not word.startswith("-")]
    lines, code = yield from lines_of(shell, "tr", ())
    text = b"".join(lines).decode(errors="replace")
    if any("d" in flag for flag in flags):
        text = "".join(sign for sign in text if sign not in (sets[0] if sets else ""))
    elif len(sets) > 1:
        target = sets[1].ljust(len(sets[0]), sets[1][-1:] or " ")
        text = text.translate({ord(old): new for old, new in zip(sets[0], target, strict=False)})
    yield Write(OUT, text.encode())
    return code


def _set(text: str) -> str:
    text = text.replace("\\n", "\n").replace("\\t", "\t")
    text = text.replace("[:lower:]", "a-z").replace("[:upper:]", "A-Z").replace("[:digit:]", "0-9")

    def spread(match: re.Match[str]) -> str:
        return "".join(chr(code) for code in range(ord(match[1]), ord(match[2]) + 1))

    return re.sub(r"(.)-(.)", spread, text)


def sed(shell: Shell, words: Sequence[str]) -> Program:
    """`sed s/a/b/g FILE`, `sed -n 2p`, `sed /x/d`; -i writes the file."""
    quiet, in_place, rest = False, False, []
    scripts: list[str] = []
    queue = list(words)
    while queue:
        word = queue.pop(0)
        if word == "-e" and queue:
            scripts.append(queue.pop(0))
        elif word.startswith("-") and len(word) > 1:
            quiet |= "n" in word
            in_place |= "i" in word
        else:
            rest.append(word)
    if not scripts and rest:
        scripts.append(rest.pop(0))
    lines, code = yield from lines_of(shell, "sed", rest)
    out: list[str] = []
    for number, line in enumerate(_texts(lines), 1):
        text, kept = line, not quiet
        for script in ";".join(scripts).split(";"):
            result = _edited(script.strip(), text, number, len(lines))
            if result is None:
                yield Write(ERR, f"sed: unsupported command {script}\n".encode())
                return 1
            text, action = result
            kept = False if action == "d" else True if action == "p" else kept
        if kept:
            out.append(text)
    data = "".join(f"{line}\n" for line in out).encode()
    if in_place and rest:
        shell.files.write(rest[0], data)
    else:
        yield Write(OUT, data)
    return code


def _edited(script: str, text: str, number: int, last: int) -> tuple[str, str] | None:
    """The line after one command, and "p" or "d"; None if the command is not known."""
    if match := re.fullmatch(r"s(.)(.*?)(?<!\\)\1(.*?)(?<!\\)\1([gi]*)", script):
        pattern = re.sub(r"\\([(){}|+?])", r"\1", match[2])
        target = re.sub(r"(?<!\\)&", r"\\g<0>", match[3])
        flags = re.IGNORECASE if "i" in match[4] else 0
        return re.sub(pattern, target, text, count=0 if "g" in match[4] else 1, flags=flags), ""
    if match := re.fullmatch(r"(?:/(.*)/|(\d+|\$)(?:,(\d+|\$))?)?([pd])", script):
        first = last if match[2] == "$" else int(match[2] or 1)
        end = last if match[3] == "$" or match[2] is None else int(match[3] or first)
        hit = re.search(match[1], text) is not None if match[1] is not None else first <= number <= end
        return text, match[4] if hit else ""
    return (text, "") if not script else None


def awk(shell: Shell, words: Sequence[str]) -> Program:
    """`awk '{print $1, $3}'`, with -F and a pattern before it."""
    options, rest = _options(words, "F")
    program, *paths = rest or [""]
    match = re.fullmatch(r"\s*(?:/(.*)/|NR\s*==\s*(\d+)|NR\s*>\s*(\d+))?\s*(?:\{\s*print\s*(.*?)\s*\})?\s*", program)
    if match is None or not program.strip():
        yield Write(ERR, b"awk: only {print ...} is understood here\n")
        return 1
    lines, code = yield from lines_of(shell, "awk", paths)
    out: list[str] = []
    for number, line in enumerate(_texts(lines), 1):
        fields = line.split(options["F"]) if "F" in options else line.split()
        pattern, exactly, after, wanted = match.groups()
        if (
            (pattern is not None and not re.search(pattern, line))
            or (exactly and number != int(exactly))
            or (after and number <= int(after))
        ):
            continue
        out.append(_printed(wanted or "$0", line, fields, number))
    yield Write(OUT, "".join(f"{line}\n" for line in out).encode())
    return code


def _printed(wanted: str, line: str, fields: list[str], number: int) -> str:
    def value(item: str) -> str:
        if item.startswith('"'):
            return item[1:-1]
        if item in ("NR", "NF"):
            return str(number if item == "NR" else len(fields))
        place = len(fields) if item == "$NF" else int(item[1:]) if item[1:].isdigit() else 0
        return line if place == 0 else fields[place - 1] if place <= len(fields) else ""

    return " ".join(
        "".join(value(item) for item in re.findall(r'"[^"]*"|\$NF|\$\d+|NR|NF', part)) for part in wanted.split(",")
    )


def uniq(shell: Shell, words: Sequence[str]) -> Program:
    """Lines without those that repeat the one before; -c counts."""
    paths = [word for word in words if not word.startswith("-")]
    lines, code = yield from lines_of(shell, "uniq", paths)
    runs: list[tuple[str, int]] = []
    for line in _texts(lines):
        if runs and runs[-1][0] == line:
            runs[-1] = (line, runs[-1][1] + 1)
        else:
            runs.append((line, 1))
    counted = "-c" in words
    yield Write(OUT, "".join(f"{count:7} {line}\n" if counted else f"{line}\n" for line, count in runs).encode())
    return code


def xargs(shell: Shell, words: Sequence[str]) -> Program:
    """The words of standard input as arguments; -n N at a time."""
    options, command = _options(words, "nI")
    lines, _ = yield from lines_of(shell, "xargs", ())
    values = b"".join(lines).decode(errors="replace").split()
    size = int(options["n"]) if options.get("n", "").isdigit() else 1 if "I" in options else max(1, len(values))
    code = 0
    for place in range(0, len(values), size):
        some = values[place : place + size]
        if "I" in options:
            called = [word.replace(options["I"], some[0]) for word in command]
        else:
            called = [*(command or ["echo"]), *some]
        code = yield from shell.run_words(called)
    return code


def nl(shell: Shell, words: Sequence[str]) -> Program:
    """Numbered lines."""
    lines, code = yield from lines_of(shell, "nl", [word for word in words if not word.startswith("-")])
    numbered = "".join(f"{number:6}\t{line}\n" for number, line in enumerate(_texts(lines), 1))
    yield Write(OUT, numbered.encode())
    return code


def _options(words: Sequence[str], letters: str) -> tuple[dict[str, str], list[str]]:
    """Options with values (`-d:`, `-d :`) and the other words; options end with the first other word."""
    found: dict[str, str] = {}
    queue = list(words)
    while queue and queue[0].startswith("-") and len(queue[0]) > 1:
        word = queue.pop(0)
        if word[1] in letters:
            found[word[1]] = word[2:] or (queue.pop(0) if queue else "")
    return found, queue


def _texts(lines: Sequence[bytes]) -> list[str]:
    return [line.decode(errors="replace").rstrip("\n") for line in lines]


FILTERS: dict[str, Tool] = {
    "awk": awk, "cut": cut, "nl": nl, "sed": sed, "tr": tr, "uniq": uniq, "xargs": xargs,
}  # fmt: skip
