"""Where a placement of ours and the real one agree, and where not."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from kubesim.fidelity.scheduler.recordings import Expected

KINDS = ("decisions", "scores", "messages", "preemptions")


class Placement(msgspec.Struct, frozen=True):
    """What we decided for one Pod.

    `feasible` are the nodes that are possible as things stand, `best` those that may be chosen; `scores` and `totals`
    are as in `Expected`. `message`, `nominated` and `victims` tell what came of a Pod that found none; `as_good` holds
    every (node, victims) that preemption could have chosen by chance.
    """

    feasible: frozenset[str] = frozenset()
    best: frozenset[str] = frozenset()
    totals: dict[str, int] = {}
    scores: dict[str, dict[str, int]] = {}
    message: str | None = None
    nominated: str | None = None
    victims: tuple[str, ...] = ()
    as_good: tuple[tuple[str, tuple[str, ...]], ...] = ()


class Difference(msgspec.Struct, frozen=True):
    """One thing that differs: its kind (of KINDS), what it is, and both values."""

    kind: str
    what: str
    real: str
    ours: str


class StepResult(msgspec.Struct, frozen=True):
    """How one placement came out. `compared` and `agreed` count by kind."""

    seed: int
    pod: str
    compared: dict[str, int]
    differences: tuple[Difference, ...]
    agreed: dict[str, int]


class Tally:
    """Collects the result of one step."""

    def __init__(self, seed: int, pod: str) -> None:
        self._seed, self._pod = seed, pod
        self._compared = dict.fromkeys(KINDS, 0)
        self._agreed = dict.fromkeys(KINDS, 0)
        self._differences: list[Difference] = []

    def check(self, kind: str, what: str, real: object, ours: object, *, alike: bool | None = None) -> None:
        """One comparison; `alike` where equality is not the question."""
        self._compared[kind] += 1
        if real == ours if alike is None else alike:
            self._agreed[kind] += 1
        else:
            self._differences.append(Difference(kind, what, str(real), str(ours)))

    def result(self) -> StepResult:
        """All of it."""
        return StepResult(self._seed, self._pod, self._compared, tuple(self._differences), self._agreed)


def compare(seed: int, pod: str, real: Expected, ours: Placement, *, fits_after: bool) -> StepResult:
    """Holds a placement against the recorded one.

    `fits_after` says whether the recorded node would be chosen once the recorded victims have left.
    """
    tally = Tally(seed, pod)
    _compare_decision(tally, real, ours, fits_after=fits_after)
    for plugin in dict.fromkeys((*real.scores, *ours.scores)):
        _compare_column(tally, plugin, real.scores.get(plugin, {}), ours.scores.get(plugin, {}))
    _compare_column(tally, "total", real.totals, ours.totals)
    if real.message is not None or ours.message is not None:
        tally.check("messages", "message", real.message, ours.message)
    if real.victims or ours.victims or real.nominated or ours.nominated:
        # A Pod that took the place of others is bound, which clears its nomination.
        wanted = real.node if real.victims else real.nominated, sorted(real.victims)
        found = ours.nominated, sorted(ours.victims)
        by_chance = [(node, sorted(victims)) for node, victims in ours.as_good]
        tally.check("preemptions", "nominated, victims", wanted, found, alike=wanted in (found, *by_chance))
    return tally.result()


def _compare_decision(tally: Tally, real: Expected, ours: Placement, *, fits_after: bool) -> None:
    """Any of the best nodes is right; where the real one made room first, ours must have found no node before."""
    if real.node is None or real.victims:
        after = f"{real.node} after preemption" if real.victims else "unschedulable"
        alike = not ours.feasible and (fits_after or not real.victims)
        tally.check("decisions", "node", after, ", ".join(sorted(ours.best)) or "unschedulable", alike=alike)
        return
    feasible = sorted(real.totals) or [real.node]
    if feasible != sorted(ours.feasible):
        tally.check("decisions", "feasible nodes", feasible, sorted(ours.feasible))
    else:
        tally.check("decisions", "node", real.node, sorted(ours.best), alike=real.node in ours.best)


def _compare_column(tally: Tally, what: str, real: Mapping[str, int], ours: Mapping[str, int]) -> None:
    for node in dict.fromkeys((*real, *ours)):
        tally.check("scores", f"{what} of {node}", real.get(node), ours.get(node))
