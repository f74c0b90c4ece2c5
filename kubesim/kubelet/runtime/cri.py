"""The Container Runtime Interface: what a kubelet asks of containerd, CRI-O or docker.

The verbs are CRI's own (RunPodSandbox, CreateContainer, …). A runtime belongs to its machine, not to the
kubelet: it is handed to every kubelet that is started there, so containers outlive a kubelet's crash. State
changes are told to a listener at once, as with the "evented PLEG" of newer kubelets.

What a verb hands out are the runtime's own records; only the runtime changes them.
Upstream: k8s.io/cri-api/pkg/apis/runtime/v1/api.proto.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import msgspec

from kubesim.api.views import Container as ContainerSpec
from kubesim.kubelet.runtime.records import NOTHING, Container, ContainerState, RuntimePod, Sandbox

if TYPE_CHECKING:
    from kubesim.kubelet.runtime.disk import Disk
    from kubesim.kubelet.runtime.exec_sync import Ran
    from kubesim.kubelet.runtime.insides import ExecError, Insides
    from kubesim.kubelet.runtime.registry import Credentials

__all__ = [
    "NOTHING", "Container", "ContainerRuntime", "ContainerState", "CriError", "Image", "Listener", "RuntimePod",
    "Sandbox", "SandboxConfig",
]  # fmt: skip


class SandboxConfig(msgspec.Struct, frozen=True):
    """What RunPodSandbox needs to know."""

    pod_uid: str
    namespace: str
    name: str
    attempt: int = 0
    host_network: bool = False


class Image(msgspec.Struct, frozen=True):
    """An image on the node: its full name, the reference by digest, and its size."""

    name: str
    ref: str
    size_bytes: int
    names: tuple[str, ...] = ()  # As a Node lists it.


class CriError(Exception):
    """A verb failed; the text is gRPC's: `rpc error: code = NotFound desc = …`."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(f"rpc error: code = {code} desc = {description}")
        self.code = code
        self.description = description  # Without gRPC's frame: kubelets drop it in some places.


Listener = Callable[[str, Container], None]


class ContainerRuntime(Protocol):
    """A runtime on one machine."""

    name: str
    version: str  # As in a Node's containerRuntimeVersion.
    socket: str  # Where it listens on its machine.
    cgroup_driver: str
    pause_image: str
    disk: Disk
    is_up: bool  # Whether the daemon runs: if not, every verb fails with Unavailable.
    pull_records: dict[str, list[Credentials]]  # The kubelet's notes on its disk: with what images were pulled.
    boot_id: str  # Another one after every power cut.
    emits_events: bool  # Whether the kubelet on it writes events (a hollow one does not).
    reports_creating: bool  # Whether a Pod gets a status before its containers run.
    always_ready: bool  # Whether containers that have not ended count as ready (a hollow kubelet never probes).
    cleanup_seconds: float  # How long removing volumes and cgroups takes once the containers are gone.

    def update_pod_cidr(self, pod_cidr: str) -> None:
        """Where the addresses of new sandboxes come from: UpdateRuntimeConfig."""
        ...

    async def run_pod_sandbox(self, config: SandboxConfig) -> Sandbox:
        """Makes and starts the sandbox of a Pod."""
        ...

    async def stop_pod_sandbox(self, sandbox: Sandbox) -> None:
        """Stops it; its address is free again."""
        ...

    def remove_pod(self, pod_uid: str) -> None:
        """Removes the sandboxes and containers of a Pod that is no more."""
        ...

    async def create_container(
        self, sandbox: Sandbox, spec: ContainerSpec, attempt: int, annotation: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> Container:  # fmt: skip
        """Makes a container; CriError if its image is not there."""
        ...

    async def start_container(self, container: Container) -> None:
        """Runs it; CriError if its program cannot be started."""
        ...

    async def stop_container(self, container: Container, timeout_seconds: float) -> None:
        """SIGTERM, and SIGKILL after `timeout_seconds`; returns when it has ended."""
        ...

    def update_container_resources(self, container: Container, spec: ContainerSpec) -> None:
        """It has the resources of `spec` from now on."""
        ...

    def pod_status(self, pod_uid: str) -> RuntimePod:
        """What there is of a Pod; `NOTHING` if it is unknown."""
        ...

    def pods(self) -> Sequence[str]:
        """The UIDs of all Pods that the runtime knows, oldest first."""
        ...

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Calls `listener(pod_uid, container)` when a container starts or ends; the result undoes it."""
        ...

    def probe_failure(self, container: Container, kind: str, now_ns: int) -> bool:
        """Whether the process of `container` fails a probe of `kind` (startup, readiness, liveness) now."""
        ...

    def exec_sync(self, container: Container, words: Sequence[str]) -> Ran | None:
        """A program that is run for its exit code; None if it cannot be played."""
        ...

    def insides(self, container: Container) -> Insides:
        """What is inside a container: its files, its log, and programs that are run in it."""
        ...

    def exec_error(self, word: str, why: str, number: str) -> ExecError:
        """A program that cannot be run in a container, in the runtime's words."""
        ...

    def exit(self, container: Container, code: int) -> None:
        """Process 1 of `container` ends by itself."""
        ...

    def kill(self, container: Container, code: int, reason: str) -> None:
        """The kernel ends it: SIGKILL from outside, or for lack of memory (137, OOMKilled)."""
        ...

    def signal(self, container: Container, number: int) -> None:
        """A process in the container sends a signal to process 1."""
        ...

    def listen_to_health(self, listener: Callable[[bool], None]) -> Callable[[], None]:
        """Calls `listener(is_up)` when the daemon dies or is back; the result undoes it."""
        ...

    def container_stats(self, container: Container) -> tuple[int, int]:
        """Thousandths of a core and bytes of memory that it uses now."""
        ...

    def count_request(self, container: Container) -> None:
        """It has answered a request: that costs, and may have been its last."""
        ...

    def image_status(self, image: str) -> Image | None:
        """The image, if the node has it."""
        ...

    def list_images(self) -> Sequence[Image]:
        """All images on the node, in order of arrival."""
        ...

    async def pull_image(self, image: str, credentials: Sequence[Credentials] = ()) -> Image:
        """Fetches an image; CriError in the runtime's own words if no registry gives it."""
        ...

    def remove_image(self, image: str) -> None:
        """Frees what only this image takes."""
        ...

    def images_changed(self) -> int:
        """A number that is another one whenever the node's images are."""
        ...

    def image_arrivals(self) -> Mapping[str, int]:
        """When each image came, by its full name."""
        ...

    def image_uses(self) -> Mapping[str, int]:
        """When a container was last made of an image, by its full name."""
        ...

    def full_name(self, image: str) -> str:
        """The name under which the node has an image."""
        ...

    def image_fs_info(self) -> int:
        """How many bytes all images take on the disk."""
        ...
