"""The whole table behind a decision: every node, every plugin, and the winner. Made on demand.

It asks the plugins anew, one node at a time, against the scheduler's present belief; nothing is changed.
"""

from __future__ import annotations

import msgspec

from kubesim.scheduler.framework.cycle_state import CycleState
from kubesim.scheduler.framework.runtime import Framework
from kubesim.scheduler.framework.status import SUCCESS, Status
from kubesim.scheduler.pod_info import PodInfo
from kubesim.scheduler.snapshot import Snapshot


class NodeRow(msgspec.Struct, frozen=True):
    """One node: who turned it down and why, or its scores by plugin."""

    node: str
    rejected_by: str = ""
    reasons: tuple[str, ...] = ()
    raw: dict[str, int] = {}
    weighted: dict[str, int] = {}
    total: int = 0


class Explanation(msgspec.Struct, frozen=True):
    """All nodes in the order of the snapshot, and the names of the best (none if no node will do)."""

    pod: str
    rows: tuple[NodeRow, ...]
    best: tuple[str, ...]


def explain(framework: Framework, snapshot: Snapshot, pod: PodInfo) -> Explanation:
    """What would be decided for `pod` now, all nodes considered."""
    state = CycleState()
    narrowed = framework.run_pre_filter(state, pod, snapshot)
    verdicts: dict[str, Status] = {}
    for node in snapshot.nodes:
        if narrowed.status is not SUCCESS:
            verdicts[node.name] = narrowed.status
        elif narrowed.node_names is not None and node.name not in narrowed.node_names:
            verdicts[node.name] = Status(SUCCESS.code, ("ruled out by name",), " ".join(narrowed.narrowed_by))
        else:
            verdicts[node.name] = framework.run_filters(state, pod, node)
    feasible = [node for node in snapshot.nodes if verdicts[node.name] is SUCCESS]
    framework.run_pre_score(state, pod, feasible)
    scores = framework.run_scores(state, pod, feasible)
    places = {node.name: place for place, node in enumerate(feasible)}
    rows = []
    for node in snapshot.nodes:
        place = places.get(node.name)
        if place is None:
            status = verdicts[node.name]
            rows.append(NodeRow(node.name, status.plugin, status.reasons))
        else:
            raw = {plugin: column[place] for plugin, column in scores.raw.items()}
            weighted = {plugin: column[place] for plugin, column in scores.weighted.items()}
            rows.append(NodeRow(node.name, raw=raw, weighted=weighted, total=scores.totals[place]))
    highest = max(scores.totals, default=0)
    best = tuple(node.name for node, total in zip(feasible, scores.totals, strict=True) if total == highest)
    return Explanation(pod.key, tuple(rows), best)
