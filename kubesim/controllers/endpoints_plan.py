"""The old kind Endpoints: all addresses behind a Service in one object. Pure.

Addresses that are reached at the same ports, and are ready alike, share a subset. The order is canonical, so that
equal contents are equal objects: addresses by address, ports by the MD5 of Go's description of them.
Upstream: pkg/controller/endpoint, pkg/api/v1/endpoints/util.go (RepackSubsets).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from kubesim.api.meta import with_fields
from kubesim.api.stored import Object, Stored
from kubesim.api.views import Pod, Service
from kubesim.controllers.endpoints import HEADLESS, PortKey, address_types, find_port
from kubesim.controllers.pods import is_ready, is_terminal

MANAGED_BY = "endpoints.kubernetes.io/managed-by"
MANAGER = "endpoint-controller"
HEADLESS_LABEL = "service.kubernetes.io/headless"
OVER_CAPACITY = "endpoints.kubernetes.io/over-capacity"
TRIGGER_TIME = "endpoints.kubernetes.io/last-change-trigger-time"
ADDRESSES_MAX = 1000

Port = tuple[str, int, str, str]  # Name, number, protocol, application protocol.


class Address(NamedTuple):
    """A Pod's address, as Endpoints hold it."""

    ip: str
    uid: str
    is_ready: bool
    object: Object


def wanted_subsets(service: Service, pods: Iterable[Stored]) -> list[Object]:
    """The subsets of a Service from the Pods that it selects."""
    family = address_types(service)[0]
    by_port: dict[Port | None, list[Address]] = {}
    for stored in pods:
        pod = stored.view(Pod)
        if not belongs(pod, is_lenient=service.spec.publish_not_ready_addresses):
            continue
        address = address_of(pod, service, family)
        if address is None:
            continue
        if not service.spec.ports and service.spec.cluster_ip == HEADLESS:
            by_port.setdefault(None, []).append(address)
        for port in service.spec.ports:
            number = find_port(pod, port)
            if number is not None:
                key = (port.name, number, port.protocol, port.app_protocol)
                by_port.setdefault(key, []).append(address)
    return repack(by_port)


def belongs(pod: Pod, *, is_lenient: bool) -> bool:
    """Whether a Pod has an address here. One that is being deleted has none, unless unready ones are published."""
    if is_terminal(pod) or not (pod.status.pod_ip or pod.status.pod_ips):
        return False
    return is_lenient or not pod.metadata.deletion_timestamp


def address_of(pod: Pod, service: Service, family: str) -> Address | None:
    """The Pod's address of the Service's first family; None if it has none such."""
    addresses = [each.ip for each in pod.status.pod_ips] or [pod.status.pod_ip]
    ip = next((each for each in addresses if (":" in each) == (family == "IPv6")), "")
    if not ip:
        return None
    metadata = pod.metadata
    entry: Object = {"ip": ip}
    if pod.spec.hostname and pod.spec.subdomain == service.metadata.name:
        entry["hostname"] = pod.spec.hostname
    if pod.spec.node_name:
        entry["nodeName"] = pod.spec.node_name
    entry["targetRef"] = {
        "kind": "Pod", "namespace": metadata.namespace, "name": metadata.name, "uid": metadata.uid,
    }  # fmt: skip
    ready = service.spec.publish_not_ready_addresses or is_ready(pod)
    return Address(ip, metadata.uid, ready, entry)


def repack(by_port: Mapping[Port | None, Sequence[Address]]) -> list[Object]:
    """Ports that are served by the same addresses go together."""
    ports_of: dict[tuple[tuple[str, str, bool], ...], list[Port]] = {}
    addresses_of: dict[tuple[tuple[str, str, bool], ...], list[Address]] = {}
    for port, addresses in by_port.items():
        ordered = sorted(addresses, key=lambda address: address[:2])
        key = tuple(address[:3] for address in ordered)
        addresses_of[key] = ordered
        ports_of.setdefault(key, []).extend([port] if port else [])
    subsets = []
    for key, ports in ports_of.items():
        subset: Object = {}
        for name, ready in (("addresses", True), ("notReadyAddresses", False)):
            if found := [address.object for address in addresses_of[key] if address.is_ready is ready]:
                subset[name] = found
        if ports:
            subset["ports"] = [port_object(port) for port in sorted(ports, key=port_hash)]
        subsets.append(subset)
    return sorted(subsets, key=lambda subset: hashlib.md5(repr(subset.get("ports")).encode()).digest())


def port_object(port: Port) -> Object:
    """A port as Endpoints hold it."""
    name, number, protocol, application = port
    entry: Object = {"name": name} if name else {}
    entry |= {"port": number, "protocol": protocol}
    return entry | {"appProtocol": application} if application else entry


def port_hash(port: Port) -> bytes:
    """What Go's spew makes of an EndpointPort, hashed: the order of ports depends on it."""
    name, number, protocol, application = port
    shown = f"(*string){application}" if application else "(*string)<nil>"
    text = (
        f"(v1.EndpointPort){{Name:(string){name} Port:(int32){number} Protocol:(v1.Protocol){protocol} "
        f"AppProtocol:{shown}}}"
    )
    return hashlib.md5(text.encode()).digest()


def plan_endpoints(service: Stored, subsets: list[Object], known: Object | None, trigger_time: str) -> Object | None:
    """The Endpoints to write; None if `known` is right already."""
    own_labels: Mapping[str, str] = service.object["metadata"].get("labels") or {}
    headless = {HEADLESS_LABEL: ""} if service.view(Service).spec.cluster_ip == HEADLESS else {}
    labels = {**without(own_labels, HEADLESS_LABEL), MANAGED_BY: MANAGER, **headless}
    metadata = dict((known or {}).get("metadata") or {"name": service.name, "namespace": service.namespace})
    if known is not None:
        present = metadata.get("labels") or {}
        is_same = without(present, HEADLESS_LABEL, MANAGED_BY) == without(own_labels, HEADLESS_LABEL, MANAGED_BY)
        is_same = is_same and present.get(MANAGED_BY) == MANAGER
        if (
            is_same
            and (known.get("subsets") or []) == subsets
            and OVER_CAPACITY not in (metadata.get("annotations") or {})
        ):
            return None
    annotations = without(metadata.get("annotations") or {}, TRIGGER_TIME, OVER_CAPACITY)
    if trigger_time:
        annotations[TRIGGER_TIME] = trigger_time
    shortened = truncated(subsets)
    if shortened is not subsets:
        annotations[OVER_CAPACITY] = "truncated"
    metadata = with_fields({"metadata": metadata}, {"labels": labels, "annotations": annotations or None}, "metadata")
    made: Object = {"apiVersion": "v1", "kind": "Endpoints", **metadata}
    return {**made, "subsets": shortened} if shortened else made


def truncated(subsets: list[Object]) -> list[Object]:
    """At most 1000 addresses: unready ones go first, each subset gives in proportion. The same list if it fits."""
    ready = sum(len(subset.get("addresses") or ()) for subset in subsets)
    unready = sum(len(subset.get("notReadyAddresses") or ()) for subset in subsets)
    if ready + unready <= ADDRESSES_MAX:
        return subsets
    name, other, total = ("addresses", "notReadyAddresses", ready) if ready > ADDRESSES_MAX else (
        "notReadyAddresses", "", unready,
    )  # fmt: skip
    room = left = ADDRESSES_MAX if ready > ADDRESSES_MAX else ADDRESSES_MAX - ready
    shortened = []
    for subset in subsets:
        addresses = subset.get(name) or []
        count = min(left, math.ceil(len(addresses) / total * room))
        left -= min(count, len(addresses))
        changes = {name: addresses[:count] or None}
        if other:
            changes[other] = None
        shortened.append(with_fields(subset, changes))
    return shortened


def without(labels: Mapping[str, str], *names: str) -> dict[str, str]:
    """All but these."""
    return {name: value for name, value in labels.items() if name not in names}


def port_key_of(ports: Sequence[Object] | None) -> PortKey:
    """The ports of a subset as those of slices are compared."""
    return tuple(
        sorted((p.get("name", ""), p.get("protocol", "TCP"), p["port"], p.get("appProtocol", "")) for p in ports or ())
    )
