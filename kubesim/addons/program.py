"""A program of an addon: controllers of its own, with caches and events of their own, outside kube-controller-manager.

What runs as a Deployment or a sidecar on a real cluster (a provisioner, a resizer, an autoscaler) is here a component
on the control plane's machine: it has a name that can be crashed and cut off, and works through its client only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kubesim.api.tokens import Trust
from kubesim.client.client import Client
from kubesim.client.events import EventRecorder
from kubesim.client.informer import Informers
from kubesim.controllers.controller import Controller, ControllerContext
from kubesim.sim import Simulation, Tasks

MakeController = Callable[[ControllerContext], Controller]


class Program:
    """Runs controllers; each comes with the component that its events name."""

    def __init__(
        self, sim: Simulation, client: Client, trust: Trust, controllers: Sequence[tuple[MakeController, str]]
    ) -> None:
        self._sim = sim
        self.informers = Informers(sim, client)
        self._working: list[tuple[Controller, EventRecorder]] = []
        for make, source in controllers:
            recorder = EventRecorder(sim, client, source)
            context = ControllerContext(sim, client, self.informers, recorder, trust)
            self._working.append((make(context), recorder))

    async def run(self) -> None:
        """Works until cancelled."""
        async with Tasks("program") as tasks:
            tasks.spawn(self.informers.run(), "informers")
            for controller, recorder in self._working:
                tasks.spawn(recorder.run(), f"{controller.name}/events")
                tasks.spawn(controller.run(), controller.name)
            await self._sim.loop.create_future()  # Until cancelled.
