"""Makes sure that a container's image is on the node: pull policies, credentials, back-off after failures, events.

Pulls of one node wait for each other unless it is told otherwise; an event tells both how long a pull took and how
long it took with waiting. An image that was pulled with credentials is for Pods that bring the same ones; for others
it is asked for again (KubeletEnsureSecretPulledImages). An error of code Unknown is shown without gRPC's frame.
Upstream: pkg/kubelet/images/image_manager.go, puller.go, pullmanager. Left out: image volumes.
"""

from __future__ import annotations

import asyncio

from kubesim.api.views import Container as ContainerSpec
from kubesim.kubelet.back_off import BackOff, go_duration
from kubesim.kubelet.node_config import NodeConfig
from kubesim.kubelet.pod_events import PodEvents
from kubesim.kubelet.pod_state import PodState
from kubesim.kubelet.pull_secrets import PullSecrets
from kubesim.kubelet.runtime.cri import ContainerRuntime, CriError, Image
from kubesim.kubelet.runtime.names import default_pull_policy, is_valid_image, normalised
from kubesim.kubelet.runtime.registry import Credentials
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

    def __init__(
        self, sim: Simulation, runtime: ContainerRuntime, events: PodEvents, secrets: PullSecrets, node: NodeConfig
    ) -> None:
        self._clock = sim.clock
        self._runtime = runtime
        self._events = events
        self._secrets = secrets
        self._back_off = BackOff()
        self._messages: dict[str, str] = {}  # Image → how its last pull failed.
        at_once = 1 if node.serialize_image_pulls else node.max_parallel_image_pulls
        self._slots = asyncio.Semaphore(at_once) if at_once else None

    async def ensure(self, pod: PodState, container: ContainerSpec) -> None:
        """Returns when the image is there; StartError if it cannot be had."""
        image = container.image
        if not is_valid_image(image):
            why = f'couldn\'t parse image name "{image}": invalid reference format'
            message = f'Failed to apply default image tag "{image}": {why}'
            self._events.warning(pod, container.name, "InspectFailed", message)
            raise StartError("InvalidImageName", message)
        try:
            present = self._runtime.image_status(image) is not None
        except CriError as error:
            message = f'Failed to inspect image "{image}": {error}'
            self._events.warning(pod, container.name, "InspectFailed", message)
            raise StartError("ImageInspectError", message) from None
        policy = container.image_pull_policy or default_pull_policy(image)
        if policy == "Never" and not present:
            self._never(pod, container, f'Container image "{image}" is not present with pull policy of Never')
        if not present or (policy == "Always" and self._runtime.emits_events):
            await self._pull(pod, container, await self._secrets.of(pod, image))
            return
        if not await self._may_use(pod, image):
            if policy == "Never":
                self._never(
                    pod, container,
                    f'Container image "{image}" is present with pull policy of Never but does not have the proper '
                    "credentials to access the image",
                )  # fmt: skip
            await self._pull(pod, container, await self._secrets.of(pod, image))
            return
        message = f'Container image "{image}" already present on machine and can be accessed by the pod'
        self._events.normal(pod, container.name, "Pulled", message)

    def _never(self, pod: PodState, container: ContainerSpec, message: str) -> None:
        self._events.warning(pod, container.name, "ErrImageNeverPull", message)
        raise StartError("ErrImageNeverPull", message)

    async def _may_use(self, pod: PodState, image: str) -> bool:
        """Whether a Pod may use an image that is here: one that was pulled with credentials asks for the same."""
        records = self._runtime.pull_records.get(normalised(image))
        if not records:
            return True
        return any(credentials in records for credentials in await self._secrets.of(pod, image))

    async def _pull(self, pod: PodState, container: ContainerSpec, credentials: list[Credentials]) -> None:
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
            pulled, took_ns = await self._pull_in_turn(image, credentials)
        except CriError as error:
            now_ns = self._clock.now_ns()
            self._back_off.next(key, now_ns, now_ns)
            words = error.description if error.code == "Unknown" else str(error)
            self._messages[key] = words
            self._events.warning(pod, container.name, "Failed", f'Failed to pull image "{image}": {words}')
            raise StartError("ErrImagePull", words) from None
        took, waited = duration(took_ns), duration(self._clock.now_ns() - began_ns)
        self._events.normal(
            pod,
            container.name,
            "Pulled",
            f'Successfully pulled image "{image}" in {took} ({waited} including waiting). '
            f"Image size: {pulled.size_bytes} bytes.",
        )

    async def _pull_in_turn(self, image: str, credentials: list[Credentials]) -> tuple[Image, int]:
        """The image, and how long it took once it was its turn. Each of several credentials is tried."""
        if self._slots is None:
            return await self._try_pull(image, credentials)
        async with self._slots:
            return await self._try_pull(image, credentials)

    async def _try_pull(self, image: str, credentials: list[Credentials]) -> tuple[Image, int]:
        began_ns = self._clock.now_ns()
        for place, one in enumerate(credentials):
            try:
                pulled = await self._runtime.pull_image(image, (one,))
            except CriError:
                if place + 1 == len(credentials):
                    raise
                continue
            self._runtime.pull_records.setdefault(normalised(image), []).append(one)
            return pulled, self._clock.now_ns() - began_ns
        pulled = await self._runtime.pull_image(image)
        self._runtime.pull_records[normalised(image)] = []  # Everybody may have it.
        return pulled, self._clock.now_ns() - began_ns

    def forget(self, pod: PodState) -> None:
        """The Pod is gone."""
        self._back_off.forget(f"{pod.uid}/")
        for key in [key for key in self._messages if key.startswith(f"{pod.uid}/")]:
            del self._messages[key]


def duration(nanoseconds: int) -> str:
    """As an event tells it: rounded down to milliseconds."""
    return go_duration(nanoseconds // 1_000_000 / 1000)
