"""Starts one container: back-off, image, create, start, and the event for each.

Upstream: startContainer and doBackOff in pkg/kubelet/kuberuntime. Left out: hooks (postStart).
"""

from __future__ import annotations

from kubesim.api.views import Container as ContainerSpec
from kubesim.kubelet.back_off import BackOff, go_duration
from kubesim.kubelet.image_manager import ImageManager, StartError
from kubesim.kubelet.pod_events import PodEvents
from kubesim.kubelet.pod_state import PodState
from kubesim.kubelet.runtime.behaviour import BEHAVIOUR_ANNOTATION, BehaviourError
from kubesim.kubelet.runtime.cri import Container, ContainerRuntime, ContainerState, CriError
from kubesim.sim import Simulation


class ContainerStarter:
    """Starts the containers of one kubelet's Pods, each as often as its back-off allows."""

    def __init__(self, sim: Simulation, runtime: ContainerRuntime, events: PodEvents) -> None:
        self._clock = sim.clock
        self._runtime = runtime
        self._events = events
        self._images = ImageManager(sim, runtime, events)
        self._back_off = BackOff()

    async def start(self, pod: PodState, container: ContainerSpec) -> None:
        """Pulls, creates and starts one container; StartError if that cannot be now."""
        runtime_pod = self._runtime.pod_status(pod.uid)
        latest = runtime_pod.latest(container.name)
        self._check_back_off(pod, container, latest)
        try:
            await self._images.ensure(pod, container)
        except StartError as error:
            self._events.warning(pod, container.name, "Failed", f"Error: {error.reason}")
            raise
        sandbox = runtime_pod.sandbox() or self._runtime.pod_status(pod.uid).sandbox()
        assert sandbox is not None, "a container is started in a sandbox"
        annotations = pod.stored.object["metadata"].get("annotations") or {}
        try:
            made = await self._runtime.create_container(
                sandbox, container, self._attempt(pod, container, latest), annotations.get(BEHAVIOUR_ANNOTATION, "")
            )
            self._events.normal(pod, container.name, "Created", "Container created")
            await self._runtime.start_container(made)
        except (CriError, BehaviourError) as error:
            self._events.warning(pod, container.name, "Failed", f"Error: {error}")
            raise StartError("CreateContainerError", str(error)) from None
        self._events.normal(pod, container.name, "Started", "Container started")

    def _attempt(self, pod: PodState, container: ContainerSpec, latest: Container | None) -> int:
        """The restart count of the next start: by the runtime, or by the API if the runtime has forgotten."""
        if latest is not None:
            return latest.attempt + 1
        field = "initContainerStatuses" if container in pod.spec.init_containers else "containerStatuses"
        for status in pod.status.get(field) or ():
            if status["name"] == container.name:
                count: int = status["restartCount"]
                return count
        return 0

    def _check_back_off(self, pod: PodState, container: ContainerSpec, latest: Container | None) -> None:
        """StartError CrashLoopBackOff if the container ended too short a time ago."""
        if latest is None or latest.state is not ContainerState.EXITED:
            return
        key, now_ns = f"{pod.uid}/{container.name}", self._clock.now_ns()
        wait_ns = self._back_off.remaining_ns(key, latest.finished_ns, now_ns)
        if wait_ns:
            delay = go_duration(self._back_off.delay_seconds(key))
            self._events.warning(
                pod, container.name, "BackOff",
                f"Back-off restarting failed container {container.name} in pod {pod.full_name}",
            )  # fmt: skip
            message = f"back-off {delay} restarting failed container={container.name} pod={pod.full_name}"
            raise StartError("CrashLoopBackOff", message, retry_ns=wait_ns)
        self._back_off.next(key, latest.finished_ns, now_ns)

    def forget(self, pod: PodState) -> None:
        """The Pod is gone."""
        self._back_off.forget(f"{pod.uid}/")
        self._images.forget(pod)
