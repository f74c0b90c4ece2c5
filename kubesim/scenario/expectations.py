"""Expectations: what must come true during a run, judged at the end of every instant at which something changed.

Pure: `judge` is told the time and the world, and keeps its verdict. Upstream's tests call these Eventually
and Consistently.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from kubesim.scenario.check import ParsedCheck, World, parse_check
from kubesim.scenario.schema import Expectation


class Verdict(Enum):
    """What is known of an expectation."""

    OPEN = "open"
    MET = "met"
    FAILED = "failed"


@dataclass(slots=True)
class Judged:
    """One expectation, and what became of it. Times are seconds from the start of the run.

    `judge` must be called at every change, and at `from_seconds` and `by_seconds`, since time passes without
    changes, too. What `always` and `never` forbid may happen again after their `by`.
    """

    index: int
    kind: str
    check: ParsedCheck
    from_seconds: float
    by_seconds: float
    say: str
    verdict: Verdict = Verdict.OPEN
    at_seconds: float | None = None  # When it was met or failed.
    seen: str = ""  # What there was instead, if it failed.

    @property
    def text(self) -> str:
        """The expectation in words."""
        return self.say or self.wanted

    @property
    def wanted(self) -> str:
        """What was written down."""
        return f"{self.kind} {self.check.text}"

    @property
    def limits(self) -> str:
        """When it had to hold."""
        return f"between {self.from_seconds:g} s and {self.by_seconds:g} s"

    def judge(self, now: float, world: World) -> None:
        """Looks at the world of this moment."""
        if self.verdict is Verdict.FAILED or now < self.from_seconds:
            return
        holds = self.check.holds(world)
        verdict = self._after_met(holds) if self.verdict is Verdict.MET else self._while_open(holds, now)
        if verdict is not self.verdict:
            self.verdict, self.at_seconds = verdict, now
            self.seen = self.check.seen(world) if verdict is Verdict.FAILED else ""

    def _after_met(self, holds: bool) -> Verdict:
        return Verdict.FAILED if self.kind == "stays" and not holds else Verdict.MET

    def _while_open(self, holds: bool, now: float) -> Verdict:
        must_happen = self.kind in ("eventually", "stays")
        if now <= self.by_seconds:
            if must_happen and holds:
                return Verdict.MET
            if not must_happen and holds != (self.kind == "always"):
                return Verdict.FAILED
        if now < self.by_seconds:
            return Verdict.OPEN
        return Verdict.FAILED if must_happen else Verdict.MET


@dataclass(slots=True)
class Counted:
    """An expectation about how many requests had some fate; decided at the end of the run."""

    text: str
    limits: str
    at_seconds: float
    seen: str
    verdict: Verdict

    @property
    def wanted(self) -> str:
        """What was written down."""
        return self.text


def judged(expectations: list[Expectation], until: float) -> list[Judged]:
    """All expectations of a scenario, undecided."""
    return [
        Judged(
            index,
            expectation.kinds[0],
            parse_check(expectation.check),
            expectation.from_,
            until if expectation.by is None else expectation.by,
            expectation.say,
        )
        for index, expectation in enumerate(expectations)
    ]
