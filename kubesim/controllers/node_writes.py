"""What controllers write about nodes and the Pods on them: taints, and that a Pod is not ready any more.

Upstream: SwapNodeControllerTaint and MarkPodsNotReady in pkg/controller/util/node, AddOrUpdateTaintOnNode in
pkg/controller.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence

from kubesim.api.errors import ApiError, ConflictError, NotFoundError, TransportError
from kubesim.api.resources import NODES, PODS
from kubesim.api.stored import Object, Stored
from kubesim.client.client import Client
from kubesim.client.events import EventRecorder
from kubesim.controllers.pod_conditions import with_pod_condition
from kubesim.controllers.taints import TaintKey, with_taint, without_taint
from kubesim.sim import Clock

TAINT_TRIES_MAX = 5
TAINT_RETRY_SECONDS = 0.1


class NodeWriter:
    """Writes with one controller's client and recorder."""

    def __init__(self, client: Client, recorder: EventRecorder, clock: Clock) -> None:
        self._client = client
        self._recorder = recorder
        self._clock = clock

    async def swap_taints(self, name: str, add: Sequence[TaintKey], remove: Sequence[TaintKey]) -> None:
        """Puts taints on a node, then takes others off it, in two writes as upstream does."""
        if add:
            now = self._clock.timestamp()
            await self._change_taints(name, lambda taints: folded(with_taint, taints, add, now))
        if remove:
            await self._change_taints(name, lambda taints: folded(without_taint, taints, remove))

    async def mark_pods_not_ready(self, pods: Iterable[Stored]) -> bool:
        """Sets Ready to False on Pods, only that, and says so in an event; False if a write failed."""
        is_complete = True
        for pod in pods:
            try:
                await self._mark_not_ready(pod)
            except NotFoundError:
                continue  # It is gone, which is as good.
            except (ApiError, TransportError):
                is_complete = False
        return is_complete

    def record(self, node: Stored, reason: str, message: str) -> None:
        """An event about a node, with only its name and uid for a reference."""
        about: Object = {"kind": "Node", "name": node.name, "uid": node.uid, "apiVersion": "v1"}
        self._recorder.event(about, "Normal", reason, message)

    async def _mark_not_ready(self, pod: Stored) -> None:
        ready = next((c for c in pod.object["status"].get("conditions") or () if c["type"] == "Ready"), None)
        if ready is None or ready["status"] == "False":
            return
        changed = with_pod_condition(pod.object, ready | {"status": "False"}, self._clock.timestamp())
        await self._client.update_status(PODS, changed)
        self._recorder.event(pod, "Warning", "NodeNotReady", "Node is not ready")

    async def _change_taints(self, name: str, change: Callable[[list[Object]], list[Object]]) -> None:
        """Reads, changes and writes back, again when somebody else wrote in between."""
        for tries_left in reversed(range(TAINT_TRIES_MAX)):
            node = await self._client.get(NODES, name)
            before: list[Object] = node.object["spec"].get("taints") or []
            after = change(before)
            if after == before:
                return
            patch = {
                "metadata": {"resourceVersion": node.object["metadata"]["resourceVersion"]},
                "spec": {"taints": after or None},
            }
            try:
                await self._client.patch(NODES, name, patch)
            except ConflictError:
                if not tries_left:
                    raise
                await asyncio.sleep(TAINT_RETRY_SECONDS)
            else:
                return


def folded(
    step: Callable[..., list[Object]], taints: list[Object], keys: Iterable[TaintKey], *arguments: str
) -> list[Object]:
    """`step` applied for one key after another."""
    for key in keys:
        taints = step(taints, key, *arguments)
    return taints
