"""Which Pods go first when there are too many.

The one whose loss hurts least: not assigned yet, not running, not ready, marked as cheap by its owner, sharing
its node with many siblings, ready for a short time, often restarted, young. Ages are compared by their binary
logarithm: a Pod of 40 days and one of 60 are equally old, and then the UID decides, so that not always the
youngest goes (that would empty the node which joined last).
Upstream: ActivePodsWithRanks in pkg/controller/controller_utils.go. Like upstream's, the comparison is not
transitive when some ready times are equal and others only alike; sorting by UID beforehand keeps it stable.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cmp_to_key
from typing import Any, NamedTuple

from kubesim.api.stored import Stored
from kubesim.api.views import Pod
from kubesim.controllers.pods import is_active, ready_condition
from kubesim.sim import parse_timestamp

DELETION_COST_ANNOTATION = "controller.kubernetes.io/pod-deletion-cost"
PHASE_ORDER = {"Pending": 0, "Unknown": 1, "Running": 2}
NANOSECONDS_PER_SECOND = 1e9


class Candidate(NamedTuple):
    """What the ranking knows of a Pod. `standing` is compared first, field by field; a smaller one goes first."""

    standing: tuple[bool, int, bool, int, int]  # assigned, phase, ready, deletion cost, minus siblings on its node
    ready_since: float | None
    restarts: int
    created: float
    uid: str


def pods_to_delete(pods: Sequence[Stored], count: int, related: Iterable[Stored], now: float) -> list[Stored]:
    """The `count` Pods to delete. `related` are the Pods of all sets of one Deployment; `now` is since 1970."""
    if count >= len(pods):
        return list(pods)
    siblings = Counter(pod.spec.node_name for pod in (stored.view(Pod) for stored in related) if is_active(pod))
    ranked = [(candidate(stored.view(Pod), siblings), stored) for stored in pods]
    in_order: Callable[[Candidate], Any] = cmp_to_key(lambda first, second: compare(first, second, now))
    ranked.sort(key=lambda pair: pair[0].uid)
    ranked.sort(key=lambda pair: in_order(pair[0]))
    return [stored for _, stored in ranked[:count]]


def candidate(pod: Pod, siblings: Counter[str]) -> Candidate:
    """A Pod as the ranking sees it."""
    ready = ready_condition(pod)
    is_ready = ready is not None and ready.status == "True"
    standing = (
        bool(pod.spec.node_name),
        PHASE_ORDER.get(pod.status.phase, 0),
        is_ready,
        deletion_cost(pod),
        -siblings[pod.spec.node_name],
    )
    ready_since = parse_timestamp(ready.last_transition_time) if ready is not None and is_ready else None
    restarts = max((status.restart_count for status in pod.status.container_statuses), default=0)
    return Candidate(
        standing, ready_since, restarts, parse_timestamp(pod.metadata.creation_timestamp), pod.metadata.uid
    )


def deletion_cost(pod: Pod) -> int:
    """What the annotation says; 0 without one or if it is no number of 32 bits."""
    text = pod.metadata.annotations.get(DELETION_COST_ANNOTATION, "0")
    digits = text[1:] if text.startswith("-") else text
    if not digits.isascii() or not digits.isdigit() or (len(digits) > 1 and digits.startswith("0")):
        return 0
    cost = int(text)
    return cost if -(2**31) <= cost < 2**31 else 0


def compare(first: Candidate, second: Candidate, now: float) -> int:
    """Negative if `first` should be deleted before `second`."""
    if first.standing != second.standing:
        return -1 if first.standing < second.standing else 1
    by_uid = -1 if first.uid < second.uid else 1
    if first.ready_since != second.ready_since and first.ready_since is not None and second.ready_since is not None:
        return age_bucket(first.ready_since, now) - age_bucket(second.ready_since, now) or by_uid
    if first.restarts != second.restarts:
        return second.restarts - first.restarts
    return age_bucket(first.created, now) - age_bucket(second.created, now) or by_uid


def age_bucket(since: float, now: float) -> int:
    """The whole part of the binary logarithm of an age in nanoseconds; -1 for one that has not begun."""
    age_ns = (now - since) * NANOSECONDS_PER_SECOND
    return int(math.log2(age_ns)) if age_ns >= 1 else -1
