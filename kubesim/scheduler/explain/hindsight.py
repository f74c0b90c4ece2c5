"""An attempt of the past, explained now: the scheduler's view of that moment is put together again.

Nobody keeps tables of attempts that nobody asked about: at thousands of Pods a second that would be most of the work.
What an attempt saw can be found out later instead: its record says up to which revision the scheduler knew Pods and
Nodes, the store has every revision, and what was only assumed then (Pods whose binding was under way) is what earlier
records chose. So the same plugins are asked the same question again. What cannot be asked again are extenders, and
plugins of yours that remember things. Upstream has no such thing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from random import Random
from typing import Any, cast

from kubesim.api.meta import with_fields
from kubesim.api.resources import NODES, PODS, Resource
from kubesim.api.stored import Stored
from kubesim.api.views import Node
from kubesim.client.client import Client
from kubesim.client.informer import Informer
from kubesim.scheduler.cache import SchedulerCache
from kubesim.scheduler.config import SchedulerConfiguration
from kubesim.scheduler.explain.table import explain
from kubesim.scheduler.explain.wire import told
from kubesim.scheduler.framework.cycle_state import CycleState
from kubesim.scheduler.framework.handle import Handle
from kubesim.scheduler.framework.interface import Diagnosis
from kubesim.scheduler.framework.runtime import Framework
from kubesim.scheduler.framework.status import SUCCESS
from kubesim.scheduler.nominator import Nominator
from kubesim.scheduler.pod_info import PodInfo, PodShapes, profile_of
from kubesim.scheduler.preemption.candidates import DryRun
from kubesim.scheduler.snapshot import Snapshot
from kubesim.scheduler.witness import search
from kubesim.sim import Record

TERMINAL = ("Succeeded", "Failed")


class RecordedChance(Random):
    """Chance as it fell then."""

    def __init__(self, number: int) -> None:
        super().__init__(0)
        self._number = number

    def randrange(self, *_: Any, **__: Any) -> int:
        """The number that was drawn."""
        return self._number


class Hindsight:
    """The scheduler's view at one attempt. First `needs` is asked for, then `fill` is called with it."""

    def __init__(self, config: SchedulerConfiguration, attempt: Mapping[str, Any]) -> None:
        self._attempt = attempt
        self._informers: dict[Resource, Informer] = {}
        self._cache, self._snapshot, self._shapes = SchedulerCache(), Snapshot(), PodShapes()
        self._nominator = Nominator()
        chance = RecordedChance(attempt.get("offset", 0))
        handle = Handle(self._snapshot, cast("Client", None), self._informer, chance)  # Nothing is written.
        self._frameworks = {
            profile.scheduler_name: Framework(
                profile.scheduler_name,
                [(plugin.make(handle), plugin.weight) for plugin in profile.plugins],
                self._nominator,
                points=profile.points,
            )
            for profile in config.profiles
        }

    def needs(self) -> dict[Resource, int]:
        """Of which resources all objects are needed, and as of which revision."""
        pods, nodes = self._attempt["seen"]
        others = dict.fromkeys(self._informers, max(pods, nodes))
        return others | {PODS: pods, NODES: nodes}

    def fill(self, listed: Mapping[Resource, Sequence[Stored]], placed: Mapping[str, str]) -> None:
        """The objects of that moment; `placed` are Pods (by uid) that had been given a node, in that order.

        The order shows where preemption has to choose between Pods that are alike. A binding need not have been seen.
        """
        for resource, items in listed.items():
            if resource in self._informers:
                self._informers[resource].replace(items, 1)
        for stored in sorted(listed[NODES], key=_arrival):
            self._cache.set_node(stored.view(Node))
        order = {uid: number for number, uid in enumerate(placed)}
        for stored in sorted(listed[PODS], key=lambda stored: order.get(stored.uid, -1)):
            pod = self._shapes.pod_info(stored)
            if pod.uid == self._attempt["uid"] or pod.pod.status.phase in TERMINAL:
                continue
            place = pod.pod.spec.node_name or placed.get(pod.uid, "")
            if place:
                self._cache.add_pod(pod, place)
            else:
                self._nominator.read(pod)
        self._cache.update_snapshot(self._snapshot)

    def table(self, listed: Mapping[Resource, Sequence[Stored]]) -> dict[str, Any] | None:
        """The attempt's table; None if the Pod or its profile was not there then."""
        stored = next((stored for stored in listed[PODS] if stored.uid == self._attempt["uid"]), None)
        if stored is None:
            return None
        pod = self._shapes.pod_info(Stored(stored.revision, with_fields(stored.object, {"nodeName": None}, "spec")))
        framework = self._frameworks.get(profile_of(pod.pod))
        if framework is None or not len(self._snapshot):
            return None
        attempt, looked_at = self._attempt, None
        if "start" in attempt:
            looked_at = search(attempt["start"], attempt["evaluated"], len(self._snapshot))
        if pod.pod.status.nominated_node_name == attempt.get("chosen"):
            looked_at = [self._snapshot.index[attempt["chosen"]]]
        explanation = explain(framework, self._snapshot, pod, looked_at)
        dry_run = None if attempt.get("chosen") else self._dry_run(framework, pod)
        return told(explanation, dry_run, attempt.get("nominated", ""))

    def _dry_run(self, framework: Framework, pod: PodInfo) -> DryRun | None:
        """Preemption is tried again."""
        state, diagnosis = CycleState(), Diagnosis()
        narrowed = framework.run_pre_filter(state, pod, self._snapshot)
        diagnosis.absent_nodes_status = narrowed.status
        if narrowed.status is SUCCESS:
            for node in self._snapshot.nodes:
                if narrowed.node_names is None or node.name in narrowed.node_names:
                    diagnosis.add(node.name, framework.run_filters_with_nominated(state, pod, node))
        framework.run_post_filters(state, pod, self._snapshot, diagnosis)
        found: DryRun | None = state.read(DryRun.KEY)
        return found

    def _informer(self, resource: Resource) -> Informer:
        informer = self._informers.get(resource)
        if informer is None:
            informer = self._informers[resource] = Informer(resource)
        return informer


def placed_before(records: Iterable[Record], until: Record) -> dict[str, str]:
    """Pods by uid, and the nodes that they were given before `until`; not those whose binding had failed by then."""
    places: dict[str, str] = {}
    for record in records:
        if record is until:
            break
        if record.event == until.event:
            uid, node = record.fields["uid"], record.fields.get("chosen", "")
            if node:
                places[uid] = node
            else:
                places.pop(uid, None)
    return places


def _arrival(stored: Stored) -> tuple[str, int, str]:
    """The order in which nodes came, as far as their dates tell: node-2 before node-10 where they are alike."""
    return stored.object["metadata"].get("creationTimestamp", ""), len(stored.name), stored.name
