"""Deletes Pods that nobody else will: of nodes that do not exist, terminated ones beyond a limit, and stuck ones.

Every 20 s it looks at all Pods. A node that seems missing is given 40 s to turn up in the cache and is then asked
for once more, live. Pods are marked Failed before they are deleted without grace, since no kubelet will do it.
Upstream: pkg/controller/podgc.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from kubesim.api.errors import ApiError, NotFoundError, TransportError
from kubesim.api.meta import with_fields
from kubesim.api.resources import NODES, PODS
from kubesim.api.stored import Object, Stored
from kubesim.api.views import Node
from kubesim.controllers.controller import Controller, ControllerContext
from kubesim.controllers.pod_conditions import disruption_target, status_patch, with_pod_condition
from kubesim.controllers.pod_index import NODE_INDEX, pods_by_node
from kubesim.controllers.taints import OUT_OF_SERVICE
from kubesim.sim import Tasks, because

PERIOD_SECONDS = 20.0
QUARANTINE_NS = 40_000_000_000
TERMINATED_PODS_MAX = 12_500  # --terminated-pod-gc-threshold
ALIVE_PHASES = ("Pending", "Running", "Unknown")
NODE_IS_GONE = "PodGC: node no longer exists"


class PodGarbageCollector(Controller):
    """Sweeps periodically; its queue stays empty."""

    name = "pod-garbage-collector-controller"
    service_account = "pod-garbage-collector"

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context)
        self._nodes = self.informers.of(NODES)
        self._pods = pods_by_node(self.informers)
        self._quarantine: dict[str, int] = {}  # Node name → when it has been missing for long enough.

    def background(self, tasks: Tasks) -> None:
        """The sweep."""
        tasks.spawn(self._sweep_forever(), "sweep")

    async def reconcile(self, key: str) -> None:
        """Nothing: nobody queues anything."""

    async def _sweep_forever(self) -> None:
        while True:
            with because("timer pod-garbage-collector/sweep"):
                await self._sweep()
            await asyncio.sleep(PERIOD_SECONDS)

    async def _sweep(self) -> None:
        """One round. Unless there are very many Pods or a node is out of service, it looks at few of them."""
        for pod in [*self._terminated(), *self._out_of_service()]:
            await self._delete(pod)
        for name in await self._find_gone():
            for pod in self._pods.by_index(NODE_INDEX, name):
                await self._delete(pod, NODE_IS_GONE)
        for pod in plan_terminating(self._pods.by_index(NODE_INDEX, "")):
            await self._delete(pod)

    def _terminated(self) -> list[Stored]:
        return plan_terminated(self._pods.list(), TERMINATED_PODS_MAX) if len(self._pods) > TERMINATED_PODS_MAX else []

    def _out_of_service(self) -> list[Stored]:
        dead = [
            node.name for node in self._nodes.list() if node.object["spec"].get("taints") and is_out_of_service(node)
        ]
        return plan_terminating([pod for name in dead for pod in self._pods.by_index(NODE_INDEX, name)])

    async def _find_gone(self) -> list[str]:
        """Nodes that Pods name, that were missing for the time of quarantine, and that the apiserver does not know."""
        now_ns = self.sim.loop.now_ns
        for name in self._pods.index_values(NODE_INDEX):
            if name and self._nodes.get(name) is None:
                self._quarantine.setdefault(name, now_ns + QUARANTINE_NS)
        gone = []
        for name in [name for name, until_ns in self._quarantine.items() if until_ns <= now_ns]:
            del self._quarantine[name]
            if self._nodes.get(name) is None and await self._is_gone(name):
                gone.append(name)
        return gone

    async def _is_gone(self, name: str) -> bool:
        try:
            await self.client.get(NODES, name)
        except NotFoundError:
            return True
        except (ApiError, TransportError) as error:
            self.sim.trace.emit("reconcile_failed", controller=self.name, key=name, error=str(error))
        return False

    async def _delete(self, pod: Stored, message: str = "") -> None:
        """Marks a Pod Failed, with a DisruptionTarget condition if there is something to say, and deletes it."""
        try:
            failed = with_failure(pod.object, message, self.sim.clock.timestamp())
            if failed is not pod.object:
                patch = status_patch(pod.object, failed)
                await self.client.patch(PODS, pod.name, patch, pod.namespace, subresource="status")
            await self.client.delete(PODS, pod.name, pod.namespace, grace_period_seconds=0)
        except (ApiError, TransportError) as error:
            self.sim.trace.emit("reconcile_failed", controller=self.name, key=pod.key, error=str(error))


def with_failure(pod: Object, message: str, timestamp: str) -> Object:
    """The Pod in phase Failed; the same one if it has ended already."""
    if pod["status"].get("phase") in ("Succeeded", "Failed"):
        return pod
    if message:
        pod = with_pod_condition(pod, disruption_target(pod, "DeletionByPodGC", message), timestamp)
    return with_fields(pod, {"phase": "Failed"}, "status")


def plan_terminated(pods: Iterable[Stored], limit: int) -> list[Stored]:
    """The terminated Pods beyond `limit`: evicted ones first, then the oldest."""
    terminated = [pod for pod in pods if pod.object["status"].get("phase") not in ALIVE_PHASES]
    terminated.sort(key=lambda pod: (pod.object["status"].get("reason") != "Evicted", *age_order(pod)))
    return terminated[: max(0, len(terminated) - limit)]


def plan_terminating(pods: Iterable[Stored]) -> list[Stored]:
    """Those Pods that are being deleted, oldest first: nobody will finish that."""
    return sorted([pod for pod in pods if "deletionTimestamp" in pod.object["metadata"]], key=age_order)


def is_out_of_service(node: Stored) -> bool:
    """Whether a node is not ready and bears the out-of-service taint."""
    view = node.view(Node)
    is_ready = any(condition.type == "Ready" and condition.status == "True" for condition in view.status.conditions)
    return not is_ready and any(taint.key == OUT_OF_SERVICE for taint in view.spec.taints)


def age_order(pod: Stored) -> tuple[str, str]:
    """Sorts by age, then by name."""
    return pod.object["metadata"].get("creationTimestamp", ""), pod.name
