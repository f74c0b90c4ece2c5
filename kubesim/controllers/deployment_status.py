"""What a Deployment reports: counts over its ReplicaSets, and the conditions Available, Progressing, ReplicaFailure.

Progressing tells a rollout's story by its reasons: NewReplicaSetCreated or FoundNewReplicaSet, ReplicaSetUpdated
while something moves, NewReplicaSetAvailable at the end, or ProgressDeadlineExceeded when nothing moved for
`progressDeadlineSeconds`. All functions are pure; conditions are plain objects as on the wire.
Upstream: sync.go, progress.go and util/deployment_util.go in pkg/controller/deployment.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kubesim.api.stored import Object, Stored
from kubesim.api.views import Deployment, ReplicaSet
from kubesim.controllers.deployment_plan import INT32_MAX, Limits
from kubesim.sim import parse_timestamp

PROGRESSING, AVAILABLE, REPLICA_FAILURE = "Progressing", "Available", "ReplicaFailure"

REPLICA_SET_CREATED = "NewReplicaSetCreated"
REPLICA_SET_FOUND = "FoundNewReplicaSet"
REPLICA_SET_UPDATED = "ReplicaSetUpdated"
REPLICA_SET_AVAILABLE = "NewReplicaSetAvailable"
REPLICA_SET_CREATE_ERROR = "ReplicaSetCreateError"
DEADLINE_EXCEEDED = "ProgressDeadlineExceeded"
PAUSED, RESUMED = "DeploymentPaused", "DeploymentResumed"


def find_condition(conditions: Iterable[Object], type_: str) -> Object | None:
    """The condition of that type."""
    return next((condition for condition in conditions if condition["type"] == type_), None)


def make_condition(type_: str, status: str, reason: str, message: str, now: str) -> Object:
    """A condition that holds since now."""
    return {
        "type": type_, "status": status, "lastUpdateTime": now, "lastTransitionTime": now,
        "reason": reason, "message": message,
    }  # fmt: skip


def set_condition(conditions: Sequence[Object], condition: Object) -> list[Object]:
    """Adds or replaces it, at the end.

    Nothing changes if status and reason are as before; the time of transition stays if the status does.
    """
    current = find_condition(conditions, condition["type"])
    if current is not None and current["status"] == condition["status"]:
        if current.get("reason") == condition["reason"]:
            return list(conditions)
        condition = {**condition, "lastTransitionTime": current["lastTransitionTime"]}
    return [*remove_condition(conditions, condition["type"]), condition]


def remove_condition(conditions: Sequence[Object], type_: str) -> list[Object]:
    """All but those of that type."""
    return [condition for condition in conditions if condition["type"] != type_]


def compute_status(deployment: Stored, limits: Limits, sets: Sequence[Stored], new: Stored | None, now: str) -> Object:
    """Counts and the condition Available; zeros are left out, except `terminatingReplicas`."""
    views = [stored.view(ReplicaSet) for stored in sets]
    available = sum(view.status.available_replicas for view in views)
    wanted = sum(view.spec.replicas or 0 for view in views)
    counts = {
        "observedGeneration": deployment.object["metadata"].get("generation", 0),
        "replicas": sum(view.status.replicas for view in views),
        "updatedReplicas": new.view(ReplicaSet).status.replicas if new is not None else 0,
        "readyReplicas": sum(view.status.ready_replicas for view in views),
        "availableReplicas": available,
        "unavailableReplicas": max(0, wanted - available),
    }
    status: Object = {name: count for name, count in counts.items() if count}
    status["terminatingReplicas"] = sum(view.status.terminating_replicas or 0 for view in views)
    if available >= limits.available_min:
        texts = "True", "MinimumReplicasAvailable", "Deployment has minimum availability."
    else:
        texts = "False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability."
    old = deployment.object.get("status") or {}
    status["conditions"] = set_condition(old.get("conditions") or (), make_condition(AVAILABLE, *texts, now))
    if "collisionCount" in old:
        status["collisionCount"] = old["collisionCount"]
    return status


def with_progress(deployment: Stored, status: Object, new: Stored | None, now: str, unix_seconds: float) -> Object:
    """`status` with the condition Progressing brought up to date."""
    conditions = status["conditions"]
    if not has_deadline(deployment):
        return with_conditions(status, remove_condition(conditions, PROGRESSING))
    old = deployment.object.get("status") or {}
    current = find_condition(old.get("conditions") or (), PROGRESSING)
    all_updated = status.get("replicas", 0) == status.get("updatedReplicas", 0)
    if all_updated and current is not None and current["reason"] == REPLICA_SET_AVAILABLE:
        return status  # No rollout is under way, so there is no progress to judge.
    subject = f'ReplicaSet "{new.name}"' if new is not None else f'Deployment "{deployment.name}"'
    if is_complete(deployment, status):
        message = f"{subject} has successfully progressed."
        condition = make_condition(PROGRESSING, "True", REPLICA_SET_AVAILABLE, message, now)
    elif is_progressing(old, status):
        condition = make_condition(PROGRESSING, "True", REPLICA_SET_UPDATED, f"{subject} is progressing.", now)
        if current is not None and current["status"] == "True":
            condition["lastTransitionTime"] = current["lastTransitionTime"]
        # Removed first: lastUpdateTime must move even when the reason stays.
        conditions = remove_condition(conditions, PROGRESSING)
    elif has_timed_out(deployment, current, unix_seconds):
        message = f"{subject} has timed out progressing."
        condition = make_condition(PROGRESSING, "False", DEADLINE_EXCEEDED, message, now)
    else:
        return status
    return with_conditions(status, set_condition(conditions, condition))


def with_replica_failure(status: Object, sets: Sequence[Stored], new: Stored | None) -> Object:
    """`status` with the failure of a ReplicaSet passed on, the new set's first."""
    for stored in ([new] if new is not None else []) + list(sets):
        for failure in (stored.object.get("status") or {}).get("conditions") or ():
            if failure["type"] == REPLICA_FAILURE:
                since = failure["lastTransitionTime"]
                condition = make_condition(
                    REPLICA_FAILURE, failure["status"], failure["reason"], failure["message"], since
                )
                return with_conditions(status, set_condition(status["conditions"], condition))
    return with_conditions(status, remove_condition(status["conditions"], REPLICA_FAILURE))


def is_complete(deployment: Stored, status: Object) -> bool:
    """Whether all wanted Pods are of the new template and available, and no others exist."""
    wanted = deployment.object["spec"].get("replicas", 1)
    counts = ("updatedReplicas", "replicas", "availableReplicas")
    generation = deployment.object["metadata"].get("generation", 0)
    return all(status.get(name, 0) == wanted for name in counts) and status.get("observedGeneration", 0) >= generation


def is_progressing(old: Object, new: Object) -> bool:
    """Whether between two statuses new Pods came, old ones went, or more became ready or available."""

    def outdated(status: Object) -> int:
        replicas: int = status.get("replicas", 0) - status.get("updatedReplicas", 0)
        return replicas

    if outdated(new) < outdated(old):
        return True
    growing = ("updatedReplicas", "readyReplicas", "availableReplicas")
    return any(new.get(name, 0) > old.get(name, 0) for name in growing)


def has_timed_out(deployment: Stored, progressing: Object | None, unix_seconds: float) -> bool:
    """Whether an unfinished rollout has shown no progress for longer than its deadline."""
    if progressing is None or progressing["reason"] == REPLICA_SET_AVAILABLE:
        return False
    if progressing["reason"] == DEADLINE_EXCEEDED:
        return True
    return deadline_of(deployment, progressing) < unix_seconds


def seconds_until_deadline(deployment: Stored, unix_seconds: float) -> float | None:
    """When to look again at a rollout that stands still; None if there is nothing to wait for."""
    status = deployment.object.get("status") or {}
    progressing = find_condition(status.get("conditions") or (), PROGRESSING)
    if progressing is None or not has_deadline(deployment):
        return None
    if progressing["reason"] == DEADLINE_EXCEEDED or is_complete(deployment, status):
        return None
    return deadline_of(deployment, progressing) - unix_seconds


def has_deadline(deployment: Stored) -> bool:
    """Whether its rollouts may time out."""
    seconds = deployment.view(Deployment).spec.progress_deadline_seconds
    return seconds is not None and seconds != INT32_MAX


def deadline_of(deployment: Stored, progressing: Object) -> float:
    """When the rollout times out unless something moves, in seconds since 1970."""
    seconds = deployment.view(Deployment).spec.progress_deadline_seconds or 0
    return parse_timestamp(progressing["lastUpdateTime"]) + seconds


def with_conditions(status: Object, conditions: list[Object]) -> Object:
    """`status` with other conditions (and without the field if there are none)."""
    return (
        {**status, "conditions": conditions} if conditions else {k: v for k, v in status.items() if k != "conditions"}
    )
