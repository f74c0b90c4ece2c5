"""Causes in words: because of what something happened. Pure.

A cause is a revision, of which the narrator remembers what it meant, or the words that a component gave to
something that is no object: a timer, a command, a fault.
"""

from __future__ import annotations

from typing import NamedTuple

from kubesim.scenario.phrases import Phrase

LATER_SECONDS = 2.0
TIMERS = {
    "kubelet/readiness-probe": "a readiness probe",
    "kubelet/liveness-probe": "a liveness probe",
    "kubelet/startup-probe": "a startup probe",
    "kubelet/pod": "its kubelet looks after it again",
    "node-lifecycle/monitor": "the node monitor, which looks every 5 s",
    "pod-garbage-collector/sweep": "the sweep of the Pod garbage collector",
    "scheduler/back-off": "its back-off in the scheduling queue is over",
    "scheduler/unschedulable-flush": "it has waited long enough to be tried again",
}


class Because(NamedTuple):
    """Why something happened: words, or what happened to an object some seconds before."""

    words: str = ""
    phrase: Phrase | None = None
    seconds: float = 0.0

    @property
    def shape(self) -> tuple[str, ...]:
        """Equal for causes that can be told in one: the same thing happened to objects of the same kind."""
        if self.phrase is None:
            return (self.words,)
        return (self.phrase.kind, self.phrase.predicate, self.after)

    @property
    def after(self) -> str:
        """How long ago, if it was not just now."""
        return f"{self.seconds:.1f} s after " if self.seconds >= LATER_SECONDS else ""


def in_words(cause: str) -> Because:
    """`timer kubelet/readiness-probe default/web-1` is "a readiness probe"; other words stay as they are."""
    kind, _, rest = cause.partition(" ")
    if kind != "timer":
        return Because(cause)
    name = rest.partition(" ")[0]
    return Because(TIMERS.get(name, f"the timer {name}"))
