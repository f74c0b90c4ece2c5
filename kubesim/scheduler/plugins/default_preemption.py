"""DefaultPreemption: could the Pod run if Pods of lower priority left?

It decides who would have to leave which node, and says so; the cycle carries it out. Not every node is tried: the
search begins at a random one and stops after a tenth of them (at least 100). A Pod that may not preempt, or that
waits for its victims already, is told so.
Upstream: pkg/scheduler/framework/plugins/defaultpreemption, pkg/scheduler/framework/preemption. Left out: groups of
Pods (behind a feature gate that is off by default).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kubesim.api.resources import POD_DISRUPTION_BUDGETS
from kubesim.scheduler.framework.cluster_event import ClusterEvent, EventWithHint
from kubesim.scheduler.framework.cycle_state import CycleState
from kubesim.scheduler.framework.handle import Handle
from kubesim.scheduler.framework.interface import Diagnosis, PostFilterPlugin, Preemption, PreEnqueuePlugin
from kubesim.scheduler.framework.status import SUCCESS, Code, Status, failed, unresolvable, unschedulable
from kubesim.scheduler.messages import fit_error
from kubesim.scheduler.node_info import NodeInfo
from kubesim.scheduler.pod_condition import is_terminating_by_preemption
from kubesim.scheduler.pod_info import PodInfo
from kubesim.scheduler.preemption.budgets import read_budgets
from kubesim.scheduler.preemption.candidates import DryRun, Memo, VictimSearch
from kubesim.scheduler.preemption.selection import best_candidates
from kubesim.scheduler.snapshot import Snapshot

PREEMPT_NEVER = "Never"
MIN_CANDIDATE_NODES_PERCENTAGE = 10
MIN_CANDIDATE_NODES_ABSOLUTE = 100
MEMOS_MAX = 16  # Shapes and priorities of Pods whose dry runs are remembered.
NOT_ELIGIBLE = unschedulable("preemption: not eligible due to preemptionPolicy=Never.")
VICTIMS_TERMINATING = unschedulable("preemption: not eligible due to a terminating pod on the nominated node.")
NOT_HELPFUL = unresolvable("Preemption is not helpful for scheduling")
IS_PREEMPTING = unresolvable("waiting for the preemption for this pod to be finished")


class DefaultPreemption(PreEnqueuePlugin, PostFilterPlugin):
    """Looks for the node where deleting Pods of lower priority makes room at the least cost."""

    name = "DefaultPreemption"

    def __init__(
        self, handle: Handle, *, min_candidate_nodes_percentage: int = MIN_CANDIDATE_NODES_PERCENTAGE,
        min_candidate_nodes_absolute: int = MIN_CANDIDATE_NODES_ABSOLUTE,
    ) -> None:  # fmt: skip
        super().__init__(handle)
        self._budgets = handle.informer(POD_DISRUPTION_BUDGETS)
        self._memos: dict[tuple[bytes, int], Memo] = {}
        self._percentage = min_candidate_nodes_percentage
        self._absolute = min_candidate_nodes_absolute

    def pre_enqueue(self, pod: PodInfo) -> Status:
        """A Pod is not tried again before all its victims are asked to leave."""
        preempting = self.handle.preempting
        return IS_PREEMPTING if preempting is not None and preempting.is_running(pod.uid) else SUCCESS

    def post_filter(
        self,
        state: CycleState,
        pod: PodInfo,
        snapshot: Snapshot,
        diagnosis: Diagnosis,
    ) -> tuple[str | None, Status]:
        """The node that the Pod is promised; None leaves an earlier promise as it is, "" takes it back."""
        reason = self._why_not_eligible(pod, snapshot, diagnosis)
        if reason is not None:
            return None, reason
        nodes = helpable(snapshot, diagnosis)
        found = self._dry_run(state, pod, nodes)
        state.write(DryRun.KEY, found)
        if not found.candidates:
            errors = [status.message for status in found.statuses.values() if status.code is Code.ERROR]
            if errors:
                return None, failed(f"preemption: {', '.join(errors)}")
            own = Diagnosis(node_to_status=found.statuses, absent_nodes_status=NOT_HELPFUL)
            return "", unschedulable(f"preemption: {fit_error(len(snapshot), own)}")
        best = best_candidates(found.candidates)
        recorded = self.handle.recorded_node(pod.uid)
        chosen = next((candidate for candidate in best if candidate.node == recorded), best[0])
        as_good = tuple((candidate.node, candidate.victims) for candidate in best)
        state.write(Preemption.KEY, Preemption(chosen.node, chosen.victims, as_good, tuple(found.candidates)))
        return chosen.node, SUCCESS

    def events(self) -> Sequence[EventWithHint]:
        """A Pod left: a Pod that waits to be let in again is looked at then. Others decide whether it helps."""
        return (EventWithHint(ClusterEvent.ASSIGNED_POD_DELETE, self.is_schedulable_after_pod_deleted),)

    def is_schedulable_after_pod_deleted(self, pod: PodInfo, old: Any, new: Any) -> bool:
        """Never this plugin's verdict: the one that rejected the Pod first knows."""
        return False

    def candidates_wanted(self, nodes: int) -> int:
        """After how many candidates the search among `nodes` stops."""
        return min(max(nodes * self._percentage // 100, self._absolute), nodes)

    def _dry_run(self, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo]) -> DryRun:
        if not nodes:
            return DryRun([], {})
        offset = self.handle.random.randrange(len(nodes))
        budgets = read_budgets(self._budgets.list())
        search = VictimSearch(self.filters, state, pod, budgets, self._memo_for(state, pod, is_simple=not budgets))
        return search.run(nodes, offset, self.candidates_wanted(len(nodes)))

    def _memo_for(self, state: CycleState, pod: PodInfo, *, is_simple: bool) -> Memo | None:
        """What is known of nodes for Pods like this one, where nothing but the node decides."""
        has_claims = any(volume.persistent_volume_claim or volume.ephemeral for volume in pod.pod.spec.volumes)
        if not (is_simple and not has_claims and self.filters.look_at_one_node(state)):
            return None
        key = (pod.shape.signature, pod.priority)
        memo = self._memos.pop(key, {})
        self._memos[key] = memo  # The latest is last.
        if len(self._memos) > MEMOS_MAX:
            del self._memos[next(iter(self._memos))]
        return memo

    def _why_not_eligible(self, pod: PodInfo, snapshot: Snapshot, diagnosis: Diagnosis) -> Status | None:
        """Its policy forbids it, or victims of an earlier try are still on the node that it is promised."""
        if pod.pod.spec.preemption_policy == PREEMPT_NEVER:
            return NOT_ELIGIBLE
        nominated = pod.promised_node
        if not nominated or diagnosis.status_of(nominated).code is Code.UNSCHEDULABLE_AND_UNRESOLVABLE:
            return None
        node = snapshot.get(nominated)
        for other in node.pods.values() if node is not None else ():
            if other.priority < pod.priority and is_terminating_by_preemption(other.pod):
                return VICTIMS_TERMINATING
        return None


def helpable(snapshot: Snapshot, diagnosis: Diagnosis) -> Sequence[NodeInfo]:
    """The nodes whose trouble could be the Pods that are on them."""
    verdicts = diagnosis.node_to_status
    if diagnosis.absent_nodes_status.code is Code.UNSCHEDULABLE:
        return [node for node in snapshot.nodes if diagnosis.status_of(node.name).code is Code.UNSCHEDULABLE]
    different = dict(zip(map(id, verdicts.values()), verdicts.values(), strict=True))  # Nodes share a few statuses.
    helped = {key for key, status in different.items() if status.code is Code.UNSCHEDULABLE}
    if len(helped) == len(different) and len(verdicts) == len(snapshot):
        return snapshot.nodes
    indices = [snapshot.index[name] for name, status in verdicts.items() if id(status) in helped]
    return [snapshot.nodes[index] for index in sorted(indices)]
