"""kube-scheduler: gives every Pod without a node one.

It is a client like any other: it watches Pods and Nodes, decides, and posts Bindings. Of several schedulers
only the one that holds the lease kube-system/kube-scheduler decides; the others keep their caches warm.
Upstream: cmd/kube-scheduler, pkg/scheduler/scheduler.go.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from kubesim.api.meta import with_fields
from kubesim.api.resources import (
    CSI_NODES,
    CSI_STORAGE_CAPACITIES,
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    PODS,
    STORAGE_CLASSES,
)
from kubesim.api.stored import Stored
from kubesim.client.client import Client
from kubesim.client.events import EventRecorder
from kubesim.client.informer import Informer, Informers
from kubesim.client.leader_election import LeaderElector
from kubesim.scheduler.algorithm import SchedulingAlgorithm
from kubesim.scheduler.backoff import NANOSECONDS
from kubesim.scheduler.cache import SchedulerCache
from kubesim.scheduler.config import SchedulerConfiguration
from kubesim.scheduler.cycle import Cycle
from kubesim.scheduler.event_handlers import EventHandlers
from kubesim.scheduler.extended import Extenders
from kubesim.scheduler.extender import make_extender
from kubesim.scheduler.framework.handle import Handle
from kubesim.scheduler.framework.runtime import Framework
from kubesim.scheduler.nominator import Nominator
from kubesim.scheduler.pod_info import PodShapes, profile_of
from kubesim.scheduler.preemption.executor import PreemptionExecutor
from kubesim.scheduler.preemption.preempting import Preempting
from kubesim.scheduler.queued_pod import Place
from kubesim.scheduler.scheduling_queue import SchedulingQueue
from kubesim.scheduler.snapshot import Snapshot
from kubesim.scheduler.witness import Witness
from kubesim.scheduler.writes import Writes
from kubesim.sim import CAUSES, Simulation, Tasks

if TYPE_CHECKING:
    from kubesim.scheduler.explain import Explanation

NAME = "kube-scheduler"
# A Pod that finds no node takes longer: victims are looked for. So news that is under way is there for the next one.
TURNS_AFTER_FAILURE = 3
NOT_TERMINAL = "status.phase!=Succeeded,status.phase!=Failed"


class Scheduler:
    """One scheduler process. `cache`, `queue` and `algorithm` may be looked at, for tests and explanations."""

    def __init__(self, sim: Simulation, client: Client, *, config: SchedulerConfiguration | None = None) -> None:
        self.config = config or SchedulerConfiguration()
        self._sim = sim
        self._client = client
        self.informers = Informers(sim, client)
        snapshot, nominator = Snapshot(), Nominator()
        self._preempting = Preempting(lambda key: self._pods().get(key))
        handle = Handle(
            snapshot, client, self.informers.of, sim.chance.stream("scheduler/preemption"), self._preempting,
            lambda key: self._pods().get(key),
            sim.chance.recorded_node,
        )  # fmt: skip
        self.frameworks = {
            profile.scheduler_name: Framework(
                profile.scheduler_name,
                [(plugin.make(handle), plugin.weight) for plugin in profile.plugins],
                nominator,
                points=profile.points,
                percentage_of_nodes_to_score=profile.percentage_of_nodes_to_score,
            )
            for profile in self.config.profiles
        }
        self.shapes = PodShapes()
        self.cache = SchedulerCache()
        self.queue = SchedulingQueue(
            sim, self.frameworks,
            initial_backoff_ns=self.config.pod_initial_backoff_seconds * NANOSECONDS,
            max_backoff_ns=self.config.pod_max_backoff_seconds * NANOSECONDS,
            nominator=nominator,
        )  # fmt: skip
        self.algorithm = SchedulingAlgorithm(
            snapshot, sim.chance.stream("scheduler"),
            percentage_of_nodes_to_score=self.config.percentage_of_nodes_to_score,
            recorded_node=sim.chance.recorded_node,
        )  # fmt: skip
        self.extenders = Extenders([make_extender(each, self._find_node) for each in self.config.extenders])
        self.queue.heeds_all_events = bool(len(self.extenders))
        self.algorithm.extenders_choose = any(
            each.filter_verb or each.prioritize_verb for each in self.config.extenders
        )
        self.handlers = EventHandlers(self.cache, self.queue, self.shapes, self.frameworks)
        self._recorders = {
            name: EventRecorder(sim, client, name, host=self.config.host, style="events") for name in self.frameworks
        }

    async def run(self) -> None:
        """Schedules until cancelled (or until the lease is lost)."""
        pods = self._pods()
        self.handlers.listen(pods, self.informers.of(NODES))
        of_volumes = (
            PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, STORAGE_CLASSES, CSI_NODES, CSI_STORAGE_CAPACITIES,
        )  # fmt: skip
        self.handlers.listen_volumes(*(self.informers.of(resource) for resource in of_volumes))
        async with Tasks("scheduler") as tasks:
            tasks.spawn(self.informers.run(), "informers")
            for name, recorder in self._recorders.items():
                tasks.spawn(recorder.run(), f"events-{name}")
            await self.informers.wait_synced()
            if not self.config.leader_elect:
                await self._lead()
            random = self._sim.chance.stream(f"{NAME}/{self.config.host}")
            identity = f"{self.config.host}_{random.getrandbits(64):016x}"
            elector = LeaderElector(
                self._sim, self._client, name=NAME, identity=identity, releases=self.config.releases_lease
            )
            await elector.run(self._lead)

    def explain(self, key: str) -> Explanation | None:
        """The table for the Pod "namespace/name" as things stand; None if it is not ours, not known or has ended.

        A Pod that has its node is asked about as if it had none.
        """
        stored = self._pods().get(key)
        if stored is None:
            return None
        undecided = with_fields(stored.object, {"nodeName": None}, "spec")
        info = self.shapes.pod_info(Stored(stored.revision, undecided))
        framework = self.frameworks.get(profile_of(info.pod))
        if framework is None:
            return None
        from kubesim.scheduler.explain import explain

        self.cache.update_snapshot(self.algorithm.snapshot)
        return explain(framework, self.algorithm.snapshot, info)

    def _find_node(self, name: str) -> Stored | None:
        return self.informers.of(NODES).get(name)

    def _pods(self) -> Informer:
        return self.informers.of(PODS, field_selector=NOT_TERMINAL)

    async def _lead(self) -> None:
        """One Pod after another, as the leader."""
        self._recover()
        async with Tasks("scheduler") as tasks:
            writes = Writes(tasks, self.config.parallel_writes)
            executor = PreemptionExecutor(
                self._sim, self._client, preempting=self._preempting, nominator=self.queue.nominator,
                recorder_of=lambda pod: self._recorders[profile_of(pod.pod)], activate=self.queue.activate,
            )  # fmt: skip
            cycle = Cycle(
                self._sim, self._client, cache=self.cache, queue=self.queue, shapes=self.shapes,
                pods=self._pods(), nodes=self.informers.of(NODES), algorithm=self.algorithm,
                frameworks=self.frameworks, recorders=self._recorders, writes=writes,
                executor=executor, extenders=self.extenders,
                witness=Witness(
                    self._sim.trace, self._client, self.algorithm, self._pods(), annotates=self.config.annotates,
                    has_extenders=bool(self.config.extenders),
                ),
            )  # fmt: skip
            while True:
                await writes.room()
                queued = await self.queue.pop()
                CAUSES.set(queued.causes)
                if len(self.extenders):
                    await cycle.schedule_one_with_extenders(queued)
                else:
                    cycle.schedule_one(queued)
                for _ in range(1 if self.cache.place_of(queued.info.uid) else TURNS_AFTER_FAILURE):
                    await asyncio.sleep(0)  # Lets informers and writers go on between two Pods.

    def _recover(self) -> None:
        """Leading anew after the lease was lost: what was under way then is decided afresh."""
        for stored in self._pods().list():
            uid = stored.uid or stored.key
            queued = self.queue.get(uid)
            if self.cache.is_assumed(uid) or (queued is not None and queued.place is Place.IN_FLIGHT):
                self.cache.forget(uid)
                self.queue.delete(uid)
                self.handlers.pod_added(stored)
