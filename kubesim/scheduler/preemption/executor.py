"""Makes room for real: asks the victims to leave, beside the next cycles.

First Pods of lower priority lose their promise of the same node, so that they look for another at once. Then every
victim gets the condition DisruptionTarget and is deleted, with the time to end that it asks for; the last one after
all others, so that the Pod that waits for it is woken by its going and not before.
Upstream: `prepareCandidateAsync` in pkg/scheduler/framework/preemption/executor.go (SchedulerAsyncPreemption).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kubesim.api.errors import ApiError, NotFoundError, TransportError
from kubesim.api.resources import PODS
from kubesim.client.client import Client
from kubesim.client.events import NORMAL, EventRecorder
from kubesim.scheduler.framework.interface import Preemption
from kubesim.scheduler.nominator import Nominator
from kubesim.scheduler.pod_condition import disruption_patch
from kubesim.scheduler.pod_info import PodInfo, profile_of
from kubesim.scheduler.preemption.preempting import Preempting
from kubesim.sim import Simulation, Tasks


class PreemptionExecutor:
    """Carries out what was decided. `activate` puts a Pod whose preemption failed back into the active queue."""

    def __init__(
        self, sim: Simulation, client: Client, *, preempting: Preempting, nominator: Nominator,
        recorder_of: Callable[[PodInfo], EventRecorder], activate: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._sim = sim
        self._client = client
        self._preempting = preempting
        self._nominator = nominator
        self._recorder_of = recorder_of
        self._activate = activate

    def begin(self, pod: PodInfo, preemption: Preemption) -> Callable[[], Any] | None:
        """What has to be run to make room; None if all victims are on their way already."""
        victims = [victim for victim in preemption.victims if not victim.pod.metadata.deletion_timestamp]
        if not victims:
            return None
        self._preempting.begin(pod.uid)
        return lambda: self._run(pod, preemption.node, victims)

    async def _run(self, pod: PodInfo, node: str, victims: Sequence[PodInfo]) -> None:
        succeeded = await self._clear_promises(pod, node)
        try:
            if await self._preempt_all(pod, node, victims[:-1]):
                self._preempting.wait_for(pod.uid, victims[-1].key)
                succeeded = await self._preempt(pod, node, victims[-1]) and succeeded
            else:
                succeeded = False
        finally:
            self._preempting.end(pod.uid)
        if not succeeded:
            self._activate(pod.uid)

    async def _clear_promises(self, pod: PodInfo, node: str) -> bool:
        """Those of lower priority may not fit any more: better they hear of it now."""
        succeeded = True
        for rival in self._nominator.on(node):
            if rival.priority < pod.priority and rival.promised_node:
                patch = {"status": {"nominatedNodeName": None}}
                succeeded = await self._patch(rival, patch) and succeeded
        return succeeded

    async def _preempt_all(self, pod: PodInfo, node: str, victims: Sequence[PodInfo]) -> bool:
        async with Tasks("preemption") as tasks:
            asked = [tasks.spawn(self._preempt(pod, node, victim), victim.key) for victim in victims]
            return all([await each for each in asked])

    async def _preempt(self, pod: PodInfo, node: str, victim: PodInfo) -> bool:
        """One victim: condition, deletion, event. One that is gone already is as good."""
        patch = disruption_patch(victim, profile_of(pod.pod), self._sim.clock.timestamp())
        try:
            if patch is not None:
                await self._client.patch(PODS, victim.name, patch, victim.namespace, subresource="status")
            await self._client.delete(PODS, victim.name, victim.namespace)
        except NotFoundError:
            return True
        except (ApiError, TransportError) as error:
            self._sim.trace.emit("preemption_failed", pod=pod.key, victim=victim.key, error=str(error))
            return False
        message = f"Preempted by pod {pod.uid} on node {node}"
        self._recorder_of(pod).event(
            victim.stored, NORMAL, "Preempted", message, action="Preempting", related=pod.stored
        )
        return True

    async def _patch(self, pod: PodInfo, patch: dict[str, Any]) -> bool:
        try:
            await self._client.patch(PODS, pod.name, patch, pod.namespace, subresource="status")
        except NotFoundError:
            return True
        except (ApiError, TransportError) as error:
            self._sim.trace.emit("nomination_not_cleared", pod=pod.key, error=str(error))
            return False
        return True
