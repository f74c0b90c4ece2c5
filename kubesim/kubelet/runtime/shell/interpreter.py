"""Runs scripts: lists, pipelines, `if`, `while`, `for`, redirections, and the built-in commands.

A command of a pipeline ends before the next begins. A loop that never waits takes a tenth of a second a round,
so that no script stands still in time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping, Sequence
from functools import lru_cache

from kubesim.kubelet.runtime.library import known_image
from kubesim.kubelet.runtime.process import ERR, OUT, Effect, Interrupted, Program, Read, Sleep, Surroundings, Write
from kubesim.kubelet.runtime.shell.apps import APPS
from kubesim.kubelet.runtime.shell.builtins import BUILTINS, Exit
from kubesim.kubelet.runtime.shell.expand import expand, fields
from kubesim.kubelet.runtime.shell.files import Files
from kubesim.kubelet.runtime.shell.parse import (
    Body,
    Command,
    For,
    Group,
    If,
    Pipeline,
    Redirect,
    Redirected,
    ScriptError,
    Simple,
    While,
    parse,
)
from kubesim.kubelet.runtime.shell.programs import PROGRAMS
from kubesim.kubelet.runtime.shell.tools import Tool, absolute, input_of

SHELLS = ("sh", "bash", "ash", "dash")
ROUND_SECONDS = 0.1
NOT_FOUND = 127
INTERRUPTED = 130
PATH_FOLDERS = ("/bin", "/usr/bin", "/sbin", "/usr/sbin", "/usr/local/bin")


def is_shell(word: str) -> bool:
    """Whether a command is a shell that we play."""
    return word.rsplit("/", 1)[-1] in SHELLS


def find_program(word: str) -> str | None:
    """The name of the program that a command means; None if there is none."""
    folder, _, name = word.rpartition("/")
    if folder and folder not in PATH_FOLDERS:
        return None
    return name if name in PROGRAMS or name in SHELLS else None


@lru_cache(maxsize=256)
def apps_of(image: str) -> Mapping[str, Tool]:
    """The client programs of an image: those that the library says, or for an unknown one all."""
    known = known_image(image) if image else None
    return APPS if known is None else {name: app for name, app in APPS.items() if name in known.programs}


class Interpreter:
    """One shell: its variables, its directory, and the container that it is in."""

    def __init__(
        self, surroundings: Surroundings, files: Files, clock: Callable[[], int], name: str = "sh",
        arguments: Sequence[str] = (), *, is_terminal: bool = False,
    ) -> None:  # fmt: skip
        self.surroundings = surroundings
        self.files = files
        self.unix_ns = clock
        self.name = name
        self.arguments = list(arguments)
        self.is_terminal = is_terminal
        self.variables = dict(surroundings.environment)
        self.exported = dict.fromkeys(surroundings.environment)
        self.directory = surroundings.working_dir
        self.code = 0
        self.input: list[bytes] | None = None  # The lines of what was redirected or piped; None: standard input.
        self._waits = 0
        files.show(surroundings)

    # -- entering -------------------------------------------------------------------------------------

    def command(self, words: Sequence[str]) -> Program:
        """Runs one command with its words as they are, without a shell in between."""
        name = words[0].rsplit("/", 1)[-1]
        if name in SHELLS:
            return (yield from self.shell(words[1:]))
        return (yield from (PROGRAMS.get(name) or self.apps()[name])(self, words[1:]))

    def apps(self) -> Mapping[str, Tool]:
        """The client programs that its image has."""
        return apps_of(self.surroundings.image)

    def finds(self, word: str) -> bool:
        """Whether there is a program of that name."""
        return find_program(word) is not None or word in self.apps()

    def shell(self, rest: Sequence[str]) -> Program:
        """`sh -c SCRIPT`, `sh FILE`, or a shell that reads commands."""
        flags = [word for word in rest if word.startswith("-") and word != "-"]
        others = [word for word in rest if not word.startswith("-")]
        if any("c" in flag and not flag.startswith("--") for flag in flags):
            if not others:
                yield Write(ERR, f"{self.name}: -c requires an argument\n".encode())
                return 2
            self.arguments = others[2:]
            return (yield from self.script(others[0]))
        if others:
            data = self.files.read(absolute(self, others[0]))
            if data is None:
                yield Write(ERR, f"{self.name}: can't open '{others[0]}': No such file or directory\n".encode())
                return 2
            return (yield from self.script(data.decode(errors="replace")))
        return (yield from self.interactive(prompt=self.is_terminal or "i" in "".join(flags)))

    def script(self, text: str) -> Program:
        """A whole script, to its end or to `exit`."""
        try:
            yield from self.body(parse(text))
        except ScriptError as error:
            yield Write(ERR, f"{self.name}: {error}\n".encode())
            return 2
        except Exit as leaving:
            return leaving.code
        return self.code

    def interactive(self, *, prompt: bool) -> Program:
        """Reads lines and runs them until there are no more."""
        pending = ""
        while True:
            try:
                if prompt:
                    yield Write(ERR, b"> " if pending else f"{self.directory} # ".encode())
                line = yield Read()
                if not line:
                    return self.code
                pending += line.decode(errors="replace")
                if pending.endswith("\\\n"):
                    continue
                try:
                    body = parse(pending)
                except ScriptError as error:
                    if "end of file" in str(error) or "unterminated" in str(error):
                        continue
                    yield Write(ERR, f"{self.name}: {error}\n".encode())
                    pending, self.code = "", 2
                    continue
                pending = ""
                yield from self.body(body)
            except Interrupted:
                pending, self.code = "", INTERRUPTED
            except ScriptError as error:
                yield Write(ERR, f"{self.name}: {error}\n".encode())
                pending, self.code = "", 2
            except Exit as leaving:
                return leaving.code

    # -- commands -------------------------------------------------------------------------------------

    def body(self, body: Body) -> Program:
        """Pipelines one after another."""
        for joint, pipeline in body:
            if (joint == "&&" and self.code) or (joint == "||" and not self.code):
                continue
            self.code = yield from self._pipeline(pipeline)
        return self.code

    def _pipeline(self, pipeline: Pipeline) -> Program:
        before = self.input
        code = 0
        for index, command in enumerate(pipeline.commands):
            if index + 1 == len(pipeline.commands):
                code = yield from self._command(command)
            else:
                printed = yield from self._captured(self._command(command))
                self.input = printed.splitlines(keepends=True)
        self.input = before
        return int(not code) if pipeline.negated else code

    def _command(self, command: Command) -> Program:
        match command:
            case Simple():
                return (yield from self._simple(command))
            case If():
                for condition, body in command.branches:
                    if not (yield from self.body(condition)):
                        return (yield from self.body(body))
                self.code = 0
                return (yield from self.body(command.otherwise))
            case While():
                return (yield from self._while(command))
            case For():
                return (yield from self._for(command))
            case Group():
                return (yield from self._group(command))
            case Redirected():
                return (yield from self._redirected(self._command(command.command), command.redirects))

    def _while(self, command: While) -> Program:
        code = 0
        while True:
            waits = self._waits
            if bool((yield from self.body(command.condition))) is not command.until:
                return code
            code = yield from self.body(command.body)
            if waits == self._waits:
                yield Sleep(ROUND_SECONDS)

    def _for(self, command: For) -> Program:
        words: list[str] = []
        for raw in command.words:
            words += yield from self._words(raw)
        code = 0
        for word in words:
            self.variables[command.name] = word
            code = yield from self.body(command.body)
        return code

    def _group(self, command: Group) -> Program:
        if not command.subshell:
            return (yield from self.body(command.body))
        return (yield from self._child().run_body(command.body))

    def run_body(self, body: Body) -> Program:
        """As a shell of its own: `exit` ends only it."""
        try:
            return (yield from self.body(body))
        except Exit as leaving:
            return leaving.code

    def _child(self) -> Interpreter:
        child = Interpreter(self.surroundings, self.files, self.unix_ns, self.name, self.arguments)
        child.variables, child.exported = dict(self.variables), dict(self.exported)
        child.directory, child.input = self.directory, self.input
        return child

    def _simple(self, command: Simple) -> Program:
        words: list[str] = []
        for raw in command.words:
            words += yield from self._words(raw)
        values: dict[str, str] = {}
        for name, raw in command.assignments:
            values[name] = yield from self._text(raw)
        if not words:
            self.variables |= values
            return (yield from self._redirected(_nothing(), command.redirects))
        before = {name: self.variables.get(name) for name in values}
        self.variables |= values
        try:
            return (yield from self._redirected(self.run_words(words), command.redirects))
        finally:
            for name, value in before.items():
                if value is None:
                    self.variables.pop(name, None)
                else:
                    self.variables[name] = value

    def run_words(self, words: Sequence[str]) -> Program:
        """One command: a built-in one, a shell or a program."""
        name = words[0]
        if (builtin := BUILTINS.get(name)) is not None:
            return (yield from builtin(self, words[1:]))
        program = find_program(name)
        if program is None and (app := self.apps().get(name.rpartition("/")[2])) is not None:
            return (yield from self._waiting(app(self, words[1:])))
        if program is None:
            yield Write(ERR, f"{self.name}: {name}: not found\n".encode())
            return NOT_FOUND
        if program in SHELLS:
            return (yield from self._child().shell(words[1:]))
        return (yield from self._waiting(PROGRAMS[program](self, words[1:])))

    def _waiting(self, program: Program) -> Program:
        """Counts what it waits for."""
        answer: bytes | None = None
        while True:
            try:
                effect = program.send(answer)
            except StopIteration as end:
                return int(end.value)
            if not isinstance(effect, Write):
                self._waits += 1
            answer = yield effect

    # -- input and output -----------------------------------------------------------------------------

    def read_line(self) -> Generator[Effect, bytes | None, bytes]:
        """A line of standard input or of what was piped."""
        if self.input is not None:
            return self.input.pop(0) if self.input else b""
        self._waits += 1
        return (yield Read()) or b""

    def _redirected(self, program: Program, redirects: Sequence[Redirect]) -> Program:
        if not redirects:
            return (yield from program)
        before = self.input
        targets: dict[int, str | int] = {}
        for redirect in redirects:
            if redirect.sign == "&":
                joined = int(redirect.word) if redirect.word.isdigit() else OUT
                targets[redirect.descriptor] = targets.get(joined, joined)
                continue
            path = absolute(self, (yield from self._text(redirect.word)))
            problem = ""
            if redirect.sign == "<":
                data, problem = input_of(self, path)
                self.input = data.splitlines(keepends=True)
            else:
                problem = self.files.write(path, b"", append=redirect.sign == ">>")
                targets[redirect.descriptor] = path
            if problem:
                program.close()
                verb = "open" if redirect.sign == "<" else "create"
                yield Write(ERR, f"{self.name}: can't {verb} {path}: {problem}\n".encode())
                self.input = before
                return 1
        code = yield from self._sent(program, targets)
        self.input = before
        return code

    def _sent(self, program: Program, targets: dict[int, str | int]) -> Program:
        """Sends what a program writes where it shall go."""
        answer: bytes | None = None
        while True:
            try:
                effect = program.send(answer)
            except StopIteration as end:
                return int(end.value)
            answer = None
            if not isinstance(effect, Write):
                answer = yield effect
                continue
            target = targets.get(effect.stream, effect.stream)
            if isinstance(target, int):
                yield Write(target, effect.data)
            elif problem := self.files.write(target, effect.data, append=True):
                yield Write(ERR, f"{self.name}: write error: {problem}\n".encode())

    def _captured(self, program: Program) -> Generator[Effect, bytes | None, bytes]:
        """Runs a program and returns what it printed."""
        printed: list[bytes] = []
        answer: bytes | None = None
        while True:
            try:
                effect = program.send(answer)
            except StopIteration:
                return b"".join(printed)
            answer = None
            if isinstance(effect, Write) and effect.stream == OUT:
                printed.append(effect.data)
            else:
                answer = yield effect

    # -- words ----------------------------------------------------------------------------------------

    def lookup(self, name: str) -> str:
        """The value of a variable, "" if it has none."""
        if name.isdigit():
            place = int(name)
            return self.name if not place else (self.arguments[place - 1] if place <= len(self.arguments) else "")
        special = {"?": str(self.code), "$": "1", "#": str(len(self.arguments)), "@": " ".join(self.arguments),
                   "*": " ".join(self.arguments), "!": "", "PWD": self.directory}  # fmt: skip
        return special[name] if name in special else self.variables.get(name, "")

    def _words(self, raw: str) -> Generator[Effect, bytes | None, list[str]]:
        pieces = yield from expand(raw, self.lookup, self._output)
        if raw.startswith("~") and pieces:
            pieces[0] = ("/root", True)
        return fields(pieces, lambda folder: self.files.entries(absolute(self, folder)))

    def _text(self, raw: str) -> Generator[Effect, bytes | None, str]:
        return "".join(text for text, _ in (yield from expand(raw, self.lookup, self._output)))

    def _output(self, script: str) -> Generator[Effect, bytes | None, str]:
        child = self._child()
        printed = yield from self._captured(child.run_body(parse(script)))
        return re.sub(r"\n+$", "", printed.decode(errors="replace"))


def _nothing() -> Program:
    yield from ()
    return 0
