"""The process behind `kubesim component`: greets the apiserver, runs the component, tells what it does, ends well.

An apiserver that goes away is no reason to end: what the component needs it asks for again, with growing pauses,
as the real one does. A component that fails by a mistake of ours is started again after a back-off.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TextIO

from kubesim.api.errors import TransportError
from kubesim.api.wire import Transport
from kubesim.client.client import Client
from kubesim.client.http import HttpTransport
from kubesim.client.kubeconfig import Access
from kubesim.realcluster.connecting import greet, skew_warning
from kubesim.realcluster.told import Tell, ToldTransport
from kubesim.service.log import Log
from kubesim.service.supervisor import Supervisor
from kubesim.sim import Host, Simulation
from kubesim.sim.trace import Record

HOST, ADDRESS = "this-process", "192.168.49.1"
END_SECONDS_MAX = 5.0
SILENT = ("fault",)  # What the trace has beyond what is written and refused.

Look = Callable[[Client], Awaitable[None]]  # Looks at the cluster before anything runs, and may refuse.
# Puts the component's processes on a host; what they do is told to the last.
Install = Callable[[Simulation, Host, Transport, Tell], None]


class ComponentProcess:
    """One run of a component. `install` puts its processes on the host that stands for this process."""

    def __init__(
        self, name: str, access: Access, install: Install, out: TextIO, *, any_version: bool, look: Look | None = None
    ) -> None:
        self._name = name
        self._access = access
        self._install = install
        self._log = Log(out)
        self._any_version = any_version
        self._look = look

    async def run(self, sim: Simulation) -> int:
        """Works until a signal comes; the result is the signal."""
        ending: asyncio.Future[int] = sim.loop.create_future()
        for number in (signal.SIGTERM, signal.SIGINT):
            sim.loop.add_signal_handler(number, end, ending, number)
        sim.loop.set_exception_handler(Supervisor(sim, self._log).note)
        sim.trace.subscribe(lambda record: self._record(sim, record))
        transport = HttpTransport(self._access)
        try:
            version = await greet(transport)
            warning = skew_warning(version, any_version=self._any_version)
            if self._look is not None:
                await self._look(Client(transport, self._name))
            transport.on_reachable = self._reachable
            self._begin(version.text, warning)
            host = sim.add_host(HOST, ADDRESS)
            self._install(sim, host, ToldTransport(transport, self._log.write), self._log.write)
            host.start()
            ended_by = await ending
            self._log.write("component_ends", component=self._name, signal=signal.Signals(ended_by).name)
            with suppress(TimeoutError):
                async with asyncio.timeout(END_SECONDS_MAX):
                    await host.stop()
        finally:
            await transport.close()
        return ended_by

    def _begin(self, version: str, warning: str) -> None:
        self._log.write(
            "component_starts", component=self._name, context=self._access.context, server=self._access.server,
            version=version,
        )  # fmt: skip
        if warning:
            self._log.write("warning", message=warning)

    def _reachable(self, lost: TransportError | None) -> None:
        if lost is None:
            self._log.write("apiserver_is_reached_again", server=self._access.server)
        else:
            self._log.write("apiserver_is_lost", server=self._access.server, why=str(lost))

    def _record(self, sim: Simulation, record: Record) -> None:
        sim.trace.records.clear()  # Nobody reads them later, and this may run for months.
        if record.event not in SILENT:
            self._log.write(record.event, **told(record))


def end(ending: asyncio.Future[int], number: int) -> None:
    """The first signal counts."""
    if not ending.done():
        ending.set_result(number)


def told(record: Record) -> dict[str, object]:
    """A record's fields, those of some length left out."""
    return {key: value for key, value in record.fields.items() if isinstance(value, str | int | float)}
