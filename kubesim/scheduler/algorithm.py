"""Chooses a node for one Pod: which nodes will do (Filter), which is best (Score), and which of the best.

In a big cluster not all nodes are looked at: the search stops once enough feasible ones are found, and the
next Pod's search begins where this one stopped, so that every node gets its turn. Ties are broken by chance.
Everything here is synchronous and pure but for the random stream and that index.
With extenders `kubesim.scheduler.extended` uses the same parts. Upstream: pkg/scheduler/schedule_one.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import TYPE_CHECKING

import msgspec

from kubesim.scheduler.evaluation import Evaluation
from kubesim.scheduler.framework.cycle_state import CycleState
from kubesim.scheduler.framework.interface import Diagnosis
from kubesim.scheduler.framework.runtime import Framework, PreFiltered
from kubesim.scheduler.framework.status import SUCCESS, Status, unresolvable
from kubesim.scheduler.node_info import NodeInfo
from kubesim.scheduler.pod_info import PodInfo
from kubesim.scheduler.snapshot import Snapshot

if TYPE_CHECKING:
    from kubesim.scheduler.columns import ColumnStore

MIN_FEASIBLE_NODES = 100
MIN_PERCENTAGE = 5
NODES_PER_PERCENT = 125  # Every 125 nodes lower the percentage by one, from 50.
COLUMNS_MIN_NODES = 65  # Below, asking every node anew is quicker than keeping arrays (and loading numpy).


class Decision(msgspec.Struct):
    """The outcome for one Pod: a node, or "" and a diagnosis."""

    node: str
    evaluation: Evaluation | None
    state: CycleState
    diagnosis: Diagnosis | None = None


class SchedulingAlgorithm:
    """Schedules Pods of one profile after another on a shared snapshot."""

    def __init__(
        self,
        snapshot: Snapshot,
        random: Random,
        *,
        percentage_of_nodes_to_score: int = 0,
        recorded_node: Callable[[str], str] = lambda _: "",
    ) -> None:
        self.snapshot = snapshot
        self.next_start_index = 0
        self.columns_min_nodes = COLUMNS_MIN_NODES
        self.extenders_choose = False  # Whether extenders filter or give points.
        self._random = random
        self._recorded_node = recorded_node  # Uid -> the node of a recorded decision that is made again.
        self._percentage = percentage_of_nodes_to_score
        self._columns: dict[str, ColumnStore] = {}

    def schedule(self, framework: Framework, pod: PodInfo) -> Decision:
        """The node for `pod` as the snapshot stands, or why there is none."""
        state = CycleState()
        promised = pod.promised_node
        evaluation = None if promised else self._from_columns(framework, pod)
        if evaluation is None:
            narrowed, rejected = self.pre_filter(framework, state, pod)
            if rejected is not None:
                return rejected
            if promised and (kept := self.as_promised(framework, state, pod, promised)) is not None:
                return Decision(promised, kept, state)
            evaluation = self._evaluate(framework, state, pod, narrowed)
        elif not len(evaluation.feasible):
            framework.run_pre_filter(state, pod, self.snapshot)  # Columns need no notes; PostFilter may.
        self.move_start(evaluation.evaluated)
        if not len(evaluation.feasible):
            return Decision("", evaluation, state, evaluation.diagnose())
        return Decision(self.snapshot.nodes[self.select(evaluation, pod.uid)].name, evaluation, state)

    def feasible_nodes_wanted(self, nodes: int, percentage: int | None = None) -> int:
        """After how many feasible nodes the search stops; `percentage` is a profile's own (None: it has none)."""
        if nodes < MIN_FEASIBLE_NODES:
            return nodes
        percentage = self._percentage if percentage is None else percentage
        percentage = percentage or max(50 - nodes // NODES_PER_PERCENT, MIN_PERCENTAGE)
        return max(nodes * percentage // 100, MIN_FEASIBLE_NODES)

    def _wanted(self, framework: Framework, nodes: int) -> int:
        """The same for a profile: where nobody compares nodes, the first that will do is as good as any."""
        if not framework.scores and not self.extenders_choose:
            return 1
        return self.feasible_nodes_wanted(nodes, framework.percentage_of_nodes_to_score)

    def pre_filter(
        self, framework: Framework, state: CycleState, pod: PodInfo
    ) -> tuple[PreFiltered, Decision | None]:  # fmt: skip
        """What PreFilter says, and the decision if that ends the search."""
        narrowed = framework.run_pre_filter(state, pod, self.snapshot)
        if narrowed.status is SUCCESS:
            return narrowed, None
        diagnosis = Diagnosis(
            absent_nodes_status=narrowed.status, pre_filter_message=narrowed.status.message,
            unschedulable_plugins=dict.fromkeys(narrowed.narrowed_by),
        )  # fmt: skip
        diagnosis.blame(narrowed.status)
        return narrowed, Decision("", None, state, diagnosis)

    def look(
        self, framework: Framework, state: CycleState, pod: PodInfo, narrowed: PreFiltered
    ) -> tuple[list[int], Diagnosis]:
        """The feasible nodes in the order of the search, and what is wrong with others."""
        snapshot, names = self.snapshot, narrowed.node_names
        diagnosis = Diagnosis()
        candidates: Sequence[int] = range(len(snapshot))
        if names is not None:
            candidates = sorted(snapshot.index[name] for name in names if name in snapshot.index)
            by = f"node(s) didn't satisfy plugin(s) [{' '.join(sorted(narrowed.narrowed_by))}]"
            diagnosis.absent_nodes_status = unresolvable(by)
            diagnosis.unschedulable_plugins = dict.fromkeys(narrowed.narrowed_by)
        return self._find_feasible(framework, state, pod, candidates, diagnosis), diagnosis

    def move_start(self, evaluated: int) -> None:
        """The next search begins where this one stopped."""
        self.next_start_index = (self.next_start_index + evaluated) % len(self.snapshot)

    def _evaluate(self, framework: Framework, state: CycleState, pod: PodInfo, narrowed: PreFiltered) -> Evaluation:
        """The readable way: asks one node after another."""
        feasible, diagnosis = self.look(framework, state, pod, narrowed)
        evaluated = len(feasible) + len(diagnosis.node_to_status)
        nodes = [self.snapshot.nodes[index] for index in feasible]
        totals = score(framework, state, pod, nodes) if len(nodes) > 1 else []

        def rejections() -> Mapping[Status, int]:
            counts: dict[Status, int] = {}
            for status in diagnosis.node_to_status.values():
                counts[status] = counts.get(status, 0) + 1
            return counts

        return Evaluation(feasible, totals, evaluated, lambda: diagnosis, rejections)

    def as_promised(self, framework: Framework, state: CycleState, pod: PodInfo, name: str) -> Evaluation | None:
        """The node that the Pod is promised, if it fits there by now: then no other is looked at."""
        index = self.snapshot.index.get(name)
        if index is None:
            return None
        if framework.run_filters_with_nominated(state, pod, self.snapshot.nodes[index]) is not SUCCESS:
            return None
        return Evaluation([index], [], 1, Diagnosis, dict)

    def _find_feasible(
        self, framework: Framework, state: CycleState, pod: PodInfo, candidates: Sequence[int], diagnosis: Diagnosis
    ) -> list[int]:
        nodes = self.snapshot.nodes
        count = len(candidates)
        wanted = self._wanted(framework, count)
        feasible: list[int] = []
        ask = framework.run_filters_with_nominated if len(framework.nominator) else framework.run_filters
        for step in range(count):
            index = candidates[(self.next_start_index + step) % count]
            status = ask(state, pod, nodes[index])
            if status is SUCCESS:
                feasible.append(index)
                if len(feasible) == wanted:
                    break
            else:
                diagnosis.add(nodes[index].name, status)
        return feasible

    def _from_columns(self, framework: Framework, pod: PodInfo) -> Evaluation | None:
        """The quick way, where there are enough nodes and the plugins allow it."""
        nodes = len(self.snapshot)
        if nodes < self.columns_min_nodes:
            return None
        store = self._columns.get(framework.profile)
        if store is None:
            from kubesim.scheduler.columns import ColumnStore  # Loads numpy, which small runs do without.

            store = self._columns[framework.profile] = ColumnStore(framework, self.snapshot)
        return store.evaluate(pod, self.next_start_index, self._wanted(framework, nodes))

    def select(self, evaluation: Evaluation, uid: str) -> int:
        """One of the nodes with the highest total, each as likely as the other."""
        feasible = evaluation.feasible
        recorded = self.snapshot.index.get(self._recorded_node(uid))
        if recorded is not None and recorded in feasible:
            return recorded
        if not len(evaluation.totals):
            return feasible[0]
        ties = evaluation.best()
        return feasible[ties[0] if len(ties) == 1 else ties[self._random.randrange(len(ties))]]


def score(framework: Framework, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo]) -> list[int]:
    """The totals of feasible nodes."""
    framework.run_pre_score(state, pod, nodes)
    return framework.run_scores(state, pod, nodes).totals
