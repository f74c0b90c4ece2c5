"""One run of a scenario on a cluster of somebody else, from the first word to the last clean-up.

    async with Session(sim, access, options, tell) as session:
        plan = await session.plan(loaded)
        result = await session.play(loaded, plan, narrate, trace_to=file)

Opening checks that the cluster may be used, is there, is of a release that we understand, and lets us do what we must.
Closing undoes everything, however the run ended; what cannot be undone is told with the commands that do it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self

import msgspec

from kubesim.api.errors import ApiError, NotFoundError, TransportError
from kubesim.api.resources import NAMESPACES, NODES, SERVICE_ACCOUNTS
from kubesim.client.client import Client
from kubesim.client.http import HttpTransport
from kubesim.client.kubeconfig import Access
from kubesim.realcluster import cleaning, safety
from kubesim.realcluster.connecting import ServerVersion, greet, skew_warning
from kubesim.realcluster.drivers import CommandFailedError, Driver, choose, operations
from kubesim.realcluster.drivers.driver import run_command
from kubesim.realcluster.errors import RealClusterError
from kubesim.realcluster.journal import Journal
from kubesim.realcluster.own_time import adopt
from kubesim.realcluster.permissions import check_permissions
from kubesim.realcluster.planning import Plan, make_plan
from kubesim.realcluster.renaming import node_map
from kubesim.realcluster.stage import USER_AGENT, RealStage
from kubesim.recording import Lines
from kubesim.scenario import Line, Loaded, RunResult
from kubesim.scenario.load import node_names
from kubesim.scenario.runner import StagedRun
from kubesim.scenario.schema import Fault
from kubesim.sim import Simulation, Tasks

ACCOUNT_SECONDS_MAX = 60.0
LOST_SECONDS_MAX = 30.0  # Real seconds without an apiserver: then a run is over.
SUFFIX_DIGITS = 5
POLL_SECONDS = 0.2


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What the one who runs allows."""

    driver: str = "auto"
    allowed_contexts: tuple[str, ...] = ()
    allow_disruption: bool = False
    skip_impossible: bool = False
    any_version: bool = False
    slack_seconds: float = 0.0  # How much later everything that is expected may come.


class Session:
    """A connection to a cluster, and what was done there. `tell` hears what goes on beside the scenario."""

    def __init__(self, sim: Simulation, access: Access, options: Options, tell: Callable[[str], None]) -> None:
        safety.check_context(access, options.allowed_contexts)
        self.access = access
        self.options = options
        self.driver: Driver = choose(options.driver, access)
        self.version: ServerVersion
        self.speed = 1.0
        self._sim = sim
        self._tell = tell
        self._transport = HttpTransport(access)
        self.client = Client(self._transport, USER_AGENT)
        self._namespace = ""
        self._journal: Journal | None = None
        self._lost: asyncio.Future[None] = sim.loop.create_future()
        self._watchdog: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        try:
            self.version = await greet(self._transport)
            if warning := skew_warning(self.version, any_version=self.options.any_version):
                self._tell(f"warning: {warning}")
            self.speed = await adopt(self._sim, self._transport)
        except BaseException:
            await self._transport.close()
            raise
        self._transport.on_reachable = self._reachable
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._namespace:
                await self._clean()
        finally:
            if self._watchdog is not None:
                self._watchdog.cancel()
            await self._transport.close()

    # -- before -----------------------------------------------------------------------------------------

    async def plan(self, loaded: Loaded) -> Plan:
        """What the scenario would do here."""
        try:
            nodes = [item.object for item in (await self.client.list(NODES)).items]
        except ApiError as error:
            raise RealClusterError(f"the nodes of the cluster cannot be read: {error.message}") from None
        return make_plan(loaded, self.driver, node_map(node_names(loaded.scenario), nodes), len(nodes))

    async def check(self, plan: Plan) -> None:
        """RealClusterError if the plan cannot be carried out, or must not."""
        if plan.impossible and not self.options.skip_impossible:
            raise RealClusterError(
                "this cannot be played here: " + "; ".join(plan.impossible)
                + " (--skip-impossible leaves these steps out, --driver chooses another driver)"
            )  # fmt: skip
        if plan.disrupts and not self.options.allow_disruption:
            raise RealClusterError(
                "this concerns the whole cluster, so it needs --allow-disruption: " + "; ".join(plan.disrupts)
            )
        await check_permissions(self.client, self.access, cluster_wide=bool(plan.disrupts))

    async def clean_leftovers(self, *, everything: bool = False) -> list[str]:
        """What earlier runs have left behind; what could not be cleaned up."""
        return await cleaning.clean_leftovers(self.client, self.driver, self._tell, everything=everything)

    # -- the run ----------------------------------------------------------------------------------------

    async def play(
        self, loaded: Loaded, plan: Plan, narrate: Callable[[Line], None], *, trace_to: Lines | None = None,
        everything: bool = False,
    ) -> RunResult:  # fmt: skip
        """Plays the scenario in a namespace of its own."""
        suffix = self._sim.chance.uid().replace("-", "")[:SUFFIX_DIGITS]
        run = f"{loaded.scenario.metadata.name}-{suffix}"
        await self._make_namespace(safety.run_namespace(loaded.scenario.metadata.name, suffix), run)
        stage = RealStage(
            self._sim, self._transport, plan.nodes, self._namespace, run,
            may_disrupt=self.options.allow_disruption, journal=self._journal,
        )  # fmt: skip
        async with Tasks("stage") as tasks:
            tasks.spawn(stage.observer.run(), "observer")
            await stage.observer.wait_synced()
            played = StagedRun(
                loaded, narrate, stage, lambda fault: self._inject(plan, fault), trace_to=trace_to,
                everything=everything,
            )  # fmt: skip
            played.server = self.version.text
            for entry in played.judged:
                if entry.kind in ("eventually", "stays"):
                    entry.by_seconds += self.options.slack_seconds
            return await self._until_lost(tasks.spawn(played.play(), "play"))

    async def _until_lost(self, playing: asyncio.Task[RunResult]) -> RunResult:
        """The result, unless the cluster goes away before."""
        self._lost.add_done_callback(lambda _: playing.cancel())
        try:
            return await playing
        except asyncio.CancelledError:
            if not self._lost.done():
                raise
            raise RealClusterError(
                f"the cluster of context {self.access.context} has not answered for {LOST_SECONDS_MAX:g} s: "
                "the run is given up"
            ) from None

    async def _inject(self, plan: Plan, fault: Fault) -> None:
        """Makes a fault with the driver's commands; what it cannot do was said before."""
        for operation in operations(fault) or ():
            node = plan.nodes.get(operation.node, "")
            commands = self.driver.commands(operation, node) if node else None
            if commands is None:
                self._tell(f"left out: {operation.text}")
                continue
            assert self._journal is not None, "it is made with the namespace"
            await self._journal.about_to_act(operation._replace(node=node))
            self._sim.trace.emit("fault", verb=operation.verb, name=operation.text.removeprefix(f"{operation.verb} "))
            for command in commands:
                try:
                    await run_command(command)
                except CommandFailedError as error:
                    raise RealClusterError(f"{operation.text}: {error}") from None

    async def _make_namespace(self, name: str, run: str) -> None:
        metadata = {
            "name": name,
            "labels": {safety.RUN_LABEL: run},
            "annotations": {safety.OWNER_ANNOTATION: cleaning.owner()},
        }
        self._namespace = name
        try:
            await self.client.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
            self._journal = Journal(self.client, name, self.driver.name)
            async with asyncio.timeout(ACCOUNT_SECONDS_MAX):
                await self._account_of(name)
        except TimeoutError:
            raise RealClusterError(
                f"namespace {name} has no ServiceAccount after {ACCOUNT_SECONDS_MAX:g} s: do the controllers run?"
            ) from None
        except (ApiError, TransportError) as error:
            raise RealClusterError(f"the namespace {name} cannot be made: {error}") from None

    async def _account_of(self, namespace: str) -> None:
        """Returns once Pods can be created there: they need the ServiceAccount `default`."""
        while True:
            try:
                await self.client.get(SERVICE_ACCOUNTS, "default", namespace)
                return
            except NotFoundError:
                await asyncio.sleep(POLL_SECONDS)

    # -- after ------------------------------------------------------------------------------------------

    async def _clean(self) -> None:
        undo = self._journal.undo if self._journal is not None else Journal(self.client, "", "").undo
        problems: list[str] = []
        try:
            problems = await cleaning.clean(self.client, self.driver, self._namespace, undo, self._tell)
        except asyncio.CancelledError:
            problems = ["interrupted"]
            raise
        finally:
            if problems:
                self._tell(f"not everything could be cleaned up: {'; '.join(problems)}. By hand:")
                for line in cleaning.by_hand(self.access, self.driver, self._namespace, undo):
                    self._tell(f"  {line}")
                self._tell(f"or: kubesim replay --clean-up --context {self.access.context}")

    def _reachable(self, lost: TransportError | None) -> None:
        if self._watchdog is not None:
            self._watchdog.cancel()
            self._watchdog = None
        if lost is not None:
            self._tell(f"the cluster does not answer: {lost}")
            self._watchdog = self._sim.loop.call_later(LOST_SECONDS_MAX * self.speed, self._give_up)

    def _give_up(self) -> None:
        if not self._lost.done():
            self._lost.set_result(None)
