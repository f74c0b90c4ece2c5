"""Decides what a ReplicaSet needs: how many Pods to create, which to delete, and what its status says.

It never counts events; it counts the Pods that exist, compares with spec.replicas, and closes the gap, at most
500 Pods at a time. All functions here are pure.
Upstream: manageReplicas and calculateStatus in pkg/controller/replicaset.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from kubesim.api.stored import Object, Stored
from kubesim.controllers.pod_ranking import pods_to_delete
from kubesim.controllers.pods import Replica

BURST_REPLICAS = 500  # A set creates or deletes at most so many Pods, then looks again.
SLOW_START_INITIAL_BATCH = 1

REPLICA_FAILURE = "ReplicaFailure"


class ReplicaPlan(NamedTuple):
    """What to do now: at most one of the two is not empty."""

    create: int = 0
    delete: Sequence[Stored] = ()


class ReplicaCounts(NamedTuple):
    """What a status counts, and in how many seconds the next ready Pod will be available, if one will."""

    replicas: int = 0
    fully_labeled: int = 0
    ready: int = 0
    available: int = 0
    terminating: int = 0
    next_available_seconds: float | None = None


def plan_replicas(
    desired: int, active: Sequence[Stored], related: Callable[[], Iterable[Stored]], now: float
) -> ReplicaPlan:
    """Closes the gap between `desired` and the `active` Pods; `related` is asked only if Pods must go."""
    surplus = len(active) - desired
    if surplus < 0:
        return ReplicaPlan(create=min(-surplus, BURST_REPLICAS))
    if surplus > 0:
        return ReplicaPlan(delete=pods_to_delete(active, min(surplus, BURST_REPLICAS), related(), now))
    return ReplicaPlan()


def slow_start_batches(count: int) -> Iterator[int]:
    """1, 2, 4 … until `count` is used up: when all creations would fail alike, few are tried in vain."""
    batch = min(count, SLOW_START_INITIAL_BATCH)
    while batch > 0:
        yield batch
        count -= batch
        batch = min(2 * batch, count)


def count_replicas(
    active: Sequence[Stored], terminating: int, template_labels: Mapping[str, str], min_ready_seconds: int, now: float
) -> ReplicaCounts:
    """Counts in one pass. `active` are the Pods that the set owns, `now` is seconds since 1970."""
    fully_labeled = ready = available = 0
    soonest: float | None = None
    for stored in active:
        replica = stored.derived(Replica)
        if replica.has_labels(template_labels):
            fully_labeled += 1
        wait = replica.seconds_until_available(min_ready_seconds, now)
        if wait is None:
            continue
        ready += 1
        if wait <= 0:
            available += 1
        elif soonest is None or wait < soonest:
            soonest = wait
    return ReplicaCounts(len(active), fully_labeled, ready, available, terminating, soonest)


def replica_status(
    counts: ReplicaCounts, generation: int, conditions: Sequence[Object], *, terminating: bool
) -> Object:
    """The status as it is written: like Go's, it leaves zeros out, except `replicas` (and `terminatingReplicas`)."""
    status: Object = {"replicas": counts.replicas}
    for name, value in (
        ("fullyLabeledReplicas", counts.fully_labeled),
        ("readyReplicas", counts.ready),
        ("availableReplicas", counts.available),
    ):
        if value:
            status[name] = value
    if terminating:
        status["terminatingReplicas"] = counts.terminating
    status["observedGeneration"] = generation
    if conditions:
        status["conditions"] = list(conditions)
    return status


def failure_conditions(conditions: Sequence[Object], surplus: int, error: Exception | None, now: str) -> list[Object]:
    """Sets the condition ReplicaFailure after an error and removes it after none; a standing one stays as it is.

    `surplus` is how many Pods there were too many before the try (negative: too few).
    """
    failed = any(condition["type"] == REPLICA_FAILURE for condition in conditions)
    if error is None:
        return [condition for condition in conditions if condition["type"] != REPLICA_FAILURE]
    if failed:
        return list(conditions)
    condition = {"type": REPLICA_FAILURE, "status": "True", "lastTransitionTime": now}
    condition["reason"] = "FailedCreate" if surplus < 0 else "FailedDelete"
    condition["message"] = str(error)
    return [*conditions, condition]
