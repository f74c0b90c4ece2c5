"""Lifecycle hooks: postStart and preStop of a container, as a program in it, an HTTP request, or a pause.

A postStart hook holds up the start of the container (and of those after it); if it fails, the container is killed.
A preStop hook runs before SIGTERM and eats from the grace period; if it fails, that is only told. An HTTP hook fails
if nobody answers, whatever the answer is.
Upstream: pkg/kubelet/lifecycle/handlers.go. Left out: HTTPS, and connections to a `host` other than the Pod.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from kubesim.api.views import Container as ContainerSpec
from kubesim.api.views import ExecAction, HTTPGetAction, LifecycleHandler
from kubesim.kubelet.pod_state import PodState
from kubesim.kubelet.port_forward import answer_http
from kubesim.kubelet.probe_words import number_of
from kubesim.kubelet.runtime.cri import Container, ContainerRuntime
from kubesim.kubelet.runtime.insides import ExecError
from kubesim.kubelet.runtime.library import known_image
from kubesim.kubelet.runtime.process import Program, Read, Signal, Sleep, Write
from kubesim.kubelet.runtime.programs import has_program
from kubesim.kubelet.surroundings import SurroundingsMaker
from kubesim.sim import Simulation, next_turn

if TYPE_CHECKING:
    from kubesim.kubelet.runtime.sockets import Sockets

STEPS_PER_TURN = 1000


class HookRunner:
    """Runs the hooks of one kubelet's containers."""

    def __init__(self, sim: Simulation, runtime: ContainerRuntime, surroundings: SurroundingsMaker, node: str) -> None:
        self._sim = sim
        self._runtime = runtime
        self._surroundings = surroundings
        self._node = node
        self._sockets: Sockets | None = None

    async def run(self, pod: PodState, spec: ContainerSpec, container: Container, handler: LifecycleHandler) -> str:
        """Returns why the hook failed; "" if it did not."""
        if handler.exec is not None:
            why = await self._exec(pod, spec, container, handler.exec)
            words = f"Exec lifecycle hook ([{' '.join(handler.exec.command)}])"
        elif handler.http_get is not None:
            why = self._http(pod, spec, container, handler.http_get)
            words = f"HTTP lifecycle hook ({handler.http_get.path})"
        elif handler.sleep is not None:
            await asyncio.sleep(handler.sleep.seconds)
            return ""
        else:
            return "invalid handler: cannot run handler"
        return f'{words} for Container "{spec.name}" in Pod "{pod.full_name}" failed - error: {why}' if why else ""

    async def _exec(self, pod: PodState, spec: ContainerSpec, container: Container, action: ExecAction) -> str:
        command = action.command
        around = await self._surroundings.of(pod.stored, pod.status, spec, container.environment)
        try:
            program = self._runtime.insides(container).program(command, around, tty=False)
        except ExecError as error:
            known = known_image(spec.image)
            if known is None or has_program(known, command[0].rpartition("/")[2]):
                return ""  # There is such a program; what it does shows nowhere.
            return f'{error}, message: ""'
        code, output, errors = await self._drive(program, container)
        if not code:
            return ""
        text = (output + errors).decode(errors="replace").replace("\\", "\\\\").replace('"', '\\"')
        text = text.replace("\n", "\\n").replace("\t", "\\t")
        said = errors.decode(errors="replace")
        return f"command '{' '.join(command)}' exited with {code}: {said}, message: \"{text}\""

    async def _drive(self, program: Program, container: Container) -> tuple[int, bytes, bytes]:
        """Runs a program; its exit code and what it said."""
        output, errors, answer, steps = b"", b"", None, 0
        while True:
            steps += 1
            if not steps % STEPS_PER_TURN:
                await next_turn()
            try:
                effect = program.send(answer)
            except StopIteration as end:
                return int(end.value), output, errors
            answer = None
            if isinstance(effect, Write):
                output, errors = (
                    (output + effect.data, errors) if effect.stream == 1 else (output, errors + effect.data)
                )
            elif isinstance(effect, Sleep):
                if effect.seconds is None:
                    await self._sim.loop.create_future()
                else:
                    await asyncio.sleep(effect.seconds)
            elif isinstance(effect, Read):
                answer = b""
            elif isinstance(effect, Signal):
                self._runtime.signal(container, effect.number)
            else:
                await self._network().perform(effect)

    def _network(self) -> Sockets:
        if self._sockets is None:
            from kubesim.kubelet.runtime.sockets import Sockets

            self._sockets = Sockets(self._sim.network, self._node)
        return self._sockets

    def _http(self, pod: PodState, spec: ContainerSpec, container: Container, action: HTTPGetAction) -> str:
        sandbox = self._runtime.pod_status(pod.uid).sandbox()
        found = number_of(action.port, spec.ports)
        address = sandbox.ip if sandbox is not None else ""
        if not str(found).isdigit():
            return f"couldn't find port: {found} for {spec.name}"
        port = int(str(found))
        page = self._runtime.insides(container).page(port)
        path = "/" + action.path.lstrip("/")
        if page is not None:
            asked = {"method": "GET", "path": path, "headers": {"user-agent": "kube-lifecycle/1.36"}}
            answer_http(self._sim.clock, self._runtime, pod, container, page, asked)
            return ""
        if self._runtime.insides(container).listens(port):
            return ""
        where = f"{action.host or address}:{port}"
        return f'Get "http://{where}{path}": dial tcp {where}: connect: connection refused'
