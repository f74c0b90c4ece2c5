"""DynamicResources: ResourceClaims for devices. Here only its voice: it has no claims to give back.

kube-scheduler runs it in every profile, and its answer opens the closing part of each FailedScheduling
message, so that part is here. Left out: ResourceClaims. Upstream: .../plugins/dynamicresources.
"""

from __future__ import annotations

from kubesim.scheduler.framework.cycle_state import CycleState
from kubesim.scheduler.framework.interface import Diagnosis, PostFilterPlugin
from kubesim.scheduler.framework.status import Status, unschedulable
from kubesim.scheduler.pod_info import PodInfo
from kubesim.scheduler.snapshot import Snapshot

NO_NEW_CLAIMS = unschedulable("no new claims to deallocate")


class DynamicResources(PostFilterPlugin):
    """Says that no claim can be deallocated to make room."""

    name = "DynamicResources"

    def post_filter(
        self,
        state: CycleState,
        pod: PodInfo,
        snapshot: Snapshot,
        diagnosis: Diagnosis,
    ) -> tuple[str, Status]:
        """Never of help."""
        return "", NO_NEW_CLAIMS
