"""What can go wrong with a simulation itself, as opposed to what goes wrong inside it.

SimulationError
├── DeadlockError     nothing is ready and no timer is set: everybody waits for somebody
├── LivelockError     a million callbacks at one instant: somebody retries without letting time pass
└── StalledError      an expectation waits, and for a long virtual time only heartbeats were written
"""

from __future__ import annotations

NAMES_SHOWN_MAX = 8


class SimulationError(Exception):
    """The run cannot go on. The message names who waits."""


class DeadlockError(SimulationError):
    """Nothing will ever happen again, yet tasks wait."""

    def __init__(self, waiting: tuple[str, ...]) -> None:
        self.waiting = waiting
        super().__init__(f"deadlock: nothing is ready and no timer is set; waiting: {shorten(waiting)}")


class LivelockError(SimulationError):
    """Callbacks keep making callbacks while time stands still."""

    def __init__(self, now_ns: int, waiting: tuple[str, ...]) -> None:
        self.waiting = waiting
        super().__init__(
            f"livelock: a million callbacks ran at virtual second {now_ns / 1e9:.3f}; alive: {shorten(waiting)}"
        )


class StalledError(SimulationError):
    """Time passes, but nothing that matters happens."""

    def __init__(self, waiting_for: str, quiet_seconds: float) -> None:
        super().__init__(
            f"stalled: {waiting_for} still waits, and for {quiet_seconds / 60:.0f} virtual minutes "
            "nothing but heartbeats was written"
        )


def shorten(names: tuple[str, ...]) -> str:
    """At most a handful of names, and how many more there are."""
    shown = ", ".join(names[:NAMES_SHOWN_MAX]) or "nobody"
    more = len(names) - NAMES_SHOWN_MAX
    return f"{shown} and {more} more" if more > 0 else shown
