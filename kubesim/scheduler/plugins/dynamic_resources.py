"""DynamicResources: ResourceClaims for devices. Here only its voice: it has no claims to give back.

kube-scheduler runs it in every profile: its answer opens the closing part of each FailedScheduling message, and
it gives every node 0 points. So that part is here. Left out: ResourceClaims. Upstream: .../plugins/dynamicresources.
"""

from __future__ import annotations

from kubesim.scheduler.framework.cycle_state import CycleState
from kubesim.scheduler.framework.interface import Diagnosis, PostFilterPlugin, ScorePlugin
from kubesim.scheduler.framework.status import Status, unschedulable
from kubesim.scheduler.node_info import NodeInfo
from kubesim.scheduler.pod_info import PodInfo
from kubesim.scheduler.snapshot import Snapshot

NO_NEW_CLAIMS = unschedulable("no new claims to deallocate")


class DynamicResources(PostFilterPlugin, ScorePlugin):
    """Says that no claim can be deallocated to make room."""

    name = "DynamicResources"
    node_local = True

    def post_filter(
        self,
        state: CycleState,
        pod: PodInfo,
        snapshot: Snapshot,
        diagnosis: Diagnosis,
    ) -> tuple[str | None, Status]:
        """Never of help."""
        return None, NO_NEW_CLAIMS

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        """A Pod without claims is equally well off everywhere."""
        return 0
