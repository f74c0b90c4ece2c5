"""Translates what the informers say into changes of the cache and of the queue.

A Pod is one of three things to the scheduler: waiting (no node, one of our profiles), assigned (it takes up
room on a node), or nothing (ended, gone, or another scheduler's). A watch event moves it between them.
Upstream: pkg/scheduler/eventhandlers.go.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from kubesim.api.stored import Stored
from kubesim.api.views import Node, Pod
from kubesim.client.informer import Informer
from kubesim.scheduler.cache import SchedulerCache
from kubesim.scheduler.changes import assigned_pod_changes, node_changes, waiting_pod_changes
from kubesim.scheduler.framework.cluster_event import ClusterEvent
from kubesim.scheduler.pod_info import DEFAULT_SCHEDULER_NAME, PodInfo, PodShapes
from kubesim.scheduler.scheduling_queue import SchedulingQueue

TERMINAL_PHASES = ("Succeeded", "Failed")


class EventHandlers:
    """Listens to Pods and Nodes. `profiles` are the scheduler names that are ours."""

    def __init__(
        self, cache: SchedulerCache, queue: SchedulingQueue, shapes: PodShapes, profiles: Collection[str]
    ) -> None:
        self._cache = cache
        self._queue = queue
        self._shapes = shapes
        self._profiles = profiles

    def listen(self, pods: Informer, nodes: Informer) -> None:
        """Registers with the informers."""
        pods.add_handler(on_add=self.pod_added, on_update=self.pod_updated, on_delete=self.pod_deleted)
        nodes.add_handler(on_add=self.node_added, on_update=self.node_updated, on_delete=self.node_deleted)

    def listen_volumes(
        self, claims: Informer, volumes: Informer, classes: Informer, csi_nodes: Informer, capacities: Informer
    ) -> None:  # fmt: skip
        """Registers with the informers of what volumes are made of."""
        for informer, event in (
            (claims, ClusterEvent.CLAIM_CHANGE),
            (volumes, ClusterEvent.VOLUME_CHANGE),
            (csi_nodes, ClusterEvent.CSI_NODE_CHANGE),
            (capacities, ClusterEvent.STORAGE_CAPACITY_CHANGE),
        ):
            informer.add_handler(
                on_add=partial(self._queue.move, event, None), on_update=partial(self._queue.move, event)
            )
        classes.add_handler(
            on_add=partial(self._queue.move, ClusterEvent.STORAGE_CLASS_ADD, None),
            on_update=partial(self._queue.move, ClusterEvent.STORAGE_CLASS_UPDATE),
        )

    # -- nodes ----------------------------------------------------------------------------------------

    def node_added(self, stored: Stored) -> None:
        """A new node may be what some Pod waits for."""
        node = stored.view(Node)
        self._cache.set_node(node)
        self._queue.move(ClusterEvent.NODE_ADD, None, node)

    def node_updated(self, old: Stored, new: Stored) -> None:
        """Labels, taints or capacity may have changed for the better."""
        before, after = old.view(Node), new.view(Node)
        self._cache.set_node(after)
        for event in node_changes(before, after):
            self._queue.move(event, before, after)

    def node_deleted(self, stored: Stored) -> None:
        """Its Pods stay counted until they are gone."""
        self._cache.remove_node(stored.name)
        self._queue.move(ClusterEvent.NODE_DELETE, stored.view(Node), None)

    # -- Pods -----------------------------------------------------------------------------------------

    def pod_added(self, stored: Stored) -> None:
        """A Pod that was not there before."""
        if is_assigned(stored):
            self._assign(self._shapes.pod_info(stored))
        elif self._is_ours(stored):
            self._queue.add(self._shapes.pod_info(stored))

    def pod_updated(self, old: Stored, new: Stored) -> None:
        """A Pod changed, perhaps into another of the three things."""
        if is_assigned(new):
            self._assigned_pod_updated(new, was_assigned=is_assigned(old))
        elif is_assigned(old) or not self._is_ours(new):
            self.pod_deleted(old)
        else:
            self._waiting_pod_updated(old, new)

    def pod_deleted(self, stored: Stored) -> None:
        """Gone or ended: it frees its place, or needs none any more."""
        pod = stored.view(Pod)
        uid = pod.metadata.uid or stored.key
        waiting = self._queue.get(uid)
        self._queue.delete(uid)
        gone = self._cache.pod(uid)
        if gone is not None:
            self._cache.remove_pod(uid)
            self._queue.move(ClusterEvent.ASSIGNED_POD_DELETE, gone, None)
        elif waiting is not None and pod.status.nominated_node_name:
            self._promise_ended(waiting.info)

    def _assign(self, info: PodInfo) -> None:
        self._cache.add_pod(info, info.stored.object["spec"]["nodeName"])
        self._queue.move(ClusterEvent.ASSIGNED_POD_ADD, None, info)

    def _assigned_pod_updated(self, stored: Stored, *, was_assigned: bool) -> None:
        uid = stored.uid or stored.key
        known = self._cache.pod(uid)
        info = self._shapes.pod_info(stored, known)
        if not was_assigned:
            self._queue.delete(uid)
            self._assign(info)
            return
        self._cache.add_pod(info, info.stored.object["spec"]["nodeName"])
        for event in assigned_pod_changes(known, info) if known else ():
            self._queue.move(event, known, info)

    def _waiting_pod_updated(self, old: Stored, new: Stored) -> None:
        uid = new.uid or new.key
        if self._cache.is_assumed(uid):
            return  # On its way to a node already.
        queued = self._queue.get(uid)
        before = queued.info if queued else self._shapes.pod_info(old)
        info = self._shapes.pod_info(new, before)
        self._queue.update(before, info, waiting_pod_changes(before, info))
        promised = before.promised_node
        if promised and promised != info.promised_node:
            self._promise_ended(before)

    def _promise_ended(self, pod: PodInfo) -> None:
        """To those that had to make way for the Pod it is as if it had left the node."""
        self._queue.move(ClusterEvent.ASSIGNED_POD_DELETE, pod, None, priority_max=pod.priority)

    def _is_ours(self, stored: Stored) -> bool:
        name = stored.object["spec"].get("schedulerName") or DEFAULT_SCHEDULER_NAME
        return name in self._profiles and not has_ended(stored)


def is_assigned(stored: Stored) -> bool:
    """Whether the Pod takes up room on a node; one that has ended does not."""
    return bool(stored.object["spec"].get("nodeName")) and not has_ended(stored)


def has_ended(stored: Stored) -> bool:
    """Whether all its containers have ended for good."""
    status = stored.object.get("status")
    return status is not None and status.get("phase") in TERMINAL_PHASES
