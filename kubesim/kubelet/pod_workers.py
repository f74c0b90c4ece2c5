"""The workers that bring each Pod of a node from "bound" to "gone": one state machine a Pod.

A real kubelet has one goroutine a Pod. Here a Pod has a task only while something is being done for it; a
quiet one is a record (`PodState`) that is woken by the informer, by the runtime (a container ended), by a
probe, or by a timer (a back-off is over). Stages go forward only: sync → terminating → terminated → finished.
Upstream: pkg/kubelet/pod_workers.go, SyncPod and friends in pkg/kubelet/kubelet.go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from kubesim.api.stored import Stored
from kubesim.kubelet.admission import Admission
from kubesim.kubelet.pod_state import DEFAULT_GRACE_SECONDS, PodState, Stage, new_pod_state
from kubesim.kubelet.pod_status import TERMINAL
from kubesim.kubelet.pod_syncer import PodSyncer
from kubesim.kubelet.resize import Resizer
from kubesim.kubelet.runtime.cri import Container, ContainerRuntime
from kubesim.kubelet.runtime_state import RuntimeState
from kubesim.kubelet.status_manager import readiness
from kubesim.sim import CAUSES, Simulation, Tasks, because, merge_causes

NANOSECONDS_PER_SECOND = 1_000_000_000


class PodWorkers:
    """All Pods of one kubelet."""

    def __init__(self, sim: Simulation, tasks: Tasks, syncer: PodSyncer, admission: Admission) -> None:
        self._sim = sim
        self._tasks = tasks
        self._syncer = syncer
        self._admission = admission
        self.pods: dict[str, PodState] = {}  # By UID, in order of arrival.
        self.state: RuntimeState | None = None  # Set by the kubelet.
        self.resizer: Resizer | None = None
        self.refuse: Callable[[PodState], tuple[str, str] | None] = lambda _: None  # Who else may keep a Pod out.

    # -- what wakes a Pod -----------------------------------------------------------------------------

    def add(self, stored: Stored) -> None:
        """A Pod was bound to this node, or is found there by a kubelet that has just started."""
        clock = self._sim.clock
        pod = self.pods[stored.uid] = new_pod_state(stored, clock.now_ns(), clock.timestamp())
        self._syncer.statuses.know(pod)
        if pod.status.get("phase") in TERMINAL:
            pod.stage = Stage.TERMINATING  # It has ended, but its remains may be here yet.
        elif pod.deleting or pod.status.get("phase") == "Running":
            self._admission.reserve(pod)
        else:
            pod.rejection = self.refuse(pod) or self._admission.admit(pod)
        for container in self._syncer.running(pod):
            self._syncer.container_changed(pod, container)  # From before this kubelet began.
        self._update(pod)
        self.wake(pod)

    def add_static(self, stored: Stored) -> PodState:
        """A Pod from a manifest on the node begins."""
        self.add(stored)
        pod = self.pods[stored.uid]
        pod.is_static = True
        return pod

    def update(self, old: Stored, stored: Stored) -> None:
        """A Pod's object changed; most often it is our own status coming back."""
        pod = self.pods.get(stored.uid)
        if pod is None:
            return
        generation, foreign = pod.generation, pod.foreign
        before = pod.spec
        pod.take(stored)
        if pod.spec is not before and self.resizer is not None and pod.stage is Stage.SYNC and not pod.rejection:
            self.resizer.consider(pod, before)
            self._room()
        asked_to_go = pod.deleting and "deletionTimestamp" not in old.object["metadata"]
        shorter = pod.deleting and self._grace_seconds(pod) < pod.grace_seconds
        if pod.generation != generation or pod.foreign != foreign or asked_to_go or shorter:
            self._update(pod)
            self.wake(pod)
        elif pod.stage is Stage.SYNC and readiness(stored.object.get("status") or {}) != readiness(pod.status):
            self._syncer.statuses.contradict(pod)

    def remove(self, stored: Stored) -> None:
        """A Pod's object is gone: whatever still runs is stopped, and nothing is reported any more."""
        pod = self.pods.get(stored.uid)
        if pod is None:
            return
        pod.gone, pod.stored = True, stored
        self._syncer.statuses.forget(pod)
        if pod.stage is Stage.FINISHED:
            self._forget(pod)
            return
        self._update(pod)
        self.wake(pod)

    def kill(self, pod: PodState, failure: tuple[str, str], grace_seconds: float, disruption: str = "") -> None:
        """The kubelet itself ends a Pod for good, with this reason and message."""
        if pod.stage is not Stage.SYNC:
            return
        pod.failure, pod.disruption = failure, disruption
        self._terminate(pod, grace_seconds)
        self.wake(pod)

    def container_changed(self, pod_uid: str, container: Container) -> None:
        """The runtime tells that a container started or ended."""
        pod = self.pods.get(pod_uid)
        if pod is None:
            return
        self._syncer.container_changed(pod, container)
        if pod.stage is Stage.SYNC:
            self.wake(pod)

    def wake(self, pod: PodState) -> None:
        """Looks at the Pod now, or as soon as the present round is over."""
        pod.causes = merge_causes((*pod.causes, *CAUSES.get()))
        pod.dirty = True
        if self.state is not None and not self.state.is_usable:
            return  # Later: the runtime does not answer.
        if pod.task is None and (pod.stage is not Stage.FINISHED or pod.deleting):
            pod.task = self._tasks.spawn(self._work(pod), pod.stored.key)

    def resume(self) -> None:
        """The runtime answers again: whatever waits is looked at."""
        for pod in list(self.pods.values()):
            if pod.dirty or pod.reasons or pod.stage is Stage.SYNC:
                self.wake(pod)

    def remove_orphans(self, runtime: ContainerRuntime) -> None:
        """Stops what runs of Pods that nobody knows any more: deleted while there was no kubelet."""
        for uid in runtime.pods():
            if uid not in self.pods:
                self._tasks.spawn(self._syncer.remove_orphan(uid), f"orphan {uid}")

    def stop(self) -> None:
        """The kubelet ends: no timer of it may fire any more."""
        for pod in self.pods.values():
            if pod.timer is not None:
                pod.timer.cancel()

    # -- the state machine ----------------------------------------------------------------------------

    def _update(self, pod: PodState) -> None:
        """Begins to terminate a Pod that was asked to go, or hastens one that is at it."""
        if not pod.deleting or pod.stage not in (Stage.SYNC, Stage.TERMINATING):
            return
        grace_seconds = self._grace_seconds(pod)
        if pod.stage is Stage.TERMINATING and grace_seconds >= pod.grace_seconds:
            return
        self._terminate(pod, grace_seconds)

    def _terminate(self, pod: PodState, grace_seconds: float) -> None:
        pod.stage, pod.grace_seconds = Stage.TERMINATING, grace_seconds
        if pod.task is not None:
            pod.task.cancel()  # Whatever it waits for (a pull, a longer grace) does not matter any more.
            pod.task = None

    def _grace_seconds(self, pod: PodState) -> float:
        """How long the containers may take, by the latest word."""
        seconds = pod.stored.object["metadata"].get("deletionGracePeriodSeconds")
        if seconds is None:
            seconds = pod.spec.termination_grace_period_seconds
        return float(seconds if seconds is not None else DEFAULT_GRACE_SECONDS)

    async def _work(self, pod: PodState) -> None:
        """Rounds until nothing is left to do; then the Pod is quiet."""
        task = asyncio.current_task()
        try:
            while pod.dirty:
                pod.dirty = False
                CAUSES.set(pod.causes)
                pod.causes = ()
                if pod.timer is not None:
                    pod.timer.cancel()
                    pod.timer = None
                await self._round(pod)
        finally:
            if pod.task is task:
                pod.task = None

    async def _round(self, pod: PodState) -> None:
        if pod.stage is Stage.SYNC:
            retry_ns = await self._syncer.sync(pod)
            if retry_ns:
                pod.timer = self._sim.loop.call_at_ns(self._sim.clock.now_ns() + retry_ns, self._time_came, pod)
        if pod.stage is Stage.TERMINATING:
            await self._syncer.terminate(pod)
            self._admission.release(pod)
            self._room()  # Before others hear of its end: the scheduler gives its place away at once.
            pod.stage = Stage.TERMINATED
        if pod.stage is Stage.TERMINATED:
            await self._syncer.clean_up(pod)
            pod.stage = Stage.FINISHED
        if pod.stage is Stage.FINISHED:
            if pod.gone:
                self._forget(pod)
            elif pod.deleting:
                self._syncer.statuses.push(pod)

    def _room(self) -> None:
        """Somebody needs less: those who wait for more may get it."""
        if self.resizer is not None:
            for pod in self.resizer.retry(self.pods.values()):
                self.wake(pod)

    def _time_came(self, pod: PodState) -> None:
        pod.timer = None
        with because(f"timer kubelet/pod {pod.stored.key}"):
            self.wake(pod)

    def _forget(self, pod: PodState) -> None:
        if self.pods.get(pod.uid) is pod:
            del self.pods[pod.uid]
        self._syncer.forget(pod)
