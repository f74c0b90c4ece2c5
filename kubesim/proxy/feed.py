"""What all kube-proxies of a cluster hear of Services and endpoints: one watch for all of them.

In life every node has watches of its own, and every change of an EndpointSlice goes to every node. Here they share one
table, and a node has something of its own only while it differs: a node that is cut off from the apiserver keeps a copy
of what it knew (`proxier.py`). Whether one is cut off is asked when the next change arrives.

Changes are taken in as by a kube-proxy: at once if the last sync was a second ago or longer, else when that second is
over, all together. Nobody sets a timer for it: whoever looks at the table (`current`) brings it up to date.
Upstream: pkg/proxy/runner/bounded_frequency_runner.go, pkg/proxy/config. Left out: nodes that lag behind one another.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from kubesim.api.resources import ENDPOINT_SLICES, NODES, SERVICES
from kubesim.api.stored import Object, Stored
from kubesim.client.client import Client
from kubesim.client.informer import Informer, Informers
from kubesim.proxy.config import SELECTOR, ProxyConfig
from kubesim.proxy.table import Table
from kubesim.sim import Simulation

SERVICE_NAME = "kubernetes.io/service-name"
ZONE = "topology.kubernetes.io/zone"
NEVER = float("-inf")


class Listener(Protocol):
    """A node's kube-proxy."""

    def look(self) -> None:
        """Something changes now: is this node still connected?"""
        ...


class ServiceFeed:
    """The shared table and the watches that fill it."""

    def __init__(self, sim: Simulation, client: Client, config: ProxyConfig) -> None:
        self.config = config
        self.informers = Informers(sim, client)
        self._sim = sim
        self._table = Table()
        self._services: dict[str, Stored] = {}
        self._slices: dict[str, dict[str, Stored]] = {}  # By key of the Service, then by their own.
        self._pending: dict[str, None] = {}  # Changed since the last sync.
        self._synced_seconds = NEVER
        self._nodes: dict[str, Listener] = {}
        self._links_changed = False
        self._copy: Table | None = None  # Until something changes.
        self._node_objects: Informer | None = None  # Watched once somebody prefers near endpoints.

    # -- for the nodes --------------------------------------------------------------------------------

    def current(self) -> Table:
        """The table as a connected node has it now."""
        self._settle()
        return self._table

    def copy(self) -> Table:
        """What a node knows that is cut off now; the same table for all that are cut off at once."""
        if self._copy is None:
            self._copy = self._table.copy()
            for key in self._pending:
                self._copy.put(key, self._services.get(key), self._slices.get(key, {}))
        return self._copy

    def join(self, name: str, node: Listener) -> None:
        """A node is connected."""
        self._nodes[name] = node

    def leave(self, name: str) -> None:
        """A node is cut off, or gone."""
        self._nodes.pop(name, None)

    def zone_of(self, node: str) -> str:
        """The zone in a Node's labels, as far as it is watched; rules ask only for endpoints with hints."""
        stored = self._node_objects.get(node) if self._node_objects is not None else None
        labels: dict[str, str] = (stored.object["metadata"].get("labels") or {}) if stored is not None else {}
        return labels.get(ZONE, "")

    # -- the watches ----------------------------------------------------------------------------------

    async def run(self) -> None:
        """Watches until cancelled."""
        services = self.informers.of(SERVICES, label_selector=SELECTOR)
        services.add_handler(
            on_add=self._put_service, on_update=lambda _, new: self._put_service(new), on_delete=self._drop_service
        )
        slices = self.informers.of(ENDPOINT_SLICES, label_selector=SELECTOR)
        slices.add_handler(on_add=self._put_slice, on_update=self._replace_slice, on_delete=self._drop_slice)
        unsubscribe = self._sim.network.subscribe(self._links)
        try:
            await self.informers.run()
        finally:
            unsubscribe()

    async def wait_synced(self) -> None:
        """Returns once both first lists are there."""
        await asyncio.sleep(0)
        await self.informers.wait_synced()

    def _links(self) -> None:
        self._links_changed = True

    def _put_service(self, stored: Stored) -> None:
        self._begin(stored.key)
        self._services[stored.key] = stored
        if stored.object["spec"].get("trafficDistribution"):
            self._watch_nodes()
        self._end(stored.key, stored.revision)

    def _drop_service(self, stored: Stored) -> None:
        self._begin(stored.key)
        self._services.pop(stored.key, None)
        self._end(stored.key, stored.revision)

    def _put_slice(self, stored: Stored) -> None:
        if not (key := service_of(stored)):
            return
        self._begin(key)
        self._slices.setdefault(key, {})[stored.key] = stored
        if has_hints(stored.object):
            self._watch_nodes()
        self._end(key, stored.revision)

    def _replace_slice(self, old: Stored, new: Stored) -> None:
        if service_of(old) != service_of(new):
            self._drop_slice(old)
        self._put_slice(new)

    def _drop_slice(self, stored: Stored) -> None:
        key = service_of(stored)
        known = self._slices.get(key)
        if known is None:
            return
        self._begin(key)
        known = {name: each for name, each in known.items() if name != stored.key}
        if known:
            self._slices[key] = known
        else:
            del self._slices[key]
        self._end(key, stored.revision)

    def _watch_nodes(self) -> None:
        if self._node_objects is None:
            self._node_objects = self.informers.of(NODES)

    # -- changes --------------------------------------------------------------------------------------

    def _begin(self, key: str) -> None:
        """Before anything is written: what is due is taken in, and who is cut off keeps what it has."""
        self._settle()
        if self._links_changed:
            self._links_changed = False
            for node in list(self._nodes.values()):
                node.look()
        if key in self._slices:
            self._slices[key] = dict(self._slices[key])  # An entry that was made keeps its own.

    def _end(self, key: str, revision: int) -> None:
        now = self._sim.clock.now()
        self._copy = None
        self._pending[key] = None
        if now == self._synced_seconds or now >= self._synced_seconds + self.config.min_sync_seconds:
            self._sync(now)
        self._table.revision = max(self._table.revision, revision)

    def _settle(self) -> None:
        """Does the sync that is due, if one is."""
        due = self._synced_seconds + self.config.min_sync_seconds
        if self._pending and self._sim.clock.now() >= due:
            self._sync(due)

    def _sync(self, seconds: float) -> None:
        for key in self._pending:
            self._table.put(key, self._services.get(key), self._slices.get(key, {}))
        self._pending.clear()
        self._synced_seconds = seconds


def service_of(stored: Stored) -> str:
    """The key of the Service that a slice belongs to; "" if it says none."""
    name = (stored.object["metadata"].get("labels") or {}).get(SERVICE_NAME, "")
    return f"{stored.namespace}/{name}" if name else ""


def has_hints(obj: Object) -> bool:
    """Whether the endpoints of a slice say whom they are meant for: all do, or none."""
    return any(entry.get("hints") for entry in (obj.get("endpoints") or ())[:1])
