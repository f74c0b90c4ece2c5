"""Plays the scenario of a recorded timeline on a simulated cluster, and returns our recording of it.

The recording carries its scenario: shell lines with kubectl, and nodes that are killed and started. It was made on
hollow nodes in a namespace of its own; so is ours. Virtual time 0 of the play is the date at which the recording
began, so whatever looks at a calendar sees the same one. What chance decided there it decides here
(`recorded_chance`).
"""

from __future__ import annotations

import asyncio
import io
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import msgspec

from kubesim.api.errors import ApiError
from kubesim.api.resources import NODES, SERVICE_ACCOUNTS
from kubesim.api.stored import Object
from kubesim.client.kubectl.command import KubectlError
from kubesim.cluster import SimCluster
from kubesim.fidelity.timeline.emulated_shell import Shell, ShellError
from kubesim.fidelity.timeline.fake_node import FakeNode
from kubesim.fidelity.timeline.recorded_chance import RecordedChance
from kubesim.kubelet import HOLLOW, NodeConfig
from kubesim.recording import Change, RecordingWriter, condition, decode_lines
from kubesim.sim import Chance, Tasks, UnknownTargetError, because
from kubesim.sim.clock import VIRTUAL_EPOCH, parse_timestamp_ns

HOLLOW_NODE = {"cpu": "1", "ephemeral-storage": "0", "memory": "3840Mi", "pods": "110"}
HOLLOW_NODES = tuple(NodeConfig(name=f"node-{number}", capacity=HOLLOW_NODE) for number in range(1, 5))
# As the hollow kubelets of the recordings were, artefacts included: their Pods are ready 0.3 s before they run, and end
# one after the other.
RECORDED = msgspec.structs.replace(
    HOLLOW,
    name="recorded",
    default=msgspec.structs.replace(HOLLOW.default, stop_seconds=0.1, stop_jitter_seconds=0.1),
)
POD_GC_SECONDS, NODE_MONITOR_SECONDS = 20.0, 5.0
BEFORE_SECONDS = 60  # From the boot of our cluster to the begin of the recording.
KNOWN_FIELDS = {"name", "about", "until", "align", "files", "cleanup", "namespaces", "steps"}
FAILED = 1


class TimelineError(Exception):
    """The recording holds something that cannot be played."""


class Commands(Protocol):
    """What runs the shell lines of a scenario: a shell, or something that passes for one."""

    async def run(self, line: str) -> tuple[int, str]:
        """Runs one line; exit code and output."""
        ...


Opener = Callable[[SimCluster, Path, str], AbstractAsyncContextManager[Commands]]


@asynccontextmanager
async def emulated(cluster: SimCluster, _folder: Path, _namespace: str) -> AsyncIterator[Commands]:
    """As much of a shell and of kubectl as the published recordings need, in this process."""
    yield Shell(cluster.kubectl)


async def play_timeline(
    recording: Sequence[Object], *, seed: int = 1, opener: Opener = emulated, as_recorded: bool = True
) -> list[Object]:
    """Plays the scenario in the first line of `recording` on the running SimLoop; returns the lines of our own.

    `opener` makes what runs the shell lines. `as_recorded`: chance draws what it drew in the recording.
    """
    meta = recording[0]["meta"]
    scenario = meta["scenario"]
    chance = RecordedChance(seed, recording) if as_recorded else Chance(seed)
    began = datetime.fromisoformat(meta["start"]) if "start" in meta else VIRTUAL_EPOCH
    epoch = began.replace(microsecond=0) - timedelta(seconds=BEFORE_SECONDS)
    period, phase = loop_phase(recording)
    await asyncio.sleep((BEFORE_SECONDS + began.microsecond / 1e6 + phase) % period)  # Loops count from the boot.
    with tempfile.TemporaryDirectory(prefix="kubesim-timeline-") as name:
        folder = Path(name)
        for file, text in (scenario.get("files") or {}).items():
            if Path(file).name != file:
                raise TimelineError(f"a file of the scenario must have a plain name, not {file!r}")
            (folder / file).write_text(text, encoding="utf-8")
        nodes = recorded_nodes(recording) or HOLLOW_NODES
        async with SimCluster(
            nodes, seed=seed, behavior=RECORDED, folder=folder, epoch=epoch, chance=chance, writes_policy=True
        ) as cluster:
            return await _Player(cluster, meta, opener, chance).play(folder)


def loop_phase(recording: Sequence[Object]) -> tuple[float, float]:
    """The period of a loop that showed in the recording, and a moment at which it ran.

    Pod garbage is collected every 20 s, and every 5 s the node controller looks; when they began is chance. All begin
    with the controller manager, so one tells of the others.
    """
    for line in recording:
        if (
            line.get("kind") == "Pod"
            and condition(line["object"], "DisruptionTarget").get("reason") == "DeletionByPodGC"
        ):
            return POD_GC_SECONDS, line["t"]
    for line in recording:
        if "lease_last" in line:
            return NODE_MONITOR_SECONDS, line["t"]
    return NODE_MONITOR_SECONDS, 0.0


def recorded_nodes(recording: Sequence[Object]) -> list[NodeConfig]:
    """The machines that were there when the recording began."""
    return [
        NodeConfig(
            name=line["name"],
            capacity=line["object"]["status"]["capacity"],
            allocatable=line["object"]["status"].get("allocatable"),
            labels=line["object"]["metadata"].get("labels") or {},
        )
        for line in recording
        if line.get("initial") and line["kind"] == "Node"
    ]


class _Player:
    """Takes the steps of one scenario and records."""

    def __init__(self, cluster: SimCluster, meta: Object, opener: Opener, chance: Chance) -> None:
        self.cluster = cluster
        self.meta = meta
        self.scenario = meta["scenario"]
        self.namespace = f"t-{self.scenario['name']}"
        self._namespaces = {self.namespace, *(self.scenario.get("namespaces") or ())}
        self._opener = opener
        self._chance = chance
        self._commands: Commands | None = None
        self._out = io.BytesIO()
        self._origin_ns = 0
        self._tasks: Tasks | None = None  # The life of fake nodes and their Pods, while the scenario is played.
        self._fake_nodes: dict[str, FakeNode] = {}
        self._writer: RecordingWriter | None = None

    async def play(self, folder: Path) -> list[Object]:
        """The lines of our recording."""
        await self._prepare()
        async with Tasks("fake-nodes") as tasks:
            self._tasks = tasks
            async with self._opener(self.cluster, folder, self.namespace) as commands:
                self._commands = commands
                return await self._play()

    async def _prepare(self) -> None:
        """Everything before t=0."""
        cluster = self.cluster
        if isinstance(self._chance, RecordedChance):
            self._chance.follow(cluster.sim.clock)
            cluster.observer.listen(self._chance.heard)
        await cluster.kubectl.run(f"create namespace {self.namespace}")
        cluster.kubectl.namespace = self.namespace
        await cluster.run_until(lambda: cluster.get(SERVICE_ACCOUNTS, f"{self.namespace}/default") is not None)
        if "start" in self.meta:
            await cluster.run_for((parse_timestamp_ns(self.meta["start"]) - cluster.sim.clock.unix_ns()) / 1e9)
        elif "align" in self.scenario:  # The second of a minute at which t=0 falls.
            await cluster.run_for((self.scenario["align"] - cluster.sim.clock.unix_ns() / 1e9) % 60)
        else:
            await cluster.run_for(1)
        self._origin_ns = cluster.sim.clock.now_ns()

    async def _play(self) -> list[Object]:
        cluster = self.cluster
        meta = {"scenario": self.scenario, "server": "v1.36.2", "start": cluster.sim.clock.micro_timestamp()}
        self._writer = RecordingWriter(self._out, cluster.sim.trace, meta)
        for change in cluster.observer.initial():
            self._record(msgspec.structs.replace(change, time_ns=self._origin_ns))
        cluster.observer.listen(self._record)
        for number, step in enumerate(self.scenario["steps"]):
            await asyncio.sleep(max(0.0, step["at"] - self._now_ns() / 1e9))
            cluster.observer.flush()
            self._writer.line(self._now_ns(), {"step": step, "n": number})
            with because(f"step {number}"):
                await self._take(number, step)
        await asyncio.sleep(max(0.0, self.scenario["until"] - self._now_ns() / 1e9))
        cluster.observer.flush()
        self._writer.line(self._now_ns(), {"end": True})
        self._out.seek(0)
        return list(decode_lines(self._out))

    async def _take(self, number: int, step: dict[str, Any]) -> None:
        try:
            if "kill_node" in step:
                self.cluster.faults.crash(step["kill_node"])
            elif "start_node" in step:
                self._start_node(step["start_node"])
            elif "fake_node" in step:
                await self._add_fake_node(step["fake_node"])
            elif "kubelet" in step:
                self._obey(step["kubelet"])
            elif "run" in step and step.get("bg"):
                assert self._tasks is not None, "steps are taken while the scenario is played"
                self._tasks.spawn(self._run(number, step["run"]), "background")
                return
            elif "run" in step:
                await self._run(number, step["run"])
                return
            else:
                raise TimelineError(f"a step of this kind is not known: {', '.join(sorted(step.keys() - {'at'}))}")
            self._ended(number, 0, "")
        except (TimelineError, UnknownTargetError, ApiError) as error:
            self._ended(number, FAILED, str(error), unplayed=True)

    async def _run(self, number: int, line: str) -> None:
        assert self._commands is not None, "steps are taken while the scenario is played"
        try:
            code, output = await self._commands.run(line)
        except KubectlError as error:
            self._ended(number, FAILED, str(error))
        except ShellError as error:
            self._ended(number, FAILED, str(error), unplayed=True)
        else:
            self._ended(number, code, output)

    def _ended(self, number: int, code: int, output: str, *, unplayed: bool = False) -> None:
        """Notes how a step ended. One that could not be played is no reason to leave out the rest."""
        assert self._writer is not None, "steps are taken while the scenario is played"
        self.cluster.observer.flush()
        line = {"n": number, "exit": code, "output": output}
        self._writer.line(self._now_ns(), {**line, "unplayed": True} if unplayed else line)

    def _obey(self, kubelet: dict[str, Any]) -> None:
        node = self._fake_nodes.get(kubelet["node"])
        if node is None:
            raise TimelineError(f"there is no fake node {kubelet['node']}")
        node.rules = [dict(rule) for rule in kubelet["rules"]]

    async def _add_fake_node(self, name: str) -> None:
        assert self._tasks is not None, "steps are taken while the scenario is played"
        node = self._fake_nodes[name] = FakeNode(self.cluster.client, self.cluster.sim.clock, name, self._tasks)
        self.cluster.observer.listen(node.heard)
        await node.register()

    def _start_node(self, name: str) -> None:
        """A machine that was killed comes back; one that nobody knows is new."""
        if name in self.cluster.faults.hosts:
            self.cluster.faults.restart(name)
        else:
            self.cluster.add_node(NodeConfig(name=name, capacity=HOLLOW_NODE))

    def _record(self, change: Change) -> None:
        """What the recorder of the real cluster kept: the namespace, all nodes, their events and leases."""
        space = change.new.namespace
        kept = space in self._namespaces or space == "kube-node-lease" or change.resource is NODES
        kept = kept or (change.kind == "Namespace" and change.new.name in self._namespaces)
        about = (change.object.get("involvedObject") or {}).get("kind")
        kept = kept or (change.kind == "Event" and space == "default" and about == "Node")
        kept = kept and (change.kind, change.new.name) != ("ConfigMap", "kube-root-ca.crt")
        if kept and self._writer is not None:
            self._writer.change(msgspec.structs.replace(change, time_ns=change.time_ns - self._origin_ns))

    def _now_ns(self) -> int:
        return self.cluster.sim.clock.now_ns() - self._origin_ns
