"""What a program does while a Service that it needs cannot be reached: `dependsOn` of a behaviour.

Such a container tries to connect every two seconds, through its node's kernel and the rules there as any client does.
As long as nobody answers it is not ready and says 503, or it gives up and exits. The name may have a port:
`db:5432`, `db.shop:5432`. Where no network is simulated everything is reachable.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from kubesim.api.traffic import ANSWERED, CONNECTED, Addresses, Connection, Name, Reply, containers_on, kernel_of
from kubesim.kubelet.runtime.cri import Container, ContainerState, Sandbox
from kubesim.kubelet.runtime.model import Dependency
from kubesim.sim import Simulation

PERIOD_SECONDS = 2.0
PATIENCE_SECONDS = 1.0  # With one connection.
DEFAULT_PORT = 80
NANOSECONDS_PER_SECOND = 1_000_000_000


class Dependencies:
    """The containers of one machine that need others. `exit` ends one that gives up."""

    def __init__(self, sim: Simulation, node: str, exit_: Callable[[Container, int], None]) -> None:
        self._sim = sim
        self._node = node
        self._exit = exit_
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def changed(self, container: Container, sandbox: Sandbox | None) -> None:
        """A container with dependencies has started or ended."""
        if container.state is ContainerState.RUNNING and sandbox is not None and container.id not in self._tasks:
            container.lacks = container.behaviour.depends_on[0].service
            watch = self._watch(container, sandbox)
            self._tasks[container.id] = self._sim.loop.create_task(watch, name=f"dependencies/{container.name}")
        elif container.state is ContainerState.EXITED:
            self._forget(container.id)

    def drop_all(self) -> None:
        """The machine has no power any more."""
        for name in list(self._tasks):
            self._forget(name)

    def _forget(self, name: str) -> None:
        task = self._tasks.pop(name, None)
        if task is not None:
            task.cancel()

    async def _watch(self, container: Container, sandbox: Sandbox) -> None:
        while container.state is ContainerState.RUNNING:
            missing = await self._missing(container, sandbox)
            container.lacks = missing.service if missing is not None else ""
            if missing is not None and missing.otherwise == "exit":
                age_seconds = (self._sim.clock.now_ns() - container.started_ns) / NANOSECONDS_PER_SECOND
                if age_seconds >= missing.patience_seconds:
                    self._exit(container, missing.exit_code)
                    return
            await asyncio.sleep(PERIOD_SECONDS)

    async def _missing(self, container: Container, sandbox: Sandbox) -> Dependency | None:
        """The first that cannot be reached."""
        for dependency in container.behaviour.depends_on:
            if not await self._reaches(sandbox, dependency.service):
                return dependency
        return None

    async def _reaches(self, sandbox: Sandbox, service: str) -> bool:
        """Whether somebody answers at a Service."""
        network, kernel = self._sim.network, kernel_of(self._node)
        if network.handler(kernel) is None or not sandbox.ip:
            return True
        name, _, port = service.partition(":")
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                question = Name(name, sandbox.ip, sandbox.namespace)
                found: Addresses = await network.request(containers_on(self._node), kernel, question)
                for address in found.addresses[:1]:
                    connection = Connection(sandbox.ip, address, int(port or DEFAULT_PORT))
                    reply: Reply = await network.request(containers_on(self._node), kernel, connection)
                    return reply.outcome in (ANSWERED, CONNECTED)
        except TimeoutError:
            pass
        return False
