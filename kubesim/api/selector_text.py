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
_SPECIAL = "=!<>(),"
_OPERATORS = {
    "in": IN, "notin": NOT_IN, "=": EQUALS, "==": EQUALS, "!=": NOT_EQUALS, ">": GREATER, "<": LESS,
}  # fmt: skip


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
        if not self.at_word() and self.peek() != "!":
            raise self.unexpected("!, identifier, or 'end of string'")
        found = []
        while True:
            try:
                found.append(self.requirement())
            except ValueError as error:
                raise ValueError(f"unable to parse requirement: {error}") from None
            if not self.peek():
                return found
            if self.peek() != ",":
                raise self.unexpected("',' or 'end of string'")
            self.take()
            if not self.at_word() and self.peek() != "!":
                raise self.unexpected("identifier after ','")

    def requirement(self) -> Requirement:
        absent = self.peek() == "!"
        if absent:
            self.take()
        key = self.word("identifier")
        if absent or self.peek() in ("", ","):
            return Requirement(key, DOES_NOT_EXIST if absent else EXISTS)
        token = self.peek()
        if token not in _OPERATORS:
            raise self.unexpected("in, notin, =, ==, !=, gt, lt")
        self.take()
        operator = _OPERATORS[token]
        if operator in (IN, NOT_IN):
            return Requirement(key, operator, self.set_of_values())
        value = "" if self.peek() in ("", ",") else self.word("identifier")
        if operator in (GREATER, LESS) and whole_number(value) is None:
            words = "for 'Gt', 'Lt' operators, the value must be an integer"
            raise ValueError(f'values[0]: Invalid value: "{value}": {words}')
        return Requirement(key, operator, (value,))

    def set_of_values(self) -> tuple[str, ...]:
        """Between brackets; nothing before, between or after commas is the empty value."""
        if (found := self.take()) != "(":
            raise ValueError(f"found '{found}' expected: '('")
        if not self.at_word() and self.peek() not in (",", ")"):
            raise self.unexpected("',', ')' or identifier")
        values = {""} if self.peek() in (",", ")") else set()
        while self.peek() != ")":
            if self.peek() != ",":
                values.add(self.word("',', or identifier"))
                if self.peek() not in (",", ")"):
                    raise self.unexpected("',' or ')'")
                continue
            self.take()
            if self.peek() in (",", ")"):
                values.add("")
        self.take()
        return tuple(sorted(values))

    def word(self, expected: str) -> str:
        if not self.at_word():
            raise self.unexpected(expected)
        return self.take()

    def at_word(self) -> bool:
        token = self.peek()
        return bool(token) and token[0] not in _SPECIAL

    def unexpected(self, expected: str) -> ValueError:
        return ValueError(f"found '{self.peek()}', expected: {expected}")

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self.at += 1
        return token
