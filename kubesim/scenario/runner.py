"""Runs a scenario: boots its cluster, takes its steps at their times, judges its expectations.

Times in a scenario count from the moment at which the cluster has booted. The runner acts as a user with
kubectl would, and as the fate that breaks machines; it never reaches into a component.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol

import msgspec

from kubesim.api.errors import ApiError, BadRequestError, TransportError
from kubesim.client.client import Client
from kubesim.client.kubectl import Kubectl, KubectlError, ManifestError
from kubesim.cluster import SimCluster
from kubesim.recording import ATTEMPT, Change, Lines, Observer, RecordingWriter
from kubesim.scenario.check import parse_check
from kubesim.scenario.expectations import Counted, Judged, Verdict, judged
from kubesim.scenario.faults import inject
from kubesim.scenario.load import Loaded, ScenarioError
from kubesim.scenario.narrator import Line, Narrator
from kubesim.scenario.nodes import cluster_of
from kubesim.scenario.packets import PacketStep, send
from kubesim.scenario.registries import RegistryAction, act
from kubesim.scenario.schema import Fault, Step
from kubesim.scenario.traffic import Load, counted
from kubesim.sim import Record, Simulation, Tasks, because
from kubesim.waiting import NotReachedError

LAST_EVENTS = 5
NO_SEED = -1  # Of a run in which chance is not ours.
ADDONS_SECONDS = 30  # They start before a scenario's own time begins.


class RunResult(msgspec.Struct):
    """What came of a run."""

    name: str
    seed: int
    seconds: float  # Virtual time from the start of the run to its end.
    judged: list[Judged | Counted]
    last_lines: list[Line]  # The last lines told before the first failure, or before the end.

    @property
    def ok(self) -> bool:
        """Whether every expectation holds."""
        return all(entry.verdict is Verdict.MET for entry in self.judged)


async def run_scenario(
    loaded: Loaded,
    tell: Callable[[Line], None],
    *,
    seed: int | None = None,
    trace_to: Lines | None = None,
    everything: bool = False,
    on_cluster: Callable[[SimCluster], None] | None = None,
) -> RunResult:
    """Runs a scenario on the running SimLoop; lines go to `tell`, the recording (if wanted) to `trace_to`."""
    run = ScenarioRun(loaded, tell, seed=seed, trace_to=trace_to, everything=everything)
    if on_cluster is not None:
        on_cluster(run.cluster)
    async with run.cluster:
        return await run.play()


class Stage(Protocol):
    """What a scenario is played on: a simulated cluster, or one of somebody else."""

    sim: Simulation
    client: Client
    observer: Observer

    async def run_until(self, holds: Callable[[], bool], *, timeout_seconds: float, what: str) -> None:
        """Lets time pass until `holds()`; NotReachedError after `timeout_seconds`."""
        ...


class StagedRun:
    """One run of one scenario on a cluster that runs already. `inject` makes a fault."""

    server = "v1.36.2"

    def __init__(
        self,
        loaded: Loaded,
        tell: Callable[[Line], None],
        stage: Stage,
        inject: Callable[[Fault], Awaitable[None]],
        *,
        seed: int = NO_SEED,
        trace_to: Lines | None = None,
        everything: bool = False,
    ) -> None:
        self.loaded = loaded
        self.scenario = loaded.scenario
        self.seed = seed
        self.stage = stage
        self._inject = inject
        self._kubectl = Kubectl(stage.client, loaded.folder)
        self.judged = judged(self.scenario.spec.expect, self.scenario.spec.until)
        self.narrator = Narrator(stage.sim, self._told, everything=everything)
        self._tell = tell
        self._trace_to = trace_to
        self._writer: RecordingWriter | None = None
        self._lines: list[Line] = []
        self._lines_at_failure: list[Line] | None = None
        self._origin_ns = 0
        self._judging = False
        self._counted: list[Counted] = []

    async def play(self) -> RunResult:
        """Takes all steps and returns the verdicts."""
        cluster = self.stage
        self._origin_ns = cluster.sim.clock.now_ns()
        self._start_recording()
        self.narrator.start(self._origin_ns)
        looking_on = [
            cluster.observer.listen(self.narrator.change),
            cluster.observer.listen(self._changed),
            cluster.sim.trace.subscribe(self.narrator.record),
        ]
        self._schedule_judging()
        loads = self._loads()
        try:
            async with Tasks("traffic") as tasks:
                for load in loads:
                    tasks.spawn(load.run(), load.traffic.name)
                await self._take_steps()
            cluster.observer.flush()
            self._judge()
            self._count(loads)
        finally:
            for look_away in looking_on:
                look_away()
            self.narrator.end()
        if self._writer is not None:
            self._writer.line(self._since(cluster.sim.clock.now_ns()), {"end": True})
        lines = self._lines_at_failure if self._lines_at_failure is not None else self._lines
        verdicts: list[Judged | Counted] = [*self.judged, *self._counted]
        return RunResult(self.scenario.metadata.name, self.seed, self.now, verdicts, lines[-LAST_EVENTS:])

    @property
    def now(self) -> float:
        """Seconds since the start of the run."""
        return self._since(self.stage.sim.clock.now_ns()) / 1e9

    # -- steps ----------------------------------------------------------------------------------------

    async def _take_steps(self) -> None:
        """All of them at their times, then the rest of the run."""
        started = 0.0
        for number, step in enumerate(self.scenario.spec.steps):
            await self._wait_for(step, started)
            started = self.now
            await self._take(number, step)
        await asyncio.sleep(max(0.0, self.scenario.spec.until - self.now))

    async def _wait_for(self, step: Step, previous: float) -> None:
        if step.when is not None:
            check = parse_check(step.when)
            await self._wait_until(lambda: check.holds(self.stage.observer.latest), check.text)
            return
        due = step.at if step.at is not None else previous + (step.after or 0)
        await asyncio.sleep(max(0.0, due - self.now))

    async def _wait_until(self, holds: Callable[[], bool], what: str) -> None:
        limit = self.scenario.spec.until - self.now
        try:
            await self.stage.run_until(holds, timeout_seconds=limit, what=what)
        except NotReachedError:
            raise NotReachedError(f"a step waited until the end of the run for {what}") from None

    async def _take(self, number: int, step: Step) -> None:
        if self._writer is not None:
            shown = step.model_dump(exclude_defaults=True, by_alias=True)
            self._writer.line(self._since(self.stage.sim.clock.now_ns()), {"step": shown, "n": number})
        if step.say:
            self.narrator.say("", step.say, "say")
        for line in step.kubectl:
            self.narrator.say("you", f"kubectl {line}", "step")
            with because(f"kubectl {line}"):
                await self._command(number, step, line)
        for action in step.registry:
            self.narrator.say("registry", self._act_on_registry(action), "fault")
        if step.fault is not None:
            await self._inject(step.fault)
        if step.packet is not None:
            self.narrator.say("packet", await self._send(number, step.packet), "output")

    def _act_on_registry(self, action: RegistryAction) -> str:
        """Registries are simulated with a cluster; one of somebody else has its own."""
        return f"is not ours, so nothing is done to it ({', '.join(action.model_dump(exclude_defaults=True))})"

    async def _send(self, _: int, packet: PacketStep) -> str:
        """The rules and routes of a cluster of somebody else cannot be looked into."""
        return f"{packet.from_} → {packet.to}: not sent, since this cluster is not ours"

    async def _command(self, number: int, step: Step, line: str) -> None:
        where = self.loaded.locate("spec", "steps", number, "kubectl")
        try:
            for told in await self._kubectl.run(line):
                self.narrator.say("", told, "output")
        except (ApiError, KubectlError, ManifestError, TransportError) as error:
            self.stage.observer.flush()
            if step.refused and step.refused in str(error):
                self.narrator.say("", f"refused, as expected: {error}", "output")
                return
            raise ScenarioError(f'{where}: steps.{number}.kubectl: "kubectl {line}" was refused: {error}') from error
        if step.refused:
            raise ScenarioError(f'{where}: steps.{number}.refused: "kubectl {line}" was accepted, not refused')

    # -- traffic ----------------------------------------------------------------------------------------

    def _loads(self) -> list[Load]:
        """The loads of the scenario; a cluster of somebody else has none."""
        return []

    def _count(self, loads: list[Load]) -> None:
        """The end: what became of all requests."""
        for load in loads:
            self.narrator.say(load.actor, load.report.words(), "output")
            if self._writer is not None:
                time_ns = self._since(self.stage.sim.clock.now_ns())
                self._writer.line(time_ns, {"traffic": load.report.summary()})
            for entry in counted(load, self.now):
                self._counted.append(entry)
                met = entry.verdict is Verdict.MET
                if not met and self._lines_at_failure is None:
                    self._lines_at_failure = list(self._lines)
                self.narrator.verdict(f"{'✔' if met else '✘'} {entry.text}", "met" if met else "failed")

    # -- looking on -----------------------------------------------------------------------------------

    def _changed(self, change: Change) -> None:
        if self._writer is not None:
            self._writer.change(msgspec.structs.replace(change, time_ns=self._since(change.time_ns)))
        if not self._judging and any(entry.check.resource.kind == change.kind for entry in self.judged):
            self._judging = True
            loop = self.stage.sim.loop
            loop.call_at_ns(loop.now_ns, self._judge)

    def _judge(self) -> None:
        """Once per instant at most, after everything of the instant has been published."""
        self._judging = False
        for entry in self.judged:
            self._decide(entry)

    def _schedule_judging(self) -> None:
        """Time passes without changes, too: looks when the window of an expectation opens and when it closes."""
        for seconds in sorted({time for entry in self.judged for time in (entry.from_seconds, entry.by_seconds)}):
            self.stage.sim.loop.call_at_ns(self._origin_ns + round(seconds * 1e9), self._judge)

    def _decide(self, entry: Judged) -> None:
        before = entry.verdict
        entry.judge(self.now, self.stage.observer.latest)
        if entry.verdict is not before:
            met = entry.verdict is Verdict.MET
            if not met and self._lines_at_failure is None:
                self.narrator.flush()
                self._lines_at_failure = list(self._lines)
            self.narrator.verdict(f"{'✔' if met else '✘'} {entry.text}", "met" if met else "failed")

    def _told(self, line: Line) -> None:
        self._lines = [*self._lines[-50:], line]
        self._tell(line)

    def _start_recording(self) -> None:
        if self._trace_to is None:
            return
        spec = self.scenario.spec
        about = {"name": self.scenario.metadata.name, "about": spec.title, "until": spec.until}
        meta = {"scenario": about, "server": self.server, "seed": self.seed, "start": self.stage.sim.clock.timestamp()}
        self._writer = RecordingWriter(self._trace_to, self.stage.sim.trace, meta)
        for known in self.stage.observer.initial():
            self._writer.change(known)
        self.stage.sim.trace.details.add(ATTEMPT)
        self.stage.sim.trace.subscribe(self._noted)

    def _noted(self, record: Record) -> None:
        if self._writer is not None and record.event == ATTEMPT:
            self._writer.attempt(self._since(record.time_ns), record.fields)

    def _since(self, time_ns: int) -> int:
        return time_ns - self._origin_ns


class ScenarioRun(StagedRun):
    """One run of one scenario, on the simulated cluster that it describes or on one that runs already."""

    def __init__(
        self,
        loaded: Loaded,
        tell: Callable[[Line], None],
        *,
        seed: int | None = None,
        trace_to: Lines | None = None,
        everything: bool = False,
        cluster: SimCluster | None = None,
    ) -> None:
        chosen = loaded.scenario.spec.seed if seed is None else seed
        self.cluster = cluster or cluster_of(loaded.scenario, chosen, loaded.folder)
        super().__init__(
            loaded, tell, self.cluster, partial(inject, self.cluster), seed=chosen, trace_to=trace_to,
            everything=everything,
        )  # fmt: skip

    async def play(self) -> RunResult:
        """Takes all steps and returns the verdicts. The cluster has booted."""
        await self._enable_addons()
        return await super().play()

    def _loads(self) -> list[Load]:
        spec = self.scenario.spec
        return [Load(self.cluster, each, spec.until, lambda: self.now, self.narrator.say) for each in spec.traffic]

    def _act_on_registry(self, action: RegistryAction) -> str:
        return act(self.cluster.registries, action)

    async def _send(self, number: int, packet: PacketStep) -> str:
        try:
            return await send(self.cluster, packet)
        except ValueError as error:
            where = self.loaded.locate("spec", "steps", number, "packet")
            raise ScenarioError(f"{where}: steps.{number}.packet: {error}") from None

    async def _enable_addons(self) -> None:
        """Those that the scenario asks for, before its time begins."""
        names = self.scenario.spec.cluster.addons
        if not names:
            return
        from kubesim.addons import Addons  # Most scenarios have none.

        addons = Addons(self.cluster)
        for name in names:
            try:
                await addons.enable(name)
            except BadRequestError as error:
                raise ScenarioError(f"{self.loaded.locate('spec', 'cluster', 'addons')}: {error}") from None
        await self.cluster.run_for(ADDONS_SECONDS)
