"""Drives Pods off nodes that bear a NoExecute taint, when their tolerations run out.

A Pod without a matching toleration goes at once; one that tolerates for 300 s (every Pod, unless it says
otherwise: the apiserver's DefaultTolerationSeconds adds it) goes 300 s after the taint was noticed, unless the taint
goes first. "Goes" means an ordinary delete: on a dead node nobody ends the Pod, so it stays Terminating.
Upstream: pkg/controller/tainteviction.
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from kubesim.api.errors import ApiError, TransportError
from kubesim.api.resources import NODES, PODS
from kubesim.api.stored import Object, Stored
from kubesim.api.views import Node, Pod, Taint
from kubesim.client.workqueue import WorkQueue
from kubesim.controllers.controller import Controller, ControllerContext
from kubesim.controllers.pod_conditions import disruption_target, status_patch, with_pod_condition
from kubesim.controllers.pod_index import NODE_INDEX, node_name, pods_by_node
from kubesim.controllers.taints import no_execute, stay_seconds
from kubesim.sim import Tasks

DELETE_TRIES_MAX = 5
DELETE_RETRY_SECONDS = 0.01
DELETE_WORKERS = 8


class Eviction(NamedTuple):
    """A Pod's deletion: since when it counts, and its timer; without one it is under way or done."""

    since_ns: int
    timer: asyncio.TimerHandle | None


class TaintEvictionController(Controller):
    """Keeps a timer for each Pod that may stay only for a while. The queue holds names of nodes and keys of Pods."""

    name = "taint-eviction-controller"
    workers = 8

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context)
        self._tainted: dict[str, tuple[Taint, ...]] = {}
        self._evictions: dict[str, Eviction] = {}
        self._deletions: WorkQueue[str] = WorkQueue(self.sim, f"{self.name}/deletions")
        self._nodes = self.informers.of(NODES)
        self._pods = pods_by_node(self.informers)
        self._nodes.add_handler(on_add=self._node_added, on_update=self._node_updated, on_delete=self.enqueue)
        self._pods.add_handler(on_add=self._pod_added, on_update=self._pod_updated, on_delete=self._pod_deleted)

    def background(self, tasks: Tasks) -> None:
        """Workers that delete Pods whose time has come."""
        for number in range(DELETE_WORKERS):
            tasks.spawn(self._delete_forever(), f"delete-{number}")

    async def reconcile(self, key: str) -> None:
        """A node: compares its taints with all its Pods. A Pod: with the taints of its node."""
        if "/" in key:
            self._reconcile_pod(key)
        else:
            self._reconcile_node(key)

    def _reconcile_node(self, name: str) -> None:
        node = self._nodes.get(name)
        if node is None:
            self._tainted.pop(name, None)
            return
        taints = no_execute(node.view(Node).spec.taints)
        if taints:
            self._tainted[name] = taints
        else:
            self._tainted.pop(name, None)
        for pod in self._pods.by_index(NODE_INDEX, name):
            self._decide(pod, taints)

    def _reconcile_pod(self, key: str) -> None:
        pod = self._pods.get(key)
        if pod is None:
            self._cancel(key)
            return
        taints = self._tainted.get(node_name(pod))
        if taints:
            self._decide(pod, taints)

    def _decide(self, pod: Stored, taints: tuple[Taint, ...]) -> None:
        """Sets, moves or stops a Pod's timer."""
        seconds = stay_seconds(taints, pod.view(Pod).spec.tolerations)
        if seconds is None:
            self._cancel(pod.key)
            return
        now_ns = self.sim.loop.now_ns
        since_ns = now_ns
        known = self._evictions.get(pod.key)
        if known is not None and seconds > 0:
            if known.since_ns < now_ns or known.timer is None:
                return  # The time that already runs is shorter.
            since_ns = known.since_ns
        if known is not None:
            self._cancel(pod.key)
        if seconds == 0:
            self._evictions[pod.key] = Eviction(since_ns, None)
            self._deletions.add(pod.key)
        else:
            timer = self.sim.loop.call_at_ns(since_ns + seconds * 1_000_000_000, self._time_is_up, pod.key)
            self._evictions[pod.key] = Eviction(since_ns, timer)

    def _cancel(self, key: str) -> None:
        known = self._evictions.pop(key, None)
        if known is not None and known.timer is not None:
            known.timer.cancel()
            self._record(key, "Cancelling deletion of Pod")

    def _time_is_up(self, key: str) -> None:
        """The timer runs in the context that set it, so the deletion's cause is the taint."""
        self._evictions[key] = self._evictions[key]._replace(timer=None)
        self._deletions.add(key)

    async def _delete_forever(self) -> None:
        while True:
            key = await self._deletions.get()
            try:
                await self._delete(key)
            finally:
                self._deletions.done(key)

    async def _delete(self, key: str) -> None:
        """Marks and deletes a Pod; after five failures it is forgotten, until its node or it changes."""
        self._record(key, "Marking for deletion Pod")
        for _ in range(DELETE_TRIES_MAX):
            try:
                await self._mark_and_delete(key)
            except (ApiError, TransportError) as error:
                self.sim.trace.emit("reconcile_failed", controller=self.name, key=key, error=str(error))
                await asyncio.sleep(DELETE_RETRY_SECONDS)
            else:
                return
        self._evictions.pop(key, None)

    async def _mark_and_delete(self, key: str) -> None:
        namespace, _, name = key.partition("/")
        pod = (await self.client.get(PODS, name, namespace)).object
        reason = disruption_target(pod, "DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint")
        marked = with_pod_condition(pod, reason, self.sim.clock.timestamp())
        if marked is not pod:
            await self.client.patch(PODS, name, status_patch(pod, marked), namespace, subresource="status")
        await self.client.delete(PODS, name, namespace)

    def _record(self, key: str, what: str) -> None:
        """An event about a Pod of which only the name is known, as upstream's."""
        namespace, _, name = key.partition("/")
        about: Object = {"kind": "Pod", "namespace": namespace, "name": name, "apiVersion": "v1"}
        self.recorder.event(about, "Normal", "TaintManagerEviction", f"{what} {key}")

    def _node_added(self, node: Stored) -> None:
        if node.object["spec"].get("taints"):
            self.enqueue(node)

    def _node_updated(self, old: Stored, node: Stored) -> None:
        if no_execute(old.view(Node).spec.taints) != no_execute(node.view(Node).spec.taints):
            self.enqueue(node)

    def _pod_added(self, pod: Stored) -> None:
        if self._tainted and node_name(pod) in self._tainted:
            self.enqueue(pod)

    def _pod_updated(self, old: Stored, pod: Stored) -> None:
        if not self._tainted or node_name(pod) not in self._tainted:
            return
        before, after = old.object["spec"], pod.object["spec"]
        if before.get("nodeName") != after.get("nodeName") or before.get("tolerations") != after.get("tolerations"):
            self.enqueue(pod)

    def _pod_deleted(self, pod: Stored) -> None:
        if pod.key in self._evictions:
            self.enqueue(pod)
