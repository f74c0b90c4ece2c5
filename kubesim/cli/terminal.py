"""Where text goes: colours on a terminal, plain lines elsewhere."""

from __future__ import annotations

from typing import NoReturn

from rich.console import Console


class Terminal(Console):
    """Rich's console, except that `main` decides what a reader who went away means."""

    def on_broken_pipe(self) -> NoReturn:
        """Called in the handler of the error, which goes on."""
        raise
