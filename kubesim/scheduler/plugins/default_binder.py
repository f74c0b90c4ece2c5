"""DefaultBinder: writes the decision into the cluster, as a Binding of the Pod to its node.

Upstream: pkg/scheduler/framework/plugins/defaultbinder.
"""

from __future__ import annotations

from kubesim.api.errors import ApiError, TransportError
from kubesim.scheduler.framework.cycle_state import CycleState
from kubesim.scheduler.framework.interface import BindPlugin
from kubesim.scheduler.framework.status import SUCCESS, Status, failed
from kubesim.scheduler.pod_info import PodInfo


class DefaultBinder(BindPlugin):
    """Posts to the Pod's `binding` subresource."""

    name = "DefaultBinder"

    async def bind(self, state: CycleState, pod: PodInfo, node: str) -> Status:
        """SUCCESS, or the words of the refusal."""
        try:
            await self.handle.client.bind(pod.namespace, pod.name, pod.pod.metadata.uid, node)
        except (ApiError, TransportError) as error:
            return failed(str(error))
        return SUCCESS
