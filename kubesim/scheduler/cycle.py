"""One attempt for one Pod: decide, assume, bind beside the next attempt; or say why not.

The scheduling cycle (which node?) is synchronous: one Pod at a time sees one state of the world. The binding
cycle (tell the apiserver) runs beside it. A failure of either brings the Pod back into the queue.
Upstream: pkg/scheduler/schedule_one.go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from kubesim.api.errors import ApiError, TransportError
from kubesim.api.resources import PODS
from kubesim.api.views import Pod
from kubesim.client.client import Client
from kubesim.client.events import EventRecorder
from kubesim.client.informer import Informer
from kubesim.scheduler import attempt
from kubesim.scheduler.algorithm import Decision, SchedulingAlgorithm
from kubesim.scheduler.cache import SchedulerCache
from kubesim.scheduler.extended import Extenders
from kubesim.scheduler.extender_config import ExtenderError
from kubesim.scheduler.framework.cluster_event import ClusterEvent
from kubesim.scheduler.framework.interface import Diagnosis, Preemption
from kubesim.scheduler.framework.plugin_error import PluginError
from kubesim.scheduler.framework.runtime import Framework
from kubesim.scheduler.framework.status import SUCCESS, Code, Status
from kubesim.scheduler.messages import NO_NODES, fit_error, shorten
from kubesim.scheduler.pod_condition import REASON_SCHEDULER_ERROR, REASON_UNSCHEDULABLE, condition_patch
from kubesim.scheduler.pod_info import PodShapes, profile_of
from kubesim.scheduler.preemption.executor import PreemptionExecutor
from kubesim.scheduler.queued_pod import QueuedPod
from kubesim.scheduler.scheduling_queue import SchedulingQueue
from kubesim.scheduler.witness import Look, Witness
from kubesim.scheduler.writes import Writes
from kubesim.sim import Simulation


class Cycle:
    """Takes Pods from the queue to their nodes."""

    def __init__(
        self, sim: Simulation, client: Client, *, cache: SchedulerCache, queue: SchedulingQueue, pods: Informer,
        nodes: Informer, witness: Witness, shapes: PodShapes, algorithm: SchedulingAlgorithm,
        frameworks: Mapping[str, Framework], recorders: Mapping[str, EventRecorder], writes: Writes,
        executor: PreemptionExecutor, extenders: Extenders,
    ) -> None:  # fmt: skip
        self._sim = sim
        self._client = client
        self._cache = cache
        self._queue = queue
        self._pods = pods
        self._nodes = nodes
        self._witness = witness
        self._shapes = shapes
        self._algorithm = algorithm
        self._frameworks = frameworks
        self._recorders = recorders
        self._writes = writes
        self._executor = executor
        self._extenders = extenders
        self._patches: dict[str, asyncio.Future[None]] = {}  # Conditions being written, by uid.

    def schedule_one(self, queued: QueuedPod) -> None:
        """The scheduling cycle of one Pod; leaves the rest to `Writes`."""
        framework = self._begin(queued)
        if framework is None:
            return
        try:
            decision = self._algorithm.schedule(framework, queued.info)
            if decision.node:
                self._assume(framework, queued, decision)
            else:
                self._reject(queued, decision, *self._make_room(framework, queued, decision))
        except PluginError as error:
            self._fail(queued, REASON_SCHEDULER_ERROR, str(error))

    async def schedule_one_with_extenders(self, queued: QueuedPod) -> None:
        """The same, where somebody outside has to be asked."""
        framework = self._begin(queued)
        if framework is None:
            return
        snapshot = self._algorithm.snapshot
        nodes = {node.name: node for node in snapshot.nodes}
        try:
            decision = await self._extenders.schedule(self._algorithm, framework, queued.info)
            if decision.node:
                self._assume(framework, queued, decision)
                return
            nominated, status = self._make_room(framework, queued, decision)
            nominated, status = await self._extenders.preempt(decision.state, queued.info, nodes, nominated, status)
            self._reject(queued, decision, nominated, status)
        except (PluginError, ExtenderError) as error:
            self._fail(queued, REASON_SCHEDULER_ERROR, str(error))

    def _begin(self, queued: QueuedPod) -> Framework | None:
        """The framework to ask; None if there is nothing to ask about."""
        pod = queued.info
        if pod.pod.metadata.deletion_timestamp:
            self._event(queued, "Warning", "FailedScheduling", "Scheduling", f"skip schedule deleting pod: {pod.key}")
            self._queue.done(pod.uid)
            return None
        if self._cache.place_of(pod.uid):
            self._queue.done(pod.uid)  # It got its node by now.
            return None
        if queued.sort_problem:
            self._fail(queued, REASON_SCHEDULER_ERROR, queued.sort_problem)
            return None
        snapshot = self._algorithm.snapshot
        self._cache.update_snapshot(snapshot)
        if not len(snapshot):
            self._fail(queued, REASON_UNSCHEDULABLE, NO_NODES)
            return None
        return self._frameworks[profile_of(pod.pod)]

    # -- success --------------------------------------------------------------------------------------

    def _assume(self, framework: Framework, queued: QueuedPod, decision: Decision) -> None:
        """Takes the place at once, so that the next Pod sees it taken; binds beside the next cycle."""
        pod, node = queued.info, decision.node
        look = self._record(framework, queued, decision)
        self._cache.assume(pod, node)
        self._queue.nominator.forget(pod.uid)
        status = framework.run_reserve(decision.state, pod, node)
        if status is SUCCESS:
            status = framework.run_permit(decision.state, pod, node)
        if status.code not in (Code.SUCCESS, Code.WAIT):
            framework.run_unreserve(decision.state, pod, node)
            self._cache.forget(pod.uid)
            self._turn_down(queued, node, status)
            return

        async def bind() -> None:
            await self._bind(framework, queued, decision, look)

        if status.code is Code.WAIT:
            self._writes.start_aside(bind, queued.causes)
        else:
            self._queue.done(pod.uid)
            self._writes.start(bind, queued.causes)

    async def _bind(
        self, framework: Framework, queued: QueuedPod, decision: Decision, look: Look | None = None
    ) -> None:
        """The binding cycle."""
        pod, node = queued.info, decision.node
        if pod.uid in framework.waiting:
            status = await framework.wait_on_permit(pod)
            if status is not SUCCESS:
                self._give_up(framework, queued, decision)
                self._turn_down(queued, node, status)
                return
            self._queue.done(pod.uid)
        if (patch := self._patches.get(pod.uid)) is not None:
            await patch  # Or "unschedulable" could be written after the Pod got its node.
        outside = self._extenders.bind if len(self._extenders) else None
        status = await framework.run_bind(decision.state, pod, node, outside)
        if status.code is not Code.SUCCESS:
            self._give_up(framework, queued, decision)
            reason = REASON_UNSCHEDULABLE if status.is_rejection else REASON_SCHEDULER_ERROR
            self._fail(queued, reason, status.message)  # To back-off, whoever said no: this says nothing of nodes.
            return
        self._event(queued, "Normal", "Scheduled", "Binding", f"Successfully assigned {pod.key} to {node}")
        for problem in framework.run_post_bind(decision.state, pod, node):
            self._event(queued, "Warning", "FailedPostBind", "Binding", shorten(str(problem)))
        if look is not None:
            await self._witness.annotate(framework, pod, look, node)

    def _give_up(self, framework: Framework, queued: QueuedPod, decision: Decision) -> None:
        """The Pod does not get its node after all."""
        framework.run_unreserve(decision.state, queued.info, decision.node)
        self._cache.forget(queued.uid)
        self._queue.move(ClusterEvent.ASSIGNED_POD_DELETE, queued.info, None)  # What it had taken is free again.

    # -- failure --------------------------------------------------------------------------------------

    def _make_room(self, framework: Framework, queued: QueuedPod, decision: Decision) -> tuple[str | None, Status]:
        """No node will do: asks PostFilter."""
        assert decision.diagnosis is not None, "a decision without a node carries a diagnosis"
        return framework.run_post_filters(
            decision.state, queued.info, self._algorithm.snapshot, decision.diagnosis
        )  # fmt: skip

    def _reject(self, queued: QueuedPod, decision: Decision, nominated: str | None, status: Status) -> None:
        """Says why no node will do. Victims are asked to leave beside that."""
        diagnosis, snapshot = decision.diagnosis, self._algorithm.snapshot
        assert diagnosis is not None, "a decision without a node carries a diagnosis"
        diagnosis.post_filter_message = status.message
        queued.unschedulable_plugins = dict(diagnosis.unschedulable_plugins)
        queued.pending_plugins = dict(diagnosis.pending_plugins)
        message = fit_error(len(snapshot), diagnosis)
        framework = self._frameworks[profile_of(queued.info.pod)]
        look = self._record(framework, queued, decision, message, nominated)
        preemption = decision.state.read(Preemption.KEY) if status.code is Code.SUCCESS else None
        if preemption is not None and (work := self._executor.begin(queued.info, preemption)) is not None:
            self._writes.start(work, queued.causes)
        self._return(queued, REASON_UNSCHEDULABLE, message, nominated)
        if look is not None:
            self._writes.start(lambda: self._witness.annotate(framework, queued.info, look), queued.causes)

    def _record(
        self, framework: Framework, queued: QueuedPod, decision: Decision, message: str = "",
        nominated: str | None = None,
    ) -> Look | None:  # fmt: skip
        """Tells the trace, at length if somebody wants that."""
        algorithm, trace = self._algorithm, self._sim.trace
        look = None
        if self._witness.is_needed:
            look = self._witness.look(framework, queued.info, decision, nominated or "")
        attempt.record(
            trace, queued, decision, algorithm.snapshot, message,
            seen=(self._pods.revision, self._nodes.revision), next_start=algorithm.next_start_index, look=look,
            nominated=nominated or "",
        )  # fmt: skip
        return look

    def _turn_down(self, queued: QueuedPod, node: str, status: Status) -> None:
        """A plugin refused the Pod its node: then the Pod does not fit that one node."""
        if not status.is_rejection:
            self._fail(queued, REASON_SCHEDULER_ERROR, status.message)
            return
        diagnosis = Diagnosis()
        diagnosis.add(node, status)
        queued.unschedulable_plugins = dict(diagnosis.unschedulable_plugins)
        queued.pending_plugins = dict(diagnosis.pending_plugins)
        self._fail(queued, REASON_UNSCHEDULABLE, fit_error(1, diagnosis))

    def _fail(self, queued: QueuedPod, reason: str, message: str) -> None:
        """The attempt failed before or after the plugins' verdict: a promise, if there was one, is taken back."""
        attempt.record_error(self._sim.trace, queued, message)
        self._return(queued, reason, message, nominated="")

    def _return(self, queued: QueuedPod, reason: str, message: str, nominated: str | None = None) -> None:
        """Back into the queue, unless the Pod is gone or assigned by now; then condition and event.

        `nominated` is the node that the Pod is promised, "" to take a promise back, None to leave it as it is.
        """
        stored = self._pods.get(queued.info.key)
        if stored is None or stored.uid != queued.info.stored.uid or stored.view(Pod).spec.node_name:
            self._queue.delete(queued.uid)
            return
        queued.info = self._shapes.pod_info(stored, queued.info)
        self._queue.add_unschedulable(queued)
        promised = stored.view(Pod).status.nominated_node_name if nominated is None else nominated
        if promised or self._queue.nominator.node_of(queued.uid):
            self._queue.nominator.nominate(queued.info, promised)
        self._event(queued, "Warning", "FailedScheduling", "Scheduling", shorten(message))
        self._writes.start(lambda: self._patch_condition(queued, reason, message, nominated), queued.causes)

    async def _patch_condition(self, queued: QueuedPod, reason: str, message: str, nominated: str | None) -> None:
        pod = queued.info
        patch = condition_patch(pod, reason, message, self._sim.clock.timestamp(), nominated)
        if patch is None:
            return
        written = self._patches[pod.uid] = asyncio.get_running_loop().create_future()
        try:
            await self._client.patch(PODS, pod.name, patch, pod.namespace, subresource="status")
        except (ApiError, TransportError) as error:
            self._sim.trace.emit("pod_condition_not_written", pod=pod.key, error=str(error))
        finally:
            written.set_result(None)
            if self._patches.get(pod.uid) is written:
                del self._patches[pod.uid]

    def _event(self, queued: QueuedPod, kind: str, reason: str, action: str, message: str) -> None:
        recorder = self._recorders[profile_of(queued.info.pod)]
        recorder.event(queued.info.stored, kind, reason, message, action=action)
