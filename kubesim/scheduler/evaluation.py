"""What Filter and Score found for one Pod: the same for the readable and for the quick form of the search."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from kubesim.scheduler.framework.interface import Diagnosis
from kubesim.scheduler.framework.status import Status


class Evaluation(msgspec.Struct):
    """What Filter and Score found. `feasible` are node indices in the order of the search, `totals` theirs.

    With one feasible node nothing is scored and `totals` is empty. `rejections` counts the nodes that were
    turned down, by what was said.
    """

    feasible: Sequence[int]
    totals: Sequence[int]
    evaluated: int
    diagnose: Callable[[], Diagnosis]
    rejections: Callable[[], Mapping[Status, int]]

    def ranking(self, limit: int) -> Sequence[tuple[int, int]]:
        """The best `limit` nodes with their totals, best first, equals in the order of the search."""
        places = sorted(range(len(self.totals)), key=lambda place: -self.totals[place])[:limit]
        return [(self.feasible[place], self.totals[place]) for place in places]

    def best(self) -> Sequence[int]:
        """Positions in `totals` of the highest, in the order of the search."""
        highest = max(self.totals)
        return [place for place, total in enumerate(self.totals) if total == highest]
