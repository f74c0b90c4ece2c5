"""Process 1 of containers that use the network: `until nslookup db; do sleep 2; done`, `while true; do wget …`.

What other programs print is found when somebody reads their log (ADR 6). These depend on the moment at which they ask,
so they really run, one effect after the other, and their end is the end of their container. They belong to the machine:
a kubelet that dies takes none of them along.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Context

from kubesim.kubelet.runtime.commands import uses_network
from kubesim.kubelet.runtime.cri import Container, ContainerRuntime, ContainerState
from kubesim.kubelet.runtime.process import Dial, Lookup, Program, Read, Sleep, Surroundings, Write
from kubesim.kubelet.runtime.process_one import command_of
from kubesim.kubelet.runtime.sockets import Sockets
from kubesim.sim import Simulation, next_turn

STEPS_PER_TURN = 200

Around = Callable[[str, Container], Awaitable[Surroundings | None]]


class LivePrograms:
    """Starts them for the containers of `runtime`; `around` finds what a process in a container of a Pod finds."""

    def __init__(self, sim: Simulation, runtime: ContainerRuntime, node: str, around: Around) -> None:
        self._sim = sim
        self._runtime = runtime
        self._sockets = Sockets(sim.network, node)
        self._around = around
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def changed(self, pod_uid: str, container: Container) -> None:
        """A container has started or ended."""
        if container.state is ContainerState.EXITED:
            if (task := self._tasks.pop(container.id, None)) is not None:
                task.cancel()
        elif container.spec is not None and uses_network(command_of(container.spec)):
            # In a context of its own: what a kubelet starts does not die with it.
            work = self._run(pod_uid, container)
            task = asyncio.get_running_loop().create_task(work, name=f"process/{container.name}", context=Context())
            self._tasks[container.id] = task

    async def _run(self, pod_uid: str, container: Container) -> None:
        around = await self._around(pod_uid, container)
        insides = self._runtime.insides(container)
        if around is None or not insides.is_live():
            return
        sandbox = self._runtime.pod_status(pod_uid).sandbox()
        around.pod_ip = (sandbox.ip if sandbox is not None else "") or around.pod_ip
        code = await self._perform(container, insides.process_one(around), around)
        self._tasks.pop(container.id, None)
        if code is not None and container.state is ContainerState.RUNNING:
            self._runtime.exit(container, code)

    async def _perform(self, container: Container, program: Program, around: Surroundings) -> int | None:
        """Does what the program says; returns its exit code, None if its container ends before it does."""
        log = self._runtime.insides(container).log(around)
        answer: bytes | None = None
        steps = 0
        while container.state is ContainerState.RUNNING:
            try:
                effect = program.send(answer)
            except StopIteration as end:
                return int(end.value)
            answer = None
            if isinstance(effect, Write):
                log.append(self._sim.clock.unix_ns(), effect.stream, effect.data)
            elif isinstance(effect, Sleep):
                if effect.seconds is None:
                    return None
                await asyncio.sleep(effect.seconds)
            elif isinstance(effect, Read):
                answer = b""
            elif isinstance(effect, Lookup | Dial):
                await self._sockets.perform(effect)
            steps += 1
            if not steps % STEPS_PER_TURN:
                await next_turn()
        return None
