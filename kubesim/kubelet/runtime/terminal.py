"""Standard input and output of a program that somebody runs from outside: pipes, or a terminal.

A terminal echoes what is typed, edits the line, turns ^C into an interrupt and ^D into the end of input, as the
kernel's line discipline does. Left out: sizes, raw mode, cursor keys, job control.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from kubesim.api.session import CLOSE, STDIN, STDOUT, Frame, Session
from kubesim.kubelet.runtime.log import ContainerLog
from kubesim.kubelet.runtime.process import Effect, Interrupted, Program, Read, Signal, Sleep, Write
from kubesim.kubelet.runtime.sockets import Sockets
from kubesim.sim import next_turn

HUNG_UP = 129
INTERRUPTED = 130
STEPS_PER_TURN = 200
ENTER, ERASE, INTERRUPT, END, ESCAPE = b"\r\n", b"\x7f\x08", 0x03, 0x04, 0x1B


class Terminal:
    """One program's ends of a session."""

    def __init__(
        self, session: Session, *, stdin: bool, tty: bool, log: ContainerLog | None = None,
        unix_ns: Callable[[], int] = lambda: 0, sockets: Sockets | None = None,
        on_signal: Callable[[int], None] = lambda _: None,
    ) -> None:  # fmt: skip
        self.is_hung_up = False
        self._session = session
        self._tty = tty
        self._log = log  # Process 1 writes to the log of its container too.
        self._unix_ns = unix_ns
        self._sockets = sockets
        self._on_signal = on_signal  # What is sent to process 1.
        self._buffer = b""  # Typed, but not a whole line yet.
        self._lines: list[bytes] = []
        self._ended = not stdin
        self._interrupted = False
        self._escape = False
        self._waiter: asyncio.Future[None] | None = None
        session.incoming.listen(self._receive)

    async def run(self, program: Program) -> int:
        """Does what the program says; returns its exit code."""
        answer: bytes | None = None
        steps = 0
        while True:
            steps += 1
            try:
                if self.is_hung_up:
                    program.close()
                    return HUNG_UP
                if self._interrupted:
                    self._interrupted = False
                    effect = program.throw(Interrupted())
                else:
                    effect = program.send(answer)
            except StopIteration as end:
                return int(end.value)
            except Interrupted:
                return INTERRUPTED
            answer = await self._do(effect)
            if not steps % STEPS_PER_TURN:
                await next_turn()

    async def _do(self, effect: Effect) -> bytes | None:
        if isinstance(effect, Write):
            data = effect.data.replace(b"\n", b"\r\n") if self._tty else effect.data
            stream = STDOUT if self._tty else effect.stream
            self._session.send(stream, data)
            if self._log is not None:
                self._log.append(self._unix_ns(), stream, data)
            await self._session.outgoing.drain()
        elif isinstance(effect, Sleep):
            await self._sleep(effect.seconds)
        elif isinstance(effect, Read):
            return await self._line()
        elif isinstance(effect, Signal):
            self._on_signal(effect.number)
        elif self._sockets is not None:
            await self._wait_for(self._sockets.perform(effect))
        return None

    async def _wait_for(self, work: Coroutine[Any, Any, None]) -> None:
        """Until something is done, or ^C, or nobody is there any more."""
        loop = asyncio.get_running_loop()
        task = loop.create_task(work)
        try:
            while not (task.done() or self._interrupted or self.is_hung_up):
                self._waiter = waiter = loop.create_future()
                task.add_done_callback(partial(_resolve_after, waiter))
                await waiter
            if task.done():
                task.result()
        finally:
            self._waiter = None
            task.cancel()

    async def _sleep(self, seconds: float | None) -> None:
        """Until the time is over, or ^C, or nobody is there any more."""
        loop = asyncio.get_running_loop()
        self._waiter = waiter = loop.create_future()
        timer = None if seconds is None else loop.call_later(seconds, _resolve, waiter)
        try:
            while not (waiter.done() or self._interrupted or self.is_hung_up):
                await waiter
        finally:
            self._waiter = None
            if timer is not None:
                timer.cancel()

    async def _line(self) -> bytes:
        while not (self._lines or self._ended or self._interrupted or self.is_hung_up):
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        if self._lines:
            return self._lines.pop(0)
        rest, self._buffer = self._buffer, b""
        return rest

    def hang_up(self) -> None:
        """The container ends, or nobody is there any more."""
        self._ended = self.is_hung_up = True
        _resolve(self._waiter)

    # -- what comes in --------------------------------------------------------------------------------

    def _receive(self, frame: Frame | None) -> None:
        if frame is None:
            self.hang_up()
        elif frame.channel == STDIN:
            if self._tty:
                for byte in frame.data:
                    self._type(byte)
            elif not self._ended:
                self._buffer += frame.data
                *lines, self._buffer = self._buffer.split(b"\n")
                self._lines += [line + b"\n" for line in lines]
        elif frame.channel == CLOSE and frame.data[:1] == bytes((STDIN,)):
            self._ended = True
        if self._lines or self._ended or self._interrupted:
            _resolve(self._waiter)

    def _type(self, byte: int) -> None:
        """One key of a terminal."""
        if self._escape:
            self._escape = not (64 <= byte <= 126 and byte != ord("["))
        elif byte == ESCAPE:
            self._escape = True
        elif byte in ENTER:
            self._echo(b"\r\n")
            self._lines.append(self._buffer + b"\n")
            self._buffer = b""
        elif byte in ERASE:
            if self._buffer:
                self._buffer = self._buffer[:-1]
                self._echo(b"\b \b")
        elif byte == INTERRUPT:
            self._echo(b"^C\r\n")
            self._buffer, self._interrupted = b"", True
        elif byte == END:
            self._ended = self._ended or not self._buffer
        elif byte >= 32:
            self._buffer += bytes((byte,))
            self._echo(bytes((byte,)))

    def _echo(self, data: bytes) -> None:
        self._session.send(STDOUT, data)


def _resolve(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)


def _resolve_after(waiter: asyncio.Future[None], _: asyncio.Task[None]) -> None:
    _resolve(waiter)
