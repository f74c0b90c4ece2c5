"""Which EndpointSlices to create, change and delete so that they hold the wanted endpoints. Pure.

An endpoint stays in the slice that it is in: that keeps changes, which every node has to hear of, small. New
endpoints first fill slices that change anyway, then one that has room for all of them, then new slices.
Upstream: reconciler.go of k8s.io/endpointslice. Left out: topology-aware hints.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from kubesim.api.meta import owner_reference, with_fields
from kubesim.api.stored import Object
from kubesim.controllers.endpoints import EndpointKey, Group, port_key, port_objects

ENDPOINTS_PER_SLICE_MAX = 100
SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
MANAGER = "endpointslice-controller.k8s.io"
HEADLESS_LABEL = "service.kubernetes.io/headless"
RESERVED_LABELS = (SERVICE_NAME, MANAGED_BY, HEADLESS_LABEL)

Endpoints = dict[EndpointKey, Object]


class KnownSlice:
    """A slice that exists, with its endpoints by key and the labels that it has from its Service."""

    __slots__ = ("endpoints", "group", "labels", "object")

    def __init__(self, obj: Object) -> None:
        self.object = obj
        self.labels = unreserved(obj["metadata"].get("labels"))
        self.group = Group(obj["addressType"], port_key(obj.get("ports")))
        self.endpoints: Endpoints = {key_of(entry): entry for entry in obj.get("endpoints") or ()}

    @property
    def name(self) -> str:
        """Its name."""
        name: str = self.object["metadata"]["name"]
        return name


class SlicePlan(NamedTuple):
    """What to write. An update of a slice with a resourceVersion fails if somebody else changed it."""

    create: list[Object]
    update: list[Object]
    delete: list[KnownSlice]


def plan_slices(
    service: Object,
    address_types: Sequence[str],
    slices: Sequence[KnownSlice],
    wanted: Mapping[Group, Endpoints],
    touched: Collection[EndpointKey] | None = None,
) -> SlicePlan:
    """Compares slices with wanted endpoints; with `touched`, all others are known to be right already."""
    plan = SlicePlan([], [], [])
    for address_type in address_types:
        of_type = [known for known in slices if known.group.address_type == address_type]
        merge(plan, plan_address_type(service, address_type, of_type, wanted, touched))
    plan.delete.extend(known for known in slices if known.group.address_type not in address_types)
    return plan


def plan_address_type(
    service: Object, address_type: str, slices: Sequence[KnownSlice], wanted: Mapping[Group, Endpoints],
    touched: Collection[EndpointKey] | None,
) -> SlicePlan:  # fmt: skip
    """The same for the slices of one kind of address."""
    plan = SlicePlan([], [], [])
    by_group: dict[Group, list[KnownSlice]] = {}
    for known in slices:
        if is_owned(known.object, service):
            by_group.setdefault(known.group, []).append(known)
        else:
            plan.delete.append(known)  # Of an earlier Service with the same name.
    for group, endpoints in wanted.items():
        if group.address_type == address_type:
            merge(plan, plan_group(service, group, by_group.pop(group, []), endpoints, touched))
    for unwanted in by_group.values():
        plan.delete.extend(unwanted)
    if len(plan.delete) == len(slices) and not plan.create:
        placeholder = new_slice(service, Group(address_type, ()), [])
        if len(plan.delete) == 1 and is_same_placeholder(plan.delete[0].object, placeholder):
            plan.delete.clear()
        else:
            plan.create.append(placeholder)
    reuse(plan, service)
    return plan


def plan_group(
    service: Object, group: Group, slices: Sequence[KnownSlice], wanted: Endpoints,
    touched: Collection[EndpointKey] | None,
) -> SlicePlan:  # fmt: skip
    """The same for slices that may share endpoints."""
    plan = SlicePlan([], [], [])
    left = dict(wanted) if touched is None else {key: wanted[key] for key in touched if key in wanted}
    labels = unreserved(service["metadata"].get("labels"))
    changed: dict[str, list[Object]] = {}
    unchanged: dict[str, KnownSlice] = {}
    for known in slices:
        after = keep(known, left, touched)
        if after is None and known.labels == labels:
            unchanged[known.name] = known
        elif after is None or after:
            changed[known.name] = list(known.endpoints.values()) if after is None else after
        else:
            plan.delete.append(known)
    for name in sorted(changed, key=lambda name: -len(changed[name])):
        changed[name] += take(left, ENDPOINTS_PER_SLICE_MAX - len(changed[name]))
    while left:
        name = slice_with_room(unchanged, len(left)) if len(left) < ENDPOINTS_PER_SLICE_MAX else ""
        if name:
            changed[name] = [*unchanged.pop(name).endpoints.values(), *take(left, len(left))]
        else:
            plan.create.append(new_slice(service, group, take(left, ENDPOINTS_PER_SLICE_MAX)))
    for known in slices:
        if known.name in changed:
            plan.update.append(with_endpoints(service, known, changed[known.name]))
    return plan


def keep(known: KnownSlice, left: Endpoints, touched: Collection[EndpointKey] | None) -> list[Object] | None:
    """The endpoints that stay in a slice, as they are to be, None if all stay as they are; takes them out of `left`."""
    if touched is not None and not any(key in known.endpoints for key in touched):
        return None
    kept = []
    is_same = True
    for key, entry in known.endpoints.items():
        if key in left:
            kept.append(left.pop(key))
            is_same = is_same and kept[-1] == entry
        elif touched is not None and key not in touched:
            kept.append(entry)
        else:
            is_same = False
    return None if is_same else kept


def take(left: Endpoints, count: int) -> list[Object]:
    """The first `count` endpoints, out of `left`."""
    return [left.pop(key) for key in list(left)[: max(0, count)]]


def slice_with_room(slices: Mapping[str, KnownSlice], count: int) -> str:
    """The slice that is fullest once it takes in `count` more endpoints; "" if none can."""
    rooms = {name: ENDPOINTS_PER_SLICE_MAX - len(known.endpoints) - count for name, known in slices.items()}
    fitting = [name for name, room in rooms.items() if room >= 0]
    return min(fitting, key=lambda name: rooms[name], default="")


def reuse(plan: SlicePlan, service: Object) -> None:
    """Turns a deletion and a creation into one update, where that is possible."""
    for doomed in list(plan.delete):
        if not plan.create:
            return
        if is_owned(doomed.object, service):
            fresh = plan.create.pop()
            plan.delete.remove(doomed)
            plan.update.append(with_fields(fresh, {"name": doomed.name}, "metadata"))


def merge(plan: SlicePlan, more: SlicePlan) -> None:
    """Adds one plan to another."""
    plan.create.extend(more.create)
    plan.update.extend(more.update)
    plan.delete.extend(more.delete)


def new_slice(service: Object, group: Group, endpoints: list[Object]) -> Object:
    """A slice that does not exist yet."""
    metadata = service["metadata"]
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "generateName": f"{metadata['name']}-",
            "namespace": metadata["namespace"],
            "labels": slice_labels(service),
            "ownerReferences": [owner_reference(service | {"apiVersion": "v1", "kind": "Service"})],
        },
        "addressType": group.address_type,
        "endpoints": endpoints or None,
        "ports": port_objects(group.ports) or None,
    }


def with_endpoints(service: Object, known: KnownSlice, endpoints: list[Object]) -> Object:
    """An existing slice with other endpoints and the Service's present labels.

    The labels that say whose a slice is are only written together with a change of the others.
    """
    is_current = known.labels == unreserved(service["metadata"].get("labels"))
    labels = known.object["metadata"]["labels"] if is_current else slice_labels(service)
    return with_fields(known.object, {"labels": labels}, "metadata") | {"endpoints": endpoints}


def slice_labels(service: Object) -> dict[str, str]:
    """The labels of a Service's slices: the Service's own, and those that say whose they are."""
    labels = unreserved(service["metadata"].get("labels"))
    if service["spec"].get("clusterIP", "") in ("", "None"):
        labels[HEADLESS_LABEL] = ""
    return labels | {SERVICE_NAME: service["metadata"]["name"], MANAGED_BY: MANAGER}


def unreserved(labels: Mapping[str, str] | None) -> dict[str, str]:
    """The labels that a Service shares with its slices."""
    return {name: value for name, value in (labels or {}).items() if name not in RESERVED_LABELS}


def key_of(entry: Object) -> EndpointKey:
    """What identifies an endpoint of a slice."""
    return EndpointKey(tuple(entry["addresses"]), (entry.get("targetRef") or {}).get("name", ""))


def is_owned(known: Object, service: Object) -> bool:
    """Whether a slice belongs to this very Service."""
    owners = known["metadata"].get("ownerReferences") or ()
    return any(owner["uid"] == service["metadata"]["uid"] and owner["kind"] == "Service" for owner in owners)


def is_same_placeholder(known: Object, placeholder: Object) -> bool:
    """Whether a slice says already that there are no endpoints."""
    return (
        not known.get("endpoints")
        and not known.get("ports")
        and known["metadata"].get("labels") == placeholder["metadata"]["labels"]
    )
