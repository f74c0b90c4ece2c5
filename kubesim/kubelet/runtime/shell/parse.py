"""From a script to its commands: the grammar of a POSIX shell, without functions, `case` and here-documents.

Words stay as they are written, quotes and all; `expand` takes them apart when they are used.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

OPERATORS = ("&&", "||", ";;", ">>", "<<", ";", "&", "|", "(", ")", "<", ">", "\n")
REDIRECTION = re.compile(r"(\d?)(?:([<>]&)(\d|-)|(>>|&>|<|>))")
SEPARATORS = (";", "\n", "&")
RESERVED_ENDS = ("then", "do", "done", "fi", "elif", "else", "}", ")")


class ScriptError(Exception):
    """A script that is none."""


class Redirect(NamedTuple):
    """`2>>file`: the descriptor, `<`, `>` or `>>`, and a word; or the descriptor that it joins (`2>&1`)."""

    descriptor: int
    sign: str
    word: str


class Simple(NamedTuple):
    """Assignments, words, redirections."""

    assignments: tuple[tuple[str, str], ...]
    words: tuple[str, ...]
    redirects: tuple[Redirect, ...]


class Pipeline(NamedTuple):
    """Commands, each with the output of the one before as its input."""

    commands: tuple[Command, ...]
    negated: bool


class Joined(NamedTuple):
    """A pipeline and what joins it to the one before: `;`, `&&` or `||`."""

    joint: str
    pipeline: Pipeline


Body = tuple[Joined, ...]


class If(NamedTuple):
    """Conditions with what they lead to, and what is done if none holds."""

    branches: tuple[tuple[Body, Body], ...]
    otherwise: Body


class While(NamedTuple):
    """Again and again, as long as (until) the condition holds."""

    condition: Body
    body: Body
    until: bool


class For(NamedTuple):
    """Once for each word."""

    name: str
    words: tuple[str, ...]
    body: Body


class Group(NamedTuple):
    """`{ … }` or, in a shell of its own, `( … )`."""

    body: Body
    subshell: bool


class Redirected(NamedTuple):
    """A compound command with redirections."""

    command: Command
    redirects: tuple[Redirect, ...]


Command = Simple | If | While | For | Group | Redirected


def parse(script: str) -> Body:
    """All of it; ScriptError if it cannot be understood."""
    parser = _Parser(tokens_of(script))
    body = parser.body(())
    if parser.peek() is not None:
        raise ScriptError(f'syntax error: unexpected "{parser.peek()}"')
    return body


def tokens_of(script: str) -> list[str]:
    """Words and operators."""
    tokens: list[str] = []
    place = 0
    while place < len(script):
        sign = script[place]
        if sign in " \t\r" or script.startswith("\\\n", place):
            place += 2 if sign == "\\" else 1
        elif sign == "#":
            end = script.find("\n", place)
            place = len(script) if end < 0 else end
        elif (match := REDIRECTION.match(script, place)) and (match[1] == "" or _starts_word(script, place)):
            tokens.append(match[0])
            place = match.end()
        elif operator := next((each for each in OPERATORS if script.startswith(each, place)), ""):
            tokens.append(operator)
            place += len(operator)
        else:
            end = word_end(script, place)
            tokens.append(script[place:end])
            place = end
    return tokens


def _starts_word(script: str, place: int) -> bool:
    return place == 0 or script[place - 1] in " \t\n;|&("


def word_end(script: str, place: int) -> int:
    """Where the word that begins at `place` ends."""
    while place < len(script):
        sign = script[place]
        if sign in " \t\r\n;&|<>()":
            return place
        if sign == "\\":
            place += 2
        elif sign == "'":
            place = _after(script, "'", place + 1)
        elif sign == '"':
            place = _quote_end(script, place + 1)
        elif script.startswith(("$(", "${"), place):
            place = bracket_end(script, place + 1)
        elif sign == "`":
            place = _after(script, "`", place + 1)
        else:
            place += 1
    return min(place, len(script))


def _after(script: str, sign: str, place: int) -> int:
    end = script.find(sign, place)
    if end < 0:
        raise ScriptError("syntax error: unterminated quoted string")
    return end + 1


def _quote_end(script: str, place: int) -> int:
    while place < len(script):
        if script[place] == "\\":
            place += 2
        elif script[place] == '"':
            return place + 1
        elif script.startswith("$(", place):
            place = bracket_end(script, place + 1)
        else:
            place += 1
    raise ScriptError("syntax error: unterminated quoted string")


def bracket_end(script: str, place: int) -> int:
    """Behind the bracket that closes the one at `place`."""
    opening = script[place]
    closing = {"(": ")", "{": "}"}[opening]
    depth = 0
    while place < len(script):
        sign = script[place]
        if sign == "'" and opening == "(":
            place = _after(script, "'", place + 1)
            continue
        if sign == '"':
            place = _quote_end(script, place + 1)
            continue
        depth += (sign == opening) - (sign == closing)
        place += 1
        if not depth:
            return place
    raise ScriptError(f'syntax error: unexpected end of file (expecting "{closing}")')


class _Parser:
    """Recursive descent over the tokens."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._place = 0

    def peek(self) -> str | None:
        return self._tokens[self._place] if self._place < len(self._tokens) else None

    def next(self) -> str:
        token = self.peek()
        if token is None:
            raise ScriptError("syntax error: unexpected end of file")
        self._place += 1
        return token

    def expect(self, word: str) -> None:
        token = self.next()
        if token != word:
            raise ScriptError(f'syntax error: unexpected "{token}" (expecting "{word}")')

    def skip(self, signs: tuple[str, ...]) -> None:
        while self.peek() in signs:
            self._place += 1

    def body(self, ends: tuple[str, ...]) -> Body:
        """Commands up to one of the words that end it, which stays."""
        found: list[Joined] = []
        joint = ";"
        while True:
            self.skip(SEPARATORS if joint == ";" else ("\n",))
            token = self.peek()
            if token is None or token in ends:
                return tuple(found)
            if token in RESERVED_ENDS:
                raise ScriptError(f'syntax error: unexpected "{token}"')
            found.append(Joined(joint, self.pipeline()))
            joint = ";"
            if self.peek() in ("&&", "||"):
                joint = self.next()

    def pipeline(self) -> Pipeline:
        negated = self.peek() == "!"
        if negated:
            self.next()
        commands = [self.command()]
        while self.peek() == "|":
            self.next()
            self.skip(("\n",))
            commands.append(self.command())
        return Pipeline(tuple(commands), negated)

    def command(self) -> Command:
        compounds: dict[str, Callable[[], Command]] = {
            "if": self.if_, "while": self.while_, "until": self.while_, "for": self.for_, "{": self.group,
            "(": self.group,
        }  # fmt: skip
        compound = compounds.get(self.peek() or "")
        if compound is None:
            return self.simple()
        command = compound()
        redirects = self.redirects()
        return Redirected(command, redirects) if redirects else command

    def if_(self) -> If:
        branches = []
        self.next()
        while True:
            condition = self.body(("then",))
            self.expect("then")
            branches.append((condition, self.body(("elif", "else", "fi"))))
            word = self.next()
            if word == "elif":
                continue
            otherwise: Body = ()
            if word == "else":
                otherwise = self.body(("fi",))
                self.expect("fi")
            return If(tuple(branches), otherwise)

    def while_(self) -> While:
        until = self.next() == "until"
        condition = self.body(("do",))
        return While(condition, self.do(), until)

    def for_(self) -> For:
        self.next()
        name, words = self.next(), []
        self.skip(("\n",))
        if self.peek() == "in":
            self.next()
            while self.peek() not in (";", "\n", None):
                words.append(self.next())
        self.skip(SEPARATORS)
        return For(name, tuple(words), self.do())

    def do(self) -> Body:
        self.skip(SEPARATORS)
        self.expect("do")
        body = self.body(("done",))
        self.expect("done")
        return body

    def group(self) -> Group:
        closing = {"{": "}", "(": ")"}[self.next()]
        body = self.body((closing,))
        self.expect(closing)
        return Group(body, closing == ")")

    def redirects(self) -> tuple[Redirect, ...]:
        found: list[Redirect] = []
        while (token := self.peek()) and (match := REDIRECTION.fullmatch(token)):
            self.next()
            descriptor = int(match[1] or (0 if "<" in match[0] else 1))
            if match[2]:
                found.append(Redirect(descriptor, "&", match[3]))
            elif match[4] == "&>":
                found += [Redirect(1, ">", self.next()), Redirect(2, "&", "1")]
            else:
                found.append(Redirect(descriptor, match[4], self.next()))
        return tuple(found)

    def simple(self) -> Simple:
        assignments: list[tuple[str, str]] = []
        words: list[str] = []
        redirects = self.redirects()
        while (token := self.peek()) is not None and token not in OPERATORS:
            if not words and (match := re.match(r"([A-Za-z_]\w*)=", token)):
                assignments.append((match[1], token[match.end() :]))
            else:
                words.append(token)
            self.next()
            redirects += self.redirects()
        if not (assignments or words or redirects):
            raise ScriptError(f'syntax error: unexpected "{self.peek() or "end of file"}"')
        return Simple(tuple(assignments), tuple(words), redirects)
