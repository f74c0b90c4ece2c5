"""What a comparison finds: one verdict on one thing.

`same`; `later` or `earlier` by so many seconds; `different` (both have it, in other words, numbers or order);
`missing` (only A has it) and `extra` (only B has it).
"""

from __future__ import annotations

from typing import Literal

import msgspec

Verdict = Literal["same", "later", "earlier", "different", "missing", "extra"]
Aspect = Literal["change", "event", "time", "order", "state", "endpoints", "placement", "step"]

NOTHING = "nothing"


class Finding(msgspec.Struct, frozen=True):
    """One thing of a pair of runs. `may_vary`: two runs of one real cluster may differ in this."""

    verdict: Verdict
    aspect: Aspect
    step: int
    object: str  # `Pod/web-<rs1>-<p>`
    what: str
    expected: str
    found: str
    seconds: float = 0.0  # By how much it is later (or earlier, below 0).
    may_vary: bool = False

    @property
    def identity(self) -> tuple[str, int, str, str, str]:
        """What makes two findings in two pairs of runs the same one."""
        return self.aspect, self.step, self.object, self.what, self.verdict


class Tolerance(msgspec.Struct, frozen=True):
    """How far times may be apart: `seconds`, or a `share` of the time since the cause, whichever is more."""

    seconds: float = 2.0
    share: float = 0.0
