"""What a program sees of the shell that has started it: its files, its variables, its input.

The interpreter runs the programs, so they do not import it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Protocol

from kubesim.kubelet.runtime.process import Effect, Program, Surroundings
from kubesim.kubelet.runtime.shell.files import Files


class Shell(Protocol):
    """One shell: its variables, its directory, and the container that it is in."""

    surroundings: Surroundings
    files: Files
    unix_ns: Callable[[], int]
    name: str
    arguments: list[str]
    is_terminal: bool
    variables: dict[str, str]
    exported: dict[str, None]
    directory: str
    code: int
    input: list[bytes] | None  # The lines of what was redirected or piped; None: standard input.

    def finds(self, word: str) -> bool:
        """Whether there is a program of that name."""
        ...

    def read_line(self) -> Generator[Effect, bytes | None, bytes]:
        """A line of standard input or of what was piped."""
        ...

    def run_words(self, words: Sequence[str]) -> Program:
        """One command: a built-in one, a shell or a program."""
        ...

    def script(self, text: str) -> Program:
        """A whole script, to its end or to `exit`."""
        ...
