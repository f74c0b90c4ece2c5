"""From a word as it is written to the words that it means: quotes, variables, arithmetic, command output, patterns."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Generator
from fnmatch import fnmatchcase

from kubesim.kubelet.runtime.process import Effect
from kubesim.kubelet.runtime.shell.parse import ScriptError, bracket_end

# Runs a script and returns what it printed.
Capture = Callable[[str], Generator[Effect, bytes | None, str]]
Lookup = Callable[[str], str]

NAME = re.compile(r"[A-Za-z_]\w*|[0-9?$#@*!]")
SPLIT, KEEP = "split", "keep"
ARITHMETIC_LENGTH_MAX = 200


def expand(raw: str, lookup: Lookup, capture: Capture) -> Generator[Effect, bytes | None, list[tuple[str, bool]]]:
    """The pieces of a word, each with whether it was quoted: unquoted output is split and matched by the caller."""
    pieces: list[tuple[str, bool]] = []
    place, quoted = 0, False
    while place < len(raw):
        sign = raw[place]
        if sign == '"':
            quoted = not quoted
            pieces.append(("", True))
            place += 1
        elif sign == "'" and not quoted:
            end = raw.index("'", place + 1)
            pieces.append((raw[place + 1 : end], True))
            place = end + 1
        elif sign == "\\":
            following = raw[place + 1 : place + 2]
            plain = quoted and following not in ('"', "\\", "$", "`")
            pieces.append((f"\\{following}" if plain else following, True))
            place += 2
        elif sign == "$" and place + 1 < len(raw):
            text, place = yield from _dollar(raw, place, lookup, capture)
            pieces.append((text, quoted))
        elif sign == "`":
            end = raw.index("`", place + 1)
            pieces.append(((yield from capture(raw[place + 1 : end])), quoted))
            place = end + 1
        else:
            pieces.append((sign, quoted or sign not in "*?["))
            place += 1
    return pieces


def _dollar(raw: str, place: int, lookup: Lookup, capture: Capture) -> Generator[Effect, bytes | None, tuple[str, int]]:
    """What `$…` means, and where it ends."""
    if raw.startswith("$((", place):
        end = bracket_end(raw, place + 1)
        return str(arithmetic(raw[place + 3 : end - 2], lookup)), end
    if raw.startswith("$(", place):
        end = bracket_end(raw, place + 1)
        return (yield from capture(raw[place + 2 : end - 1])), end
    if raw.startswith("${", place):
        end = bracket_end(raw, place + 1)
        return _braced(raw[place + 2 : end - 1], lookup), end
    match = NAME.match(raw, place + 1)
    return (lookup(match[0]), match.end()) if match else ("$", place + 1)


def _braced(inside: str, lookup: Lookup) -> str:
    if inside.startswith("#") and len(inside) > 1:
        return str(len(lookup(inside[1:])))
    match = re.fullmatch(r"(\w+|\?)(?:(:?[-+])(.*)|(##?|%%?)(.*))?", inside, re.DOTALL)
    if match is None:
        raise ScriptError("syntax error: bad substitution")
    value = lookup(match[1])
    if match[2]:
        other = match[3].strip("\"'")
        if other.startswith("$"):
            other = lookup(other[1:].strip("{}"))
        return (other if value else "") if match[2].endswith("+") else value or other
    if match[4]:
        return _trimmed(value, match[4], match[5])
    return value


def _trimmed(value: str, sign: str, pattern: str) -> str:
    """`${name##*/}` and its kin."""
    ends = range(len(value) + 1)
    if sign[0] == "#":
        hits = [end for end in ends if fnmatchcase(value[:end], pattern)]
        return value[(max(hits) if len(sign) == 2 else min(hits)) :] if hits else value
    hits = [start for start in ends if fnmatchcase(value[start:], pattern)]
    return value[: (min(hits) if len(sign) == 2 else max(hits))] if hits else value


def fields(pieces: list[tuple[str, bool]], entries: Callable[[str], list[str]]) -> list[str]:
    """Splits what is not quoted at blanks, and replaces patterns by the names that match."""
    words: list[str] = []
    word, pattern, begun = "", False, False
    for text, quoted in pieces:
        if quoted or text in ("*", "?", "["):
            word, begun, pattern = word + text, True, pattern or not quoted
            continue
        parts = re.split(r"[ \t\n]+", text)
        for index, part in enumerate(parts):
            if index and begun:
                words += _matching(word, entries) if pattern else [word]
                word, pattern, begun = "", False, False
            word, begun = word + part, begun or bool(part)
    if begun:
        words += _matching(word, entries) if pattern else [word]
    return words


def _matching(word: str, entries: Callable[[str], list[str]]) -> list[str]:
    folder, _, pattern = word.rpartition("/")
    prefix = f"{folder}/" if "/" in word else ""
    names = [name for name in entries(prefix or ".") if fnmatchcase(name, pattern) and not name.startswith(".")]
    return [prefix + name for name in names] or [word]


def arithmetic(text: str, lookup: Lookup) -> int:
    """`$((…))`: whole numbers."""
    text = re.sub(r"\$?\{?([A-Za-z_]\w*)\}?", lambda match: lookup(match[1]) or "0", text).strip()
    text = text.replace("&&", " and ").replace("||", " or ").replace("!=", "≠").replace("!", " not ").replace("≠", "!=")
    if len(text) > ARITHMETIC_LENGTH_MAX or "**" in text:
        raise ScriptError("arithmetic syntax error")
    try:
        return _number(ast.parse(text or "0", mode="eval").body)
    except (SyntaxError, ValueError, KeyError, RecursionError):
        raise ScriptError("arithmetic syntax error") from None


def _number(node: ast.expr) -> int:
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return node.value
    if isinstance(node, ast.UnaryOp):
        value = _number(node.operand)
        return {ast.USub: -value, ast.UAdd: value, ast.Not: int(not value)}[type(node.op)]
    if isinstance(node, ast.BoolOp):
        values = [_number(value) for value in node.values]
        return int(all(values) if isinstance(node.op, ast.And) else any(values))
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        left, right = _number(node.left), _number(node.comparators[0])
        return int({ast.Eq: left == right, ast.NotEq: left != right, ast.Lt: left < right, ast.LtE: left <= right,
                    ast.Gt: left > right, ast.GtE: left >= right}[type(node.ops[0])])  # fmt: skip
    if isinstance(node, ast.BinOp):
        left, right = _number(node.left), _number(node.right)
        if isinstance(node.op, ast.Div | ast.Mod):
            if not right:
                raise ScriptError("divide by zero")
            quotient = abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)
            return quotient if isinstance(node.op, ast.Div) else left - quotient * right
        return {ast.Add: left + right, ast.Sub: left - right, ast.Mult: left * right}[type(node.op)]
    raise ValueError
