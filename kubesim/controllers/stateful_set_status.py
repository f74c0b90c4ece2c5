"""What a StatefulSet's status counts, and when a rolling update is complete. Pure.

Upstream: computeReplicaStatus, completeRollingUpdate and inconsistentStatus in pkg/controller/statefulset.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from kubesim.api.stored import Object, Stored
from kubesim.controllers.stateful_set_pods import (
    is_available,
    is_created,
    is_leaving,
    is_running_and_ready,
    revision_of,
)

COMPARED = (
    "replicas", "readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas", "currentRevision",
    "updateRevision",
)  # fmt: skip


class Revisions(NamedTuple):
    """The names of the revisions that a set comes from and goes to, and how many names were taken on the way."""

    current: str
    update: str
    collisions: int


def counted(pods: Iterable[Stored], revisions: Revisions, generation: int, minimum: int, now: float) -> Object:
    """The status with all its counts; zeros stay in until `as_written`."""
    status: Object = {"observedGeneration": generation} | dict.fromkeys(COMPARED[:5], 0)
    for pod in pods:
        if is_created(pod):
            status["replicas"] += 1
            if not is_leaving(pod):
                revision = revision_of(pod.object)
                status["currentReplicas"] += revision == revisions.current
                status["updatedReplicas"] += revision == revisions.update
        if is_running_and_ready(pod):
            status["readyReplicas"] += 1
            status["availableReplicas"] += is_available(pod, minimum, now)
    status["currentRevision"], status["updateRevision"] = revisions.current, revisions.update
    status["collisionCount"] = revisions.collisions
    return status


def completed(spec: Object, status: Object) -> Object:
    """The status; when every Pod is new and ready, the new revision is the current one from now on."""
    replicas = spec.get("replicas", 1)
    counts = (status["updatedReplicas"], status["readyReplicas"], status["replicas"])
    if (spec.get("updateStrategy") or {}).get("type") == "RollingUpdate" and counts == (replicas,) * 3:
        return {**status, "currentReplicas": status["updatedReplicas"], "currentRevision": status["updateRevision"]}
    return status


def is_news(status: Object, old: Object) -> bool:
    """Whether the status says anything that the old one does not."""
    if status["observedGeneration"] > old.get("observedGeneration", 0):
        return True
    return any(status[name] != old.get(name, type(status[name])()) for name in COMPARED)


def as_written(status: Object) -> Object:
    """As Go writes it: without zeros, but for replicas, availableReplicas and the collision count."""
    kept = ("replicas", "availableReplicas", "collisionCount")
    return {name: value for name, value in status.items() if value or name in kept}
