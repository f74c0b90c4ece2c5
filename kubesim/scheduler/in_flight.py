"""What happens in the cluster while a Pod is being scheduled.

A Pod that turns out unschedulable may have missed the very event that would have helped it. So events are
kept while Pods are under way, and a Pod that comes back is asked about those it missed.
Upstream: inFlightPods and inFlightEvents in pkg/scheduler/backend/queue/active_queue.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from kubesim.scheduler.framework.cluster_event import ClusterEvent


class Missed(NamedTuple):
    """An event that came while Pods were in flight, with the object before and after."""

    event: ClusterEvent
    old: Any
    new: Any


class InFlight:
    """The Pods under way and the log of events since the first of them left."""

    def __init__(self) -> None:
        self._starts: dict[str, int] = {}  # uid → the number of events that came before it left.
        self._events: list[Missed] = []
        self._dropped = 0

    def __len__(self) -> int:
        return len(self._starts)

    def __contains__(self, uid: str) -> bool:
        return uid in self._starts

    def leave(self, uid: str) -> None:
        """A Pod's scheduling begins."""
        self._starts[uid] = self._dropped + len(self._events)

    def note(self, event: ClusterEvent, old: Any, new: Any) -> None:
        """Something happened."""
        if self._starts:
            self._events.append(Missed(event, old, new))

    def missed(self, uid: str) -> Iterable[Missed]:
        """What happened since the Pod left."""
        start = self._starts.get(uid)
        return () if start is None else self._events[start - self._dropped :]

    def arrive(self, uid: str) -> None:
        """The Pod is done, or back in the queue."""
        self._starts.pop(uid, None)
        if not self._starts:
            self._dropped += len(self._events)
            self._events = []
        elif self._events:
            first = next(iter(self._starts.values()))  # Starts grow in the order of insertion.
            del self._events[: first - self._dropped]
            self._dropped = first
