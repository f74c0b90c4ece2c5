"""The text form of label selectors: `app=web,tier in (a,b),release notin (old),!legacy,size>3`.

Upstream: Parser in k8s.io/apimachinery/pkg/labels/selector.go.
"""

from __future__ import annotations

import re

from kubesim.api.requirement import (
    DOES_NOT_EXIST,
    EQUALS,
    EXISTS,
    GREATER,
    IN,
    LESS,
    NOT_EQUALS,
    NOT_IN,
    Requirement,
    whole_number,
)

_TOKEN = re.compile(r"\s*(?:(==|!=|[=!<>(),])|([^\s=!<>(),]+))")
_WORD_OPERATORS = {"in": IN, "notin": NOT_IN}


def parse_requirements(text: str) -> list[Requirement]:
    """The requirements of a selector text; ValueError if it does not parse."""
    return _Parser(text).requirements() if text.strip() else []


class _Parser:
    """Reads one selector text, token by token."""

    def __init__(self, text: str) -> None:
        self.tokens: list[str] = []
        at = 0
        while match := _TOKEN.match(text, at):
            self.tokens.append(match[1] or match[2])
            at = match.end()
        self.at = 0

    def requirements(self) -> list[Requirement]:
        found = [self.requirement()]
        while self.peek() == ",":
            self.take()
            if self.peek() in ("", ","):
                raise ValueError(f"found '{self.peek()}', expected: identifier after ','")
            found.append(self.requirement())
        if self.peek():
            raise ValueError(f"found '{self.peek()}', expected: ',' or 'end of string'")
        return found

    def requirement(self) -> Requirement:
        if self.peek() == "!":
            self.take()
            return Requirement(self.identifier(), DOES_NOT_EXIST)
        key = self.identifier()
        token = self.peek()
        if token in ("", ","):
            return Requirement(key, EXISTS)
        self.take()
        if token in _WORD_OPERATORS:
            return Requirement(key, _WORD_OPERATORS[token], self.set_of_values())
        if token in ("=", "=="):
            return Requirement(key, EQUALS, (self.exact(),))
        if token == "!=":
            return Requirement(key, NOT_EQUALS, (self.exact(),))
        if token in (">", "<"):
            return Requirement(key, GREATER if token == ">" else LESS, (self.integer(),))
        raise ValueError(f"found '{token}', expected: in, notin, =, ==, !=, gt, lt")

    def set_of_values(self) -> tuple[str, ...]:
        if self.take() != "(":
            raise ValueError(f"found '{self.tokens[self.at - 1]}', expected: '('")
        values: list[str] = []
        while True:
            values.append(self.exact(closing=")"))
            token = self.take()
            if token == ")":
                return tuple(sorted(set(values)))
            if token != ",":
                raise ValueError(f"found '{token}', expected: ',' or ')'")

    def exact(self, closing: str = "") -> str:
        """A value, which may be empty."""
        token = self.peek()
        return "" if token in ("", ",", closing) else self.identifier()

    def integer(self) -> str:
        token = self.identifier()
        if whole_number(token) is None:
            raise ValueError("for 'Gt', 'Lt' operators, the value must be an integer")
        return token

    def identifier(self) -> str:
        token = self.peek()
        if not token or not _TOKEN.match(token) or token[0] in "=!<>(),":
            raise ValueError(f"found '{token}', expected: identifier")
        return self.take()

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self.at += 1
        return token
