"""The strategies of claims, volumes and storage classes.

Upstream: pkg/apis/{core,storage}/validation, pkg/registry/core/{persistentvolume,persistentvolumeclaim}.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kubesim.api.errors import FieldError
from kubesim.api.meta import with_fields
from kubesim.api.quantity import milli
from kubesim.api.stored import Object
from kubesim.apiserver.registry.strategy import Strategy
from kubesim.apiserver.validation.field import IMMUTABLE, each, forbidden, invalid, not_supported, required
from kubesim.apiserver.validation.go_diff import diff
from kubesim.apiserver.validation.go_pod import shown as go_struct
from kubesim.apiserver.validation.names import qualified_name
from kubesim.apiserver.validation.persistent_volume import (
    CLASS_ANNOTATION,
    validate_persistent_volume,
    volume_warnings,
)
from kubesim.apiserver.validation.pod_warnings import storage_warnings
from kubesim.apiserver.validation.volume_claim import validate_claim_spec

# What of a volume's spec is no source.
NOT_A_SOURCE = ("capacity", "accessModes", "claimRef", "persistentVolumeReclaimPolicy", "storageClassName",
                "mountOptions", "volumeMode", "nodeAffinity", "volumeAttributesClassName")  # fmt: skip
CLAIM_IMMUTABLE = (
    "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
)
RECLAIM_POLICIES, BINDING_MODES = ("Delete", "Retain"), ("Immediate", "WaitForFirstConsumer")
CLASS_FIELDS = ("parameters", "provisioner", "reclaimPolicy", "volumeBindingMode")


class ClaimStrategy(Strategy):
    """Asks for storage."""

    def prepare_for_create(self, obj: Object) -> None:
        """Pending until a volume is found."""
        super().prepare_for_create(obj)
        obj["status"] = {"phase": "Pending"}

    def validate(self, obj: Object) -> list[FieldError]:
        """How much, and how it is to be accessed."""
        return validate_claim_spec(obj.get("spec") or {}, "spec")

    def validate_update(self, obj: Object, old: Object) -> list[FieldError]:
        """The volume may be named once; a bound claim may ask for more storage and another attributes class."""
        wanted, before = obj.get("spec") or {}, old.get("spec") or {}
        if wanted == before:
            return []
        problems = self.validate(obj)
        spec, status = wanted, obj.get("status") or {}
        if not before.get("volumeName"):
            before = with_fields(before, {"volumeName": spec.get("volumeName")})
        if status.get("phase") == "Bound":
            spec = _with_requests_of(spec, before)
            if spec.get("volumeAttributesClassName") is not None:
                spec = with_fields(spec, {"volumeAttributesClassName": before.get("volumeAttributesClassName")})
        if spec != before:
            shown = diff(*(go_struct(part, "PersistentVolumeClaimSpec") for part in (before, spec)))
            problems.append(forbidden("spec", f"{CLAIM_IMMUTABLE}\n{shown}"))
        sizes = [
            milli(part.get("storage", 0))
            for part in (_requests(wanted), _requests(before), status.get("capacity") or {})
        ]
        if sizes[0] < sizes[1] and sizes[0] <= sizes[2]:
            problems.append(forbidden("spec.resources.requests.storage", "field can not be less than status.capacity"))
        if wanted.get("volumeMode") != before.get("volumeMode"):
            problems.append(invalid("volumeMode", wanted.get("volumeMode"), IMMUTABLE))
        return problems

    def warnings_on_create(self, obj: Object) -> Sequence[str]:
        """Half bytes, and an annotation out of use."""
        found = [text for text in volume_warnings(obj) if CLASS_ANNOTATION in text]
        return found + storage_warnings((obj.get("spec") or {}).get("resources") or {}, "spec")

    def warnings_on_update(self, obj: Object, old: Object) -> Sequence[str]:
        """The same."""
        del old
        return self.warnings_on_create(obj)


class VolumeStrategy(Strategy):
    """Is storage."""

    def prepare_for_create(self, obj: Object) -> None:
        """Pending until somebody looks at it."""
        super().prepare_for_create(obj)
        obj["status"] = {"phase": "Pending"}

    def validate(self, obj: Object) -> list[FieldError]:
        """How much it is, and where."""
        return validate_persistent_volume(obj.get("spec") or {})

    def warnings_on_create(self, obj: Object) -> Sequence[str]:
        """What is out of use."""
        return volume_warnings(obj)

    def validate_update(self, obj: Object, old: Object) -> list[FieldError]:
        """Where the storage is never changes."""
        spec, before = obj.get("spec") or {}, old.get("spec") or {}
        if spec == before:
            return []
        problems = self.validate(obj)
        sources = [{name: part[name] for name in part if name not in NOT_A_SOURCE} for part in (before, spec)]
        if sources[0] != sources[1]:
            shown = diff(*(go_struct(source, "PersistentVolumeSource") for source in sources))
            words = f"spec.persistentvolumesource is immutable after creation\n{shown}"
            problems.append(forbidden("spec.persistentvolumesource", words))
        if spec.get("volumeMode") != before.get("volumeMode"):
            problems.append(invalid("volumeMode", spec.get("volumeMode"), IMMUTABLE))
        return problems


class StorageClassStrategy(Strategy):
    """How volumes are made."""

    def validate(self, obj: Object) -> list[FieldError]:
        """By whom."""
        provisioner = obj.get("provisioner") or ""
        at = "provisioner"
        problems = each(at, provisioner, qualified_name(provisioner.lower())) if provisioner else [required(at)]
        if "" in (obj.get("parameters") or {}):
            problems.append(invalid("parameters", "", "field can not be empty."))
        for name, allowed in (("reclaimPolicy", RECLAIM_POLICIES), ("volumeBindingMode", BINDING_MODES)):
            if obj.get(name) not in (None, *allowed):
                problems.append(not_supported(name, obj[name], allowed))
        return problems

    def validate_update(self, obj: Object, old: Object) -> list[FieldError]:
        """A class of another kind is another class."""
        problems = self.validate(obj)
        for name in CLASS_FIELDS:
            value: Any = obj.get(name)
            if value != old.get(name):
                words = "updates to parameters are forbidden." if name == "parameters" else IMMUTABLE
                problem = forbidden(name, words) if name == "parameters" else invalid(name, value, words)
                problems.append(problem)
        return problems


def _requests(spec: Object) -> Object:
    requests: Object = (spec.get("resources") or {}).get("requests") or {}
    return requests


def _with_requests_of(spec: Object, old: Object) -> Object:
    """The spec of a claim that asks for as much as before."""
    if not _requests(spec):
        return spec
    requests = with_fields(_requests(spec), {"storage": _requests(old).get("storage")})
    return with_fields(spec, {"requests": requests}, "resources")
