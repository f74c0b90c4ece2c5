"""Copies Endpoints that users write for Services without a selector into EndpointSlices, which proxies read.

One slice for each subset and kind of address. Those with the label `endpointslice.kubernetes.io/skip-mirror: "true"`
are left alone, and so are those of the leader election of old.
Upstream: pkg/controller/endpointslicemirroring.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import NamedTuple

from kubesim.api.errors import ApiError, NotFoundError, TransportError
from kubesim.api.meta import owner_reference, with_fields
from kubesim.api.resources import ENDPOINT_SLICES, ENDPOINTS, SERVICES
from kubesim.api.stored import Object, Stored
from kubesim.client.rate_limit import BucketRateLimiter, ItemExponentialFailureRateLimiter, MaxOfRateLimiter
from kubesim.client.workqueue import WorkQueue
from kubesim.controllers.controller import Controller, ControllerContext
from kubesim.controllers.endpoint_slice_plan import MANAGED_BY, SERVICE_NAME
from kubesim.controllers.endpoints import Group, port_key, port_objects
from kubesim.controllers.endpoints_plan import TRIGGER_TIME, port_key_of, without
from kubesim.controllers.own_writes import OwnWrites
from kubesim.controllers.ownership import is_namespace_terminating, labels_of

MANAGER = "endpointslicemirroring-controller.k8s.io"
SKIP_MIRROR = "endpointslice.kubernetes.io/skip-mirror"
LEADER = "control-plane.alpha.kubernetes.io/leader"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
MIRROR_INDEX = "endpointslicemirroring/service"
ADDRESSES_MAX = 1000
RETRY_SECONDS_MIN = 1.0
RETRY_SECONDS_MAX = 100.0
GENERATE_NAME_MAX = 63 - 5


class Mirror(NamedTuple):
    """What the slices of one Endpoints should hold, and how many addresses could not be taken over."""

    groups: dict[Group, list[Object]]
    skipped: int
    invalid: int


class EndpointSliceMirroringController(Controller):
    """The queue holds keys of Endpoints, which are those of their Services."""

    name = "endpointslicemirroring-controller"
    event_source = "endpoint-slice-mirroring-controller"
    workers = 5
    retries_max = 15

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context)
        limiter = MaxOfRateLimiter(
            ItemExponentialFailureRateLimiter(RETRY_SECONDS_MIN, RETRY_SECONDS_MAX), BucketRateLimiter(self.sim.clock)
        )
        self.queue = WorkQueue(self.sim, self.name, rate_limiter=limiter)
        self._writes = OwnWrites()
        self._services = self.informers.of(SERVICES)
        self._endpoints = self.informers.of(ENDPOINTS)
        self._slices = self.informers.of(ENDPOINT_SLICES)
        self._slices.add_index(MIRROR_INDEX, mirrored_keys)
        for informer in (self._services, self._endpoints):
            informer.add_handler(on_add=self._changed, on_update=self._updated, on_delete=self._changed)
        self._slices.add_handler(on_update=lambda _, new: self._slice_changed(new), on_delete=self._slice_changed)

    async def reconcile(self, key: str) -> None:
        """Brings the mirrored slices in line with the Endpoints, or takes them away."""
        self._writes.check(key)
        known = self._slices.by_index(MIRROR_INDEX, key)
        endpoints, service = self._endpoints.get(key), self._services.get(key)
        if endpoints is None or service is None or service.object["spec"].get("selector") or not is_mirrored(endpoints):
            for stored in known:
                await self._delete(key, stored)
            return
        mirror = mirror_of(endpoints.object)
        if mirror.skipped:
            words = f"A max of {ADDRESSES_MAX} addresses can be mirrored to EndpointSlices per Endpoints subset. "
            words += f"{mirror.skipped} addresses were skipped"
            self.recorder.event(endpoints, "Warning", "TooManyAddressesToMirror", words)
        if mirror.invalid:
            words = f"Skipped {mirror.invalid} invalid IP addresses when mirroring to EndpointSlices"
            self.recorder.event(endpoints, "Warning", "InvalidIPAddress", words)
        try:
            await self._write(key, endpoints, mirror, known)
        except (ApiError, TransportError) as error:
            if not is_namespace_terminating(error):
                words = f"Error updating Endpoint Slices for Endpoints {key}: {error}"
                self.recorder.event(endpoints, "Warning", "FailedToUpdateEndpointSlices", words)
                raise

    async def _write(self, key: str, endpoints: Stored, mirror: Mirror, known: Iterable[Stored]) -> None:
        left = {Group(each.object["addressType"], port_key(each.object.get("ports"))): each for each in known}
        surplus = [each for each in known if each not in left.values()]
        for group, entries in mirror.groups.items():
            made = mirrored_slice(endpoints.object, group, entries)
            present = left.pop(group, None)
            if present is None:
                written = await self.client.create(ENDPOINT_SLICES, made)
            elif not is_same(present.object, made):
                metadata = with_fields(
                    present.object, {name: made["metadata"].get(name) for name in ("labels", "annotations")}, "metadata"
                )
                written = await self.client.update(ENDPOINT_SLICES, {**metadata, "endpoints": entries})
            else:
                continue
            self._writes.wrote(key, self._slices, written.revision)
        for stored in (*left.values(), *surplus):
            await self._delete(key, stored)

    async def _delete(self, key: str, stored: Stored) -> None:
        try:
            await self.client.delete(ENDPOINT_SLICES, stored.name, stored.namespace)
        except NotFoundError:
            self._writes.forget(key)

    def _changed(self, stored: Stored) -> None:
        self.enqueue(stored)

    def _updated(self, _: Stored, new: Stored) -> None:
        self.enqueue(new)

    def _slice_changed(self, stored: Stored) -> None:
        for key in mirrored_keys(stored):
            self.queue.add(key)


def mirrored_keys(stored: Stored) -> Iterable[str]:
    """The key of the Endpoints that a slice mirrors; nothing for one that somebody else manages."""
    labels = labels_of(stored)
    if labels.get(MANAGED_BY) != MANAGER or not labels.get(SERVICE_NAME):
        return ()
    return (f"{stored.namespace}/{labels[SERVICE_NAME]}",)


def is_mirrored(endpoints: Stored) -> bool:
    """Whether these Endpoints want slices at all."""
    annotations = endpoints.object["metadata"].get("annotations") or {}
    return labels_of(endpoints).get(SKIP_MIRROR) != "true" and LEADER not in annotations


def mirror_of(endpoints: Object) -> Mirror:
    """The endpoints that slices should hold, by kind of address and ports."""
    groups: dict[Group, list[Object]] = {}
    skipped = invalid = 0
    for subset in endpoints.get("subsets") or ():
        ports = port_key_of(subset.get("ports"))
        entries = [(entry, True) for entry in subset.get("addresses") or ()]
        entries += [(entry, False) for entry in subset.get("notReadyAddresses") or ()]
        taken = 0
        for entry, ready in entries:
            family = family_of(entry["ip"])
            if not family:
                invalid += 1
            elif taken == ADDRESSES_MAX:
                skipped += 1
            else:
                taken += 1
                groups.setdefault(Group(family, ports), []).append(endpoint_of(entry, ready=ready))
    return Mirror(groups, skipped, invalid)


def endpoint_of(entry: Object, *, ready: bool) -> Object:
    """An address of Endpoints as an endpoint of a slice."""
    made: Object = {"addresses": [entry["ip"]], "conditions": {"ready": ready}}
    names = ("hostname", "targetRef", "nodeName")
    return made | {name: entry[name] for name in names if entry.get(name)}


def mirrored_slice(endpoints: Object, group: Group, entries: list[Object]) -> Object:
    """A new slice: it has the labels and annotations of the Endpoints, and belongs to them."""
    metadata = endpoints["metadata"]
    annotations = without(metadata.get("annotations") or {}, TRIGGER_TIME, LAST_APPLIED)
    labels = {**(metadata.get("labels") or {}), SERVICE_NAME: metadata["name"], MANAGED_BY: MANAGER}
    made: Object = {
        "generateName": f"{metadata['name'][: GENERATE_NAME_MAX - 1]}-",
        "namespace": metadata["namespace"],
        "labels": labels,
        "ownerReferences": [owner_reference({**endpoints, "apiVersion": "v1", "kind": "Endpoints"})],
    }
    if annotations:
        made["annotations"] = annotations
    return {
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": made,
        "addressType": group.address_type, "endpoints": entries, "ports": port_objects(group.ports),
    }  # fmt: skip


def is_same(present: Object, made: Object) -> bool:
    """Whether a slice holds what it should."""
    names = ("labels", "annotations")
    before, after = present["metadata"], made["metadata"]
    same = all((before.get(name) or {}) == (after.get(name) or {}) for name in names)
    return same and (present.get("endpoints") or []) == made["endpoints"]


def family_of(address: str) -> str:
    """The kind of an address, "" if it is none."""
    try:
        return f"IPv{ipaddress.ip_address(address).version}"
    except ValueError:
        return ""
