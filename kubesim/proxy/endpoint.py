"""One endpoint behind a port of a Service, from its EndpointSlices.

Upstream: pkg/proxy/endpoint.go, endpointslicecache.go. Left out: IPv6, names instead of addresses.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from kubesim.api.stored import Object

PortKey = tuple[str, str]  # Name and protocol of a port.
NOBODY: frozenset[str] = frozenset()


class Endpoint(msgspec.Struct, frozen=True, gc=False):
    """An address and a port, and what is known of what stands there."""

    ip: str
    port: int
    address: str  # ip:port; rules have it again and again.
    ready: bool = True
    serving: bool = True
    terminating: bool = False
    node: str = ""
    zone_hints: frozenset[str] = NOBODY
    node_hints: frozenset[str] = NOBODY
    pod: str = ""  # Its name, for explanations; no rule depends on it.


def endpoints_of(slices: Iterable[Object]) -> dict[PortKey, tuple[Endpoint, ...]]:
    """All endpoints of a Service, by port, each port's sorted as upstream sorts them (as text)."""
    found: dict[PortKey, dict[str, Endpoint]] = {}
    for obj in slices:
        if obj.get("addressType") != "IPv4":
            continue
        for entry in obj.get("endpoints") or ():
            for port in obj.get("ports") or ():
                if not port.get("port") or not entry.get("addresses"):
                    continue
                endpoint = _endpoint(entry, port["port"])
                by_address = found.setdefault((port.get("name") or "", port.get("protocol") or "TCP"), {})
                known = by_address.get(endpoint.address)
                if known is None or not known.ready:  # In two slices for a moment: one that is ready wins.
                    by_address[endpoint.address] = endpoint
    return {key: tuple(by_address[each] for each in sorted(by_address)) for key, by_address in found.items()}


def _endpoint(entry: Object, port: int) -> Endpoint:
    conditions = entry.get("conditions") or {}
    ready = conditions.get("ready")
    ready = True if ready is None else ready
    serving = conditions.get("serving")
    hints = entry.get("hints") or {}
    ip = entry["addresses"][0]
    return Endpoint(
        ip=ip,
        port=port,
        address=f"{ip}:{port}",
        ready=ready,
        serving=ready if serving is None else serving,
        terminating=bool(conditions.get("terminating")),
        node=entry.get("nodeName") or "",
        zone_hints=frozenset(each["name"] for each in hints["forZones"]) if hints.get("forZones") else NOBODY,
        node_hints=frozenset(each["name"] for each in hints["forNodes"]) if hints.get("forNodes") else NOBODY,
        pod=(entry.get("targetRef") or {}).get("name", ""),
    )
