"""A cluster of somebody else as a stage for scenarios: `kubesim.scenario.StagedRun` plays on it as on a simulated one.

Everything goes through the transport that renames (`renaming`), so the observer sees the run's namespace as `default`
and the nodes by the scenario's names; beside the namespace it sees the nodes, their leases and their events, and the
Service `kubernetes`, which every scenario finds in its namespace.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from kubesim.api.resources import ENDPOINT_SLICES, ENDPOINTS, EVENTS, NAMESPACES, SERVICES, Resource
from kubesim.api.wire import ADDED, DELETED, MODIFIED, Transport
from kubesim.client.client import Client
from kubesim.client.informer import Informers
from kubesim.realcluster.journal import Journal
from kubesim.realcluster.renaming import DEFAULT, RenamedTransport
from kubesim.recording.change import RECORDED, Change, Observer
from kubesim.sim import Simulation, Tasks
from kubesim.waiting import NotReachedError

USER_AGENT = "kubesim"
# A run's namespace carries its journal, which is none of the scenario's business.
OBSERVED = tuple(resource for resource in RECORDED if resource != NAMESPACES)


class NamespaceObserver(Observer):
    """Sees one namespace and what concerns nodes, not the rest of the cluster."""

    def __init__(
        self, sim: Simulation, client: Client, whole: Client, *, is_default: bool,
        resources: Iterable[Resource] = OBSERVED,
    ) -> None:  # fmt: skip
        self._beside = Informers(sim, whole)  # In the cluster's own namespace default.
        super().__init__(sim, client, resources)
        if is_default:
            return  # There they are anyway.
        self._follow_beside(EVENTS, "involvedObject.kind=Node")
        for resource in (SERVICES, ENDPOINTS, ENDPOINT_SLICES):
            self._follow_beside(resource, "metadata.name=kubernetes")

    def _follow_beside(self, resource: Resource, field_selector: str) -> None:
        """What a scenario finds in its namespace, though it lies in none of the run's."""
        self._beside.of(resource, namespace="default", field_selector=field_selector).add_handler(
            on_add=lambda new: self._add(ADDED, resource, None, new),
            on_update=lambda old, new: self._add(MODIFIED, resource, old, new),
            on_delete=lambda last: self._add(DELETED, resource, last, last),
        )

    async def run(self) -> None:
        """Watches until cancelled."""
        async with Tasks("observer") as tasks:
            tasks.spawn(self._beside.run(), "beside")
            await super().run()

    async def wait_synced(self) -> None:
        """Returns once what existed before has been published."""
        await self._beside.wait_synced()
        await super().wait_synced()


class RealStage:
    """One namespace of a cluster, under the names of a scenario."""

    def __init__(
        self, sim: Simulation, transport: Transport, nodes: dict[str, str], namespace: str, run: str, *,
        may_disrupt: bool, journal: Journal | None = None, read_only: bool = False,
    ) -> None:  # fmt: skip
        self.sim = sim
        self.transport = RenamedTransport(
            transport, nodes, namespace, run, may_disrupt=may_disrupt, journal=journal, read_only=read_only
        )
        whole = RenamedTransport(transport, nodes, "", run, may_disrupt=False)
        self.client = Client(self.transport, USER_AGENT, field_manager="")
        self.observer: Observer = NamespaceObserver(
            sim, self.client, Client(whole, USER_AGENT), is_default=namespace == DEFAULT
        )

    async def run_until(self, holds: Callable[[], bool], *, timeout_seconds: float, what: str) -> None:
        """Lets time pass until `holds()`, asked after every change; NotReachedError after `timeout_seconds`."""
        reached = self.sim.loop.create_future()

        def ask(_: Change) -> None:
            if not reached.done() and holds():
                reached.set_result(None)

        unsubscribe = self.observer.listen(ask)
        try:
            async with asyncio.timeout(timeout_seconds):
                if not holds():
                    await reached
        except TimeoutError:
            raise NotReachedError(f"waited {timeout_seconds:g} seconds in vain for {what}") from None
        finally:
            unsubscribe()
