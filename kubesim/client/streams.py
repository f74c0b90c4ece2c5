"""What a client does with a session: reads a log, or waits for the end of a program."""

from __future__ import annotations

from typing import NamedTuple

import orjson

from kubesim.api.session import ERROR, STDERR, STDOUT, Session


class Ended(NamedTuple):
    """A program that has ended: what it printed, its exit code, and what the server says of its end."""

    stdout: str
    stderr: str
    code: int
    message: str = ""


async def text_of(session: Session) -> str:
    """All that comes, whatever the channel."""
    printed = bytearray()
    while (frame := await session.receive()) is not None:
        printed += frame.data
    return printed.decode(errors="replace")


async def ended(session: Session) -> Ended:
    """Reads a session to its end."""
    printed = {STDOUT: bytearray(), STDERR: bytearray(), ERROR: bytearray()}
    while (frame := await session.receive()) is not None:
        printed.setdefault(frame.channel, bytearray()).extend(frame.data)
    status = orjson.loads(printed[ERROR]) if printed[ERROR] else {}
    causes = (status.get("details") or {}).get("causes") or ()
    codes = [int(cause["message"]) for cause in causes if cause.get("reason") == "ExitCode"]
    code = codes[0] if codes else int(status.get("status") != "Success")
    return Ended(
        printed[STDOUT].decode(errors="replace"), printed[STDERR].decode(errors="replace"), code,
        status.get("message", ""),
    )  # fmt: skip
