"""Text: the standard functions, cel-go's extensions (charAt, split, format …) and Kubernetes' find and findAll.

Patterns are Python's, not RE2's: what a pattern means is the same for what both know.

Upstream: cel-go common/stdlib, ext/strings.go, k8s.io/apiserver/pkg/cel/library/regex.go.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from kubesim.apiserver.cel.errors import EvaluationError
from kubesim.apiserver.cel.functions.overload import Implementation
from kubesim.apiserver.cel.functions.string_format import format_text

_SPACE = (
    " \t\n\v\f\r\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
_UPPER = {code: code - 32 for code in range(ord("a"), ord("z") + 1)}
_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


def pattern(text: str) -> re.Pattern[str]:
    """A compiled pattern."""
    try:
        return re.compile(text.replace(r"\z", r"\Z"))
    except re.error as error:
        raise EvaluationError(f"error parsing regexp: {error}: `{text}`") from None


def _matches(text: str, expression: str) -> bool:
    return bool(pattern(expression).search(text))


def _find(text: str, expression: str) -> str:
    found = pattern(expression).search(text)
    return found.group() if found else ""


def _find_all(text: str, expression: str, limit: int = -1) -> list[str]:
    found = [match.group() for match in pattern(expression).finditer(text)]
    return found if limit < 0 else found[:limit]


def _char_at(text: str, at: int) -> str:
    if not 0 <= at <= len(text):
        raise EvaluationError(f"index out of range: {at}")
    return text[at : at + 1]


def _index_of(text: str, wanted: str, start: int = 0) -> int:
    if wanted and not 0 <= start < max(len(text), 1):
        if start == 0:
            return -1
        raise EvaluationError(f"index out of range: {start}")
    return text.find(wanted, start)


def _last_index_of(text: str, wanted: str, start: int | None = None) -> int:
    if start is None:
        return text.rfind(wanted)
    if not 0 <= start < max(len(text), 1):
        raise EvaluationError(f"index out of range: {start}")
    return text.rfind(wanted, 0, start + len(wanted))


def _replace(text: str, old: str, new: str, limit: int = -1) -> str:
    return text.replace(old, new, max(limit, -1))


def _split(text: str, separator: str, limit: int = -1) -> list[str]:
    if limit == 0:
        return []
    if not separator:
        signs = list(text)
        return signs if limit < 0 or len(signs) <= limit else [*signs[: limit - 1], "".join(signs[limit - 1 :])]
    return text.split(separator, limit - 1 if limit > 0 else -1)


def _substring(text: str, start: int, end: int | None = None) -> str:
    if not 0 <= start <= len(text):
        raise EvaluationError(f"index out of range: {start}")
    if end is None:
        return text[start:]
    if not 0 <= end <= len(text):
        raise EvaluationError(f"index out of range: {end}")
    if start > end:
        raise EvaluationError(f"invalid substring range. start: {start}, end: {end}")
    return text[start:end]


def _join(parts: Sequence[Any], separator: str = "") -> str:
    if not all(isinstance(part, str) for part in parts):
        raise EvaluationError("no such overload")
    return separator.join(parts)


_QUOTED = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v",
           "\\": "\\\\", '"': '\\"'}  # fmt: skip


def quote(text: str) -> str:
    """In quotation marks, with what is special escaped."""
    return '"' + "".join(_QUOTED.get(sign, sign) for sign in text) + '"'


FUNCTIONS: tuple[tuple[str, Implementation], ...] = (
    ("matches(string, string): bool", _matches),
    ("string::matches(string): bool", _matches),
    ("string::contains(string): bool", lambda text, wanted: wanted in text),
    ("string::startsWith(string): bool", str.startswith),
    ("string::endsWith(string): bool", str.endswith),
    ("string::find(string): string", _find),
    ("string::findAll(string): list(string)", _find_all),
    ("string::findAll(string, int): list(string)", _find_all),
    ("string::charAt(int): string", _char_at),
    ("string::indexOf(string): int", _index_of),
    ("string::indexOf(string, int): int", _index_of),
    ("string::lastIndexOf(string): int", _last_index_of),
    ("string::lastIndexOf(string, int): int", _last_index_of),
    ("list(string)::join(): string", _join),
    ("list(string)::join(string): string", _join),
    ("string::lowerAscii(): string", lambda text: text.translate(_LOWER)),
    ("string::upperAscii(): string", lambda text: text.translate(_UPPER)),
    ("string::replace(string, string): string", _replace),
    ("string::replace(string, string, int): string", _replace),
    ("string::split(string): list(string)", _split),
    ("string::split(string, int): list(string)", _split),
    ("string::substring(int): string", _substring),
    ("string::substring(int, int): string", _substring),
    ("string::trim(): string", lambda text: text.strip(_SPACE)),
    ("strings.quote(string): string", quote),
    ("string::format(list(dyn)): string", format_text),
)
