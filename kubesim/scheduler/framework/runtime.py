"""Asks the plugins of one profile, point by point, and puts their answers together.

This is the readable form: one node at a time. `kubesim.scheduler.columns` keeps its answers per node and
is held against it by tests. Upstream: pkg/scheduler/framework/runtime/framework.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from kubesim.scheduler.framework.binding_points import BindingPoints
from kubesim.scheduler.framework.cluster_event import ClusterEvent, Hint
from kubesim.scheduler.framework.cycle_state import CycleState
from kubesim.scheduler.framework.interface import (
    BindPlugin,
    Diagnosis,
    FilterPlugin,
    PermitPlugin,
    Plugin,
    PostBindPlugin,
    PostFilterPlugin,
    PreBindPlugin,
    PreEnqueuePlugin,
    PreFilterPlugin,
    PreScorePlugin,
    QueueSortPlugin,
    ReservePlugin,
    ScorePlugin,
)
from kubesim.scheduler.framework.plugin_error import PluginError, answer_of, check_score
from kubesim.scheduler.framework.status import SUCCESS, Code, Status, unresolvable
from kubesim.scheduler.framework.waiting_pods import WaitingPod
from kubesim.scheduler.node_info import NodeInfo
from kubesim.scheduler.nominator import Nominator
from kubesim.scheduler.pod_info import PodInfo
from kubesim.scheduler.snapshot import Snapshot


class Weighted(msgspec.Struct, frozen=True):
    """A score plugin and how much its voice counts."""

    plugin: ScorePlugin
    weight: int


class Scores(msgspec.Struct, frozen=True):
    """The scores of all feasible nodes: raw as the plugins gave them, and normalised and times the weight."""

    raw: dict[str, list[int]]
    weighted: dict[str, list[int]]
    totals: list[int]


class PreFiltered(msgspec.Struct, frozen=True):
    """What PreFilter left: a verdict, the only nodes to look at (None: all), and who narrowed them."""

    status: Status
    node_names: frozenset[str] | None = None
    narrowed_by: tuple[str, ...] = ()


class Framework(BindingPoints):
    """The plugins of one profile. `plugins` are (plugin, weight) in the order of asking."""

    def __init__(
        self, profile: str, plugins: Sequence[tuple[Plugin, int]], nominator: Nominator | None = None, *,
        points: Mapping[str, Sequence[str]] | None = None, percentage_of_nodes_to_score: int | None = None,
    ) -> None:  # fmt: skip
        self.percentage_of_nodes_to_score = percentage_of_nodes_to_score
        self.profile = profile
        self.nominator = Nominator() if nominator is None else nominator
        self.weighted = plugins
        self.plugins = [plugin for plugin, _ in plugins]
        self.pre_enqueue = [plugin for plugin in self.plugins if isinstance(plugin, PreEnqueuePlugin)]
        self.queue_sort = self._the_queue_sort(points)
        self.pre_filters = [plugin for plugin in self.plugins if isinstance(plugin, PreFilterPlugin)]
        self.filters = [plugin for plugin in self.plugins if isinstance(plugin, FilterPlugin)]
        self.post_filters = [plugin for plugin in self.plugins if isinstance(plugin, PostFilterPlugin)]
        for post_filter in self.post_filters:
            post_filter.filters = self
        self.pre_filter_extensions = [
            plugin for plugin in self.pre_filters if type(plugin).add_pod is not PreFilterPlugin.add_pod
        ]
        self.pre_scores = [plugin for plugin in self.plugins if isinstance(plugin, PreScorePlugin)]
        self.scores = [Weighted(plugin, weight) for plugin, weight in plugins if isinstance(plugin, ScorePlugin)]
        self.reserves = [plugin for plugin in self.plugins if isinstance(plugin, ReservePlugin)]
        self.permits = [plugin for plugin in self.plugins if isinstance(plugin, PermitPlugin)]
        self.pre_binds = [plugin for plugin in self.plugins if isinstance(plugin, PreBindPlugin)]
        self.binds = [plugin for plugin in self.plugins if isinstance(plugin, BindPlugin)]
        self.post_binds = [plugin for plugin in self.plugins if isinstance(plugin, PostBindPlugin)]
        self.waiting: dict[str, WaitingPod] = {}
        self.is_trimmed = False  # Whether a plugin is left out where it could serve, or asked in another order.
        if points is not None:
            served = self._deciding_names()
            self._keep_points(points)
            self.is_trimmed = served != self._deciding_names()

    def _deciding_names(self) -> list[list[str]]:
        lists: tuple[Sequence[Plugin], ...] = (self.pre_filters, self.filters, self.pre_scores)
        names = [[plugin.name for plugin in plugins] for plugins in lists]
        return [*names, [weighted.plugin.name for weighted in self.scores]]

    def _the_queue_sort(self, points: Mapping[str, Sequence[str]] | None) -> QueueSortPlugin:
        names = None if points is None else points["queueSort"]
        plugins = [plugin for plugin in self.plugins if isinstance(plugin, QueueSortPlugin)]
        (chosen,) = (plugin for plugin in plugins if names is None or plugin.name in names)
        return chosen

    def _keep_points(self, points: Mapping[str, Sequence[str]]) -> None:
        """Leaves at each extension point those that are enabled there, in the order given."""

        def at(point: str, plugins: Sequence[Any]) -> list[Any]:
            by_name = {plugin.name: plugin for plugin in plugins}
            return [by_name[name] for name in points[point]]

        self.pre_enqueue = at("preEnqueue", self.pre_enqueue)
        self.pre_filters = at("preFilter", self.pre_filters)
        self.pre_filter_extensions = [each for each in self.pre_filters if each in self.pre_filter_extensions]
        self.filters = at("filter", self.filters)
        self.post_filters = at("postFilter", self.post_filters)
        self.pre_scores = at("preScore", self.pre_scores)
        weighted = {each.plugin.name: each for each in self.scores}
        self.scores = [weighted[name] for name in points["score"]]
        self.reserves = at("reserve", self.reserves)
        self.permits = at("permit", self.permits)
        self.pre_binds = at("preBind", self.pre_binds)
        self.binds = at("bind", self.binds)
        self.post_binds = at("postBind", self.post_binds)

    def hints(self) -> dict[ClusterEvent, dict[str, list[Hint]]]:
        """Event → plugin → its hints for it."""
        table: dict[ClusterEvent, dict[str, list[Hint]]] = {}
        for plugin in self.plugins:
            for registered in plugin.events():
                table.setdefault(registered.event, {}).setdefault(plugin.name, []).append(registered.hint)
        return table

    def run_pre_enqueue(self, pod: PodInfo) -> Status:
        """SUCCESS, or the first gate that is shut."""
        for plugin in self.pre_enqueue:
            try:
                status = answer_of(plugin.name, "PreEnqueue", plugin.pre_enqueue(pod))
            except PluginError as error:
                return error.status
            except Exception as error:
                return PluginError(plugin.name, "PreEnqueue", error).status
            if status.code is not Code.SUCCESS:
                return status.by(plugin.name)
        return SUCCESS

    def run_queue_sort(self, pod: PodInfo, timestamp_ns: int) -> tuple[tuple[int, ...], str]:
        """(the Pod's key, ""); or (the key that PrioritySort would give, what went wrong)."""
        plugin = self.queue_sort
        try:
            key: Any = plugin.key(pod, timestamp_ns)
            if isinstance(key, tuple) and all(isinstance(part, int) for part in key):
                return key, ""
            error = PluginError(plugin.name, "QueueSort", f"{key!r} is no tuple of whole numbers")
        except Exception as raised:
            error = PluginError(plugin.name, "QueueSort", raised)
        return (-pod.priority, timestamp_ns), str(error)

    def run_pre_filter(self, state: CycleState, pod: PodInfo, snapshot: Snapshot) -> PreFiltered:
        """Asks every plugin until one rejects the Pod; intersects the node names they give."""
        names: frozenset[str] | None = None
        narrowed_by: list[str] = []
        for plugin in self.pre_filters:
            try:
                result, said = plugin.pre_filter(state, pod, snapshot)
                status = answer_of(plugin.name, "PreFilter", said)
            except PluginError:
                raise
            except Exception as error:
                raise PluginError(plugin.name, "PreFilter", error) from error
            if status.code is Code.SKIP:
                state.skip_filter.add(plugin.name)
                continue
            if status.code is not Code.SUCCESS:
                return PreFiltered(status.by(plugin.name))
            if result.node_names is not None:
                names = result.node_names if names is None else names & result.node_names
                narrowed_by.append(plugin.name)
                if not names:
                    return PreFiltered(unresolvable(_nowhere(narrowed_by)), names, tuple(narrowed_by))
        return PreFiltered(SUCCESS, names, tuple(narrowed_by))

    def run_filters(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status:
        """SUCCESS, or what the first plugin that rejects `node` says."""
        skip = state.skip_filter
        for plugin in self.filters:
            if plugin.name in skip:
                continue
            try:
                status = plugin.filter(state, pod, node)
            except Exception as error:
                raise PluginError(plugin.name, "Filter", error) from error
            if status is not SUCCESS:
                status = answer_of(plugin.name, "Filter", status)
                if status.code is not Code.SUCCESS:
                    return status.by(plugin.name)
        return SUCCESS

    def run_filters_with_nominated(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status:
        """Whether the Pod fits, whether or not the Pods that are promised this node (and go first) are there.

        With them, since they may come; without them, since they may not, and the Pod may need one that is there.
        """
        rivals = self.nominator.rivals(pod, node.name)
        if rivals:
            crowded, noted = node.clone(), state.clone()
            for rival in rivals:
                crowded.add_pod(rival)
                self.run_add_pod(noted, pod, rival, crowded)
            status = self.run_filters(noted, pod, crowded)
            if status is not SUCCESS:
                return status
        return self.run_filters(state, pod, node)

    def promised(self, node: str) -> Sequence[PodInfo]:
        """The Pods that are nominated to `node`."""
        return self.nominator.on(node)

    def look_at_one_node(self, state: CycleState) -> bool:
        """Whether every filter with something to say about the Pod is `node_local`."""
        return all(plugin.node_local or plugin.name in state.skip_filter for plugin in self.filters)

    def run_add_pod(self, state: CycleState, pod: PodInfo, added: PodInfo, node: NodeInfo) -> None:
        """Tells the PreFilter plugins that `added` is on `node`, too."""
        for plugin in self.pre_filter_extensions:
            if plugin.name not in state.skip_filter:
                try:
                    plugin.add_pod(state, pod, added, node)
                except Exception as error:
                    raise PluginError(plugin.name, "AddPod", error) from error

    def run_remove_pod(self, state: CycleState, pod: PodInfo, removed: PodInfo, node: NodeInfo) -> None:
        """Tells the PreFilter plugins that `removed` left `node`."""
        for plugin in self.pre_filter_extensions:
            if plugin.name not in state.skip_filter:
                try:
                    plugin.remove_pod(state, pod, removed, node)
                except Exception as error:
                    raise PluginError(plugin.name, "RemovePod", error) from error

    def run_post_filters(
        self, state: CycleState, pod: PodInfo, snapshot: Snapshot, diagnosis: Diagnosis
    ) -> tuple[str | None, Status]:
        """(nominated node, verdict): the first plugin that makes room decides; else all reasons together."""
        node: str | None = None
        reasons: list[str] = []
        code = Code.UNSCHEDULABLE
        for plugin in self.post_filters:
            try:
                nominated, status = plugin.post_filter(state, pod, snapshot, diagnosis)
                if status.code is Code.ERROR:
                    nominated = None
            except Exception as error:
                return None, PluginError(plugin.name, "PostFilter", error).status
            if status.code in (Code.SUCCESS, Code.ERROR):
                return nominated, status
            node = node if nominated is None else nominated
            reasons.extend(status.reasons)
            if status.code is Code.UNSCHEDULABLE_AND_UNRESOLVABLE:
                code = status.code
                break
        return node, Status(code, tuple(reasons))

    def run_pre_score(self, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo]) -> None:
        """Lets plugins prepare, or step aside for this Pod."""
        for plugin in self.pre_scores:
            try:
                status = answer_of(plugin.name, "PreScore", plugin.pre_score(state, pod, nodes))
            except PluginError:
                raise
            except Exception as error:
                raise PluginError(plugin.name, "PreScore", error) from error
            if status.code is Code.SKIP:
                state.skip_score.add(plugin.name)
            elif status.code is not Code.SUCCESS:
                raise PluginError(plugin.name, "PreScore", status.message)

    def run_scores(self, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo]) -> Scores:
        """Scores, normalises, weighs and adds up."""
        raw: dict[str, list[int]] = {}
        weighted: dict[str, list[int]] = {}
        totals = [0] * len(nodes)
        for plugin, weight in self.active_scores(state):
            try:
                raw[plugin.name] = [plugin.score(state, pod, node) for node in nodes]
            except Exception as error:
                raise PluginError(plugin.name, "Score", error) from error
            normalized = normalized_scores(plugin, state, pod, raw[plugin.name])
            weighted[plugin.name] = [score * weight for score in normalized]
            totals = [total + score for total, score in zip(totals, weighted[plugin.name], strict=True)]
        return Scores(raw, weighted, totals)

    def active_scores(self, state: CycleState) -> Iterable[tuple[ScorePlugin, int]]:
        """The score plugins that did not skip this Pod."""
        return ((s.plugin, s.weight) for s in self.scores if s.plugin.name not in state.skip_score)


def normalized_scores(plugin: ScorePlugin, state: CycleState, pod: PodInfo, raw: list[int]) -> list[int]:
    """From 0 to 100 each; PluginError if the plugin gives anything else."""
    try:
        normalized = plugin.normalize(state, pod, raw)
    except Exception as error:
        raise PluginError(plugin.name, "Normalize", error) from error
    for score in normalized:
        check_score(plugin.name, score)
    return normalized


def _nowhere(plugins: list[str]) -> str:
    if len(plugins) == 1:
        return f"node(s) didn't satisfy plugin {plugins[0]}"
    return f"node(s) didn't satisfy plugin(s) [{' '.join(plugins)}] simultaneously"
