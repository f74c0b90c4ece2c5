"""A simulated container runtime: the CRI verbs over records and timers. containerd, docker and CRI-O derive from it.

A runtime keeps its records on disk, so after a power cut it still knows the dead containers (exit code 255, reason
Unknown); a hollow node's fake runtime forgets everything. A process is a timer (`processes.py`): one that runs until
it is stopped costs nothing. When the daemon dies alone (`crash` its process `runtime/NODE`), every verb fails with
Unavailable until it is back, while containers go on under their shims; docker without live-restore takes them with
it. What ended meanwhile is told when it is back. Left out: checkpointing, more than one runtime class.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec import structs

from kubesim.api.views import Container as ContainerSpec
from kubesim.kubelet.runtime.behaviour import Profile, behaviour_of
from kubesim.kubelet.runtime.cri import (
    NOTHING,
    Container,
    ContainerState,
    CriError,
    Listener,
    RuntimePod,
    Sandbox,
    SandboxConfig,
)
from kubesim.kubelet.runtime.dependencies import Dependencies
from kubesim.kubelet.runtime.exec_sync import Ran, exec_sync
from kubesim.kubelet.runtime.image_service import ImageService
from kubesim.kubelet.runtime.insides import ExecError, Insides
from kubesim.kubelet.runtime.pod_network import PodNetwork
from kubesim.kubelet.runtime.process import Surroundings
from kubesim.kubelet.runtime.process_one import leaves_message
from kubesim.kubelet.runtime.processes import EXIT_CODE_LOST, Processes, end
from kubesim.kubelet.runtime.registry import Credentials, Registries
from kubesim.sim import Simulation

NANOSECONDS_PER_SECOND = 1_000_000_000
HealthListener = Callable[[bool], None]


class SimulatedRuntime(ImageService):
    """The runtime of the machine `node`; see `ContainerRuntime` for its verbs."""

    name: str = ""  # The scheme of container ids.
    version: str = ""
    pause_image: str = ""
    cgroup_driver: str = "systemd"
    keeps_containers: bool = True  # When the daemon dies.

    def __init__(
        self, sim: Simulation, node: str, profile: Profile, *, pod_cidr: str, present_images: Iterable[str] = (),
        registries: Registries | None = None, disk_bytes: int = 62 << 30,
    ) -> None:  # fmt: skip
        self.emits_events = profile.emits_events
        self.reports_creating = profile.reports_creating
        self.always_ready = profile.always_ready
        self.cleanup_seconds = profile.cleanup_seconds
        registries = registries if registries is not None else Registries(profile.missing_images)
        super().__init__(sim.clock, profile, registries, present_images, disk_bytes)
        self.pull_records: dict[str, list[Credentials]] = {}
        self.boot_id = ""
        self._sim = sim
        self._random = sim.chance.stream(f"runtime/{node}")
        self._jitter = sim.chance.stream(f"runtime/{node}/jitter")
        self._pod_cidr = pod_cidr
        self._network = PodNetwork(pod_cidr)
        self._pods: dict[str, RuntimePod] = {}
        self._processes = Processes(sim, self._tell, self._jitter)
        self._dependencies = Dependencies(sim, node, self.exit)
        self._insides: dict[str, Insides] = {}  # Of the containers that somebody looked into.
        self._powered = True
        self._boot()
        self._listeners: list[Listener] = []
        self._health: list[HealthListener] = []
        self._untold: dict[str, Container] = {}  # What changed while the daemon was down.

    def update_pod_cidr(self, pod_cidr: str) -> None:
        """Where the addresses of new sandboxes come from."""
        if pod_cidr != self._pod_cidr:
            self._pod_cidr, self._network = pod_cidr, PodNetwork(pod_cidr)

    # -- sandboxes ------------------------------------------------------------------------------------

    async def run_pod_sandbox(self, config: SandboxConfig) -> Sandbox:
        """Makes and starts the sandbox of a Pod."""
        self._check()
        sandbox_id = self._new_id()
        await asyncio.sleep(self._random.uniform(*self._profile.sandbox_seconds))
        self._check()
        ip = "" if config.host_network else self._network.allocate()
        sandbox = Sandbox(sandbox_id, config.pod_uid, config.attempt, ip, namespace=config.namespace, name=config.name)
        self._pods.setdefault(config.pod_uid, RuntimePod()).sandboxes.append(sandbox)
        return sandbox

    async def stop_pod_sandbox(self, sandbox: Sandbox) -> None:
        """Stops it; its address is free again."""
        self._check()
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
            self._processes.forget(container)
            self._insides.pop(container.id, None)

    # -- containers -----------------------------------------------------------------------------------

    async def create_container(
        self, sandbox: Sandbox, spec: ContainerSpec, attempt: int, annotation: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> Container:  # fmt: skip
        """Makes a container; CriError if its image is not there."""
        self._check()
        image = self.image_status(spec.image)
        if image is None:
            raise self.no_image(spec.image)
        self.images.use(spec.image)
        behaviour = behaviour_of(spec, annotation, self._profile, self.images.manifest(spec.image), environment)
        if self._profile.create_seconds:
            await asyncio.sleep(self._profile.create_seconds)
            self._check()
        self.check_created(behaviour.start_error)
        container = Container(
            self._new_id(), spec.name, sandbox.pod_uid, sandbox.id, attempt, image.name, image.ref, behaviour,
            spec=spec, environment=environment,
        )  # fmt: skip
        self._give_workload(container)
        pod = self._pods[sandbox.pod_uid]
        starts = [known for known in pod.containers if known.name == spec.name]
        for old in starts[:-1]:  # A kubelet keeps one dead container, for `lastState` and `logs --previous`.
            pod.containers.remove(old)
            self._insides.pop(old.id, None)
        pod.containers.append(container)
        return container

    def _give_workload(self, container: Container) -> None:
        """Its program, if somebody has written one in Python; an annotation or a published image has precedence."""
        assert container.spec is not None, "it was made of one"
        told = self._profile.told(container.spec.image)
        if isinstance(told, type) and container.behaviour is told.behaviour:
            container.workload = told(container, self._jitter)

    async def start_container(self, container: Container) -> None:
        """Runs it; CriError if its program cannot be started."""
        self._check()
        behaviour = container.behaviour
        seconds = behaviour.start_seconds
        if behaviour.start_jitter_seconds:
            seconds += self._jitter.uniform(0, behaviour.start_jitter_seconds)
        if seconds:
            await asyncio.sleep(seconds)
            self._check()
        if behaviour.start_error:
            error = self.not_started(container, behaviour.start_error)
            self._tell(container)
            raise error
        self._processes.start(container)

    async def stop_container(self, container: Container, timeout_seconds: float) -> None:
        """SIGTERM, and SIGKILL after `timeout_seconds`; returns when it has ended."""
        if container.state is ContainerState.RUNNING:
            self._check()
            await self._processes.stop(container, timeout_seconds)

    def update_container_resources(self, container: Container, spec: ContainerSpec) -> None:
        """It has the resources of `spec` from now on."""
        assert container.spec is not None, "it was made of one"
        container.spec = structs.replace(container.spec, resources=spec.resources)
        self._processes.limits_changed(container)

    def kill(self, container: Container, code: int, reason: str) -> None:
        """The kernel ends it: SIGKILL from outside, or for lack of memory (137, OOMKilled)."""
        self._processes.exit(container, code, reason, "")

    def signal(self, container: Container, number: int) -> None:
        """A process in the container sends a signal to process 1."""
        self._processes.signal(container, number)

    def exit(self, container: Container, code: int) -> None:
        """Process 1 of `container` ends by itself."""
        self._processes.exit(container, code, "", "")

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
        behaviour, workload = container.behaviour, container.workload
        age_seconds = (now_ns - container.started_ns) / NANOSECONDS_PER_SECOND
        if workload is not None:
            healthy = workload.is_alive(age_seconds) if kind == "liveness" else workload.is_ready(age_seconds)
            return not healthy
        if kind == "liveness":
            return behaviour.live_for_seconds is not None and age_seconds >= behaviour.live_for_seconds
        if age_seconds < behaviour.ready_after_seconds or (container.lacks and kind == "readiness"):
            return True
        ends = behaviour.ready_for_seconds
        return kind == "readiness" and ends is not None and age_seconds >= ends

    def exec_sync(self, container: Container, words: Sequence[str]) -> Ran | None:
        """A program that is run for its exit code; None if it cannot be played."""
        sandbox = self.pod_status(container.pod_uid).sandbox()
        return exec_sync(self.insides(container), container, sandbox, words) if sandbox is not None else None

    def insides(self, container: Container) -> Insides:
        """What is inside a container: its files, its log, and programs that are run in it."""
        found = self._insides.get(container.id)
        if found is None:
            clock = self._sim.clock
            started_unix_ns = clock.unix_ns() - clock.now_ns() + container.started_ns
            found = self._insides[container.id] = Insides(self, clock, container, self._profile, started_unix_ns)
        return found

    def container_stats(self, container: Container) -> tuple[int, int]:
        """Thousandths of a core and bytes of memory that it uses now."""
        return self._processes.usage(container)

    def count_request(self, container: Container) -> None:
        """It has answered a request: that costs, and may have been its last."""
        self._processes.count_request(container)

    # -- how this runtime puts it: each has its own ---------------------------------------------------------

    def no_image(self, image: str) -> CriError:
        """A container is to be made of an image that is not there."""
        return CriError("NotFound", f'failed to get image "{image}": not found')

    def check_created(self, start_error: str) -> None:
        """Some find out already while creating that a program cannot be started."""

    def not_started(self, container: Container, why: str) -> CriError:
        """Marks a container whose program cannot be started as ended, and says so in its words."""
        raise NotImplementedError

    def exec_error(self, word: str, why: str, number: str) -> ExecError:
        """A program that cannot be run in a container."""
        raise NotImplementedError

    # -- the daemon and the machine -----------------------------------------------------------------------

    async def run(self) -> None:
        """The daemon: as long as this runs, verbs work."""
        self._powered = True
        if not self.is_up:
            self._come_up()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            if self._powered:
                self._go_down()

    def listen_to_health(self, listener: HealthListener) -> Callable[[], None]:
        """Calls `listener(is_up)` when the daemon dies or is back; the result undoes it."""
        self._health.append(listener)
        return lambda: self._health.remove(listener)

    def power_off(self) -> None:
        """The machine dies: no process survives, and nobody is told."""
        self._powered = False
        self.is_up = True  # It starts with the machine.
        self._untold.clear()
        self._processes.drop_all()
        self._dependencies.drop_all()
        self._boot()
        self._network.release_all()
        if self._profile.forgets_on_crash:
            self._pods.clear()
        for pod in self._pods.values():
            for sandbox in pod.sandboxes:
                sandbox.ready = False
            for container in pod.running():
                end(container, self._sim.clock, EXIT_CODE_LOST, "Unknown", "")

    def _go_down(self) -> None:
        self.is_up = False
        for listener in tuple(self._health):
            listener(False)
        self._processes.fail_stops(self.unavailable())
        if not self.keeps_containers:
            for pod in self._pods.values():
                for sandbox in pod.sandboxes:
                    if sandbox.ready:
                        sandbox.ready = False
                        self._network.release(sandbox.ip)
                for container in pod.running():
                    self.kill(container, 137, "Error")

    def _come_up(self) -> None:
        self.is_up = True
        for listener in tuple(self._health):
            listener(True)
        untold, self._untold = self._untold, {}
        for container in untold.values():
            self._tell(container)

    def _boot(self) -> None:
        if not self._profile.forgets_on_crash:
            bits = f"{self._random.getrandbits(128):032x}"
            self.boot_id = f"{bits[:8]}-{bits[8:12]}-{bits[12:16]}-{bits[16:20]}-{bits[20:]}"

    def _add_message(self, container: Container) -> None:
        """The termination message, if there is one."""
        spec = container.spec
        if container.message or spec is None or not self._profile.interprets_commands or not leaves_message(spec):
            return
        clock = self._sim.clock
        began_ns = clock.unix_ns() - clock.now_ns() + container.started_ns
        inside = Insides(self, clock, container, self._profile, began_ns)  # Its own: nobody looks on.
        around = Surroundings(environment=dict(container.environment or {}))
        container.message = inside.termination_message(around, container.exit_code)

    def _tell(self, container: Container) -> None:
        if container.state is ContainerState.EXITED:
            self._add_message(container)
        if container.behaviour.depends_on:
            self._dependencies.changed(container, self.pod_status(container.pod_uid).sandbox())
        if not self.is_up:
            self._untold[container.id] = container
            return
        for listener in tuple(self._listeners):
            listener(container.pod_uid, container)

    def _new_id(self) -> str:
        return f"{self._random.getrandbits(256):064x}"
