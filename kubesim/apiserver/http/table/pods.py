"""Pods, and what a Pod's STATUS column says: the most telling of many reasons.

Upstream: printPod.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.stored import Object
from kubesim.apiserver.http.table.columns import (
    AGE,
    NAME,
    NONE,
    Column,
    Moment,
    Printer,
    age_of,
    containers_and_images,
    name_of,
    since,
    spec_of,
    status_of,
    wide,
)
from kubesim.sim.clock import parse_timestamp_ns

NODE_UNREACHABLE = "NodeLost"
COMPLETED = {
    "Succeeded": {"type": "Completed", "status": "True", "reason": "Succeeded",
                  "message": "The pod has completed successfully."},
    "Failed": {"type": "Completed", "status": "True", "reason": "Failed", "message": "The pod failed."},
}  # fmt: skip


class _Containers:
    """What the statuses of the containers add up to."""

    def __init__(self, pod: Object, reason: str) -> None:
        status = status_of(pod)
        spec = spec_of(pod)
        self.reason = reason
        self.total = len(spec.get("containers") or ())
        self.ready = 0
        self.restarts = 0
        self.restartable_restarts = 0
        self.last_restart: str = ""
        self.last_restartable_restart: str = ""
        sidecars = [c["name"] for c in spec.get("initContainers") or () if c.get("restartPolicy") == "Always"]
        self.total += len(sidecars)
        self._sidecars = frozenset(sidecars)
        initializing = self._init_containers(pod)
        initialized = any(c["type"] == "Initialized" and c["status"] == "True" for c in status.get("conditions") or ())
        if not initializing or initialized:
            self._main_containers(pod)

    def _init_containers(self, pod: Object) -> bool:
        total = len(spec_of(pod).get("initContainers") or ())
        for index, container in enumerate(status_of(pod).get("initContainerStatuses") or ()):
            sidecar = container["name"] in self._sidecars
            self._count(container, sidecar)
            state = container.get("state") or {}
            terminated, waiting = state.get("terminated"), state.get("waiting")
            if terminated is not None and terminated.get("exitCode", 0) == 0:
                continue
            if sidecar and container.get("started"):
                if container.get("ready"):
                    self.ready += 1
                continue
            if terminated is not None:
                self.reason = f"Init:{_ended(terminated)}"
            elif waiting and waiting.get("reason") and waiting["reason"] != "PodInitializing":
                self.reason = f"Init:{waiting['reason']}"
            else:
                self.reason = f"Init:{index}/{total}"
            return True
        return False

    def _main_containers(self, pod: Object) -> None:
        self.restarts, self.last_restart = self.restartable_restarts, self.last_restartable_restart
        running = False
        for container in reversed(status_of(pod).get("containerStatuses") or ()):
            self._count(container, False)
            state = container.get("state") or {}
            terminated, waiting = state.get("terminated"), state.get("waiting")
            if waiting and waiting.get("reason"):
                self.reason = waiting["reason"]
            elif terminated is not None:
                self.reason = _ended(terminated)
            elif container.get("ready") and "running" in state:
                running = True
                self.ready += 1
        if self.reason == "Completed" and running:
            conditions = status_of(pod).get("conditions") or ()
            is_ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
            self.reason = "Running" if is_ready else "NotReady"

    def _count(self, container: Object, sidecar: bool) -> None:
        count = container.get("restartCount", 0)
        self.restarts += count
        finished = ((container.get("lastState") or {}).get("terminated") or {}).get("finishedAt") or ""
        self.last_restart = max(self.last_restart, finished)
        if sidecar:
            self.restartable_restarts += count
            self.last_restartable_restart = max(self.last_restartable_restart, finished)


def _ended(terminated: Object) -> str:
    if terminated.get("reason"):
        reason: str = terminated["reason"]
        return reason
    if terminated.get("signal"):
        return f"Signal:{terminated['signal']}"
    return f"ExitCode:{terminated.get('exitCode', 0)}"


def pod_reason(pod: Object) -> str:
    """The STATUS column."""
    return _summary(pod).reason


def _summary(pod: Object) -> _Containers:
    status = status_of(pod)
    reason = status.get("reason") or status.get("phase", "")
    for condition in status.get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition.get("reason") == "SchedulingGated":
            reason = "SchedulingGated"
    summary = _Containers(pod, reason)
    if pod["metadata"].get("deletionTimestamp"):
        if status.get("reason") == NODE_UNREACHABLE:
            summary.reason = "Unknown"
        elif status.get("phase") not in ("Succeeded", "Failed"):
            summary.reason = "Terminating"
    return summary


def _cells(pod: Object, now: Moment) -> list[Any]:
    spec, status = spec_of(pod), status_of(pod)
    summary = _summary(pod)
    restarts = str(summary.restarts)
    if summary.restarts and summary.last_restart and parse_timestamp_ns(summary.last_restart):
        restarts = f"{restarts} ({since(summary.last_restart, now)} ago)"
    addresses = status.get("podIPs") or ()
    address = addresses[0].get("ip") if addresses else status.get("podIP")
    gates = spec.get("readinessGates") or ()
    passed = sum(
        any(c["type"] == gate["conditionType"] and c["status"] == "True" for c in status.get("conditions") or ())
        for gate in gates
    )
    return [
        name_of(pod),
        f"{summary.ready}/{summary.total}",
        summary.reason,
        restarts,
        age_of(pod, now),
        address or NONE,
        spec.get("nodeName") or NONE,
        status.get("nominatedNodeName") or NONE,
        f"{passed}/{len(gates)}" if gates else NONE,
    ]


def _conditions(pod: Object) -> list[Object]:
    condition = COMPLETED.get(status_of(pod).get("phase", ""))
    return [dict(condition)] if condition else []


def _template(template: Object, _now: Moment) -> list[Any]:
    names, images = containers_and_images((template.get("template") or {}).get("spec") or {})
    labels = ((template.get("template") or {}).get("metadata") or {}).get("labels") or {}
    return [name_of(template), names, images, ",".join(f"{k}={v}" for k, v in sorted(labels.items())) or NONE]


PRINTERS = {
    ("", "Pod"): Printer(
        (
            NAME,
            Column("Ready"),
            Column("Status"),
            Column("Restarts"),
            AGE,
            wide("IP"),
            wide("Node"),
            wide("Nominated Node"),
            wide("Readiness Gates"),
        ),
        _cells,
        _conditions,
    ),
    ("", "PodTemplate"): Printer((NAME, Column("Containers"), Column("Images"), Column("Pod Labels")), _template),
}
