"""ConfigMaps, Secrets, ServiceAccounts, Events, quotas, limits and the rest of the core group.

Upstream: printConfigMap, printSecret, printEvent, printResourceQuota, …
"""

from __future__ import annotations

from typing import Any

from kubesim.api.stored import Object
from kubesim.apiserver.http.table.columns import (
    AGE,
    CREATED_AT,
    NAME,
    NAME_AND_AGE,
    UNKNOWN,
    Column,
    Moment,
    Printer,
    age_of,
    name_of,
    since,
    spec_of,
    status_of,
    wide,
)


def _config_map(config_map: Object, now: Moment) -> list[Any]:
    count = len(config_map.get("data") or {}) + len(config_map.get("binaryData") or {})
    return [name_of(config_map), count, age_of(config_map, now)]


def _secret(secret: Object, now: Moment) -> list[Any]:
    return [name_of(secret), secret.get("type", ""), len(secret.get("data") or {}), age_of(secret, now)]


def _event(event: Object, now: Moment) -> list[Any]:
    first = _first_seen(event, now)
    last = since(event.get("lastTimestamp"), now) if event.get("lastTimestamp") else first
    count = event.get("count", 0)
    series = event.get("series")
    if series:
        count = series.get("count", 0)
        last = since(series.get("lastObservedTime"), now)
    elif count == 0:
        count = 1
    about = event.get("involvedObject") or {}
    kind, name = about.get("kind", "").lower(), about.get("name", "")
    return [
        last,
        event.get("type", ""),
        event.get("reason", ""),
        f"{kind}/{name}" if name else kind,
        about.get("fieldPath", ""),
        _source(event),
        event.get("message", "").strip(),
        first,
        count,
        name_of(event),
    ]


def _first_seen(event: Object, now: Moment) -> str:
    if event.get("firstTimestamp"):
        return since(event["firstTimestamp"], now)
    return since(event.get("eventTime"), now) if event.get("eventTime") else UNKNOWN


def _source(event: Object) -> str:
    source = event.get("source") or {}
    component = source.get("component") or event.get("reportingComponent", "")
    host = source.get("host") or event.get("reportingInstance", "")
    return f"{component}, {host}" if host else component


def _quota(quota: Object, now: Moment) -> list[Any]:
    status = status_of(quota)
    hard, used = status.get("hard") or {}, status.get("used") or {}
    limits: list[str] = []
    requests: list[str] = []
    for name in sorted(hard):
        text = f"{name}: {used.get(name, 0)}/{hard[name]}"
        (limits if name.startswith("limits") else requests).append(text)
    return [name_of(quota), ", ".join(requests), ", ".join(limits), age_of(quota, now)]


def _limit_range(limit_range: Object, _now: Moment) -> list[Any]:
    return [name_of(limit_range), limit_range["metadata"].get("creationTimestamp")]


def _component_status(status: Object, _now: Moment) -> list[Any]:
    words, message, error = "Unknown", "", ""
    for condition in status.get("conditions") or ():
        if condition["type"] == "Healthy":
            words = "Healthy" if condition["status"] == "True" else "Unhealthy"
            message, error = condition.get("message", ""), condition.get("error", "")
    return [name_of(status), words, message, error]


def _volume(volume: Object, now: Moment) -> list[Any]:
    spec, status = spec_of(volume), status_of(volume)
    claim = spec.get("claimRef") or {}
    phase = status.get("phase", "")
    return [
        name_of(volume),
        str((spec.get("capacity") or {}).get("storage", "")),
        access_modes(spec.get("accessModes") or ()),
        spec.get("persistentVolumeReclaimPolicy", ""),
        "Terminating" if volume["metadata"].get("deletionTimestamp") else phase,
        f"{claim['namespace']}/{claim['name']}" if claim else "",
        storage_class(volume),
        spec.get("volumeAttributesClassName") or "<unset>",
        status.get("reason", ""),
        age_of(volume, now),
        spec.get("volumeMode", "<unset>"),
    ]


def _claim(claim: Object, now: Moment) -> list[Any]:
    spec, status = spec_of(claim), status_of(claim)
    phase = "Terminating" if claim["metadata"].get("deletionTimestamp") else status.get("phase", "")
    capacity, modes = "", ""
    if spec.get("volumeName"):
        modes = access_modes(status.get("accessModes") or ())
        capacity = str((status.get("capacity") or {}).get("storage", ""))
    return [
        name_of(claim),
        phase,
        spec.get("volumeName", ""),
        capacity,
        modes,
        storage_class(claim),
        spec.get("volumeAttributesClassName") or "<unset>",
        age_of(claim, now),
        spec.get("volumeMode", "<unset>"),
    ]


SHORT_MODES = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}


def access_modes(modes: Any) -> str:
    """`RWO,ROX`, in the order that upstream prints."""
    return ",".join(short for mode, short in SHORT_MODES.items() if mode in modes)


def storage_class(obj: Object) -> str:
    """The class's name; the annotation is what it was before there was a field."""
    annotations = obj["metadata"].get("annotations") or {}
    name: str = annotations.get("volume.beta.kubernetes.io/storage-class") or spec_of(obj).get("storageClassName", "")
    return name


_CAPACITY, _MODES = Column("Capacity"), Column("Access Modes")
PRINTERS = {
    ("", "ConfigMap"): Printer((NAME, Column("Data"), AGE), _config_map),
    ("", "Secret"): Printer((NAME, Column("Type"), Column("Data"), AGE), _secret),
    ("", "ServiceAccount"): NAME_AND_AGE,
    ("", "Event"): Printer(
        (
            Column("Last Seen"), Column("Type"), Column("Reason"), Column("Object"), wide("Subobject"), wide("Source"),
            Column("Message"), wide("First Seen"), wide("Count"), NAME._replace(priority=1),
        ),
        _event,
    ),
    ("", "ResourceQuota"): Printer((NAME, Column("Request"), Column("Limit"), AGE), _quota),
    ("", "LimitRange"): Printer((NAME, CREATED_AT), _limit_range),
    ("", "ComponentStatus"): Printer(
        (NAME, Column("Status"), Column("Message"), Column("Error")), _component_status
    ),
    ("", "PersistentVolume"): Printer(
        (
            NAME, _CAPACITY, _MODES, Column("Reclaim Policy"), Column("Status"), Column("Claim"),
            Column("StorageClass"), Column("VolumeAttributesClass"), Column("Reason"), AGE, wide("VolumeMode"),
        ),
        _volume,
    ),
    ("", "PersistentVolumeClaim"): Printer(
        (
            NAME, Column("Status"), Column("Volume"), _CAPACITY, _MODES, Column("StorageClass"),
            Column("VolumeAttributesClass"), AGE, wide("VolumeMode"),
        ),
        _claim,
    ),
}  # fmt: skip
