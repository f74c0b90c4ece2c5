"""The kubelet's own API: logs, exec, attach and port-forward for its Pods, and a few pages about the node.

On a real node this is HTTPS on port 10250, where only the apiserver is let in; here it is the endpoint
`kubelet/NODE` of the simulated network. What can be refused at once is a `KubeletError`; everything else is told
on the session. Upstream: pkg/kubelet/server/server.go, and the streaming server of containerd.
Left out: checkpoints, /debug, /run, container metrics.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import orjson

from kubesim.api.kubelet_call import ATTACH, EXEC, LOGS, POD_HTTP, PORT_FORWARD, KubeletCall, KubeletError
from kubesim.api.session import ERROR, STDOUT, SUCCESS, Session, session_pair
from kubesim.api.views import Container as ContainerSpec
from kubesim.kubelet.container_logs import LogReader, container_id
from kubesim.kubelet.node_config import NodeConfig
from kubesim.kubelet.pod_state import PodState
from kubesim.kubelet.port_forward import answer_http, forward, page_at
from kubesim.kubelet.runtime.cri import Container, ContainerRuntime, ContainerState
from kubesim.kubelet.runtime.insides import ExecError
from kubesim.kubelet.runtime.process import Surroundings
from kubesim.kubelet.runtime.process_one import waits_for_input
from kubesim.kubelet.runtime.sockets import Sockets
from kubesim.kubelet.runtime.terminal import Terminal
from kubesim.kubelet.stats import summary
from kubesim.kubelet.surroundings import SurroundingsMaker
from kubesim.sim import Simulation, Tasks

NOT_FOUND, SERVER_ERROR = 404, 500
JSON_HEAD = {"code": 200, "headers": {"Content-Type": "application/json"}}
TEXT_HEAD = {"code": 200, "headers": {"Content-Type": "text/plain; charset=utf-8"}}


class KubeletServer:
    """Answers the calls to one kubelet; `pods` are those on its node."""

    def __init__(
        self, sim: Simulation, runtime: ContainerRuntime, surroundings: SurroundingsMaker,
        pods: Callable[[], Iterable[PodState]], tasks: Tasks, node: NodeConfig,
    ) -> None:  # fmt: skip
        self._sim = sim
        self._runtime = runtime
        self._surroundings = surroundings
        self._pods = pods
        self._tasks = tasks
        self._node = node
        self._sockets = Sockets(sim.network, node.name)

    async def handle(self, call: KubeletCall) -> Session:
        """The client's end of what the call asks for."""
        if call.path == LOGS:
            return await self._logs(call)
        if call.path == EXEC:
            return await self._exec(call)
        if call.path == ATTACH:
            return await self._attach(call)
        if call.path == PORT_FORWARD:
            return self._port_forward(call)
        if call.path == POD_HTTP:
            return self._pod_http(call)
        return self._page(call.path)

    def _start(self, serve: Callable[[Session], Any], name: str, head: dict[str, Any] | None = None) -> Session:
        """Serves one end of a new session as a task of the kubelet, and hands out the other."""
        theirs, ours = session_pair(head)

        async def work() -> None:
            try:
                await serve(ours)
            finally:
                ours.finish()

        self._tasks.spawn(work(), name)
        return theirs

    # -- logs -----------------------------------------------------------------------------------------

    async def _logs(self, call: KubeletCall) -> Session:
        pod = self._pod(call, f'pod "{call.pod}" does not exist')
        spec = spec_of(pod, call.container)
        if spec is None:
            raise KubeletError(NOT_FOUND, f'container "{call.container}" not found in pod "{call.pod}"')
        options = call.options
        wanted = container_id(call.pod, pod.status, call.container, previous=bool(options.get("previous")))
        if not self._runtime.is_up:
            return _said(TEXT_HEAD, f"unable to retrieve container logs for {wanted}".encode())
        container = self._by_id(pod, wanted)
        if container is None:
            raise KubeletError(SERVER_ERROR, f"failed to try resolving symlinks in path: no log of {wanted}")
        insides = self._runtime.insides(container)
        around = await self._around(pod, spec, container)
        reader = LogReader(self._sim.clock, self._runtime, container, lambda: insides.log(around), options)
        follow = bool(options.get("follow")) and not options.get("previous")
        return self._start(lambda session: reader.send(session, follow=follow), f"log/{call.pod}")

    # -- exec and attach ------------------------------------------------------------------------------

    async def _exec(self, call: KubeletCall) -> Session:
        pod, container, spec = self._running(call)
        options = call.options
        tty, words = bool(options.get("tty")), list(options.get("command") or ())
        around = await self._around(pod, spec, container)

        async def serve(session: Session) -> None:
            try:
                program = self._runtime.insides(container).program(words, around, tty=tty)
            except ExecError as error:
                if error.code:
                    session.send(STDOUT, error.output)
                    end(session, exit_status(error.code))
                else:
                    end(session, internal_error(f"error executing command in container: {error}"))
                return
            terminal = Terminal(
                session, stdin=bool(options.get("stdin")), tty=tty, sockets=self._sockets,
                on_signal=lambda number: self._runtime.signal(container, number),
            )  # fmt: skip
            unsubscribe = self._on_end(container, terminal.hang_up)
            try:
                code = await terminal.run(program)
            finally:
                unsubscribe()
            if container.state is not ContainerState.RUNNING:
                code = container.exit_code or 137
            end(session, exit_status(code))

        return self._start(serve, f"exec/{call.pod}")

    async def _attach(self, call: KubeletCall) -> Session:
        pod, container, spec = self._running(call)
        around = await self._around(pod, spec, container)
        wants_input = bool(call.options.get("stdin"))
        if spec.stdin and waits_for_input(spec):
            return self._start(lambda session: self._type_into(container, session, around, spec, wants_input), "attach")
        insides = self._runtime.insides(container)
        reader = LogReader(self._sim.clock, self._runtime, container, lambda: insides.log(around), {"tailLines": 0})

        async def serve(session: Session) -> None:
            await reader.send(session, follow=True)
            end(session, SUCCESS)

        return self._start(serve, f"attach/{call.pod}")

    async def _type_into(
        self, container: Container, session: Session, around: Surroundings, spec: ContainerSpec, wants_input: bool
    ) -> None:
        """The shell that is process 1, for as long as somebody types; when it ends, the container does."""
        insides = self._runtime.insides(container)
        terminal = Terminal(
            session,
            stdin=wants_input,
            tty=spec.tty,
            log=insides.log(around),
            unix_ns=self._sim.clock.unix_ns,
            sockets=self._sockets,
        )
        unsubscribe = self._on_end(container, terminal.hang_up)
        try:
            code = await terminal.run(insides.main_shell(around))
        finally:
            unsubscribe()
        if container.state is ContainerState.RUNNING and (spec.stdin_once or not terminal.is_hung_up):
            self._runtime.exit(container, code)
        end(session, SUCCESS)

    def _on_end(self, container: Container, then: Callable[[], None]) -> Callable[[], None]:
        def changed(_: str, other: Container) -> None:
            if other is container and other.state is ContainerState.EXITED:
                then()

        return self._runtime.subscribe(changed)

    # -- ports ----------------------------------------------------------------------------------------

    def _port_forward(self, call: KubeletCall) -> Session:
        pod = self._pod(call, "pod does not exist")
        port = int(call.options["port"])
        sandbox = self._runtime.pod_status(pod.uid).sandbox()
        sandbox_id = sandbox.id if sandbox is not None else ""

        async def serve(session: Session) -> None:
            await forward(self._sim.clock, self._runtime, pod, port, sandbox_id, session)

        return self._start(serve, f"port-forward/{call.pod}")

    def _pod_http(self, call: KubeletCall) -> Session:
        """A request to the Pod's own address; a refused connection is the network's, not the kubelet's."""
        pod = self._pod(call, "pod does not exist")
        port = int(call.options["port"])
        found = page_at(self._runtime, pod, port)
        if found is None:
            raise KubeletError(0, f"dial tcp {pod.status.get('podIP', '')}:{port}: connect: connection refused")
        container, page = found
        answer = answer_http(self._sim.clock, self._runtime, pod, container, page, call.options)
        head = {"code": answer.code, "headers": answer.headers}
        return _said(head, answer.body)

    # -- pages ----------------------------------------------------------------------------------------

    def _page(self, path: str) -> Session:
        path = path.partition("?")[0].strip("/")
        if path in ("healthz", "healthz/ping", "healthz/syncloop"):
            return _said(TEXT_HEAD, b"ok")
        if path in ("pods", "runningpods"):
            items = [pod.stored.object for pod in self._pods()]
            return _said(
                JSON_HEAD, orjson.dumps({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": items})
            )
        if path == "configz":
            return _said(JSON_HEAD, orjson.dumps(self._configuration()))
        if path == "metrics":
            return _said(TEXT_HEAD, self._metrics())
        if path == "stats/summary":
            return _said(JSON_HEAD, orjson.dumps(summary(self._sim.clock, self._runtime, self._node, self._pods())))
        raise KubeletError(NOT_FOUND, "404 page not found\n")

    def _configuration(self) -> dict[str, Any]:
        """What the kubelet runs with, as far as its runtime is concerned."""
        return {
            "kubeletconfig": {
                "cgroupDriver": self._runtime.cgroup_driver,
                "containerRuntimeEndpoint": f"unix://{self._runtime.socket}",
                "imageGCHighThresholdPercent": 85,
                "imageGCLowThresholdPercent": 80,
                "serializeImagePulls": True,
            }
        }

    def _metrics(self) -> bytes:
        pods = list(self._pods())
        running = sum(len(self._runtime.pod_status(pod.uid).running()) for pod in pods)
        return (
            "# HELP kubelet_running_containers [ALPHA] Number of containers currently running\n"
            "# TYPE kubelet_running_containers gauge\n"
            f'kubelet_running_containers{{container_state="running"}} {running}\n'
            "# HELP kubelet_running_pods [ALPHA] Number of pods that have a running pod sandbox\n"
            "# TYPE kubelet_running_pods gauge\n"
            f"kubelet_running_pods {len(pods)}\n"
        ).encode()

    # -- finding --------------------------------------------------------------------------------------

    def _pod(self, call: KubeletCall, missing: str) -> PodState:
        for pod in self._pods():
            if pod.stored.name == call.pod and pod.stored.namespace == call.namespace and not pod.gone:
                return pod
        raise KubeletError(NOT_FOUND, missing)

    def _running(self, call: KubeletCall) -> tuple[PodState, Container, ContainerSpec]:
        """The container to go into."""
        if not self._runtime.is_up:
            raise KubeletError(
                SERVER_ERROR, 'rpc error: code = Unavailable desc = connection error: desc = "transport: Error while '
                f'dialing: dial unix {self._runtime.socket}: connect: connection refused"',
            )  # fmt: skip
        pod = self._pod(call, "pod does not exist")
        spec = spec_of(pod, call.container)
        container = self._runtime.pod_status(pod.uid).latest(call.container)
        if spec is None or container is None or container.state is ContainerState.CREATED:
            raise KubeletError(SERVER_ERROR, f'container not found ("{call.container}")')
        if container.state is ContainerState.EXITED:
            raise KubeletError(SERVER_ERROR, f'container not found ("{call.container}")')
        return pod, container, spec

    def _by_id(self, pod: PodState, wanted: str) -> Container | None:
        short = wanted.rpartition("/")[2]
        containers = self._runtime.pod_status(pod.uid).containers
        return next((each for each in containers if each.id == short), None)

    async def around_of(self, uid: str, container: Container) -> Surroundings | None:
        """What a process in a container of one of its Pods finds; None if there is no such Pod any more."""
        pod = next((each for each in self._pods() if each.uid == uid), None)
        spec = spec_of(pod, container.name) if pod is not None else None
        return await self._around(pod, spec, container) if pod is not None and spec is not None else None

    async def _around(self, pod: PodState, spec: ContainerSpec, container: Container) -> Surroundings:
        return await self._surroundings.of(
            pod.stored, pod.status, spec, container.environment, started_at=container.started_at
        )


def spec_of(pod: PodState, name: str) -> ContainerSpec | None:
    """The container of a Pod, of whatever kind, that is called so."""
    spec = pod.spec
    everything: Sequence[ContainerSpec] = (*spec.containers, *spec.init_containers, *spec.ephemeral_containers)
    return next((each for each in everything if each.name == name), None)


def end(session: Session, status: dict[str, Any]) -> None:
    """Says how it ended, and hangs up."""
    session.send(ERROR, orjson.dumps(status))
    session.finish()


def exit_status(code: int) -> dict[str, Any]:
    """What the error channel says of an exit code."""
    if not code:
        return SUCCESS
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: exit status {code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


def internal_error(words: str) -> dict[str, Any]:
    """A Status for what went wrong before a program ran."""
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"Internal error occurred: {words}",
        "reason": "InternalError",
        "details": {"causes": [{"message": words}]},
        "code": SERVER_ERROR,
    }


def _said(head: dict[str, Any], body: bytes) -> Session:
    theirs, ours = session_pair(head)
    ours.send(STDOUT, body)
    ours.finish()
    return theirs
