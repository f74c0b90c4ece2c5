"""Invariants that are watched while a cluster runs, on every change.

They read only what any client can see, so they hold for a recording of a real cluster, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from kubesim.api.quantity import milli
from kubesim.api.resources import NODES, PODS
from kubesim.api.stored import Object
from kubesim.api.views import Container, Pod
from kubesim.api.wire import DELETED, MODIFIED
from kubesim.checks.controllers import (
    EvictionsKeepBudgets,
    IdentitiesRunOnce,
    JobsCountOnce,
    VolumesHaveOneClaim,
)
from kubesim.checks.violation import Violation
from kubesim.cluster import SimCluster
from kubesim.recording import Change
from kubesim.sim import Origin

TERMINAL = ("Succeeded", "Failed")
SCHEDULER = "scheduler"


class Invariant(Protocol):
    """Sees every change in order of revision and complains."""

    name: str

    def see(self, change: Change) -> str | None:
        """What is wrong with this change, or None."""
        ...


class BoundOnce:
    """A Pod is bound to a node once; it never moves."""

    name = "a Pod is never bound twice"

    def see(self, change: Change) -> str | None:
        """Compares the node before and after."""
        if change.resource is not PODS or change.old is None:
            return None
        before, after = node_of(change.old.object), node_of(change.object)
        if before and before != after and change.old.uid == change.new.uid:
            return f"it was on {before} and is now on {after or 'no node'}"
        return None


class RevisionsRise:
    """What a watcher sees of one object only ever gets newer."""

    name = "resourceVersions never go backwards for a watcher"

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], int] = {}

    def see(self, change: Change) -> str | None:
        """Compares with the last revision of the same object."""
        key = (change.kind, change.new.key)
        before = self._seen.get(key, 0)
        if change.old is not None and change.verb == MODIFIED:  # Changes of one instant are published in order.
            before = max(before, change.old.revision)
        self._seen[key] = change.revision
        if change.verb == DELETED and change.revision == before:
            return None  # Found to be gone by a new list: its last known state is all there is.
        if change.revision <= before:
            return f"revision {change.revision} came after {before}"
        return None


class GenerationRises:
    """metadata.generation counts the changes of a spec, so it never falls."""

    name = "generation never falls"

    def see(self, change: Change) -> str | None:
        """Compares the generation before and after."""
        if change.old is None or change.old.uid != change.new.uid:
            return None
        before, after = (stored.object["metadata"].get("generation", 0) for stored in (change.old, change.new))
        return f"it was {before} and is now {after}" if after < before else None


class UidStays:
    """An object keeps its uid; another one may take its name only after it was deleted."""

    name = "a name changes hands only after a deletion"

    def __init__(self) -> None:
        self._uids: dict[tuple[str, str], str] = {}

    def see(self, change: Change) -> str | None:
        """Compares with the last uid under the same name."""
        key = (change.kind, change.new.key)
        before = self._uids.pop(key, change.new.uid)
        if change.verb != DELETED:
            self._uids[key] = change.new.uid
        return f"uid {change.new.uid} took the place of {before}" if before != change.new.uid else None


class WithinCapacity:
    """The scheduler never binds more to a node than it can hold of CPU, memory and Pods."""

    name = "the scheduler never binds beyond the capacity that it knew"

    def __init__(self, origin: Callable[[int], Origin | None]) -> None:
        self._origin = origin
        self._capacity: dict[str, dict[str, int]] = {}
        self._used: dict[str, dict[str, int]] = {}  # Node -> resource -> thousandths requested by living Pods.
        self._counted: dict[str, tuple[str, dict[str, int]]] = {}  # Pod's key -> (node, its requests).

    def see(self, change: Change) -> str | None:
        """Keeps the books, and complains about a binding that overdraws them."""
        if change.resource is NODES:
            allocatable = (change.object.get("status") or {}).get("allocatable") or {}
            self._capacity[change.new.name] = {name: milli(quantity) for name, quantity in allocatable.items()}
            return None
        if change.resource is not PODS:
            return None
        was = self._counted.pop(change.new.key, None)
        if was is not None:
            self._count(*was, sign=-1)
        node = node_of(change.object)
        if not node or change.verb == DELETED or (change.object.get("status") or {}).get("phase") in TERMINAL:
            return None
        requests = requests_of(change.new.view(Pod))
        self._counted[change.new.key] = (node, requests)
        self._count(node, requests)
        origin = self._origin(change.revision)
        is_new = was is None and origin is not None and origin.by == SCHEDULER
        return self._overdrawn(node, requests) if is_new else None

    def _count(self, node: str, requests: dict[str, int], sign: int = 1) -> None:
        used = self._used.setdefault(node, {})
        for name, amount in requests.items():
            used[name] = used.get(name, 0) + sign * amount

    def _overdrawn(self, node: str, requests: dict[str, int]) -> str | None:
        capacity = self._capacity.get(node, {})
        for name in requests:
            used = self._used[node][name]
            if used > capacity.get(name, 0):
                return f"{node} has {capacity.get(name, 0)} thousandths of {name}, and {used} are asked for"
        return None


class Watching:
    """Shows every change to every invariant and keeps what they complain about.

    `runs(node, uid)` says whether containers of a Pod run on a node now, whatever the API says; `has_gaps` whether
    changes of Pods may have been missed.
    """

    def __init__(
        self,
        origin: Callable[[int], Origin | None],
        runs: Callable[[str, str], bool] = lambda _node, _uid: False,
        has_gaps: Callable[[], bool] = lambda: False,
    ) -> None:
        self.invariants: tuple[Invariant, ...] = (
            BoundOnce(),
            RevisionsRise(),
            GenerationRises(),
            UidStays(),
            WithinCapacity(origin),
            JobsCountOnce(has_gaps),
            EvictionsKeepBudgets(),
            VolumesHaveOneClaim(),
            IdentitiesRunOnce(origin, runs),
        )
        self.violations: list[Violation] = []

    @classmethod
    def of(cls, cluster: SimCluster) -> Watching:
        """With what can be known of a simulated cluster, and of no recording."""

        def runs(node: str, uid: str) -> bool:
            runtime = cluster.runtimes.get(node)
            return runtime is not None and bool(runtime.pod_status(uid).running())

        def has_gaps() -> bool:
            return bool(cluster.observer.informers.of(PODS).gaps)

        return cls(cluster.sim.trace.origins.get, runs, has_gaps)

    def see(self, change: Change) -> None:
        """A listener for an Observer."""
        for invariant in self.invariants:
            text = invariant.see(change)
            if text is not None:
                about = f"{change.kind} {change.new.key}"
                self.violations.append(Violation(change.time_ns / 1e9, invariant.name, about, text))


def node_of(pod: Object) -> str:
    """spec.nodeName."""
    node: str = (pod.get("spec") or {}).get("nodeName", "")
    return node


def container_requests(container: Container) -> Mapping[str, str | float]:
    """What one container asks for."""
    return container.resources.requests if container.resources is not None else {}


def requests_of(pod: Pod) -> dict[str, int]:
    """What the containers of a Pod ask for together, in thousandths; and one place for a Pod.

    The largest init container counts where it asks for more than all containers, as upstream has it.
    """
    together: dict[str, int] = {}
    for container in pod.spec.containers:
        for name, quantity in container_requests(container).items():
            together[name] = together.get(name, 0) + milli(quantity)
    for container in pod.spec.init_containers:
        for name, quantity in container_requests(container).items():
            together[name] = max(together.get(name, 0), milli(quantity))
    for name, quantity in pod.spec.overhead.items():
        together[name] = together.get(name, 0) + milli(quantity)
    together["pods"] = 1000
    return together
