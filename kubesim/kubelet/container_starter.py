"""Starts one container: back-off, image, create, start, and the event for each.

What the kubelet cannot put together is CreateContainerConfigError, what the runtime refuses CreateContainerError, and
a program that does not start RunContainerError; of errors only the description is shown, without gRPC's frame.
Upstream: startContainer and doBackOff in pkg/kubelet/kuberuntime.
"""

from __future__ import annotations

from collections.abc import Mapping

from kubesim.api.views import Container as ContainerSpec
from kubesim.api.views import LifecycleHandler
from kubesim.kubelet.back_off import BackOff, go_duration
from kubesim.kubelet.container_killer import ContainerKiller
from kubesim.kubelet.container_user import check_user
from kubesim.kubelet.hooks import HookRunner
from kubesim.kubelet.image_manager import ImageManager, StartError
from kubesim.kubelet.pod_events import PodEvents
from kubesim.kubelet.pod_state import PodState
from kubesim.kubelet.runtime.behaviour import BEHAVIOUR_ANNOTATION, BehaviourError
from kubesim.kubelet.runtime.cri import Container, ContainerRuntime, ContainerState, CriError
from kubesim.kubelet.surroundings import ConfigError, SurroundingsMaker
from kubesim.sim import Simulation

Environment = Mapping[str, str]


class ContainerStarter:
    """Starts the containers of one kubelet's Pods, each as often as its back-off allows."""

    def __init__(
        self, sim: Simulation, runtime: ContainerRuntime, events: PodEvents, images: ImageManager,
        surroundings: SurroundingsMaker, hooks: HookRunner, killer: ContainerKiller,
    ) -> None:  # fmt: skip
        self._clock = sim.clock
        self._runtime = runtime
        self._events = events
        self._images = images
        self._surroundings = surroundings
        self._hooks = hooks
        self._killer = killer
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
        environment = await self._configuration(pod, container)
        made = await self._create(pod, container, self._attempt(pod, container, latest), environment)
        self._events.normal(pod, container.name, "Created", "Container created")
        try:
            await self._runtime.start_container(made)
        except CriError as error:
            self._events.warning(pod, container.name, "Failed", f"Error: {error.description}")
            raise StartError("RunContainerError", error.description) from None
        self._events.normal(pod, container.name, "Started", "Container started")
        if container.lifecycle is not None and container.lifecycle.post_start is not None:
            await self._post_start(pod, container, made, container.lifecycle.post_start)

    async def _post_start(
        self, pod: PodState, container: ContainerSpec, made: Container, handler: LifecycleHandler
    ) -> None:
        """Runs the hook; a container whose hook fails is killed."""
        if not self._runtime.emits_events:
            return  # Nothing happens inside of a hollow node's containers.
        why = await self._hooks.run(pod, container, made, handler)
        if why:
            self._events.warning(pod, container.name, "FailedPostStartHook", "PostStartHook failed")
            await self._killer.kill(pod, made, "FailedPostStartHook", pod.grace_seconds)
            raise StartError("PostStartHookError", why)

    async def _configuration(self, pod: PodState, container: ContainerSpec) -> Environment | None:
        """The environment; StartError if something that it is made of is not there."""
        if not self._runtime.emits_events:
            return None  # A hollow node has nobody who would look at it.
        try:
            check_user(pod, container)
            return await self._surroundings.environment(pod.stored, pod.status, container)
        except ConfigError as error:
            self._events.warning(pod, container.name, "Failed", f"Error: {error}")
            raise StartError("CreateContainerConfigError", str(error)) from None

    async def _create(
        self, pod: PodState, container: ContainerSpec, attempt: int, environment: Environment | None
    ) -> Container:
        sandbox = self._runtime.pod_status(pod.uid).sandbox()
        assert sandbox is not None, "a container is started in a sandbox"
        annotation = (pod.stored.object["metadata"].get("annotations") or {}).get(BEHAVIOUR_ANNOTATION, "")
        try:
            return await self._runtime.create_container(sandbox, container, attempt, annotation, environment)
        except (CriError, BehaviourError) as error:
            words = error.description if isinstance(error, CriError) else str(error)
            self._events.warning(pod, container.name, "Failed", f"Error: {words}")
            raise StartError("CreateContainerError", words) from None

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
