"""The arrays of one shape of Pod: what every node said of it, and the search that uses them. See columns.py."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from kubesim.scheduler.evaluation import Evaluation
from kubesim.scheduler.framework.cycle_state import CycleState
from kubesim.scheduler.framework.interface import (
    NODE_SCORE_MAX,
    Diagnosis,
    Plugin,
    Scale,
)
from kubesim.scheduler.framework.plugin_error import PluginError, check_score
from kubesim.scheduler.framework.runtime import Framework, normalized_scores
from kubesim.scheduler.framework.status import SUCCESS, Status
from kubesim.scheduler.node_table import Integers, Mask
from kubesim.scheduler.pod_info import PodInfo
from kubesim.scheduler.snapshot import Snapshot
from kubesim.scheduler.wide_columns import Layer, Places

STALE_MAX = 32  # So many nodes without a verdict are kept in mind one by one.
UNKNOWN, FEASIBLE = 0, 1  # Verdicts; from 2 on they are indices of `statuses`.


class WideView:
    """Verdicts and scores of the plugins that look beyond one node, for one Pod."""

    def __init__(self, layers: Sequence[Layer], scores: Callable[[Places], Integers] | None) -> None:
        self.layers = layers
        self.scores = scores
        self.rejected: Mask | None = None
        for mask, _ in layers:
            self.rejected = mask if self.rejected is None else self.rejected | mask


NOTHING_WIDE = WideView((), None)


class ShapeColumns:
    """Verdicts and raw scores for one shape by the `node_local` plugins, filled in as the search needs them."""

    def __init__(self, framework: Framework, snapshot: Snapshot, pod: PodInfo) -> None:
        self._framework = framework
        self._snapshot = snapshot
        self.layout = snapshot.layout
        self._state = CycleState()
        narrowed = framework.run_pre_filter(self._state, pod, snapshot)
        self.usable = narrowed.status is SUCCESS and narrowed.node_names is None
        framework.run_pre_score(self._state, pod, ())
        self._names = [node.name for node in snapshot.nodes]
        self._scorers = list(framework.active_scores(self._state))
        self._scaled = [(plugin, weight) for plugin, weight in self._scorers if plugin.scale is not Scale.AS_IS]
        self._dependent = [one for one in framework.plugins if type(one).depends_on is not Plugin.depends_on]
        count = len(snapshot)
        self._verdicts: npt.NDArray[np.int16] = np.zeros(count, np.int16)
        self._possible: Places | None = None  # Nodes that are not known to be infeasible; None: to be looked up.
        self._stale: dict[int, None] | None = None  # Nodes without a verdict; None: many.
        self._as_is: Integers = np.zeros(count, np.int64)  # Weighted sum of the plugins that need no scaling.
        self._raw: dict[str, Integers] = {plugin.name: np.zeros(count, np.int64) for plugin, _ in self._scaled}
        self._has_scores: set[str] = set()  # Plugins that ever gave a raw score other than 0.
        self._statuses: list[Status] = [SUCCESS, SUCCESS]
        self._numbers: dict[Status, int] = {}
        self._position = snapshot.position
        self._tokens = self._read_tokens()
        self._promised: dict[int, None] = {}  # Nodes that are rejected because of Pods that are promised them.
        self._promises_position = -1  # How much of the log of promises is counted in,
        self._promises_priority = 0  # for Pods of which priority,
        self._own_promise = ""  # but for the last Pod's own.

    def evaluate(self, pod: PodInfo, start: int, wanted: int, wide: WideView) -> Evaluation:
        """The first `wanted` feasible nodes from `start` on, with their totals."""
        changed = self._forget_changed()
        if len(self._framework.nominator) or self._promised:
            self._count_promised(pod, changed)
        feasible, reached = self._search(pod, start, wanted, wide.rejected)
        totals: Integers | list[int] = []
        if len(feasible) > 1:
            totals = self._totals(pod, feasible)
            if wide.scores is not None:
                totals = totals + wide.scores(feasible)

        def window() -> npt.NDArray[np.int16]:
            return np.roll(self._with_layers(pod, wide, start, reached), -start)[:reached]

        def diagnose() -> Diagnosis:
            return self._diagnose(window(), start)

        def rejections() -> Mapping[Status, int]:
            counts = np.bincount(window(), minlength=2)[2:].tolist()
            return {self._statuses[n]: times for n, times in enumerate(counts, start=2) if times}

        return ColumnEvaluation(feasible, totals, reached, diagnose, rejections)  # type: ignore[arg-type]

    def _with_layers(self, pod: PodInfo, wide: WideView, start: int, reached: int) -> npt.NDArray[np.int16]:
        """The verdicts of all plugins. Nodes that were passed over for a wide reason may have a local one first."""
        if wide.rejected is None:
            return self._verdicts
        count = len(self._verdicts)
        for index in np.flatnonzero((self._verdicts == UNKNOWN) & wide.rejected).tolist():
            if (index - start) % count < reached:
                self._ask(pod, index)
        verdicts = self._verdicts.copy()
        for mask, status in wide.layers:
            verdicts[(verdicts == FEASIBLE) & mask] = self._number(status)
        return verdicts

    def _forget_changed(self) -> Iterable[int] | None:
        """Verdicts of nodes that changed since the last look are unknown again; which, None: all."""
        snapshot = self._snapshot
        changed = snapshot.changes_since(self._position)
        self._position = snapshot.position
        tokens = self._read_tokens()
        if changed is None or tokens != self._tokens:
            self._tokens = tokens
            self._verdicts[:] = UNKNOWN
            self._possible = self._stale = None
            return None
        for index in changed:
            self._set_verdict(index, UNKNOWN)
        return changed

    def _set_verdict(self, index: int, verdict: int) -> None:
        """Keeps what is known of all verdicts together up to date."""
        if bool(self._verdicts[index] > FEASIBLE) != (verdict > FEASIBLE):
            self._possible = None
        self._verdicts[index] = verdict
        if self._stale is not None:
            if verdict != UNKNOWN:
                self._stale.pop(index, None)
            elif len(self._stale) < STALE_MAX:
                self._stale[index] = None
            else:
                self._stale = None

    def _count_promised(self, pod: PodInfo, changed: Iterable[int] | None) -> None:
        """Verdicts of nodes that are promised to Pods that go first; only what changed since the last Pod."""
        nominator, snapshot = self._framework.nominator, self._snapshot
        names = nominator.changes_since(self._promises_position) if self._promises_position >= 0 else None
        self._promises_position = -1  # Should a plugin fail on the way, all is counted anew.
        own, before = nominator.node_of(pod.uid), self._own_promise
        self._own_promise = own
        if names is None or changed is None or pod.priority != self._promises_priority:
            self._promises_priority = pod.priority
            wanted = {**self._promised, **self._indices(nominator.by_node)}
        else:
            wanted = self._indices(name for name in (*names, before, own) if name)
            for index in changed:
                if index in self._promised or snapshot.nodes[index].name in nominator.by_node:
                    wanted[index] = None
        for index in wanted:
            self._count_promises_of(pod, index)
        self._promises_position = nominator.position

    def _indices(self, names: Iterable[str]) -> dict[int, None]:
        index = self._snapshot.index
        return {index[name]: None for name in names if name in index}

    def _count_promises_of(self, pod: PodInfo, index: int) -> None:
        if index in self._promised:
            del self._promised[index]
            self._set_verdict(index, UNKNOWN)
        node = self._snapshot.nodes[index]
        if not self._framework.nominator.rivals(pod, node.name):
            return
        status = self._framework.run_filters_with_nominated(self._state, pod, node)
        if status is not SUCCESS:
            self._set_verdict(index, self._number(status))
            self._promised[index] = None

    def _read_tokens(self) -> list[Any]:
        tokens = []
        for plugin in self._dependent:
            try:
                tokens.append(plugin.depends_on(self._snapshot))
            except Exception as error:
                raise PluginError(plugin.name, "Filter", error) from error
        return tokens

    def _search(self, pod: PodInfo, start: int, wanted: int, rejected: Mask | None) -> tuple[Places, int]:
        """(the feasible nodes in the order of the search, how many nodes were looked at)."""
        count = len(self._verdicts)
        while True:
            possible = self._possible
            if possible is None:
                possible = self._possible = (self._verdicts <= FEASIBLE).nonzero()[0]
            if rejected is not None:
                possible = possible[~rejected[possible]]
            first = int(possible.searchsorted(start))
            found = possible[first : first + wanted]
            if len(found) < wanted and first:
                found = np.concatenate((found, possible[: min(first, wanted - len(found))]))
            reached = (int(found[-1]) - start) % count + 1 if len(found) == wanted else count
            unknown = self._unknown_among(found, start, reached, rejected)
            if not unknown:
                return found, reached
            for index in unknown:
                self._ask(pod, index)

    def _unknown_among(self, found: Places, start: int, reached: int, rejected: Mask | None) -> Sequence[int]:
        """Those without a verdict, in the order of the search."""
        count = len(self._verdicts)
        if self._stale is None:
            unknown: list[int] = found[self._verdicts[found] == UNKNOWN].tolist()
            if not unknown and np.count_nonzero(self._verdicts) >= count - STALE_MAX:
                self._stale = dict.fromkeys((self._verdicts == UNKNOWN).nonzero()[0].tolist())
            return unknown
        places = [(index - start) % count for index in self._stale]
        unknown = [(place + start) % count for place in sorted(places) if place < reached]
        return unknown if rejected is None else [index for index in unknown if not rejected[index]]

    def _ask(self, pod: PodInfo, index: int) -> None:
        """Fills in verdict and raw scores of one node."""
        node, state = self._snapshot.nodes[index], self._state
        status = self._framework.run_filters(state, pod, node)
        if status is not SUCCESS:
            self._set_verdict(index, self._number(status))
            return
        self._set_verdict(index, FEASIBLE)
        as_is = 0
        for plugin, weight in self._scorers:
            try:
                raw = plugin.score(state, pod, node)
            except Exception as error:
                raise PluginError(plugin.name, "Score", error) from error
            if plugin.scale is Scale.AS_IS:
                check_score(plugin.name, raw)
                as_is += raw * weight
            elif not isinstance(raw, int):
                raise PluginError(plugin.name, "Weights", str(raw))
            elif raw or plugin.name in self._has_scores:
                self._has_scores.add(plugin.name)
                self._raw[plugin.name][index] = raw
        self._as_is[index] = as_is

    def _number(self, status: Status) -> int:
        number = self._numbers.get(status)
        if number is None:
            number = self._numbers[status] = len(self._statuses)
            self._statuses.append(status)
        return number

    def _totals(self, pod: PodInfo, feasible: npt.NDArray[np.intp]) -> Integers:
        totals: Integers = self._as_is[feasible]
        for plugin, weight in self._scaled:
            if plugin.scale is Scale.OWN:
                scores = self._raw[plugin.name][feasible].tolist()
                totals += weight * np.array(normalized_scores(plugin, self._state, pod, scores), np.int64)
            elif plugin.name in self._has_scores:
                totals += weight * _by_maximum(self._raw[plugin.name][feasible], plugin.scale)
            elif plugin.scale is Scale.BY_MAXIMUM_REVERSED:
                totals += weight * NODE_SCORE_MAX
        return totals

    def _diagnose(self, window: npt.NDArray[np.int16], start: int) -> Diagnosis:
        statuses, verdicts = self._statuses, window.tolist()
        names = self._names
        in_order = names[start:] + names[:start]
        diagnosis = Diagnosis()
        if min(verdicts, default=0) > FEASIBLE:
            diagnosis.node_to_status = dict(zip(in_order, map(statuses.__getitem__, verdicts), strict=False))
        else:
            named = zip(in_order, verdicts, strict=False)
            diagnosis.node_to_status = {name: statuses[verdict] for name, verdict in named if verdict > FEASIBLE}
        for verdict in dict.fromkeys(verdicts):
            if verdict > FEASIBLE:
                diagnosis.blame(statuses[verdict])
        return diagnosis


def _by_maximum(raw: Integers, scale: Scale) -> Integers | int:
    """The array form of `normalize_by_maximum`."""
    highest = int(raw.max())
    if highest == 0:
        return NODE_SCORE_MAX if scale is Scale.BY_MAXIMUM_REVERSED else 0
    scaled: Integers = NODE_SCORE_MAX * raw // highest
    return NODE_SCORE_MAX - scaled if scale is Scale.BY_MAXIMUM_REVERSED else scaled


class ColumnEvaluation(Evaluation):
    """An evaluation whose totals are an array."""

    ties: Sequence[int] | None = None  # What `best` found.

    def ranking(self, limit: int) -> Sequence[tuple[int, int]]:
        """As in the readable form, without sorting all of it."""
        feasible: Any = self.feasible
        totals: Any = self.totals
        count = len(totals)
        if not count:
            return []  # One feasible node is not scored.
        places: Any = self.best()
        if len(places) >= limit:  # The usual case: many nodes are alike.
            places = places[:limit]
        else:
            ranks = totals * count
            ranks -= np.arange(count)  # All different now: of equals the earlier is the higher.
            if count > limit:
                ranks.partition(count - limit)
                ranks = ranks[count - limit :]
            ranks.sort()
            places = -ranks[::-1] % count
        return list(zip(feasible[places].tolist(), totals[places].tolist(), strict=True))

    def best(self) -> Sequence[int]:
        """As in the readable form."""
        if self.ties is None:
            totals: Any = self.totals
            ties: list[int] = (totals == totals[totals.argmax()]).nonzero()[0].tolist()
            self.ties = ties
        return self.ties
