"""Makes sure that a container's image is on the node: pull policies, back-off after failures, events.

Upstream: pkg/kubelet/images/image_manager.go. Left out: credentials and image volumes.
"""

from __future__ import annotations

from kubesim.api.views import Container as ContainerSpec
from kubesim.kubelet.back_off import BackOff, go_duration
from kubesim.kubelet.pod_events import PodEvents
from kubesim.kubelet.pod_state import PodState
from kubesim.kubelet.runtime.cri import ContainerRuntime, CriError
from kubesim.kubelet.runtime.names import default_pull_policy, is_valid_image
from kubesim.sim import Simulation

NANOSECONDS_PER_SECOND = 1_000_000_000


class StartError(Exception):
    """A container cannot be started now: the reason and message of its `waiting` state."""

    def __init__(self, reason: str, message: str, *, retry_ns: int = 0) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.retry_ns = retry_ns  # Not before so long; 0: whenever the Pod is looked at again.


class ImageManager:
    """The images that one kubelet's Pods need."""

    def __init__(self, sim: Simulation, runtime: ContainerRuntime, events: PodEvents) -> None:
        self._clock = sim.clock
        self._runtime = runtime
        self._events = events
        self._back_off = BackOff()
        self._messages: dict[str, str] = {}  # Image → how its last pull failed.

    async def ensure(self, pod: PodState, container: ContainerSpec) -> None:
        """Returns when the image is there; StartError if it cannot be had."""
        image = container.image
        if not is_valid_image(image):
            why = f'couldn\'t parse image name "{image}": invalid reference format'
            message = f'Failed to apply default image tag "{image}": {why}'
            self._events.warning(pod, container.name, "InspectFailed", message)
            raise StartError("InvalidImageName", message)
        present = self._runtime.image_status(image) is not None
        policy = container.image_pull_policy or default_pull_policy(image)
        if policy == "Never" and not present:
            message = f'Container image "{image}" is not present with pull policy of Never'
            self._events.warning(pod, container.name, "ErrImageNeverPull", message)
            raise StartError("ErrImageNeverPull", message)
        if present and (policy != "Always" or not self._runtime.emits_events):
            message = f'Container image "{image}" already present on machine and can be accessed by the pod'
            self._events.normal(pod, container.name, "Pulled", message)
            return
        await self._pull(pod, container)

    async def _pull(self, pod: PodState, container: ContainerSpec) -> None:
        image, key = container.image, f"{pod.uid}/{container.image}"
        began_ns = self._clock.now_ns()
        wait_ns = self._back_off.remaining_since_update_ns(key, began_ns)
        if wait_ns:
            message = f'Back-off pulling image "{image}"'
            self._events.normal(pod, container.name, "BackOff", message)
            raise StartError(
                "ImagePullBackOff", f"{message}: ErrImagePull: {self._messages.get(key, '')}", retry_ns=wait_ns
            )
        self._events.normal(pod, container.name, "Pulling", f'Pulling image "{image}"')
        try:
            pulled = await self._runtime.pull_image(image)
        except CriError as error:
            now_ns = self._clock.now_ns()
            self._back_off.next(key, now_ns, now_ns)
            self._messages[key] = str(error)
            self._events.warning(pod, container.name, "Failed", f'Failed to pull image "{image}": {error}')
            raise StartError("ErrImagePull", str(error)) from None
        took = go_duration((self._clock.now_ns() - began_ns) // 1_000_000 / 1000)
        self._events.normal(
            pod,
            container.name,
            "Pulled",
            f'Successfully pulled image "{image}" in {took} ({took} including waiting). '
            f"Image size: {pulled.size_bytes} bytes.",
        )

    def forget(self, pod: PodState) -> None:
        """The Pod is gone."""
        self._back_off.forget(f"{pod.uid}/")
        for key in [key for key in self._messages if key.startswith(f"{pod.uid}/")]:
            del self._messages[key]
