"""A broken invariant: something that no correct cluster ever does."""

from __future__ import annotations

import msgspec


class Violation(msgspec.Struct, frozen=True):
    """What was broken, when (virtual seconds), by which object, and how."""

    seconds: float
    invariant: str
    about: str
    text: str

    def __str__(self) -> str:
        return f"{self.seconds:.3f} s: {self.invariant}: {self.about}: {self.text}"
