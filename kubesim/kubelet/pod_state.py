"""What a kubelet remembers of one Pod. A quiet Pod is only this record: no task, no timer (but its probes')."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from kubesim.api.stored import Stored
from kubesim.api.views import Pod, PodSpec
from kubesim.kubelet.pod_status import OWNED_CONDITIONS
from kubesim.sim import Cause

DEFAULT_GRACE_SECONDS = 30


class Stage(Enum):
    """Where a Pod is in its life on this node; it only moves forward."""

    SYNC = "sync"  # It shall run.
    TERMINATING = "terminating"  # Its containers are being stopped.
    TERMINATED = "terminated"  # Nothing runs; what it used is being cleaned up.
    FINISHED = "finished"  # Nothing is left; its object may go.


@dataclass(slots=True, eq=False)
class PodState:
    """One Pod on this node."""

    stored: Stored  # The latest from the API.
    spec: PodSpec
    generation: int
    admitted_ns: int
    start_time: str
    status: dict[str, Any]  # As last written, or as read when the kubelet started.
    stage: Stage = Stage.SYNC
    grace_seconds: float = DEFAULT_GRACE_SECONDS
    task: asyncio.Task[None] | None = None  # While it is being worked on.
    dirty: bool = False  # Something happened since the present round began.
    timer: asyncio.TimerHandle | None = None  # The next round that time alone brings.
    causes: tuple[Cause, ...] = ()
    reasons: dict[str, tuple[str, str]] = field(default_factory=dict)  # Why containers do not start.
    ready: dict[str, bool] = field(default_factory=dict)  # By container, for those with a readiness probe.
    started: dict[str, bool] = field(default_factory=dict)  # The same for startup probes.
    failed_probes: dict[str, str] = field(default_factory=dict)  # Container id → kind of probe.
    failure: tuple[str, str] | None = None  # Why the whole Pod failed: reason and message.
    disruption: str = ""  # Why the kubelet itself ended it: the message of the condition DisruptionTarget.
    rejection: tuple[str, str] | None = None  # Why it was never let in.
    wanted: PodSpec | None = None  # What a resize that has to wait asks for; `spec` is what the Pod has.
    resize: tuple[str, str] | None = None  # Why it has to wait: Deferred or Infeasible, and the message.
    is_static: bool = False  # From a manifest on the node.
    mirror: Stored | None = None  # What the API shows of it, if it is.
    gone: bool = False  # Its object was deleted.
    foreign: list[dict[str, Any]] = field(default_factory=list)  # The conditions that others wrote.

    @property
    def uid(self) -> str:
        """The Pod's UID."""
        return self.stored.uid

    @property
    def deleting(self) -> bool:
        """Whether somebody asked for its deletion."""
        return self.gone or "deletionTimestamp" in self.stored.object["metadata"]

    @property
    def full_name(self) -> str:
        """NAME_NAMESPACE(UID), as kubelet messages have it."""
        return f"{self.stored.name}_{self.stored.namespace}({self.uid})"

    def take(self, stored: Stored) -> None:
        """A newer object arrived."""
        generation = stored.object["metadata"].get("generation", 0)
        if generation != self.generation or not generation:
            self.generation, self.spec = generation, stored.view(Pod).spec
        self.stored = stored
        self.foreign = foreign_conditions(stored)


def new_pod_state(stored: Stored, now_ns: int, now: str) -> PodState:
    """The record of a Pod that this kubelet sees for the first time."""
    metadata, status = stored.object["metadata"], stored.object.get("status") or {}
    spec = stored.view(Pod).spec
    grace_seconds = spec.termination_grace_period_seconds
    return PodState(
        stored,
        spec,
        metadata.get("generation", 0),
        now_ns,
        status.get("startTime") or now,
        status,
        grace_seconds=float(grace_seconds if grace_seconds is not None else DEFAULT_GRACE_SECONDS),
        foreign=foreign_conditions(stored),
    )


def foreign_conditions(stored: Stored) -> list[dict[str, Any]]:
    """The conditions of a Pod that its kubelet does not write."""
    status = stored.object.get("status") or {}
    return [each for each in status.get("conditions") or () if each["type"] not in OWNED_CONDITIONS]
