"""Does what a Pod needs: sandboxes, containers, kills, and the status that tells of it.

`compute_pod_actions` and `generate_status` decide; this only carries out.
Upstream: SyncPod, SyncTerminatingPod and SyncTerminatedPod in pkg/kubelet/kubelet.go, and
pkg/kubelet/kuberuntime/kuberuntime_manager.go, kuberuntime_container.go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from kubesim.kubelet.container_killer import MINIMUM_GRACE_SECONDS, ContainerKiller
from kubesim.kubelet.container_starter import ContainerStarter
from kubesim.kubelet.container_status import ContainerFacts
from kubesim.kubelet.image_manager import StartError
from kubesim.kubelet.pod_actions import PodActions, compute_pod_actions, is_sidecar
from kubesim.kubelet.pod_events import PodEvents
from kubesim.kubelet.pod_state import PodState, Stage
from kubesim.kubelet.pod_status import TERMINAL, PodFacts, generate_status, rejected_status
from kubesim.kubelet.probes import ProbeManager
from kubesim.kubelet.runtime.cri import Container, ContainerRuntime, ContainerState, CriError, SandboxConfig
from kubesim.kubelet.runtime_state import RuntimeState
from kubesim.kubelet.status_manager import StatusManager
from kubesim.kubelet.volumes import VolumeManager
from kubesim.sim import Simulation

NANOSECONDS_PER_SECOND = 1_000_000_000
REFRESH_NS = NANOSECONDS_PER_SECOND  # After a failed start: when the status shows why.
ERROR_RETRY_NS = 10 * NANOSECONDS_PER_SECOND  # A failure that has no back-off of its own.
DEADLINE_EXCEEDED = ("DeadlineExceeded", "Pod was active on the node longer than the specified deadline")
REJECTION_SECONDS = 0.02  # Whoever makes a new Pod for each that was refused must not do so endlessly in no time.
REJECTED = "Pod was rejected: "


class PodSyncer:
    """Carries out what Pods need on one node."""

    def __init__(
        self, sim: Simulation, runtime: ContainerRuntime, statuses: StatusManager, events: PodEvents, host_ip: str,
        starter: ContainerStarter, killer: ContainerKiller, volumes: VolumeManager,
    ) -> None:  # fmt: skip
        self.statuses = statuses
        self._clock = sim.clock
        self._loop = sim.loop
        self._runtime = runtime
        self._events = events
        self._host_ip = host_ip
        self._starter = starter
        self._killer = killer
        self._volumes = volumes
        self.probes: ProbeManager | None = None  # Set by the kubelet: the two know each other.
        self.state: RuntimeState | None = None

    # -- status ---------------------------------------------------------------------------------------

    def publish(self, pod: PodState, *, ended: bool = False) -> None:
        """Generates the Pod's status and sends it if it changed."""
        if not self._is_silent(pod):
            self._publish(pod, generate_status(self._facts(pod, ended=ended)))

    def _publish(self, pod: PodState, status: dict[str, Any]) -> None:
        if status != pod.status:
            self.statuses.publish(pod, status)

    def _facts(self, pod: PodState, *, ended: bool) -> PodFacts:
        old = pod.status
        known = {
            status["name"]: status
            for field in ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")
            for status in old.get(field) or ()
        }
        containers = ContainerFacts(
            pod.spec, self._runtime.pod_status(pod.uid), self._runtime.name, known, pod.reasons, pod.ready,
            pod.started, pod.deleting, ended, self._runtime.always_ready,
        )  # fmt: skip
        return PodFacts(
            containers, pod.generation, old, self._host_ip, pod.start_time, self._clock.timestamp(), pod.failure,
            pod.foreign, pod.disruption, pod.resize,
        )  # fmt: skip

    def _is_silent(self, pod: PodState) -> bool:
        """Whether there is nothing to tell yet but that containers are being made, and this is not told."""
        return (
            not self._runtime.reports_creating
            and pod.status.get("phase") == "Pending"
            and pod.stage is Stage.SYNC
            and not pod.reasons
            and pod.failure is None
            and not any(container.started_ns for container in self._runtime.pod_status(pod.uid).containers)
        )

    def container_changed(self, pod: PodState, container: Container) -> None:
        """A container started or ended: its probes begin or stop."""
        assert self.probes is not None, "the kubelet sets the probes"
        if container.state is ContainerState.RUNNING:
            self.probes.container_started(pod, container)
        else:
            self.probes.container_ended(pod, container)

    def running(self, pod: PodState) -> Sequence[Container]:
        """The containers of the Pod that run now."""
        return self._runtime.pod_status(pod.uid).running()

    # -- a Pod that shall run -------------------------------------------------------------------------

    async def sync(self, pod: PodState) -> int:
        """One round. Returns in how many nanoseconds another is due; 0: not before something happens."""
        if pod.rejection is not None:
            reason, message = pod.rejection
            self._events.warning(pod, "", reason, message.removeprefix(REJECTED))
            if self._runtime.emits_events:
                await asyncio.sleep(REJECTION_SECONDS)
            self.statuses.publish(pod, rejected_status(pod.status, pod.generation, *pod.rejection))
            pod.stage = Stage.FINISHED
            return 0
        if not self._is_silent(pod):
            status = generate_status(self._facts(pod, ended=False))
            if pod.failure is not None or status["phase"] in TERMINAL:
                pod.stage = Stage.TERMINATING  # The status is told when nothing runs any more.
                return 0
            self._publish(pod, status)
        deadline_ns = self._until_deadline_ns(pod)
        if deadline_ns == 0:
            pod.failure = DEADLINE_EXCEEDED
            self._events.normal(pod, "", *DEADLINE_EXCEEDED)
            pod.stage = Stage.TERMINATING
            return 0
        retry_ns = await self._act(pod)
        return min(retry_ns, deadline_ns) if retry_ns and deadline_ns else retry_ns or deadline_ns or 0

    async def _act(self, pod: PodState) -> int:
        """Does what there is to do now; returns when to look again, 0: not before something happens."""
        if self._mounts(pod) and (wait_ns := await self._volumes.mount(pod)):
            if not self._runtime.reports_creating:
                self._publish(pod, generate_status(self._facts(pod, ended=False)))
            return wait_ns  # Nothing of it is made before all that it mounts is there.
        actions = compute_pod_actions(pod.spec, self._runtime.pod_status(pod.uid), pod.started, pod.failed_probes)
        shown = dict(pod.reasons)
        try:
            for kill in actions.kill:
                grace_seconds = self._probe_grace_seconds(pod, kill.container, kill.probe)
                await self._killer.kill(pod, kill.container, kill.message, grace_seconds)
        except CriError as error:
            self._failed_to_kill(pod, (kill.container,), error, sandbox=False)
            return ERROR_RETRY_NS
        try:
            retries = await self._start(pod, actions)
        except CriError as error:
            self._events.warning(pod, "", "FailedCreatePodSandBox", f"Failed to create pod sandbox: {error}")
            return ERROR_RETRY_NS
        if not retries:
            return 0
        return REFRESH_NS if pod.reasons != shown else min(retries)

    def _mounts(self, pod: PodState) -> bool:
        """Whether its volumes are set up. A hollow node looks only at what may be missing."""
        return self._runtime.emits_events or any(
            volume.config_map is not None or volume.secret is not None for volume in pod.spec.volumes
        )

    def _until_deadline_ns(self, pod: PodState) -> int | None:
        """How long the Pod may be active yet; None: for ever."""
        seconds = pod.spec.active_deadline_seconds
        if seconds is None:
            return None
        return max(0, round((seconds - self._clock.since(pod.start_time)) * NANOSECONDS_PER_SECOND))

    async def _start(self, pod: PodState, actions: PodActions) -> list[int]:
        """Starts what shall be started; returns when to try again whatever could not be."""
        if not (actions.create_sandbox or actions.start_init or actions.start):
            return []
        runtime_pod = self._runtime.pod_status(pod.uid)
        sandbox = runtime_pod.sandbox()
        if actions.create_sandbox or sandbox is None:
            if sandbox is not None:
                self._events.normal(pod, "", "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.")
            name, namespace = pod.stored.name, pod.stored.namespace
            config = SandboxConfig(pod.uid, namespace, name, actions.attempt, pod.spec.host_network)
            sandbox = await self._runtime.run_pod_sandbox(config)
            self.publish(pod)
        retries = []
        for container in (*actions.start_init, *actions.start):
            try:
                await self._starter.start(pod, container)
                pod.reasons.pop(container.name, None)
            except StartError as error:
                pod.reasons[container.name] = (error.reason, error.message)
                retries.append(error.retry_ns or ERROR_RETRY_NS)
                if container in actions.start_init and not is_sidecar(container):
                    break
        return retries

    # -- the end --------------------------------------------------------------------------------------

    async def terminate(self, pod: PodState) -> None:
        """Stops all containers, sidecars last, within the Pod's grace period; then the sandbox."""
        assert self.probes is not None, "the kubelet sets the probes"
        self.probes.pod_ends(pod)
        pod.reasons.clear()
        began_ns = self._clock.now_ns()
        if pod.deleting:
            self.publish(pod)
        while True:
            try:
                left_seconds = pod.grace_seconds - (self._clock.now_ns() - began_ns) / NANOSECONDS_PER_SECOND
                await self._stop_everything(pod, left_seconds)
                break
            except CriError as error:  # The runtime does not answer; nothing is over before it does.
                self._failed_to_kill(pod, self._runtime.pod_status(pod.uid).running(), error, sandbox=True)
                await asyncio.sleep(ERROR_RETRY_NS / NANOSECONDS_PER_SECOND)
                if self.state is not None:
                    await self.state.wait_usable()
        self.probes.remove(pod)
        self.publish(pod, ended=True)

    async def _stop_everything(self, pod: PodState, grace_seconds: float) -> None:
        """All at the same time, but a sidecar hears of SIGTERM only when all that came after it have ended."""
        running = self._runtime.pod_status(pod.uid).running()
        sidecars = [each.name for each in pod.spec.init_containers if is_sidecar(each)]
        order = {name: number for number, name in enumerate(sidecars)}
        ended = {each.id: self._loop.create_future() for each in running}

        async def stop(container: Container) -> None:
            place = order.get(container.name)
            before = [] if place is None else [e for e in running if order.get(e.name, len(order)) > place]

            async def turn() -> None:
                for other in before:
                    await asyncio.shield(ended[other.id])

            try:
                message = f"Stopping container {container.name}"
                await self._killer.kill(pod, container, message, grace_seconds, turn if before else None)
            finally:
                if not ended[container.id].done():
                    ended[container.id].set_result(None)

        mains = [each for each in running if each.name not in order]
        stops = [stop(each) for each in (*mains, *reversed([each for each in running if each.name in order]))]
        if len(stops) == 1:
            await stops[0]
        elif stops:
            for failed in await asyncio.gather(*stops, return_exceptions=True):
                if isinstance(failed, BaseException):
                    raise failed
        for sandbox in self._runtime.pod_status(pod.uid).sandboxes:
            await self._runtime.stop_pod_sandbox(sandbox)

    def _failed_to_kill(
        self, pod: PodState, containers: Sequence[Container], error: CriError, *, sandbox: bool
    ) -> None:
        """The runtime did not do it: said in the words of all that was tried."""
        words = str(error).replace('"', '\\"')
        tried = [
            f'failed to "KillContainer" for "{each.name}" with KillContainerError: "{words}"' for each in containers
        ]
        if sandbox:
            tried.append(f'failed to "KillPodSandbox" for "{pod.uid}" with KillPodSandboxError: "{words}"')
        text = tried[0] if len(tried) == 1 else f"[{', '.join(tried)}]"
        self._events.warning(pod, "", "FailedKillPod", f"error killing pod: {text}")

    def _probe_grace_seconds(self, pod: PodState, container: Container, probe: str) -> float:
        """The grace of a container that is restarted: its probe may have its own."""
        for each in (*pod.spec.init_containers, *pod.spec.containers):
            if each.name == container.name:
                asked = {"liveness": each.liveness_probe, "startup": each.startup_probe}.get(probe)
                if asked is not None and asked.termination_grace_period_seconds is not None:
                    return float(asked.termination_grace_period_seconds)
        seconds = pod.spec.termination_grace_period_seconds
        return float(seconds) if seconds is not None else pod.grace_seconds

    async def clean_up(self, pod: PodState) -> None:
        """What is left: volumes are unmounted, cgroups removed."""
        await asyncio.sleep(self._runtime.cleanup_seconds)
        self._volumes.unmount(pod)

    async def remove_orphan(self, pod_uid: str) -> None:
        """Stops and removes what is left of a Pod whose object is gone."""
        if self.state is not None:
            await self.state.wait_usable()
        for container in self._runtime.pod_status(pod_uid).running():
            await self._runtime.stop_container(container, MINIMUM_GRACE_SECONDS)
        self._runtime.remove_pod(pod_uid)

    def forget(self, pod: PodState) -> None:
        """The Pod is no more: its containers' remains go too."""
        self._starter.forget(pod)
        self._runtime.remove_pod(pod.uid)
