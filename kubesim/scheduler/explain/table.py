"""The whole table behind a decision: every node, every plugin, and the best. Made on demand.

It asks the plugins anew, one node at a time, against the nodes as a snapshot shows them, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from kubesim.scheduler.explain.seen import Seen, listed
from kubesim.scheduler.explain.words import in_words
from kubesim.scheduler.framework.cycle_state import CycleState
from kubesim.scheduler.framework.runtime import Framework, PreFiltered, Scores
from kubesim.scheduler.framework.status import SUCCESS, Status, unresolvable
from kubesim.scheduler.node_info import NodeInfo
from kubesim.scheduler.pod_info import PodInfo
from kubesim.scheduler.snapshot import Snapshot

EXTENDER = "extender"


class NodeRow(msgspec.Struct, frozen=True):
    """One node: who turned it down, why, and why in words; or its scores by plugin (none if it is the only one)."""

    node: str
    rejected_by: str = ""
    reasons: tuple[str, ...] = ()
    words: str = ""
    raw: dict[str, int] = {}
    weighted: dict[str, int] = {}
    total: int = 0

    @property
    def is_out(self) -> bool:
        """Whether the node was turned down."""
        return bool(self.rejected_by or self.reasons)


class Asked(msgspec.Struct, frozen=True):
    """Who was asked at each point: plugin → "success", "" if it had nothing to say about the Pod, or why not."""

    pre_filter: dict[str, str] = {}
    pre_filter_nodes: dict[str, tuple[str, ...]] = {}
    filters: tuple[str, ...] = ()
    pre_score: dict[str, str] = {}


class Explanation(msgspec.Struct, frozen=True):
    """The nodes that were looked at, in that order, and the names of the best (none if no node will do)."""

    pod: str
    rows: tuple[NodeRow, ...]
    best: tuple[str, ...]
    weights: dict[str, int] = {}  # The plugins that scored.
    asked: Asked = Asked()


def explain(
    framework: Framework, snapshot: Snapshot, pod: PodInfo, looked_at: Sequence[int] | None = None, *,
    outside: Mapping[str, Status] | None = None,
) -> Explanation:  # fmt: skip
    """What is decided for `pod` as the snapshot stands; its own place, if it has one, counts as free.

    `looked_at` are the indices of the nodes that the search came past; None: all. `outside` is what extenders said.
    """
    state = CycleState()
    narrowed = framework.run_pre_filter(state, pod, snapshot)
    if narrowed.status is not SUCCESS or narrowed.node_names is not None:
        looked_at = None  # Each node has its verdict without being looked at.
    chosen = snapshot.nodes if looked_at is None else [snapshot.nodes[index] for index in looked_at]
    nodes = [_without(pod, node) for node in chosen]
    verdicts = [_verdict(framework, state, pod, node, narrowed) for node in nodes]
    for place, node in enumerate(nodes):
        if outside and verdicts[place] is SUCCESS and (said := outside.get(node.name)) is not None:
            verdicts[place] = said.by(EXTENDER)
    feasible = [node for node, status in zip(nodes, verdicts, strict=True) if status is SUCCESS]
    scores = Scores({}, {}, [0] * len(feasible))
    if len(feasible) > 1:
        framework.run_pre_score(state, pod, feasible)
        scores = framework.run_scores(state, pod, feasible)
    places = {node.name: place for place, node in enumerate(feasible)}
    rows = [
        _scored(node.name, scores, places[node.name])
        if node.name in places
        else _rejected(framework, snapshot, state, pod, node, status, narrowed)
        for node, status in zip(nodes, verdicts, strict=True)
    ]
    highest = max(scores.totals, default=0)
    best = tuple(node.name for node, total in zip(feasible, scores.totals, strict=True) if total == highest)
    weights = {scored.plugin.name: scored.weight for scored in framework.scores if scored.plugin.name in scores.raw}
    return Explanation(
        pod.key, tuple(rows), best, weights, _asked(framework, state, narrowed, scored=len(feasible) > 1)
    )


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


def _rejected(
    framework: Framework, snapshot: Snapshot, state: CycleState, pod: PodInfo, node: NodeInfo, status: Status,
    narrowed: PreFiltered,
) -> NodeRow:  # fmt: skip
    plugin = next((one for one in framework.filters if one.name == status.plugin), None)
    if narrowed.status is not SUCCESS or status.plugin == EXTENDER:
        return NodeRow(node.name, status.plugin, status.reasons, status.message)
    if plugin is None or (narrowed.node_names is not None and node.name not in narrowed.node_names):
        return NodeRow(
            node.name, status.plugin, status.reasons, f"the Pod asks for other nodes by name ({status.plugin})"
        )
    rivals = framework.nominator.rivals(pod, node.name)
    if not rivals or framework.run_filters(state, pod, node) is not SUCCESS:
        words = in_words(Seen(plugin, state, pod, node, status, snapshot))
        return NodeRow(node.name, status.plugin, status.reasons, words)
    crowded, seen_state = node.clone(), state.clone()
    for rival in rivals:
        crowded.add_pod(rival)
        framework.run_add_pod(seen_state, pod, rival, crowded)
    words = in_words(Seen(plugin, seen_state, pod, crowded, status, snapshot))
    owners = listed(rival.key for rival in rivals)
    return NodeRow(node.name, status.plugin, status.reasons, f"{words}, counting {owners}, promised a place there")


def _asked(framework: Framework, state: CycleState, narrowed: PreFiltered, *, scored: bool) -> Asked:
    pre_filter: dict[str, str] = {}
    for plugin in framework.pre_filters:
        refused = narrowed.status is not SUCCESS and narrowed.status.plugin == plugin.name
        pre_filter[plugin.name] = (
            narrowed.status.message if refused else "" if plugin.name in state.skip_filter else "success"
        )
        if refused:
            break
    names = tuple(sorted(narrowed.node_names or ()))
    filters = [plugin.name for plugin in framework.filters if plugin.name not in state.skip_filter]
    skipped = state.skip_score
    return Asked(
        pre_filter,
        dict.fromkeys(narrowed.narrowed_by, names),
        tuple(filters) if narrowed.status is SUCCESS else (),
        {one.name: "" if one.name in skipped else "success" for one in framework.pre_scores} if scored else {},
    )
