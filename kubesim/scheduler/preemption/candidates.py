"""The dry run: on each node that might be helped, who would have to leave?

All Pods of lower priority are taken off a copy of the node. If the Pod fits then, they are put back one after
another, the most important first and those before all whose disruption budget would be overdrawn; whoever can stay
without the Pod losing its place is spared, the rest are the victims.
Upstream: `SelectVictimsOnNode` in pkg/scheduler/framework/plugins/defaultpreemption, `DryRunPreemption` in
pkg/scheduler/framework/preemption.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import msgspec

from kubesim.scheduler.framework.cycle_state import CycleState
from kubesim.scheduler.framework.interface import Filters
from kubesim.scheduler.framework.plugin_error import PluginError
from kubesim.scheduler.framework.status import SUCCESS, Status, failed, unresolvable
from kubesim.scheduler.node_info import NodeInfo
from kubesim.scheduler.pod_info import PodInfo
from kubesim.scheduler.preemption.budgets import Budget, split_by_budget
from kubesim.scheduler.preemption.importance import by_importance

NO_VICTIMS = unresolvable("No preemption victims found for incoming pod")


class Candidate(msgspec.Struct, frozen=True):
    """A node on which the Pod fits once `victims` (the most important first) have left.

    `spared` were of lower priority too, but may stay; `violations` counts victims whose budget is overdrawn. Those
    whose budget would be, were all of lower priority to leave, are `protected`: they are put back before others.
    """

    node: str
    victims: tuple[PodInfo, ...]
    spared: tuple[PodInfo, ...] = ()
    violations: int = 0
    protected: tuple[PodInfo, ...] = ()


class DryRun(msgspec.Struct):
    """What was found: candidates (those that violate no budget first) and, for other nodes, why not.

    It is left in the cycle's state under `KEY`, for explanations: of `helpable` nodes, from the `offset`th on.
    """

    KEY: ClassVar[str] = "dry run"

    candidates: list[Candidate]
    statuses: dict[str, Status]
    helpable: int = 0
    offset: int = 0


class Found(NamedTuple):
    """What a dry run of one node came to, the node as it was, and who was promised it."""

    node: NodeInfo
    generation: int
    renewals: int
    promised: Sequence[PodInfo]
    result: Candidate | Status


Memo = dict[str, Found]  # By node, for one shape of Pod and one priority.


class VictimSearch:
    """Tries Pods off and on copies of nodes, for one Pod that wants room.

    `memo` holds what was found for Pods like this one; None where a node alone does not decide.
    """

    def __init__(
        self, filters: Filters, state: CycleState, pod: PodInfo, budgets: Sequence[Budget], memo: Memo | None = None
    ) -> None:
        self._memo = memo
        self._filters = filters
        self._state = state
        self._pod = pod
        self._budgets = budgets

    def run(self, nodes: Sequence[NodeInfo], offset: int, wanted: int) -> DryRun:
        """Looks at `nodes` from `offset` on, until there are `wanted` candidates and one of them violates nothing."""
        clean: list[Candidate] = []
        violating: list[Candidate] = []
        statuses: dict[str, Status] = {}
        for step in range(len(nodes)):
            node = nodes[(offset + step) % len(nodes)]
            found = self._try_node(node)
            if isinstance(found, Status):
                statuses[node.name] = found
                continue
            (violating if found.violations else clean).append(found)
            if clean and len(clean) + len(violating) >= wanted:
                break
        return DryRun(clean[:wanted] + violating[:wanted], statuses, len(nodes), offset)

    def _try_node(self, node: NodeInfo) -> Candidate | Status:
        """`on_node`, or what it said of the same node before; a plugin that fails spoils its node only."""
        memo, promised = self._memo, self._filters.promised(node.name)
        if self._pod in promised:
            memo = None  # It does not stand in its own way, as it does in that of Pods like it.
        if memo is not None and (known := memo.get(node.name)) is not None and _holds(known, node, promised):
            return known.result
        try:
            result = self.on_node(node)
            if memo is not None:
                memo[node.name] = Found(node, node.generation, node.renewals, promised, result)
            return result
        except PluginError as error:
            return failed(str(error))

    def on_node(self, node: NodeInfo) -> Candidate | Status:
        """The victims on one node, or why it cannot be helped."""
        priority = self._pod.priority
        lower = [pod for pod in node.pods.values() if pod.priority < priority]
        if not lower:
            return NO_VICTIMS
        emptier, state = node.clone(), self._state.clone()
        for pod in lower:
            self._remove(state, pod, emptier)
        status = self._fits(state, emptier)
        if status is not SUCCESS:
            return status
        violating, others = split_by_budget(by_importance(lower), self._budgets)
        spared: list[PodInfo] = []
        victims: list[PodInfo] = []
        violations = 0
        for number, pod in enumerate((*violating, *others)):
            self._add(state, pod, emptier)
            if self._fits(state, emptier) is SUCCESS:
                spared.append(pod)
                continue
            self._remove(state, pod, emptier)
            victims.append(pod)
            violations += number < len(violating)
        if violating and others:
            victims = by_importance(victims)
        return Candidate(node.name, tuple(victims), tuple(spared), violations, tuple(violating))

    def _fits(self, state: CycleState, node: NodeInfo) -> Status:
        return self._filters.run_filters_with_nominated(state, self._pod, node)

    def _add(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> None:
        node.add_pod(pod)
        self._filters.run_add_pod(state, self._pod, pod, node)

    def _remove(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> None:
        node.remove_pod(pod.uid)
        self._filters.run_remove_pod(state, self._pod, pod, node)


def _holds(known: Found, node: NodeInfo, promised: Sequence[PodInfo]) -> bool:
    """Whether all is as it was: also the Pods' own revisions, which do not count as a change of the node."""
    return (
        known.node is node
        and known.generation == node.generation
        and known.renewals == node.renewals
        and known.promised == promised
    )
