"""Which volume suits a claim: for the volume controller, and for the scheduler where a claim waits for a Pod.

The smallest one that is large enough, of the claim's class and mode, with all its access modes, and with the labels
that it selects. A volume that names the claim already comes before all others.
Upstream: pkg/controller/volume/persistentvolume/index.go and volume.FindMatchingVolume in component-helpers.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from kubesim.api.quantity import parse
from kubesim.api.selectors import label_selector
from kubesim.api.stored import Object, Stored

CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"


def annotations_of(obj: Object) -> dict[str, str]:
    """The annotations, {} if there are none."""
    return obj["metadata"].get("annotations") or {}


def class_of(obj: Object) -> str:
    """The storage class of a claim or a volume, "" for none."""
    old = annotations_of(obj).get(CLASS_ANNOTATION)
    name: str = old if old is not None else obj["spec"].get("storageClassName", "")
    return name


def size(quantities: Object | None) -> Any:
    """The number of bytes in a capacity or in requests."""
    text = (quantities or {}).get("storage", "0")
    return Fraction(parse(text).nano, 10**9)


def wanted_size(claim: Object) -> Any:
    """How much the claim asks for."""
    return size((claim["spec"].get("resources") or {}).get("requests"))


def is_for(volume: Object, claim: Object) -> bool:
    """Whether the volume names this claim."""
    reference = volume["spec"].get("claimRef")
    if not reference:
        return False
    metadata = claim["metadata"]
    if (reference.get("name"), reference.get("namespace")) != (metadata["name"], metadata["namespace"]):
        return False
    return reference.get("uid", "") in ("", metadata["uid"])


def mismatch(volume: Object, claim: Object) -> str:
    """Why a volume that a claim names does not suit it; "" if it does."""
    if size(volume["spec"].get("capacity")) < wanted_size(claim):
        return "requested PV is too small"
    if class_of(volume) != class_of(claim):
        return "storageClassName does not match"
    if volume["spec"].get("volumeMode", "Filesystem") != claim["spec"].get("volumeMode", "Filesystem"):
        return "incompatible volumeMode"
    if not set(claim["spec"].get("accessModes") or ()) <= set(volume["spec"].get("accessModes") or ()):
        return "incompatible accessMode"
    return ""


def best_match(claim: Object, volumes: Iterable[Stored], *, only_named: bool) -> Stored | None:
    """The volume to bind; with `only_named` none that does not name the claim."""
    selector = claim["spec"].get("selector")
    suitable = []
    for stored in volumes:
        volume = stored.object
        if "deletionTimestamp" in volume["metadata"] or mismatch(volume, claim):
            continue
        if volume["spec"].get("claimRef"):
            if is_for(volume, claim):
                return stored
            continue
        is_free = (volume.get("status") or {}).get("phase") == "Available" and not only_named
        if is_free and (selector is None or label_selector(selector).matches(volume["metadata"].get("labels"))):
            suitable.append(stored)
    return min(suitable, key=lambda stored: size(stored.object["spec"].get("capacity")), default=None)
