"""The whole table behind a decision: every node, every plugin, and the winner. Made on demand.

It asks the plugins anew, one node at a time, against the scheduler's present belief, and changes nothing.
"""

from __future__ import annotations

import msgspec

from kubesim.scheduler.framework.cycle_state import CycleState
from kubesim.scheduler.framework.runtime import Framework, PreFiltered, Scores
from kubesim.scheduler.framework.status import SUCCESS, Status, unresolvable
from kubesim.scheduler.node_info import NodeInfo
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
    """What would be decided for `pod` now, all nodes considered; its own place, if it has one, counts as free."""
    state = CycleState()
    nodes = [_without(pod, node) for node in snapshot.nodes]
    narrowed = framework.run_pre_filter(state, pod, snapshot)
    verdicts = [_verdict(framework, state, pod, node, narrowed) for node in nodes]
    feasible = [node for node, status in zip(nodes, verdicts, strict=True) if status is SUCCESS]
    framework.run_pre_score(state, pod, feasible)
    scores = framework.run_scores(state, pod, feasible)
    places = {node.name: place for place, node in enumerate(feasible)}
    rows = [
        _scored(node.name, scores, places[node.name])
        if node.name in places
        else NodeRow(node.name, status.plugin, status.reasons)
        for node, status in zip(nodes, verdicts, strict=True)
    ]
    highest = max(scores.totals, default=0)
    best = tuple(node.name for node, total in zip(feasible, scores.totals, strict=True) if total == highest)
    return Explanation(pod.key, tuple(rows), best)


def _without(pod: PodInfo, node: NodeInfo) -> NodeInfo:
    """The node as it would be if the Pod were not there."""
    if pod.uid not in node.pods:
        return node
    emptier = node.clone()
    emptier.remove_pod(pod.uid)
    return emptier


def _verdict(framework: Framework, state: CycleState, pod: PodInfo, node: NodeInfo, narrowed: PreFiltered) -> Status:
    if narrowed.status is not SUCCESS:
        return narrowed.status
    if narrowed.node_names is not None and node.name not in narrowed.node_names:
        return unresolvable("ruled out by name").by(" ".join(narrowed.narrowed_by))
    return framework.run_filters_with_nominated(state, pod, node)


def _scored(node: str, scores: Scores, place: int) -> NodeRow:
    raw = {plugin: column[place] for plugin, column in scores.raw.items()}
    weighted = {plugin: column[place] for plugin, column in scores.weighted.items()}
    return NodeRow(node, raw=raw, weighted=weighted, total=scores.totals[place])
