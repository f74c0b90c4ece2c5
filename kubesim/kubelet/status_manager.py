"""Writes Pod statuses to the apiserver, one after another, and deletes Pods that have ended.

A status is sent as a strategic merge patch that names only what changed, and not at all if nothing did. When
a Pod was asked to go and nothing of it is left on the node, the kubelet, and nobody else, deletes the object:
with grace 0 and its UID as a precondition. What fails is tried again every 10 s; and what somebody else wrote
over (the node controller calls the Pods of a silent node not ready) is put right as often.
Upstream: pkg/kubelet/status/status_manager.go.
"""

from __future__ import annotations

import asyncio
from typing import Any

from kubesim.api.errors import ApiError, ConflictError, NotFoundError, TransportError
from kubesim.api.resources import PODS
from kubesim.client.client import Client
from kubesim.kubelet.pod_state import PodState, Stage
from kubesim.kubelet.pod_status import DISRUPTION_TARGET, OWNED_CONDITIONS, TERMINATION_BY_KUBELET
from kubesim.sim import CAUSES, Cause, Simulation, Tasks

SYNC_PERIOD_SECONDS = 10.0
MERGE_KEYS = {"conditions": "type", "podIPs": "ip", "hostIPs": "ip"}  # Lists merged by key; others are replaced.


class StatusManager:
    """Sends the statuses of one kubelet's Pods, in the order in which they changed."""

    def __init__(self, sim: Simulation, client: Client, tasks: Tasks) -> None:
        self._sim = sim
        self._client = client
        self._tasks = tasks
        self._waiting: dict[PodState, tuple[Cause, ...]] = {}
        self._failed: dict[PodState, tuple[Cause, ...]] = {}  # To be tried again when the timer rings.
        self._sent: dict[PodState, dict[str, Any]] = {}  # What the API has, as far as we know.
        self._task: asyncio.Task[None] | None = None
        self._retry: asyncio.TimerHandle | None = None

    def know(self, pod: PodState) -> None:
        """A Pod is new here: what its object says now is what the API has."""
        self._sent[pod] = pod.status

    def know_mirror(self, pod: PodState) -> None:
        """There is a mirror of a static Pod, with a status that is not the Pod's yet."""
        assert pod.mirror is not None, "it was just seen"
        self._sent[pod] = pod.mirror.object.get("status") or {}
        self.push(pod)

    def publish(self, pod: PodState, status: dict[str, Any]) -> None:
        """The status of `pod` is this now."""
        pod.status = status
        self.push(pod)

    def push(self, pod: PodState) -> None:
        """Sends what the API does not know of `pod` yet, its end included."""
        self._failed.pop(pod, None)
        self._waiting[pod] = CAUSES.get()
        self._start()

    def contradict(self, pod: PodState) -> None:
        """Somebody else wrote another readiness than ours: to be looked at when the timer rings."""
        if pod not in self._waiting:
            self._failed.setdefault(pod, (pod.stored.revision,))
            self._retry_later()

    async def flush(self) -> None:
        """Returns when everything was sent, or could not be."""
        while self._task is not None:
            task = self._task
            await asyncio.shield(task)

    def forget(self, pod: PodState) -> None:
        """Its object is gone."""
        self._waiting.pop(pod, None)
        self._failed.pop(pod, None)
        self._sent.pop(pod, None)

    def stop(self) -> None:
        """Nothing is retried any more."""
        if self._retry is not None:
            self._retry.cancel()

    async def _send_all(self) -> None:
        try:
            while self._waiting:
                pod = next(iter(self._waiting))
                causes = self._waiting.pop(pod)
                CAUSES.set(causes)
                if not await self._send(pod):
                    self._failed.setdefault(pod, causes)
        finally:
            self._task = None
        self._retry_later()

    def _retry_later(self) -> None:
        if self._failed and self._retry is None:
            self._retry = self._sim.loop.call_later(SYNC_PERIOD_SECONDS, self._try_again)

    def _start(self) -> None:
        if self._task is None and self._waiting:
            self._task = self._tasks.spawn(self._send_all(), "status")

    def _try_again(self) -> None:
        self._retry = None
        for pod in self._failed:
            stored = pod.stored.object.get("status") or {}
            if not pod.is_static and readiness(stored) != readiness(pod.status):
                self._sent[pod] = stored
        self._waiting = self._failed | self._waiting
        self._failed = {}
        self._start()

    async def _send(self, pod: PodState) -> bool:
        """False if it has to be sent again."""
        sent = self._sent.get(pod)
        if sent is None or pod.gone or (pod.is_static and pod.mirror is None):
            return True
        status = pod.status
        try:
            if status is not sent:
                await self._patch(pod, sent, status)
                if pod in self._sent:
                    self._sent[pod] = status
            if pod.stage is Stage.FINISHED and pod.deleting and not pod.gone:
                await self._client.delete(
                    PODS, pod.stored.name, pod.stored.namespace, grace_period_seconds=0, uid=pod.uid
                )
        except (NotFoundError, ConflictError):
            return True  # The Pod is gone, or another of its name is there.
        except (ApiError, TransportError) as error:
            self._sim.trace.emit("pod_status_failed", pod=pod.stored.key, error=str(error))
            return False
        return True

    async def _patch(self, pod: PodState, old: dict[str, Any], new: dict[str, Any]) -> None:
        changes = status_patch(old, new)
        if changes:
            shown = pod.mirror or pod.stored
            patch = {"metadata": {"uid": shown.uid}, "status": changes}
            await self._client.patch(PODS, pod.stored.name, patch, pod.stored.namespace, subresource="status")


def readiness(status: dict[str, Any]) -> str:
    """The status of the condition Ready."""
    for condition in status.get("conditions") or ():
        if condition["type"] == "Ready":
            return str(condition["status"])
    return ""


def status_patch(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """The strategic merge patch from one status to the other; {} if they are equal."""
    changes: dict[str, Any] = {name: None for name in old if name not in new}
    for name, value in new.items():
        before = old.get(name)
        if value == before and name in old:
            continue
        key = MERGE_KEYS.get(name)
        if key is None:
            changes[name] = value
            continue
        known = {item[key]: item for item in before or ()}
        items = _merge_items(value, known, key)
        if name == "conditions":  # Those of others are theirs to write.
            items = [item for item in items if is_own(item)]
        if items:
            changes[name] = items
            if len(value) > 1:  # One item is in order.
                changes[f"$setElementOrder/{name}"] = [{key: item[key]} for item in value]
    return changes


def is_own(condition: dict[str, Any]) -> bool:
    """Whether a condition is this kubelet's to write; DisruptionTarget it shares with those who evict and preempt."""
    kind = condition["type"]
    return kind in OWNED_CONDITIONS or (kind == DISRUPTION_TARGET and condition.get("reason") == TERMINATION_BY_KUBELET)


def _merge_items(value: list[dict[str, Any]], known: dict[str, dict[str, Any]], key: str) -> list[dict[str, Any]]:
    """The items that are new or changed (fields that went are null), and deletions of those that went."""
    items: list[dict[str, Any]] = []
    for item in value:
        old = known.pop(item[key], None)
        if old is None:
            items.append(item)
        elif old != item:
            changed = {name: part for name, part in item.items() if old.get(name) != part}
            items.append({name: None for name in old if name not in item} | changed | {key: item[key]})
    return items + [{"$patch": "delete", key: gone} for gone in known]
