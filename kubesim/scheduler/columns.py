"""The quick form of Filter and Score: verdicts and raw scores per shape of Pod, one column over all nodes.

Pods of one shape get the same answer from the same node as long as the node does not change. So the answers
are kept in arrays, and after a placement only one node has to be asked again, and only if the search comes
past it. What is left per Pod is a handful of array operations. The plugins' own per-node methods give the
answers: there is no second implementation to disagree with the first, and a test holds the two forms against
each other. That holds for plugins that are `node_local`; those that look beyond one node have a quick form of their
own (`kubesim.scheduler.wide_columns`), which is asked anew for every Pod.
Upstream has no such thing (v1.35's batching reuses the last Pod's ranking in a narrower case).
"""

from __future__ import annotations

import numpy as np

from kubesim.scheduler.evaluation import Evaluation
from kubesim.scheduler.framework.interface import (
    FilterPlugin,
    Plugin,
    PreFilterPlugin,
    PreScorePlugin,
    ScorePlugin,
)
from kubesim.scheduler.framework.runtime import Framework
from kubesim.scheduler.node_table import Integers, NodeTable
from kubesim.scheduler.plugins.pod_volumes import is_particular
from kubesim.scheduler.pod_info import PodInfo
from kubesim.scheduler.shape_columns import NOTHING_WIDE, ShapeColumns, WideView
from kubesim.scheduler.snapshot import Snapshot
from kubesim.scheduler.wide_columns import Places, columns_of

SHAPES_MIN = 64  # How many shapes are kept at least,
CELLS_MAX = 1_000_000  # and how many shapes times nodes otherwise: some 30 MB.


class ColumnStore:
    """The columns of the shapes that were scheduled last, for one profile."""

    def __init__(self, framework: Framework, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._table = NodeTable(snapshot)
        self._columns: dict[bytes, ShapeColumns] = {}
        kinds = (PreFilterPlugin, FilterPlugin, PreScorePlugin, ScorePlugin)
        deciding = [(plugin, weight) for plugin, weight in framework.weighted if isinstance(plugin, kinds)]
        quick = [(plugin, weight, columns_of(plugin)) for plugin, weight in deciding if not plugin.node_local]
        self._wide = [(plugin, weight, columns) for plugin, weight, columns in quick if columns is not None]
        # The first rejection counts, so a plugin that looks beyond one node must be asked after all that do not.
        filters = [plugin.node_local for plugin in framework.filters]
        self._usable = len(self._wide) == len(quick) and filters == sorted(filters, reverse=True)
        self._usable = self._usable and not framework.is_trimmed
        local: list[tuple[Plugin, int]] = [(plugin, weight) for plugin, weight in deciding if plugin.node_local]
        self._local = Framework(framework.profile, [(framework.queue_sort, 0), *local], framework.nominator)

    def evaluate(self, pod: PodInfo, start: int, wanted: int) -> Evaluation | None:
        """What the readable form would find, or None where only that form can tell."""
        spec = pod.pod.spec
        if not self._usable or spec.node_name or is_particular(pod):
            return None
        if len(self._local.nominator) and self._is_wide_promise(pod):
            return None
        wide = self._look_wide(pod)
        if wide is None:
            return None
        columns = self._columns.pop(pod.shape.signature, None)
        if columns is None or columns.layout != self._snapshot.layout:
            columns = ShapeColumns(self._local, self._snapshot, pod)
        self._columns[pod.shape.signature] = columns  # The latest is last.
        if len(self._columns) > max(SHAPES_MIN, CELLS_MAX // len(self._snapshot)):
            del self._columns[next(iter(self._columns))]
        return columns.evaluate(pod, start, wanted, wide) if columns.usable else None

    def _is_wide_promise(self, pod: PodInfo) -> bool:
        """Whether Pods that are promised a node could keep this one away by more than the room that they take."""
        nominator = self._local.nominator
        if any(rival.priority >= pod.priority and rival.uid != pod.uid for rival in nominator.wary.values()):
            return True
        is_picky = any(columns.is_picky(pod) for _, _, columns in self._wide)
        return is_picky and any(nominator.rivals(pod, node) for node in nominator.by_node)

    def _look_wide(self, pod: PodInfo) -> WideView | None:
        """What the plugins that look beyond one node say; None if the table has grown too big for that."""
        table = self._table
        concerned = [one for one in self._wide if one[2].concerns(pod, table)]
        if not concerned:
            return NOTHING_WIDE
        table.sync()
        if table.is_too_big:
            return None
        layers = [
            (mask, status.by(plugin.name))
            for plugin, _, columns in concerned
            for mask, status in columns.layers(pod, table)
        ]

        def scores(feasible: Places) -> Integers:
            total: Integers = np.zeros(len(feasible), np.int64)
            for _, weight, columns in concerned:
                column = columns.scores(pod, table, feasible)
                if column is not None:
                    total += weight * column
            return total

        return WideView(layers, scores)
