"""DefaultPreemption: could the Pod run if Pods of lower priority left?

This part explains why preemption does not help: the Pod's policy forbids it, a node's trouble has nothing to
do with the Pods on it, or there is nobody of lower priority. Left out: choosing and deleting victims.
Upstream: pkg/scheduler/framework/plugins/defaultpreemption, pkg/scheduler/framework/preemption.
"""

from __future__ import annotations

from kubesim.scheduler.framework.cycle_state import CycleState
from kubesim.scheduler.framework.interface import Diagnosis, PostFilterPlugin
from kubesim.scheduler.framework.status import Code, Status, unresolvable, unschedulable
from kubesim.scheduler.messages import fit_error
from kubesim.scheduler.pod_info import PodInfo
from kubesim.scheduler.snapshot import Snapshot

PREEMPT_NEVER = "Never"
NOT_ELIGIBLE = unschedulable("preemption: not eligible due to preemptionPolicy=Never.")
NO_VICTIMS = unresolvable("No preemption victims found for incoming pod")
NOT_HELPFUL = unresolvable("Preemption is not helpful for scheduling")


class DefaultPreemption(PostFilterPlugin):
    """Looks for nodes where deleting Pods of lower priority makes room."""

    name = "DefaultPreemption"

    def post_filter(
        self,
        state: CycleState,
        pod: PodInfo,
        snapshot: Snapshot,
        diagnosis: Diagnosis,
    ) -> tuple[str, Status]:
        """Why no node can be helped."""
        if pod.pod.spec.preemption_policy == PREEMPT_NEVER:
            return "", NOT_ELIGIBLE
        verdicts = {
            node: NO_VICTIMS for node, status in diagnosis.node_to_status.items() if status.code is Code.UNSCHEDULABLE
        }
        own = Diagnosis(node_to_status=verdicts, absent_nodes_status=NOT_HELPFUL)
        return "", unschedulable(f"preemption: {fit_error(len(snapshot), own)}")
