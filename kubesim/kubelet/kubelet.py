"""The kubelet: the agent on every node that makes Pods real.

It registers its node, says every 10 s that it is alive, watches the Pods that are bound to it, and brings each
from "bound" to "gone" (`pod_workers.py`). All it knows of the cluster is a client; all it knows of containers
is the runtime's CRI. The runtime belongs to the machine and outlives the kubelet: a kubelet that crashes and
comes back finds its containers running.

A crashed kubelet is this `run` cancelled while the network swallows whatever it still says.
Upstream: pkg/kubelet/kubelet.go.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from kubesim.api.quantity import value
from kubesim.api.resources import NODES, PODS
from kubesim.api.stored import Stored
from kubesim.api.views import Node
from kubesim.client.client import Client
from kubesim.client.events import WARNING, EventRecorder
from kubesim.client.informer import Informers
from kubesim.kubelet.admission import Admission
from kubesim.kubelet.container_killer import ContainerKiller
from kubesim.kubelet.container_starter import ContainerStarter
from kubesim.kubelet.eviction import EvictionManager
from kubesim.kubelet.hooks import HookRunner
from kubesim.kubelet.image_gc import ImageGarbageCollector
from kubesim.kubelet.image_manager import ImageManager
from kubesim.kubelet.lease import NodeLease
from kubesim.kubelet.live_programs import LivePrograms
from kubesim.kubelet.mounted_files import MountedFiles
from kubesim.kubelet.node_config import NodeConfig
from kubesim.kubelet.node_reporter import NodeReporter
from kubesim.kubelet.node_shutdown import NodeShutdown
from kubesim.kubelet.pod_events import PodEvents
from kubesim.kubelet.pod_state import PodState
from kubesim.kubelet.pod_syncer import PodSyncer
from kubesim.kubelet.pod_workers import PodWorkers
from kubesim.kubelet.probes import ProbeManager
from kubesim.kubelet.pull_secrets import PullSecrets
from kubesim.kubelet.resize import Resizer
from kubesim.kubelet.runtime import RUNTIMES, Registries, SimulatedRuntime
from kubesim.kubelet.runtime.behaviour import PROFILES, Profile
from kubesim.kubelet.runtime.cri import ContainerRuntime
from kubesim.kubelet.runtime_state import RuntimeState
from kubesim.kubelet.server import KubeletServer
from kubesim.kubelet.static_pods import StaticPods
from kubesim.kubelet.status_manager import StatusManager
from kubesim.kubelet.surroundings import SurroundingsMaker
from kubesim.kubelet.volume_sources import VolumeSources
from kubesim.kubelet.volumes import VolumeManager
from kubesim.sim import Simulation, Tasks

SHUTDOWN_SECONDS = 2.0
# Until the sync loop finds the runtime and its PLEG healthy: it looks again after 0.1, 0.2 and 0.4 s.
SYNC_LOOP_SECONDS = 0.7


class Kubelet:
    """The agent of one node. Make a new one for every start; hand it the machine's `runtime`.

    `behavior` ("plausible", "hollow" or a `Profile`) is only used to make a runtime when none is given.
    """

    def __init__(
        self,
        sim: Simulation,
        client: Client,
        node: NodeConfig,
        *,
        behavior: str | Profile = "plausible",
        runtime: ContainerRuntime | None = None,
    ) -> None:
        self.node = node
        self.runtime = runtime if runtime is not None else make_runtime(sim, node, behavior)
        self._sim = sim
        self._random = sim.chance.stream(f"kubelet/{node.name}")
        self._tasks = Tasks(f"kubelet/{node.name}")
        self.informers = Informers(sim, client)
        self._recorder = EventRecorder(sim, client, "kubelet", host=node.name)
        events = PodEvents(self._recorder, enabled=self.runtime.emits_events)
        self._statuses = StatusManager(sim, client, self._tasks)
        files = MountedFiles(sim.clock)
        surroundings = SurroundingsMaker(client, node.internal_ip(), node.name, files)
        self._volumes = VolumeManager(sim, VolumeSources(client, self.runtime.socket, files), events)
        images = ImageManager(sim, self.runtime, events, PullSecrets(client, events), node)
        hooks = HookRunner(sim, self.runtime, surroundings, node.name)
        killer = ContainerKiller(sim, self.runtime, events, hooks)
        starter = ContainerStarter(sim, self.runtime, events, images, surroundings, hooks, killer)
        self._syncer = PodSyncer(
            sim, self.runtime, self._statuses, events, node.internal_ip(), starter, killer, self._volumes
        )
        self._admission = Admission(node)
        self._workers = PodWorkers(sim, self._tasks, self._syncer, self._admission)
        self._probes = ProbeManager(
            sim, self.runtime, events, self._random,
            on_readiness=self._syncer.publish, on_attention=self._workers.wake,
        )  # fmt: skip
        self._syncer.probes = self._probes
        self._state = RuntimeState(
            sim, self.runtime, on_usable=self._workers.resume, on_collection_failed=self._collection_failed
        )
        self._images = ImageGarbageCollector(sim, self.runtime, node, self._warn)
        self._syncer.state = self._workers.state = self._state
        self._eviction = EvictionManager(
            sim, self.runtime, node, events, self._workers.pods.values, self._workers.kill, self._warn,
            lambda: self._reporter.hurry(), self._images.free,
        )  # fmt: skip
        self._workers.refuse = self._refuse
        self._workers.resizer = Resizer(self.runtime, self._admission, events)
        self._reporter = NodeReporter(
            sim, client, self._recorder, node, self.runtime, self._random, self._state,
            lambda: self._eviction.conditions, self._volumes.in_use,
        )  # fmt: skip
        self._server = KubeletServer(
            sim, self.runtime, surroundings, lambda: self._workers.pods.values(), self._tasks, node
        )
        self._shutdown = NodeShutdown(sim, node, self._workers, self._reporter)
        self._static = StaticPods(
            sim, client, self._tasks, node, self._workers, self._statuses,
            lambda: self._lease.node.uid if self._lease.node is not None else "",
        )  # fmt: skip
        self._lease = NodeLease(sim, client, node.name, self._random)

    @property
    def pods(self) -> dict[str, PodState]:
        """The Pods on this node by UID, as the kubelet sees them. Read only."""
        return self._workers.pods

    async def run(self) -> None:
        """Works until cancelled."""
        name = self.node.name
        unsubscribe = self.runtime.subscribe(self._workers.container_changed)
        forget_programs = self.runtime.subscribe(
            LivePrograms(self._sim, self.runtime, name, self._server.around_of).changed
        )
        self._state.start()
        if self.runtime.emits_events:  # A hollow node has nothing that could run out.
            self._images.start()
            self._eviction.start()
        try:
            self._tasks.spawn(self._recorder.run(), "events")
            self._reporter.event("Starting", "Starting kubelet.")
            self._static.start()  # They run even if nobody answers.
            self._lease.node = await self._reporter.register()
            self._reporter.event("NodeAllocatableEnforced", "Updated Node Allocatable limit across pods")
            self._tasks.spawn(self._lease.run(), "lease")
            self._tasks.spawn(self._reporter.run(), "node-status")
            if not self._reporter.is_new:  # A new node has no Pods that could wait for it.
                await asyncio.sleep(SYNC_LOOP_SECONDS)
            pods = self.informers.of(PODS, field_selector=f"spec.nodeName={name}")
            pods.add_handler(on_add=self._add_pod, on_update=self._update_pod, on_delete=self._remove_pod)
            node = self.informers.of(NODES, field_selector=f"metadata.name={name}")
            node.add_handler(on_add=self._see_node, on_update=lambda _, new: self._see_node(new))
            self._tasks.spawn(self.informers.run(), "informers")
            await pods.wait_synced()
            self._sim.network.attach(f"kubelet/{name}", name, self._server.handle)
            self._static.make_mirrors()
            self._workers.remove_orphans(self.runtime)
            await self._sim.loop.create_future()
        finally:
            unsubscribe()
            forget_programs()
            self._state.stop()
            self._images.stop()
            self._eviction.stop()
            self._workers.stop()
            self._statuses.stop()
            self._probes.stop()
            await self._tasks.stop()

    def _add_pod(self, stored: Stored) -> None:
        if self._static.takes(stored):
            self._static.see(stored)
        else:
            self._workers.add(stored)

    def _update_pod(self, old: Stored, new: Stored) -> None:
        if self._static.takes(new):
            self._static.see(new)
        else:
            self._workers.update(old, new)

    def _remove_pod(self, stored: Stored) -> None:
        if self._static.takes(stored):
            self._static.gone(stored)
        else:
            self._workers.remove(stored)

    def _see_node(self, node: Stored) -> None:
        self._reporter.see(node)
        for uid in self._volumes.see_attached(node.object):
            if uid in self._workers.pods:
                self._workers.wake(self._workers.pods[uid])
        self._admission.see(node.view(Node))
        if pod_cidr := node.object["spec"].get("podCIDR"):
            self.runtime.update_pod_cidr(pod_cidr)

    def _warn(self, reason: str, message: str) -> None:
        self._reporter.event(reason, message, WARNING)

    def _collection_failed(self, message: str) -> None:
        self._warn("ContainerGCFailed", message)

    def _refuse(self, pod: PodState) -> tuple[str, str] | None:
        return self._shutdown.admit(pod) or self._eviction.admit(pod)

    async def shut_down_node(self) -> None:
        """The machine is told to shut down: ends the Pods first, if it is configured to."""
        await self._shutdown.run()
        with suppress(TimeoutError):
            async with asyncio.timeout(SHUTDOWN_SECONDS):
                await self._statuses.flush()
                await self._recorder.flush()

    async def shutdown(self) -> None:
        """SIGTERM: it writes the events that it still has and ends; its containers go on running."""
        with suppress(TimeoutError):
            async with asyncio.timeout(SHUTDOWN_SECONDS):
                await self._recorder.flush()


def make_runtime(
    sim: Simulation, node: NodeConfig, behavior: str | Profile, registries: Registries | None = None
) -> SimulatedRuntime:
    """The runtime of a machine; it must be kept over restarts of its kubelet."""
    profile = PROFILES[behavior] if isinstance(behavior, str) else behavior
    kind = RUNTIMES[node.runtime]
    images = node.images if not profile.pulls_images else (kind.pause_image, *node.images)
    return kind(
        sim, node.name, profile, pod_cidr=node.pod_network(), present_images=images, registries=registries,
        disk_bytes=value(node.capacity.get("ephemeral-storage", "62Gi")),
    )  # fmt: skip


def make_registries(behavior: str | Profile) -> Registries:
    """The registries of a cluster whose containers behave so."""
    profile = PROFILES[behavior] if isinstance(behavior, str) else behavior
    return Registries(profile.missing_images)
