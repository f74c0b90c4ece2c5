"""Scheduling where extenders have a say: the same search, with questions to them in between.

To ask takes time, and the world may change meanwhile: what is decided then is checked by whoever carries it out.
Upstream: `findNodesThatPassExtenders`, `prioritizeNodes` and `extendersBinding` in pkg/scheduler/schedule_one.go,
`callExtenders` in pkg/scheduler/framework/preemption.
"""

from __future__ import annotations

from collections.abc import Sequence

from kubesim.scheduler.algorithm import Decision, SchedulingAlgorithm, score
from kubesim.scheduler.evaluation import Evaluation
from kubesim.scheduler.extender import NAME, Extender
from kubesim.scheduler.extender_config import ExtenderError
from kubesim.scheduler.framework.cycle_state import CycleState
from kubesim.scheduler.framework.interface import Diagnosis, Preemption
from kubesim.scheduler.framework.runtime import Framework
from kubesim.scheduler.framework.status import SUCCESS, Status, failed, unresolvable, unschedulable
from kubesim.scheduler.node_info import NodeInfo
from kubesim.scheduler.pod_info import PodInfo
from kubesim.scheduler.preemption.selection import best_candidates


class Extenders:
    """The extenders of a scheduler, in the order in which they are asked."""

    def __init__(self, extenders: Sequence[Extender]) -> None:
        self._all = tuple(extenders)

    def __len__(self) -> int:
        return len(self._all)

    async def schedule(self, algorithm: SchedulingAlgorithm, framework: Framework, pod: PodInfo) -> Decision:
        """The node for `pod`, or why there is none; ExtenderError if one of them fails that may not."""
        state, diagnosis = CycleState(), Diagnosis()
        narrowed, rejected = algorithm.pre_filter(framework, state, pod)
        if rejected is not None:
            return rejected
        promised = pod.promised_node
        if promised and algorithm.as_promised(framework, state, pod, promised) is not None:
            node = algorithm.snapshot.nodes[algorithm.snapshot.index[promised]]
            if await self._filter(pod, [node], diagnosis):
                return Decision(
                    promised, Evaluation([algorithm.snapshot.index[promised]], [], 1, Diagnosis, dict), state
                )
        places, diagnosis = algorithm.look(framework, state, pod, narrowed)
        evaluated = len(places) + len(diagnosis.node_to_status)
        algorithm.move_start(evaluated)
        found = [algorithm.snapshot.nodes[place] for place in places]
        nodes = await self._filter(pod, found, diagnosis)
        if len(nodes) != len(found):
            diagnosis.unschedulable_plugins[NAME] = None
        totals = score(framework, state, pod, nodes) if len(nodes) > 1 else []
        totals = await self._add_points(pod, nodes, totals)
        index = algorithm.snapshot.index  # Nodes may have gone while the extenders thought.
        left = [number for number, node in enumerate(nodes) if node.name in index]
        evaluation = Evaluation(
            [index[nodes[number].name] for number in left], [totals[number] for number in left] if totals else [],
            evaluated, lambda: diagnosis, dict,
        )  # fmt: skip
        if not left:
            return Decision("", evaluation, state, diagnosis)
        return Decision(algorithm.snapshot.nodes[algorithm.select(evaluation, pod.uid)].name, evaluation, state)

    async def preempt(
        self, state: CycleState, pod: PodInfo, nodes: dict[str, NodeInfo], nominated: str | None, status: Status
    ) -> tuple[str | None, Status]:
        """What they leave of a plan to make room."""
        plan: Preemption | None = state.read(Preemption.KEY) if status is SUCCESS else None
        interested = [each for each in self._all if each.config.preempt_verb and each.is_interested(pod)]
        if plan is None or not interested:
            return nominated, status
        candidates = list(plan.candidates)
        state.write(Preemption.KEY, None)
        for extender in interested:
            try:
                candidates = await extender.preempt(pod, candidates, nodes)
            except ExtenderError as error:
                if not extender.config.ignorable:
                    return None, failed(str(error))
            if not candidates:
                return None, unschedulable("no candidate node for preemption")
        best = best_candidates(candidates)
        as_good = tuple((candidate.node, candidate.victims) for candidate in best)
        state.write(Preemption.KEY, Preemption(best[0].node, best[0].victims, as_good, tuple(candidates)))
        return best[0].node, SUCCESS

    async def bind(self, pod: PodInfo, node: str) -> Status | None:
        """The answer of the one that binds; None leaves it to the plugins."""
        for extender in self._all:
            if not extender.config.bind_verb or not extender.is_interested(pod):
                continue
            try:
                await extender.bind(pod, node)
            except ExtenderError as error:
                if extender.config.ignorable:
                    continue
                return failed(str(error))
            return SUCCESS
        return None

    async def _filter(self, pod: PodInfo, nodes: list[NodeInfo], diagnosis: Diagnosis) -> list[NodeInfo]:
        for extender in self._all:
            if not nodes:
                break
            if not extender.is_interested(pod):
                continue
            try:
                answer = await extender.filter(pod, nodes)
            except ExtenderError:
                if extender.config.ignorable:
                    continue
                raise
            for name, why in answer.unresolvable.items():
                diagnosis.node_to_status[name] = unresolvable(why)
            for name, why in answer.failed.items():
                if name not in answer.unresolvable:
                    diagnosis.node_to_status[name] = unschedulable(why)
            nodes = answer.nodes
        return nodes

    async def _add_points(self, pod: PodInfo, nodes: Sequence[NodeInfo], totals: list[int]) -> list[int]:
        """An extender that fails here gives no points; that is all."""
        for extender in self._all:
            if not totals or not extender.is_interested(pod):
                continue
            try:
                points = await extender.prioritize(pod, nodes)
            except ExtenderError:
                continue
            totals = [total + points.get(node.name, 0) for node, total in zip(nodes, totals, strict=True)]
        return totals
