"""Second versions of the same objects: autoscaling/v1 over v2, events.k8s.io/v1 over the core group's events.

Stored is one version; the other is a view of it, made when somebody asks. Upstream: pkg/apis/*/v1/conversion.go.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.resources import BY_PLURAL, Resource
from kubesim.api.stored import Object, Stored

# Field of an events.k8s.io/v1 Event → the core group's.
EVENT_FIELDS = {
    "regarding": "involvedObject",
    "note": "message",
    "reportingController": "reportingComponent",
    "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
}
CPU = "cpu"


def stored_row(resource: Resource) -> Resource:
    """The resource as which objects of `resource` are stored."""
    if not resource.stored_as or resource.custom:
        return resource  # The versions of a custom resource are told apart by its registry.
    return BY_PLURAL[resource.stored_as, resource.plural]


def to_stored(resource: Resource, body: Any) -> Any:
    """A body in the stored version."""
    if not resource.stored_as or resource.custom or not isinstance(body, dict):
        return body
    if resource.kind == "Event":
        return _as(
            stored_row(resource), {EVENT_FIELDS.get(str(name), str(name)): value for name, value in body.items()}
        )
    return _as(stored_row(resource), _autoscaler_to_v2(body))


def from_stored(resource: Resource, stored: Stored) -> Stored:
    """A stored object in the version asked for."""
    if not resource.stored_as:
        return stored
    obj = stored.object
    if resource.custom:
        same = obj["apiVersion"] == resource.api_version
        return stored if same else Stored(stored.revision, {**obj, "apiVersion": resource.api_version})
    if resource.kind == "Event":
        back: dict[str, str] = {core: name for name, core in EVENT_FIELDS.items()}
        made = {back.get(name, name): value for name, value in obj.items()}
    else:
        made = _autoscaler_to_v1(obj)
    return Stored(stored.revision, _as(resource, made))


def selector_to_stored(resource: Resource, field_selector: str) -> str:
    """A field selector with the stored version's names."""
    if resource.kind != "Event" or resource.custom or not resource.stored_as:
        return field_selector
    for name in ("regarding", "reportingController"):
        field_selector = field_selector.replace(name, EVENT_FIELDS[name])
    return field_selector


def _as(resource: Resource, obj: Object) -> Object:
    return {**obj, "kind": resource.kind, "apiVersion": resource.api_version}


def _autoscaler_to_v2(obj: Object) -> Object:
    given = obj.get("spec") or {}
    if not isinstance(given, dict):
        return obj  # The decoder says what is wrong with it.
    spec = dict(given)
    percent = spec.pop("targetCPUUtilizationPercentage", None)
    if percent is not None:
        target = {"type": "Utilization", "averageUtilization": percent}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": CPU, "target": target}}]
    return {name: value for name, value in obj.items() if name != "status"} | {"spec": spec}


def _autoscaler_to_v1(obj: Object) -> Object:
    spec, status = dict(obj.get("spec") or {}), obj.get("status") or {}
    for metric in spec.pop("metrics", None) or ():
        resource = metric.get("resource") or {}
        target = resource.get("target") or {}
        if resource.get("name") == CPU and target.get("averageUtilization") is not None:
            spec["targetCPUUtilizationPercentage"] = target["averageUtilization"]
    spec.pop("behavior", None)
    kept = ("observedGeneration", "lastScaleTime", "currentReplicas", "desiredReplicas")
    old = {name: status[name] for name in kept if name in status}
    return {**obj, "spec": spec, "status": {"currentReplicas": 0, "desiredReplicas": 0, **old}}
