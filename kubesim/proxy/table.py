"""All Services and endpoints that a kube-proxy knows: one table, shared by every node that is up to date.

An entry is one Service with its slices; it never changes, a change puts another in its place. What entries mean (their
ports, their endpoints, the rules made of them) is worked out when somebody looks, and kept with the entry. So a Service
that nobody uses costs nothing, and a thousand nodes cost as much as one. A node that was cut off keeps a copy of the
table: references only.
Upstream, where each node has its own: pkg/proxy/servicechangetracker.go, endpointschangetracker.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from kubesim.api.stored import Stored
from kubesim.proxy.endpoint import Endpoint, PortKey, endpoints_of
from kubesim.proxy.service_port import ServicePort, ports_of

Address = tuple[str, int, str]  # IP ("" for a node port), port, protocol.


class Entry:
    """One Service and its slices, of one moment."""

    __slots__ = ("_endpoints", "_ports", "made", "service", "slices")

    def __init__(self, service: Stored | None, slices: dict[str, Stored]) -> None:
        self.service = service
        self.slices = slices
        self.made: dict[Any, Any] = {}  # Rules, by what they depend on beside this entry.
        self._ports: tuple[ServicePort, ...] | None = None
        self._endpoints: dict[PortKey, tuple[Endpoint, ...]] | None = None

    @property
    def ports(self) -> tuple[ServicePort, ...]:
        """The ports for which there are rules."""
        if self._ports is None:
            self._ports = ports_of(self.service.object) if self.service is not None else ()
        return self._ports

    def endpoints(self, port: ServicePort) -> tuple[Endpoint, ...]:
        """All endpoints behind a port, usable or not."""
        if self._endpoints is None:
            self._endpoints = endpoints_of(stored.object for _, stored in sorted(self.slices.items()))
        return self._endpoints.get((port.port_name, port.protocol), ())

    def addresses(self) -> Iterator[tuple[Address, ServicePort]]:
        """Where packets for it come in."""
        for port in self.ports:
            for ip in (port.cluster_ip, *port.external_ips, *port.load_balancer_ips):
                yield (ip, port.port, port.protocol), port
            if port.node_port:
                yield ("", port.node_port, port.protocol), port


Found = tuple[Entry, ServicePort]


class Table:
    """Entries by "namespace/name" of their Service."""

    def __init__(self, entries: dict[str, Entry] | None = None, revision: int = 0) -> None:
        self.revision = revision
        self._entries: dict[str, Entry] = entries if entries is not None else {}
        self._index: dict[Address, dict[str, ServicePort]] = {}  # By key of the entry.
        self._stale: dict[str, Entry | None] = dict.fromkeys(self._entries)  # Changed, with what the index knows.

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: str) -> Entry | None:
        """The entry of the Service called "namespace/name"."""
        return self._entries.get(key)

    def entries(self) -> Iterable[Entry]:
        """All of them, sorted by name."""
        return (entry for _, entry in sorted(self._entries.items()))

    def put(self, key: str, service: Stored | None, slices: dict[str, Stored]) -> None:
        """Replaces an entry; neither Service nor slices: it is gone."""
        self._stale.setdefault(key, self._entries.get(key))
        if service is None and not slices:
            self._entries.pop(key, None)
        else:
            self._entries[key] = Entry(service, slices)

    def copy(self) -> Table:
        """The table as it is now, which later changes do not touch."""
        return Table(dict(self._entries), self.revision)

    def at(self, address: str, port: int, protocol: str) -> list[Found]:
        """Whose address this is, in order of their names; `address` "" means a port of the node."""
        self._refresh()
        keys = self._index.get((address, port, protocol), {})
        return [(self._entries[key], keys[key]) for key in sorted(keys)]

    def has_address(self, address: str) -> bool:
        """Whether some port of this address is a Service's."""
        self._refresh()
        return any(known[0] == address for known in self._index)

    def _refresh(self) -> None:
        """Brings the index up to date with what changed since somebody last looked."""
        if not self._stale:
            return
        for key, old in self._stale.items():
            if old is not None:
                for address, _ in old.addresses():
                    if (keys := self._index.get(address)) is not None:
                        keys.pop(key, None)
            entry = self._entries.get(key)
            if entry is not None:
                for address, port in entry.addresses():
                    self._index.setdefault(address, {})[key] = port
        self._stale.clear()
