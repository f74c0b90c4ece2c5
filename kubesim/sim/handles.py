"""The callbacks of the loop: asyncio's own handles, without what they do for debugging.

A run makes millions of them. asyncio's ask their loop at every turn whether somebody debugs, which costs more than
the rest of making one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextvars import Context, copy_context
from typing import Any


def nothing() -> None:
    """What a cancelled timer does. It also lets go of what the timer would have done."""


class Soon(asyncio.Handle):
    """A callback that is ready: asyncio's, made without asking whether somebody debugs."""

    __slots__ = ()

    def __init__(
        self, callback: Callable[..., object], args: Sequence[Any], loop: Any, context: Context | None
    ) -> None:
        self._context = copy_context() if context is None else context
        self._loop = loop
        self._callback = callback
        self._args = args
        self._cancelled = False
        self._repr = None
        self._source_traceback = None


class Later(asyncio.TimerHandle):
    """A timer; the same."""

    __slots__ = ()

    def __init__(
        self, when: float, callback: Callable[..., object], args: Sequence[Any], loop: Any,
        context: Context | None,
    ) -> None:  # fmt: skip
        self._context = copy_context() if context is None else context
        self._loop = loop
        self._callback = callback
        self._args = args
        self._cancelled = False
        self._repr = None
        self._source_traceback = None
        self._when = when
        self._scheduled = True

    def cancel(self) -> None:
        """As asyncio's, without its debugging: every `asyncio.sleep` that is over cancels its timer once more."""
        if not self._cancelled:
            self._cancelled = True
            self._callback, self._args = nothing, ()
            if self._scheduled:
                self._loop._timer_cancelled_count += 1
