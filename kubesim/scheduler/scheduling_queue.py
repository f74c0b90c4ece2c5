"""Pods that wait for a node: active, backing off, unschedulable.

    new ─► active ─► (a cycle) ─► bound
             ▲            └─► unschedulable ──event that may help──► back-off ─► active
             └────────────────── 5 minutes at most ◄──┘

Gated Pods wait among the unschedulable until their gates are gone. Who helps whom is the plugins' knowledge:
each registers the cluster events that could change its verdict, with a hint function that looks closer.
Upstream: pkg/scheduler/backend/queue/scheduling_queue.go. Left out: metrics.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from kubesim.scheduler.backoff import INITIAL_BACKOFF_NS, MAX_BACKOFF_NS, NANOSECONDS, BackoffQueue
from kubesim.scheduler.extender import NAME as EXTENDER
from kubesim.scheduler.framework.cluster_event import ClusterEvent, Hint
from kubesim.scheduler.framework.runtime import Framework
from kubesim.scheduler.framework.status import SUCCESS
from kubesim.scheduler.in_flight import InFlight
from kubesim.scheduler.nominator import Nominator
from kubesim.scheduler.pod_info import PodInfo, profile_of
from kubesim.scheduler.queued_pod import Key, Place, PodHeap, QueuedPod
from kubesim.sim import CAUSES, Simulation, because, merge_causes

FLUSH_PERIOD_NS = 30 * NANOSECONDS
UNSCHEDULABLE_MAX_NS = 300 * NANOSECONDS


class SchedulingQueue:
    """The queue of one scheduler; `frameworks` are its profiles by name."""

    def __init__(
        self, sim: Simulation, frameworks: Mapping[str, Framework], *,
        initial_backoff_ns: int = INITIAL_BACKOFF_NS, max_backoff_ns: int = MAX_BACKOFF_NS,
        nominator: Nominator | None = None,
    ) -> None:  # fmt: skip
        self._sim = sim
        self.nominator = Nominator() if nominator is None else nominator
        self._frameworks = frameworks
        self._hints: dict[str, dict[ClusterEvent, dict[str, list[Hint]]]] = {
            profile: framework.hints() for profile, framework in frameworks.items()
        }
        self._listeners: dict[ClusterEvent, list[dict[str, list[Hint]]]] = {
            event: listeners
            for event in ClusterEvent
            if (listeners := [table[event] for table in self._hints.values() if event in table])
        }
        self._pods: dict[str, QueuedPod] = {}  # Every Pod that waits or is in flight, by uid.
        self._active = PodHeap(Place.ACTIVE, self._sort_key)
        self._backoff = BackoffQueue(
            sim.clock.unix_ns, self._sort_key, initial_ns=initial_backoff_ns, max_ns=max_backoff_ns
        )
        self.heeds_all_events = False  # With extenders: nobody knows what may change their mind.
        self._unschedulable: dict[str, QueuedPod] = {}
        self._in_flight = InFlight()
        self._waiter: asyncio.Future[None] | None = None
        self._backoff_timer_ns = 0
        self._flush_timer: asyncio.TimerHandle | None = None
        self._origin_ns = sim.clock.now_ns()

    # -- the scheduling loop --------------------------------------------------------------------------

    async def pop(self) -> QueuedPod:
        """Waits for the next Pod; idle, it takes a rejected one whose back-off has not ended."""
        while (queued := self._active.pop() or self._backoff.pop_early()) is None:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        queued.place = Place.IN_FLIGHT
        queued.attempts += 1
        queued.unschedulable_plugins, queued.pending_plugins = {}, {}
        self._in_flight.leave(queued.uid)
        return queued

    def done(self, uid: str) -> None:
        """The Pod is on its way to a node, or gone: nothing to wait for."""
        self._in_flight.arrive(uid)
        queued = self._pods.get(uid)
        if queued is not None and queued.place is Place.IN_FLIGHT:
            del self._pods[uid]

    def add_unschedulable(self, queued: QueuedPod) -> None:
        """A Pod comes back from a failed attempt; its plugins (none: an error) decide where it waits."""
        missed = list(self._in_flight.missed(queued.uid))
        self._in_flight.arrive(queued.uid)
        if queued.was_rejected:
            queued.unschedulable_count += 1
            queued.consecutive_errors = 0
        else:
            queued.consecutive_errors += 1
        queued.backoff_until_ns = 0
        queued.timestamp_ns = self._sim.clock.unix_ns()
        self._pods[queued.uid] = queued
        queued.place = Place.NOWHERE
        if not queued.was_rejected or any(self._may_help(queued, *event) for event in missed):
            self._requeue(queued)
        else:
            self._put_aside(queued)

    # -- what the informers say -----------------------------------------------------------------------

    def add(self, info: PodInfo) -> None:
        """A new Pod without a node."""
        queued = self._pods[info.uid] = QueuedPod(info, self._sim.clock.unix_ns())
        queued.causes = CAUSES.get()
        self.nominator.read(info)
        self._activate(queued)

    def update(self, old: PodInfo, new: PodInfo, events: Iterable[ClusterEvent]) -> None:
        """A waiting Pod changed; `events` says how, as far as plugins care."""
        queued = self._pods.get(new.uid)
        if queued is None:
            self.add(new)
            return
        queued.info = new
        self.nominator.update(old, new)
        for event in events:
            if queued.place is Place.IN_FLIGHT:
                self._in_flight.note(event, old, new)
            elif queued.place is Place.UNSCHEDULABLE and self._may_help(queued, event, old, new):
                self._note_causes(queued)
                self._requeue(queued)

    def delete(self, uid: str) -> None:
        """A waiting Pod is gone, or somebody gave it a node."""
        self.nominator.forget(uid)
        queued = self._pods.pop(uid, None)
        if queued is not None:
            self._take_out(queued)
            self._in_flight.arrive(uid)

    def activate(self, uid: str) -> None:
        """Brings a Pod to the active queue at once, whatever it waits for but a gate."""
        queued = self._pods.get(uid)
        if queued is not None and queued.place not in (Place.ACTIVE, Place.IN_FLIGHT):
            self._activate(queued)

    def move(self, event: ClusterEvent, old: Any, new: Any, *, priority_max: int | None = None) -> None:
        """Something happened: wakes the Pods (up to a priority) whose plugins say that it may help them."""
        listeners = self._listeners.get(event)
        if listeners is None:
            return
        self._in_flight.note(event, old, new)
        for queued in list(self._unschedulable.values()):
            if queued.gating_plugin and not any(queued.gating_plugin in plugins for plugins in listeners):
                continue
            if priority_max is not None and queued.info.priority > priority_max:
                continue
            if self._may_help(queued, event, old, new):
                self._note_causes(queued)
                self._requeue(queued)

    # -- looking --------------------------------------------------------------------------------------

    def get(self, uid: str) -> QueuedPod | None:
        """The Pod, if it waits here or is in flight."""
        return self._pods.get(uid)

    def __len__(self) -> int:
        return len(self._pods)

    def count(self, place: Place) -> int:
        """How many Pods wait in one place."""
        return sum(queued.place is place for queued in self._pods.values())

    # -- moving Pods ----------------------------------------------------------------------------------

    def _may_help(self, queued: QueuedPod, event: ClusterEvent, old: Any, new: Any) -> bool:
        """Whether a plugin that rejected the Pod thinks that it should be tried again."""
        if not queued.was_rejected or (self.heeds_all_events and EXTENDER in queued.unschedulable_plugins):
            return True
        plugins = self._hints[profile_of(queued.info.pod)].get(event)
        if plugins is None:
            return False
        return any(
            _says_yes(hint, queued.info, old, new)
            for rejector in (*queued.unschedulable_plugins, *queued.pending_plugins)
            for hint in plugins.get(rejector, ())
        )

    def _requeue(self, queued: QueuedPod) -> None:
        """To the active queue, or to back-off while its time has not come."""
        if self._backoff.is_backing_off(queued):
            self._back_off(queued)
        else:
            self._activate(queued)

    def _activate(self, queued: QueuedPod) -> None:
        if self._is_open(queued):
            self._take_out(queued)
            self._active.push(queued)
            self._wake()

    def _back_off(self, queued: QueuedPod) -> None:
        if self._is_open(queued):
            self._take_out(queued)
            self._backoff.push(queued)
            self._set_backoff_timer()
            self._wake()

    def _is_open(self, queued: QueuedPod) -> bool:
        """Asks the PreEnqueue plugins; a gated Pod is put aside."""
        status = self._framework(queued).run_pre_enqueue(queued.info)
        if status is SUCCESS:
            queued.gating_plugin = ""
            return True
        queued.gating_plugin = status.plugin
        queued.unschedulable_plugins[status.plugin] = None
        if queued.place is not Place.UNSCHEDULABLE:
            self._take_out(queued)
            self._put_aside(queued)
        return False

    def _put_aside(self, queued: QueuedPod) -> None:
        queued.place = Place.UNSCHEDULABLE
        self._unschedulable[queued.uid] = queued
        self._set_flush_timer()

    def _take_out(self, queued: QueuedPod) -> None:
        match queued.place:
            case Place.ACTIVE:
                self._active.remove(queued)
            case Place.BACKOFF | Place.ERROR_BACKOFF:
                self._backoff.remove(queued)
            case Place.UNSCHEDULABLE:
                del self._unschedulable[queued.uid]
            case Place.NOWHERE | Place.IN_FLIGHT:
                pass
        queued.place = Place.NOWHERE

    def _framework(self, queued: QueuedPod) -> Framework:
        return self._frameworks[profile_of(queued.info.pod)]

    def _sort_key(self, queued: QueuedPod) -> Key:
        """Where the Pod stands. A plugin that fails leaves it where PrioritySort would; its next attempt tells."""
        key, problem = self._framework(queued).run_queue_sort(queued.info, queued.timestamp_ns)
        queued.sort_problem = problem
        return key

    def _note_causes(self, queued: QueuedPod) -> None:
        queued.causes = merge_causes((*queued.causes, *CAUSES.get()))

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # -- timers: set only while somebody waits for them -------------------------------------------------

    def _set_backoff_timer(self) -> None:
        when_ns = self._backoff.next_ns()
        if when_ns is None or (self._backoff_timer_ns and self._backoff_timer_ns <= when_ns):
            return
        self._backoff_timer_ns = when_ns
        clock = self._sim.clock
        self._sim.loop.call_at_ns(clock.now_ns() + max(0, when_ns - clock.unix_ns()), self._flush_backoff)

    def _flush_backoff(self) -> None:
        """Back-off of some Pods has ended."""
        self._backoff_timer_ns = 0
        with because("timer scheduler/back-off"):
            for queued in self._backoff.pop_completed():
                self._activate(queued)
        self._set_backoff_timer()

    def _set_flush_timer(self) -> None:
        if self._flush_timer is None:
            now_ns = self._sim.clock.now_ns()
            periods = (now_ns - self._origin_ns) // FLUSH_PERIOD_NS + 1
            when_ns = self._origin_ns + periods * FLUSH_PERIOD_NS
            self._flush_timer = self._sim.loop.call_at_ns(when_ns, self._flush_unschedulable)

    def _flush_unschedulable(self) -> None:
        """Every 30 s: whoever has waited for more than 5 minutes is tried again, hints or not."""
        self._flush_timer = None
        now_ns = self._sim.clock.unix_ns()
        with because("timer scheduler/unschedulable-flush"):
            for queued in list(self._unschedulable.values()):
                if now_ns - queued.timestamp_ns > UNSCHEDULABLE_MAX_NS:
                    self._note_causes(queued)
                    self._requeue(queued)
        if self._unschedulable:
            self._set_flush_timer()


def _says_yes(hint: Hint, pod: PodInfo, old: Any, new: Any) -> bool:
    """What a plugin's hint says. One that fails may have missed the event that counts: the Pod is tried."""
    try:
        return hint(pod, old, new)
    except Exception:
        return True
