"""Plays the scenario of a recorded timeline on a simulated cluster, and returns our recording of it.

The recording carries its scenario: kubectl commands, and nodes that are killed and started. It was made on
four hollow nodes in a namespace of its own; so is ours.
"""

from __future__ import annotations

import asyncio
import io
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from kubesim.api.resources import NODES, SERVICE_ACCOUNTS
from kubesim.api.stored import Object
from kubesim.client.kubectl.command import KubectlError
from kubesim.cluster import SimCluster
from kubesim.fidelity.fake_node import FakeNode
from kubesim.fidelity.shell import Shell
from kubesim.kubelet import NodeConfig
from kubesim.recording import Change, RecordingWriter, decode_lines
from kubesim.sim import Tasks, because

HOLLOW_NODE = {"cpu": "1", "ephemeral-storage": "0", "memory": "3840Mi", "pods": "110"}


class TimelineError(Exception):
    """The recording holds a step that cannot be played."""


async def play_timeline(meta: Object, *, seed: int = 1) -> list[Object]:
    """Plays `meta["scenario"]` on the running SimLoop; returns the lines of our own recording."""
    scenario = meta["scenario"]
    nodes = [NodeConfig(name=f"node-{number}", capacity=HOLLOW_NODE) for number in range(1, 5)]
    with tempfile.TemporaryDirectory() as folder:
        for name, text in (scenario.get("files") or {}).items():
            (Path(folder) / name).write_text(text, encoding="utf-8")
        async with SimCluster(nodes, seed=seed, behavior="hollow", folder=Path(folder)) as cluster:
            return await _Player(cluster, meta).play()


class _Player:
    """Takes the steps of one scenario and records."""

    def __init__(self, cluster: SimCluster, meta: Object) -> None:
        self.cluster = cluster
        self.scenario = meta["scenario"]
        self.namespace = f"t-{self.scenario['name']}"
        self._namespaces = {self.namespace, *(self.scenario.get("namespaces") or ())}
        self._shell = Shell(cluster.kubectl)
        self._out = io.BytesIO()
        self._origin_ns = 0
        self._tasks: Tasks | None = None  # The life of fake nodes and their Pods, while the scenario is played.
        self._fake_nodes: dict[str, FakeNode] = {}
        self._writer: RecordingWriter | None = None

    async def play(self) -> list[Object]:
        async with Tasks("fake-nodes") as tasks:
            self._tasks = tasks
            return await self._play()

    async def _play(self) -> list[Object]:
        cluster = self.cluster
        await cluster.kubectl.run(f"create namespace {self.namespace}")
        cluster.kubectl.namespace = self.namespace
        await cluster.run_until(lambda: cluster.get(SERVICE_ACCOUNTS, f"{self.namespace}/default") is not None)
        await cluster.run_for(1)
        if "align" in self.scenario:  # The second of a minute at which t=0 falls.
            await cluster.run_for((self.scenario["align"] - cluster.sim.clock.unix_ns() / 1e9) % 60)
        self._origin_ns = cluster.sim.clock.now_ns()
        meta = {"scenario": self.scenario, "server": "v1.36.2", "start": cluster.sim.clock.timestamp()}
        self._writer = RecordingWriter(self._out, cluster.sim.trace, meta)
        for change in cluster.observer.initial():
            self._record(msgspec.structs.replace(change, time_ns=self._origin_ns))
        cluster.observer.listen(self._record)
        for number, step in enumerate(self.scenario["steps"]):
            await asyncio.sleep(max(0.0, step["at"] - self._now_ns() / 1e9))
            cluster.observer.flush()
            self._writer.line(self._now_ns(), {"step": step, "n": number})
            with because(f"step {number}"):
                await self._take(step)
        await asyncio.sleep(max(0.0, self.scenario["until"] - self._now_ns() / 1e9))
        cluster.observer.flush()
        self._writer.line(self._now_ns(), {"end": True})
        self._out.seek(0)
        return list(decode_lines(self._out))

    async def _take(self, step: dict[str, Any]) -> None:
        if "kill_node" in step:
            self.cluster.faults.crash(step["kill_node"])
        elif "start_node" in step:
            self._start_node(step["start_node"])
        elif "fake_node" in step:
            await self._add_fake_node(step["fake_node"])
        elif "kubelet" in step:
            self._fake_nodes[step["kubelet"]["node"]].rules = [dict(rule) for rule in step["kubelet"]["rules"]]
        elif "run" in step and step.get("bg"):
            assert self._tasks is not None, "steps are taken while the scenario is played"
            self._tasks.spawn(self._run_beside(step["run"]), "background")
        elif "run" in step:
            await self._shell.run(step["run"])
        else:
            raise TimelineError(f"a step of {self.scenario['name']} cannot be played: {sorted(step)}")

    async def _run_beside(self, line: str) -> None:
        """A command that the next steps do not wait for; what it could not finish is no failure."""
        with suppress(KubectlError):
            await self._shell.run(line)

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
