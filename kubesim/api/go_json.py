"""What Go's JSON scanner says of text that is no JSON: the character that it did not expect, and what it was at.

Upstream: encoding/json/scanner.go.
"""

from __future__ import annotations

import json
import re

TOO_DEEP = "invalid character '[' exceeded max depth"  # Go allows 10,000 levels; nobody needs that many.
END = "unexpected end of JSON input"
LITERALS = {"t": "true", "f": "false", "n": "null"}
SPACES = " \t\r\n"
NUMBER_PARTS = (
    (re.compile(r"-?(?:0|[1-9][0-9]*)"), "in numeric literal"),
    (re.compile(r"(?:\.[0-9]+)?(?![.])"), "after decimal point in numeric literal"),
    (re.compile(r"(?:[eE][+-]?[0-9]+)?(?![eE])"), "in exponent of numeric literal"),
)
ESCAPES = '"\\/bfnrt'


class _SyntaxError(Exception):
    """The text ends here, or goes on as JSON does not."""


def syntax_error(text: str) -> str:
    """Go's words for what is wrong with the text; "" if it is JSON."""
    try:
        end = _skip(text, _value(text, _skip(text, 0)))
    except _SyntaxError as error:
        return str(error)
    except RecursionError:
        return TOO_DEEP
    return _unexpected(text, end, "after top-level value") if end < len(text) else ""


def _value(text: str, at: int) -> int:
    """The end of the value that begins at `at`."""
    first = text[at : at + 1]
    if first == "{":
        return _object(text, at + 1)
    if first == "[":
        return _array(text, at + 1)
    if first == '"':
        return _string(text, at + 1)
    if first in LITERALS and first:
        return _literal(text, at, LITERALS[first])
    if first and first in "-0123456789":
        return _number(text, at)
    raise _SyntaxError(_unexpected(text, at, "looking for beginning of value"))


def _object(text: str, at: int) -> int:
    at = _skip(text, at)
    if text[at : at + 1] == "}":
        return at + 1
    while True:
        if text[at : at + 1] != '"':
            raise _SyntaxError(_unexpected(text, at, "looking for beginning of object key string"))
        at = _skip(text, _string(text, at + 1))
        if text[at : at + 1] != ":":
            raise _SyntaxError(_unexpected(text, at, "after object key"))
        at = _skip(text, _value(text, _skip(text, at + 1)))
        if text[at : at + 1] == "}":
            return at + 1
        if text[at : at + 1] != ",":
            raise _SyntaxError(_unexpected(text, at, "after object key:value pair"))
        at = _skip(text, at + 1)


def _array(text: str, at: int) -> int:
    at = _skip(text, at)
    if text[at : at + 1] == "]":
        return at + 1
    while True:
        at = _skip(text, _value(text, at))
        if text[at : at + 1] == "]":
            return at + 1
        if text[at : at + 1] != ",":
            raise _SyntaxError(_unexpected(text, at, "after array element"))
        at = _skip(text, at + 1)


def _string(text: str, at: int) -> int:
    while True:
        char = text[at : at + 1]
        if char == '"':
            return at + 1
        if not char or char < " ":
            raise _SyntaxError(_unexpected(text, at, "in string literal"))
        at += 1
        if char == "\\":
            at = _escape(text, at)


def _escape(text: str, at: int) -> int:
    char = text[at : at + 1]
    if char == "u":
        for index in range(at + 1, at + 5):
            if text[index : index + 1] not in set("0123456789abcdefABCDEF"):
                raise _SyntaxError(_unexpected(text, index, "in \\u hexadecimal character escape"))
        return at + 5
    if not char or char not in ESCAPES:
        raise _SyntaxError(_unexpected(text, at, "in string escape code"))
    return at + 1


def _literal(text: str, at: int, literal: str) -> int:
    for index, wanted in enumerate(literal):
        if text[at + index : at + index + 1] != wanted:
            raise _SyntaxError(_unexpected(text, at + index, f"in literal {literal} (expecting '{wanted}')"))
    return at + len(literal)


def _number(text: str, at: int) -> int:
    for pattern, where in NUMBER_PARTS:
        match = pattern.match(text, at)
        if match is None:
            stop = re.compile(r"[-.eE+]*[+-]?").match(text, at)
            raise _SyntaxError(_unexpected(text, stop.end() if stop else at, where))
        at = match.end()
    return at


def _skip(text: str, at: int) -> int:
    while text[at : at + 1] and text[at] in SPACES:
        at += 1
    return at


def _unexpected(text: str, at: int, where: str) -> str:
    if at >= len(text):
        return END
    char = text[at]
    quoted = {"'": "'\\''", '"': "'\"'"}.get(char) or f"'{json.dumps(char, ensure_ascii=False)[1:-1]}'"
    return f"invalid character {quoted} {where}"
