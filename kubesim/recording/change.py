"""One observer for everything that looks on: recorder, narrator, expectations, invariants.

It watches the kinds that matter as any client would, and publishes what changed in the order of revisions,
at the end of every instant of virtual time. It never writes, so a run is the same with and without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import attrgetter

import msgspec

from kubesim.api.resources import RESOURCES, SERVICE_ACCOUNTS, Resource
from kubesim.api.stored import Object, Stored
from kubesim.api.wire import ADDED, DELETED, MODIFIED
from kubesim.client.client import Client
from kubesim.client.informer import Informers
from kubesim.sim import Simulation

# What a recording holds. Events of the newer group are the same objects as the core ones.
RECORDED: tuple[Resource, ...] = tuple(
    row
    for row in RESOURCES
    if row.plural
    in {
        "nodes", "pods", "services", "endpoints", "events", "persistentvolumeclaims", "resourcequotas", "namespaces",
        "replicationcontrollers", "configmaps", "limitranges", "replicasets", "deployments",
        "statefulsets", "daemonsets", "controllerrevisions", "jobs", "cronjobs", "endpointslices", "leases",
        "poddisruptionbudgets", "horizontalpodautoscalers",
    }
    and row.group in ("", "apps", "batch", "discovery.k8s.io", "coordination.k8s.io", "policy", "autoscaling")
    and not (row.group == "autoscaling" and row.version == "v1")
)  # fmt: skip
OBSERVED = (*RECORDED, SERVICE_ACCOUNTS)


class Change(msgspec.Struct, frozen=True):
    """An object came, changed or went. `old` is None for one that came, `new` is its last state when it went."""

    time_ns: int
    verb: str  # ADDED, MODIFIED or DELETED
    resource: Resource
    old: Stored | None
    new: Stored
    initial: bool = False  # It was there before the observer began.

    @property
    def revision(self) -> int:
        """The revision that made this change."""
        return self.new.revision

    @property
    def kind(self) -> str:
        """`Pod`."""
        return self.resource.kind

    @property
    def object(self) -> Object:
        """The object after the change (before it, if it went)."""
        return self.new.object


Listener = Callable[[Change], None]


class Observer:
    """Publishes every change of `resources` to its listeners, in order of revision."""

    def __init__(self, sim: Simulation, client: Client, resources: Iterable[Resource] = OBSERVED) -> None:
        self.sim = sim
        self.informers = Informers(sim, client)
        self.seen: dict[int, int] = {}  # revision -> how often it arrived; only of changes, not of the first lists.
        self.deleted: dict[int, int] = {}  # revision -> how many deletions of it arrived: a lease takes many keys.
        self.latest: dict[str, dict[str, Stored]] = {}  # kind -> key -> object, as far as published
        self._listeners: list[Listener] = []
        self._pending: list[Change] = []
        self._flush_is_due = False
        self._began = False
        self.resources = tuple(resources)
        self.began_at = 0  # The revision from which on every change of these resources must arrive.
        for resource in self.resources:
            self._follow(resource)

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Calls `listener` with every later change; the result undoes it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def run(self) -> None:
        """Watches until cancelled."""
        await self.informers.run()

    async def wait_synced(self) -> None:
        """Returns once what existed before has been published (with `initial`)."""
        await self.informers.wait_synced()
        self.flush()
        self._began = True
        self.began_at = max(informer.revision for _, informer in self.informers.all())

    def initial(self) -> list[Change]:
        """Everything that exists now, as if it had just been found, in order of revision."""
        now_ns = self.sim.clock.now_ns()
        resources = {row.kind: row for row in self.resources}
        found = [
            Change(now_ns, ADDED, resources[kind], None, stored, True)
            for kind, known in self.latest.items()
            for stored in known.values()
        ]
        return sorted(found, key=attrgetter("revision"))

    def flush(self) -> None:
        """Publishes what is pending now instead of at the end of the instant."""
        self._flush_is_due = False
        pending, self._pending = self._pending, []
        pending.sort(key=attrgetter("revision"))
        for change in pending:
            known = self.latest.setdefault(change.kind, {})
            if change.verb == DELETED:
                known.pop(change.new.key, None)
            else:
                known[change.new.key] = change.new
            for listener in tuple(self._listeners):
                listener(change)

    def _follow(self, resource: Resource) -> None:
        self.informers.of(resource).add_handler(
            on_add=lambda new: self._add(ADDED, resource, None, new),
            on_update=lambda old, new: self._add(MODIFIED, resource, old, new),
            on_delete=lambda last: self._add(DELETED, resource, last, last),
        )

    def _add(self, verb: str, resource: Resource, old: Stored | None, new: Stored) -> None:
        if self._began:
            counts = self.deleted if verb == DELETED else self.seen
            counts[new.revision] = counts.get(new.revision, 0) + 1
        self._pending.append(Change(self.sim.clock.now_ns(), verb, resource, old, new, not self._began))
        if not self._flush_is_due:
            self._flush_is_due = True
            self.sim.loop.call_at_end_of_instant(self.flush)


def is_heartbeat(change: Change) -> bool:
    """Whether a Node's status was only refreshed: nothing but dates of heartbeats differ."""
    if change.kind != "Node" or change.old is None or change.verb != "MODIFIED":
        return False
    old, new = change.old.object, change.new.object
    return old.get("spec") == new.get("spec") and [
        (entry["type"], entry["status"], entry.get("reason")) for entry in old["status"].get("conditions", ())
    ] == [(entry["type"], entry["status"], entry.get("reason")) for entry in new["status"].get("conditions", ())]
