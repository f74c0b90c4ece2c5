"""Continue tokens: where the next page of a list begins, in a text that clients only pass on.

What clients made up themselves is refused in the words of Go's decoders.
Upstream: k8s.io/apiserver/pkg/storage/continue.go. Left out: that a key may not leave its prefix, for ours has none.
"""

from __future__ import annotations

import base64
import re

import orjson

VERSION = "meta.k8s.io/v1"
INVALID = "continue key is not valid"
ALPHABET = re.compile(r"[A-Za-z0-9_-]*")
QUANTUM = 4  # Characters that stand for three bytes; one alone stands for nothing.
# What a JSON value may begin with; a word must go on as it began.
WORDS = {"t": "true", "f": "false", "n": "null"}


def continue_token(version: int, start: str) -> str:
    """The text for a list at a revision, of which what comes before the key `start` has been shown."""
    text = orjson.dumps({"v": VERSION, "rv": version, "start": start})
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def continue_from(token: str) -> tuple[int, str]:
    """The revision and the key; ValueError says what is wrong with the token."""
    good = ALPHABET.match(token)
    length = good.end() if good else 0
    if length < len(token) or length % QUANTUM == 1:
        at = length if length < len(token) else length - 1
        raise ValueError(f"{INVALID}: illegal base64 data at input byte {at}")
    data = base64.urlsafe_b64decode(token + "=" * (-length % QUANTUM))
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise ValueError(f"{INVALID}: {_json_problem(data)}") from None
    if not isinstance(found, dict) or found.get("v") != VERSION:
        raise ValueError(f"{INVALID}: server does not recognize this encoded version {_quoted(found)}")
    version, start = found.get("rv"), found.get("start")
    if not isinstance(version, int) or version == 0:
        raise ValueError(f"{INVALID}: incorrect encoded start resourceVersion (version {VERSION})")
    if not isinstance(start, str) or not start:
        raise ValueError(f"{INVALID}: encoded start key empty (version {VERSION})")
    return version, start


def _quoted(found: object) -> str:
    version = found.get("v") if isinstance(found, dict) else ""
    return f'"{version if isinstance(version, str) else ""}"'


def _json_problem(data: bytes) -> str:
    """How encoding/json words it: where the text stops being JSON, seen byte by byte."""
    text = data.decode("latin-1").lstrip(" \t\r\n")
    if not text:
        return "unexpected end of JSON input"
    first = text[0]
    word = WORDS.get(first, "")
    for index in range(1, len(word)):
        if index >= len(text):
            return "unexpected end of JSON input"
        if text[index] != word[index]:
            return f"invalid character {_character(text[index])} in literal {word} (expecting '{word[index]}')"
    if first in '{["-0123456789':
        return "unexpected end of JSON input"
    return f"invalid character {_character(first)} looking for beginning of value"


def _character(character: str) -> str:
    if character in "'\"":
        return {"'": "'\\''", '"': "'\"'"}[character]
    if character.isprintable():
        return f"'{character}'"
    return f"'\\x{ord(character):02x}'" if character.isascii() else f"'\\u{ord(character):04x}'"
