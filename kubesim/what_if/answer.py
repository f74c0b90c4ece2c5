"""Answers: what moved where, what could not, and why."""

from __future__ import annotations

import msgspec


class Move(msgspec.Struct, frozen=True):
    """What became of a Pod: it came, went, or was replaced. Empty: there is none."""

    owner: str  # `default/ReplicaSet/web-…`, or the Pod itself if nobody owns it.
    pod: str = ""
    node: str = ""  # Where it ran before.
    successor: str = ""
    to_node: str = ""
    state: str = ""  # Of the successor: Ready, Running, Pending; without one: gone, Terminating.
    seconds: float | None = None  # From the question to Ready.
    why: str = ""

    @property
    def is_good(self) -> bool:
        """Whether nothing is left to be wished."""
        return self.state in ("Ready", "gone", "Succeeded")


class Blocked(msgspec.Struct, frozen=True):
    """An eviction that was refused. `seconds` is when it went through at last; None: never."""

    pod: str
    message: str
    seconds: float | None


class Answer(msgspec.Struct, frozen=True):
    """What the copy did."""

    question: str
    moves: tuple[Move, ...]
    blocked: tuple[Blocked, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """How long it took until the last of them was Ready."""
        return max((move.seconds for move in self.moves if move.seconds is not None), default=0.0)

    @property
    def ok(self) -> bool:
        """Whether everything found its place."""
        return all(move.is_good for move in self.moves) and all(each.seconds is not None for each in self.blocked)


class Capacity(msgspec.Struct, frozen=True):
    """How many instances of a Pod fit, where, and what stops the next one."""

    what: str
    wanted: int | None  # None: as many as fit.
    fitting: int
    by_node: dict[str, int]
    limit: str  # Why the next one does not fit; "" if none was tried.

    @property
    def ok(self) -> bool:
        """Whether all that were wanted fit."""
        return self.wanted is None or self.fitting >= self.wanted
