"""A process' own copy of the objects that it cares about, and callbacks when they change.

Every component reads from such copies instead of asking the apiserver, which is why it works from a state
that may be a little old. All parts of one process share one copy per resource (`Informers`).

Callbacks are synchronous and see a legal story of each object: add, updates, delete. When changes were missed
(a broken watch, then a new list), the informer tells what must have happened: an object that is gone is
deleted with its last known state, and one that was replaced by another of the same name is deleted and added.
(client-go tells the latter as an update between two uids, which every handler then has to take apart.)
Upstream: k8s.io/client-go/tools/cache/shared_informer.go, thread_safe_store.go. Left out: resync.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

from kubesim.api.resources import Resource
from kubesim.api.stored import Stored
from kubesim.api.wire import BOOKMARK, DELETED, WatchEvent
from kubesim.client.client import Client
from kubesim.client.index import Index, IndexFunction, by_controller, by_namespace
from kubesim.client.reflector import Reflector
from kubesim.sim import CAUSES, Simulation, Tasks, because

BUILT_IN_INDICES: dict[str, IndexFunction] = {"namespace": by_namespace, "controller": by_controller}

OnObject = Callable[[Stored], None]
OnUpdate = Callable[[Stored, Stored], None]


class Informer:
    """The cached objects of one resource. `revision` is the last one seen, `synced` whether the first list arrived.

    Nobody may change what it hands out. Collections come in order of arrival.
    """

    def __init__(self, resource: Resource) -> None:
        self.resource = resource
        self.revision = 0
        self.synced = False
        self.gaps: list[tuple[int, int]] = []  # (after, up to): revisions of which a list told only the outcome.
        self._synced = asyncio.Event()
        self._items: dict[str, Stored] = {}
        self._listing: tuple[Stored, ...] | None = None  # All items, until something changes.
        self._indices: dict[str, Index] = {}
        self._on_add: list[OnObject] = []
        self._on_update: list[OnUpdate] = []
        self._on_delete: list[OnObject] = []

    # -- reading --------------------------------------------------------------------------------------

    def get(self, key: str) -> Stored | None:
        """The object called "namespace/name", or "name" if it has no namespace."""
        return self._items.get(key)

    def list(self, namespace: str = "") -> Sequence[Stored]:
        """All objects, or those of one namespace."""
        if namespace:
            return self._index("namespace").get(namespace)
        if self._listing is None:
            self._listing = tuple(self._items.values())
        return self._listing

    def by_index(self, name: str, value: str) -> Sequence[Stored]:
        """The objects that the index `name` puts under `value`."""
        return self._index(name).get(value)

    def index_values(self, name: str) -> Sequence[str]:
        """All values that the index `name` knows."""
        return self._index(name).values()

    def keys(self) -> Sequence[str]:
        """The keys of all objects."""
        return tuple(self._items)

    def __len__(self) -> int:
        return len(self._items)

    # -- set-up ---------------------------------------------------------------------------------------

    def add_handler(
        self,
        *,
        on_add: OnObject | None = None,
        on_update: OnUpdate | None = None,
        on_delete: OnObject | None = None,
    ) -> None:
        """Calls these at every change, after handlers that came before. What is here already counts as added."""
        if on_add is not None:
            self._on_add.append(on_add)
            for stored in self.list():
                with because(stored.revision):
                    on_add(stored)
        if on_update is not None:
            self._on_update.append(on_update)
        if on_delete is not None:
            self._on_delete.append(on_delete)

    def add_index(self, name: str, values: IndexFunction) -> None:
        """Groups the objects by what `values` finds in them; again under the same name is an error of ours."""
        assert not self.has_index(name), f"{self.resource.plural} have an index {name} already"
        self._make_index(name, values)

    def has_index(self, name: str) -> bool:
        """Whether there is an index of that name: built in, or made by somebody who shares this informer."""
        return name in self._indices or name in BUILT_IN_INDICES

    def _index(self, name: str) -> Index:
        """An index; a built-in one is made when somebody asks for it, since most are never used."""
        return self._indices.get(name) or self._make_index(name, BUILT_IN_INDICES[name])

    def _make_index(self, name: str, values: IndexFunction) -> Index:
        index = self._indices[name] = Index(values)
        for stored in self._items.values():
            index.put(stored)
        return index

    async def wait_synced(self) -> None:
        """Returns once the first list arrived and handlers have seen it."""
        await self._synced.wait()

    # -- filling: called by the reflector ---------------------------------------------------------------

    def replace(self, items: Sequence[Stored], revision: int) -> None:
        """A list arrived: tells how it differs from what was known."""
        present = {stored.key for stored in items}
        for key in [known for known in self._items if known not in present]:
            self._delete(self._items[key], revision)
        for stored in items:
            known = self._items.get(stored.key)
            if known is None or known.revision != stored.revision or known.uid != stored.uid:
                self._put(stored)
        self.gaps.append((self.revision, revision))
        self.revision = revision
        CAUSES.set(())
        self.synced = True
        self._synced.set()

    def apply(self, events: Sequence[WatchEvent]) -> None:
        """Events arrived: takes in all of them without letting anybody else run in between."""
        for event in events:
            stored = event.stored
            kind = event.type
            if kind == DELETED:
                self._delete(stored, stored.revision)
            elif kind != BOOKMARK:
                self._put(stored)
            self.revision = stored.revision
        CAUSES.set(())

    def _put(self, stored: Stored) -> None:
        key = stored.key
        known = self._items.get(key)
        if known is not None and known.uid != stored.uid:
            self._delete(known, stored.revision)
            known = None
        self._items[key] = stored
        self._listing = None
        for index in self._indices.values():
            index.put(stored)
        CAUSES.set((stored.revision,))
        if known is None:
            for on_add in self._on_add:
                on_add(stored)
        else:
            for on_update in self._on_update:
                on_update(known, stored)

    def _delete(self, stored: Stored, revision: int) -> None:
        """Forgets an object; `stored` is its last known state."""
        key = stored.key
        if self._items.pop(key, None) is None:
            return  # Deleted before this informer ever heard of it.
        self._listing = None
        for index in self._indices.values():
            index.remove(key)
        CAUSES.set((revision,))
        for on_delete in self._on_delete:
            on_delete(stored)


class Selection(NamedTuple):
    """What an informer is about: the same selection is the same informer."""

    resource: Resource
    namespace: str
    field_selector: str
    label_selector: str


class Informers:
    """The informers of one process, each made when it is first asked for."""

    def __init__(self, sim: Simulation, client: Client) -> None:
        self._sim = sim
        self._client = client
        self._random = sim.chance.stream(f"informers/{client.name}")
        self._informers: dict[Selection, Informer] = {}
        self._tasks: Tasks | None = None
        self._running: dict[Selection, asyncio.Task[None]] = {}

    def of(
        self, resource: Resource, *, namespace: str = "", field_selector: str = "", label_selector: str = ""
    ) -> Informer:
        """The one informer for these arguments; it fills itself while `run` runs."""
        selection = Selection(resource, namespace, field_selector, label_selector)
        informer = self._informers.get(selection)
        if informer is None:
            informer = self._informers[selection] = Informer(resource)
            if self._tasks is not None:
                self._start(selection, informer, self._tasks)
        return informer

    def all(self) -> Sequence[tuple[Selection, Informer]]:
        """Every informer that was asked for so far, and what it is about."""
        return tuple(self._informers.items())

    def forget(self, resource: Resource) -> None:
        """Ends the informers of a resource that is not served any more."""
        for selection in [selection for selection in self._informers if selection.resource == resource]:
            del self._informers[selection]
            if (task := self._running.pop(selection, None)) is not None:
                task.cancel()

    async def run(self) -> None:
        """Keeps all informers up to date until cancelled, those asked for later as well."""
        assert self._tasks is None, "these informers run already"
        async with Tasks(f"informers/{self._client.name}") as tasks:
            self._tasks = tasks
            try:
                for selection, informer in self._informers.items():
                    self._start(selection, informer, tasks)
                await self._sim.loop.create_future()
            finally:
                self._tasks = None

    async def wait_synced(self) -> None:
        """Returns once every informer that was asked for so far has its first list."""
        for informer in list(self._informers.values()):
            await informer.wait_synced()

    def _start(self, selection: Selection, informer: Informer, tasks: Tasks) -> None:
        reflector = Reflector(
            self._sim, self._client, informer, selection.resource, namespace=selection.namespace,
            field_selector=selection.field_selector, label_selector=selection.label_selector, random=self._random,
        )  # fmt: skip
        self._running[selection] = tasks.spawn(reflector.run(), selection.resource.plural)
