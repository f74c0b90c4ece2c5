"""Registers a node and keeps its status up to date at the apiserver.

The check every 10 s looks only at what can change: images on our side, and at the apiserver the conditions, which
the node controller overwrites when it does not hear from us. So it costs next to nothing; a status is made,
compared and sent when one of them changed or the periodic report is due.
Upstream: registerWithAPIServer, syncNodeStatus and fastStatusUpdateOnce in pkg/kubelet/kubelet_node_status.go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from random import Random

from kubesim.api.errors import AlreadyExistsError, ApiError, NotFoundError, TransportError
from kubesim.api.resources import NODES
from kubesim.api.stored import Object, Stored
from kubesim.client.client import Client
from kubesim.client.events import NORMAL, WARNING, EventRecorder
from kubesim.kubelet.node_config import NodeConfig
from kubesim.kubelet.node_status import (
    EVENT_REASONS,
    HEALTHY,
    READY,
    STARTING,
    Feeling,
    changed_conditions,
    new_node,
    node_status,
    status_differs,
)
from kubesim.kubelet.runtime.cri import ContainerRuntime
from kubesim.kubelet.runtime_state import RuntimeState
from kubesim.sim import CAUSES, Simulation

CHECK_SECONDS = 10.0  # nodeStatusUpdateFrequency
REPORT_SECONDS = 300.0  # nodeStatusReportFrequency
JITTER = 0.04
READY_CONDITION = "Ready"
SHUTTING_DOWN = "node is shutting down"
STARTUP_SECONDS = (0.2, 0.4)  # Until runtime, network and CSI are up.
UPDATE_TRIES_MAX = 5  # nodeStatusUpdateRetry
REGISTER_RETRY_SECONDS_FIRST = 0.1
REGISTER_RETRY_SECONDS_MAX = 7.0


class NodeReporter:
    """Tells the cluster about one node."""

    def __init__(
        self, sim: Simulation, client: Client, recorder: EventRecorder, config: NodeConfig,
        runtime: ContainerRuntime, random: Random, state: RuntimeState,
        pressures: Callable[[], Sequence[str]] = tuple, volumes: Callable[[], Sequence[str]] = tuple,
    ) -> None:  # fmt: skip
        self._clock = sim.clock
        self._client = client
        self._recorder = recorder
        self._config = config
        self._runtime = runtime
        self._state = state
        self._random = random
        self._pressures = pressures  # The conditions of pressure that hold now.
        self._volumes = volumes  # What is attached to the node for its Pods.
        self._volumes_told: tuple[str, ...] = ()
        self._pressures_told: tuple[str, ...] = ()
        self._reference: Object = {"kind": "Node", "name": config.name, "uid": config.name, "apiVersion": "v1"}
        self._reported_at = 0.0
        self._delay_seconds = 0.0  # Of the next periodic report.
        self._images_reported = runtime.images_changed()
        self._ready = STARTING
        self.shutting_down = False
        self._told = STARTING  # What was last sent.
        self._contradicted = False  # Somebody else wrote other conditions than ours.
        self.is_new = True  # Nobody had registered this node before.
        self._loop = sim.loop
        self._due = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None

    async def register(self) -> Stored:
        """Makes the Node, or takes the one that is there; tries until the apiserver lets it."""
        delay_seconds = REGISTER_RETRY_SECONDS_FIRST
        while True:
            try:
                return await self._register()
            except (ApiError, TransportError):
                await asyncio.sleep(delay_seconds)
                delay_seconds = min(delay_seconds * 2, REGISTER_RETRY_SECONDS_MAX)

    async def run(self) -> None:
        """Becomes ready, then checks every 10 s until cancelled."""
        CAUSES.set((f"timer kubelet/node-status {self._config.name}",))
        await asyncio.sleep(self._random.uniform(*STARTUP_SECONDS))
        self._ready = self._feeling()
        await self._update()
        self._check_after(CHECK_SECONDS * self._random.random())
        try:
            while True:
                await self._due.wait()
                self._due.clear()
                await self._update()
        finally:
            if self._timer is not None:
                self._timer.cancel()

    def _check_after(self, seconds: float) -> None:
        self._timer = self._loop.call_later(seconds, self._check)

    def _check(self) -> None:
        """The check itself is only a timer; the task is woken when there is something to send."""
        self._check_after(CHECK_SECONDS * (1 + JITTER * self._random.random()))
        self._ready = self._feeling()
        if self._is_due():
            self._due.set()

    def hurry(self) -> None:
        """Something changed that others must hear of at once.

        A real kubelet waits for its next check, up to 10 s. Meanwhile Pods are made, bound to it and refused as fast
        as requests go: with requests that take no time there would be no end of them.
        """
        if self._ready is STARTING:
            return  # It is about to make itself heard anyway.
        self._ready = self._feeling()
        if self._is_due():
            self._due.set()

    def _feeling(self) -> Feeling:
        """The condition Ready as it is now."""
        errors = self._state.errors()
        if self.shutting_down:
            errors = f"[{errors.strip('[]')}, {SHUTTING_DOWN}]" if errors else SHUTTING_DOWN
        return Feeling("False", "KubeletNotReady", errors) if errors else READY

    def see(self, node: Stored) -> None:
        """The Node as the apiserver has it now."""
        known = {each["type"]: each["status"] for each in (node.object.get("status") or {}).get("conditions") or ()}
        ours = {name: "True" if name in self._pressures_told else "False" for name in HEALTHY}
        ours[READY_CONDITION] = self._ready.status
        self._contradicted = any(known.get(name) != status for name, status in ours.items())

    def event(self, reason: str, message: str, kind: str = NORMAL) -> None:
        """An event about the node; a hollow kubelet keeps quiet."""
        if self._runtime.emits_events:
            self._recorder.event(self._reference, kind, reason, message)

    async def _register(self) -> Stored:
        node = new_node(self._config, self._runtime, self._clock.timestamp())
        try:
            stored = await self._client.create(NODES, node)
        except AlreadyExistsError:
            self.is_new = False
            return await self._reconcile(await self._client.get(NODES, self._config.name))
        self._say_changes({}, node["status"])
        return stored

    async def _reconcile(self, stored: Stored) -> Stored:
        """A Node of this name is there already: its labels are brought up to date."""
        old_boot = (stored.object["status"].get("nodeInfo") or {}).get("bootID", "")
        if old_boot and old_boot != self._runtime.boot_id:
            message = f"Node {self._config.name} has been rebooted, boot id: {self._runtime.boot_id}"
            self.event("Rebooted", message, WARNING)
        labels = stored.object["metadata"].get("labels") or {}
        missing = {name: value for name, value in self._config.all_labels().items() if labels.get(name) != value}
        if missing:
            return await self._client.patch(NODES, stored.name, {"metadata": {"labels": missing}})
        return stored

    def _is_due(self) -> bool:
        waited_seconds = self._clock.now() - self._reported_at
        return (
            self._contradicted
            or self._ready != self._told
            or tuple(self._pressures()) != self._pressures_told
            or tuple(self._volumes()) != self._volumes_told
            or waited_seconds >= REPORT_SECONDS + self._delay_seconds
            or self._runtime.images_changed() != self._images_reported
        )

    async def _update(self) -> None:
        """Sends the status if it changed or is due; a few tries, then at the next check."""
        for _ in range(UPDATE_TRIES_MAX):
            try:
                await self._try_update()
                return
            except NotFoundError:
                return  # Somebody deleted the Node; a kubelet registers only when it starts.
            except (ApiError, TransportError):
                continue

    async def _try_update(self) -> None:
        stored = await self._client.get(NODES, self._config.name)
        old = stored.object.get("status") or {}
        images = self._runtime.images_changed()
        ready, pressures = self._ready, tuple(self._pressures())
        new = node_status(self._config, self._runtime, old, ready, self._clock.timestamp(), pressures)
        volumes = tuple(self._volumes())
        if volumes:
            new["volumesInUse"] = list(volumes)
        new["nodeInfo"]["containerRuntimeVersion"] = self._state.version()
        changed = status_differs(old, new)
        due = self._clock.now() - self._reported_at >= REPORT_SECONDS + self._delay_seconds
        if changed or due:
            await self._client.patch(NODES, self._config.name, node_patch(old, new), subresource="status")
            self._say_changes(old, new)
            self._reported_at = self._clock.now()
            self._delay_seconds = REPORT_SECONDS * (self._random.random() - 0.5) if changed else 0.0
        self._images_reported = images
        self._told, self._pressures_told, self._volumes_told = ready, pressures, volumes

    def _say_changes(self, old: Object, new: Object) -> None:
        name = self._config.name
        for kind, status in changed_conditions(old, new):
            if (kind, status) != ("Ready", "False") or old:
                reason = EVENT_REASONS[kind, status]
                self.event(reason, f"Node {name} status is now: {reason}")


def node_patch(old: Object, new: Object) -> Object:
    """The strategic merge patch from one Node status to the other."""
    status: Object = {name: None for name in old if name not in new and name in KUBELET_FIELDS}
    for name, value in new.items():
        if value == old.get(name):
            continue
        if name == "conditions":
            status["$setElementOrder/conditions"] = [{"type": condition["type"]} for condition in value]
            known = old.get("conditions") or ()
            value = [condition for condition in value if condition not in known]
        elif name == "addresses":
            status["$setElementOrder/addresses"] = [{"type": address["type"]} for address in value]
        status[name] = value
    return {"status": status}


KUBELET_FIELDS = (
    "capacity", "allocatable", "conditions", "addresses", "daemonEndpoints", "nodeInfo", "images", "volumesInUse",
    "declaredFeatures",
)  # fmt: skip
