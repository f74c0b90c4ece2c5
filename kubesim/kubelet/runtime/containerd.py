"""A simulated containerd: sandboxes, containers and images of one machine.

The real one keeps its records on disk, so after a power cut it still knows the dead containers (exit code 255,
reason Unknown); a hollow node's fake runtime forgets everything. Processes are timers: a container that runs
until it is stopped costs nothing. Left out: container stats, checkpointing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import msgspec

from kubesim.api.views import Container as ContainerSpec
from kubesim.kubelet.runtime.behaviour import Profile, annotated_behaviours
from kubesim.kubelet.runtime.cri import (
    NOTHING,
    Container,
    ContainerState,
    CriError,
    Image,
    Listener,
    RuntimePod,
    Sandbox,
    SandboxConfig,
)
from kubesim.kubelet.runtime.images import ImageStore, describe
from kubesim.kubelet.runtime.insides import Insides, waits_for_input
from kubesim.kubelet.runtime.model import Behaviour
from kubesim.kubelet.runtime.pod_network import PodNetwork
from kubesim.sim import Simulation

NANOSECONDS_PER_SECOND = 1_000_000_000
EXIT_CODE_KILLED = 137
EXIT_CODE_LOST = 255


@dataclass(slots=True)
class Process:
    """A running container's future: the timer of its own exit, and who waits for its end."""

    exit_timer: asyncio.TimerHandle | None = None
    ended: asyncio.Future[None] | None = None


class Containerd:
    """The runtime of the machine `node`; see `ContainerRuntime` for its verbs."""

    name = "containerd"
    version = "containerd://2.2.1"

    def __init__(
        self, sim: Simulation, node: str, profile: Profile, *, pod_cidr: str, present_images: Iterable[str] = ()
    ) -> None:
        self.emits_events = profile.emits_events
        self.reports_creating = profile.reports_creating
        self.cleanup_seconds = profile.cleanup_seconds
        self.images = ImageStore(profile.missing_images, present_images)
        self.boot_id = ""
        self._sim = sim
        self._profile = profile
        self._random = sim.chance.stream(f"runtime/{node}")
        self._pod_cidr = pod_cidr
        self._network = PodNetwork(pod_cidr)
        self._pods: dict[str, RuntimePod] = {}
        self._processes: dict[str, Process] = {}
        self._insides: dict[str, Insides] = {}  # Of the containers that somebody looked into.
        self._boot()
        self._listeners: list[Listener] = []

    def update_pod_cidr(self, pod_cidr: str) -> None:
        """Where the addresses of new sandboxes come from."""
        if pod_cidr != self._pod_cidr:
            self._pod_cidr, self._network = pod_cidr, PodNetwork(pod_cidr)

    # -- sandboxes ------------------------------------------------------------------------------------

    async def run_pod_sandbox(self, config: SandboxConfig) -> Sandbox:
        """Makes and starts the sandbox of a Pod."""
        sandbox_id = self._new_id()
        await asyncio.sleep(self._random.uniform(*self._profile.sandbox_seconds))
        ip = "" if config.host_network else self._network.allocate()
        sandbox = Sandbox(sandbox_id, config.pod_uid, config.attempt, ip, namespace=config.namespace, name=config.name)
        self._pods.setdefault(config.pod_uid, RuntimePod()).sandboxes.append(sandbox)
        return sandbox

    async def stop_pod_sandbox(self, sandbox: Sandbox) -> None:
        """Stops it; its address is free again."""
        if sandbox.ready:
            sandbox.ready = False
            self._network.release(sandbox.ip)

    def remove_pod(self, pod_uid: str) -> None:
        """Removes the sandboxes and containers of a Pod that is no more."""
        pod = self._pods.pop(pod_uid, NOTHING)
        for sandbox in pod.sandboxes:
            if sandbox.ready:
                self._network.release(sandbox.ip)
        for container in pod.containers:
            self._forget_process(container)
            self._insides.pop(container.id, None)

    # -- containers -----------------------------------------------------------------------------------

    async def create_container(
        self, sandbox: Sandbox, spec: ContainerSpec, attempt: int, annotation: str = ""
    ) -> Container:
        """Makes a container; CriError if its image is not there."""
        image = self.image_status(spec.image)
        if image is None:
            raise CriError("NotFound", f'failed to get image "{spec.image}": not found')
        behaviour = self._behaviour(spec, annotation)
        if self._profile.create_seconds:
            await asyncio.sleep(self._profile.create_seconds)
        container = Container(
            self._new_id(), spec.name, sandbox.pod_uid, sandbox.id, attempt, image.name, image.ref, behaviour, spec=spec
        )
        pod = self._pods[sandbox.pod_uid]
        starts = [known for known in pod.containers if known.name == spec.name]
        for old in starts[:-1]:  # A kubelet keeps one dead container, for `lastState` and `logs --previous`.
            pod.containers.remove(old)
            self._insides.pop(old.id, None)
        pod.containers.append(container)
        return container

    async def start_container(self, container: Container) -> None:
        """Runs it."""
        behaviour = container.behaviour
        if behaviour.start_seconds:
            await asyncio.sleep(behaviour.start_seconds)
        clock = self._sim.clock
        container.state = ContainerState.RUNNING
        container.started_at, container.started_ns = clock.timestamp(), clock.now_ns()
        if not behaviour.exits_by_itself(container.attempt):
            self._tell(container)
        elif not behaviour.run_seconds:
            self._exit_by_itself(container)  # Over before anybody looked: nobody ever sees it run.
        else:
            timer = self._sim.loop.call_later(behaviour.run_seconds, self._exit_by_itself, container)
            self._processes[container.id] = Process(timer)
            self._tell(container)

    async def stop_container(self, container: Container, timeout_seconds: float) -> None:
        """SIGTERM, and SIGKILL after `timeout_seconds`; returns when it has ended."""
        if container.state is not ContainerState.RUNNING:
            return
        behaviour = container.behaviour
        stop_seconds = behaviour.stop_seconds
        killed = stop_seconds is None or stop_seconds > timeout_seconds
        process = self._processes.setdefault(container.id, Process())
        if process.ended is None:
            process.ended = self._sim.loop.create_future()
        code, reason = (EXIT_CODE_KILLED, "") if killed else (behaviour.stop_exit_code, "")
        wait_seconds = timeout_seconds if killed or stop_seconds is None else stop_seconds
        timer = self._sim.loop.call_later(wait_seconds, self._exit, container, code, reason, "")
        try:
            await asyncio.shield(process.ended)
        finally:
            timer.cancel()

    def pod_status(self, pod_uid: str) -> RuntimePod:
        """What there is of a Pod; `NOTHING` if it is unknown."""
        return self._pods.get(pod_uid, NOTHING)

    def pods(self) -> Sequence[str]:
        """The UIDs of all Pods that the runtime knows, oldest first."""
        return tuple(self._pods)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Calls `listener(pod_uid, container)` when a container starts or ends; the result undoes it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def probe_failure(self, container: Container, kind: str, now_ns: int) -> bool:
        """Whether the process of `container` fails a probe of `kind` (startup, readiness, liveness) now."""
        behaviour = container.behaviour
        age_seconds = (now_ns - container.started_ns) / NANOSECONDS_PER_SECOND
        if kind == "liveness":
            return behaviour.live_for_seconds is not None and age_seconds >= behaviour.live_for_seconds
        if age_seconds < behaviour.ready_after_seconds:
            return True
        ends = behaviour.ready_for_seconds
        return kind == "readiness" and ends is not None and age_seconds >= ends

    def insides(self, container: Container) -> Insides:
        """What is inside a container: its files, its log, and programs that are run in it."""
        found = self._insides.get(container.id)
        if found is None:
            clock = self._sim.clock
            started_unix_ns = clock.unix_ns() - clock.now_ns() + container.started_ns
            found = self._insides[container.id] = Insides(clock, container, self._profile, started_unix_ns)
        return found

    def exit(self, container: Container, code: int) -> None:
        """Process 1 of `container` ends by itself."""
        self._exit(container, code, "", "")

    # -- images ---------------------------------------------------------------------------------------

    def image_status(self, image: str) -> Image | None:
        """The image, if the node has it."""
        return self.images.get(image) if self._profile.pulls_images else describe(image)

    def list_images(self) -> Sequence[Image]:
        """All images on the node, in order of arrival."""
        return self.images.all()

    async def pull_image(self, image: str) -> Image:
        """Fetches an image; CriError if no registry has it."""
        return await self.images.pull(image) if self._profile.pulls_images else self.images.add(image)

    # -- the machine ----------------------------------------------------------------------------------

    async def run(self) -> None:
        """Lasts as long as the machine has power: when this is cancelled, every process on it is gone."""
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self.power_off()

    def power_off(self) -> None:
        """The machine dies: no process survives, and nobody is told."""
        for process in self._processes.values():
            if process.exit_timer is not None:
                process.exit_timer.cancel()
        self._processes.clear()
        self._boot()
        self._network.release_all()
        if self._profile.forgets_on_crash:
            self._pods.clear()
        for pod in self._pods.values():
            for sandbox in pod.sandboxes:
                sandbox.ready = False
            for container in pod.running():
                self._end(container, EXIT_CODE_LOST, "Unknown", "")

    def _boot(self) -> None:
        if not self._profile.forgets_on_crash:
            bits = f"{self._random.getrandbits(128):032x}"
            self.boot_id = f"{bits[:8]}-{bits[8:12]}-{bits[12:16]}-{bits[16:20]}-{bits[20:]}"

    def _behaviour(self, spec: ContainerSpec, annotation: str) -> Behaviour:
        if annotation:
            behaviours = annotated_behaviours(annotation)
            behaviour = behaviours.get(spec.name) or behaviours.get("")
            if behaviour is not None:
                return behaviour
        behaviour = self._profile.behaviour(spec.image, spec.command, spec.args)
        if spec.stdin and self._profile.interprets_commands and waits_for_input(spec):
            return msgspec.structs.replace(behaviour, run_seconds=None, stop_seconds=None)
        return behaviour

    def _exit_by_itself(self, container: Container) -> None:
        behaviour = container.behaviour
        self._exit(container, behaviour.exit_code, behaviour.reason, behaviour.message)

    def _exit(self, container: Container, code: int, reason: str, message: str) -> None:
        if container.state is not ContainerState.RUNNING:
            return
        self._end(container, code, reason or ("Completed" if code == 0 else "Error"), message)
        self._forget_process(container)
        self._tell(container)

    def _end(self, container: Container, code: int, reason: str, message: str) -> None:
        clock = self._sim.clock
        container.state = ContainerState.EXITED
        container.finished_at, container.finished_ns = clock.timestamp(), clock.now_ns()
        container.exit_code, container.reason, container.message = code, reason, message

    def _forget_process(self, container: Container) -> None:
        process = self._processes.pop(container.id, None)
        if process is None:
            return
        if process.exit_timer is not None:
            process.exit_timer.cancel()
        if process.ended is not None and not process.ended.done():
            process.ended.set_result(None)

    def _tell(self, container: Container) -> None:
        for listener in tuple(self._listeners):
            listener(container.pod_uid, container)

    def _new_id(self) -> str:
        return f"{self._random.getrandbits(256):064x}"
