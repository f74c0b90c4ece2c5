"""The strategies of claims, volumes and storage classes.

Upstream: pkg/apis/{core,storage}/validation, pkg/registry/core/{persistentvolume,persistentvolumeclaim}.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.errors import FieldError
from kubesim.api.quantity import milli
from kubesim.api.stored import Object
from kubesim.apiserver.registry.strategy import Strategy
from kubesim.apiserver.validation.field import IMMUTABLE, forbidden, invalid, not_supported, required

MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
# What of a volume's spec is no source.
NOT_A_SOURCE = ("capacity", "accessModes", "claimRef", "persistentVolumeReclaimPolicy", "storageClassName",
                "mountOptions", "volumeMode", "nodeAffinity", "volumeAttributesClassName")  # fmt: skip
CLAIM_IMMUTABLE = (
    "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
)
CLASS_FIELDS = ("parameters", "provisioner", "reclaimPolicy", "volumeBindingMode")


class ClaimStrategy(Strategy):
    """Asks for storage."""

    def prepare_for_create(self, obj: Object) -> None:
        """Pending until a volume is found."""
        super().prepare_for_create(obj)
        obj["status"] = {"phase": "Pending"}

    def validate(self, obj: Object) -> list[FieldError]:
        """How much, and how it is to be accessed."""
        spec: Object = obj.get("spec") or {}
        problems = _modes(spec, "at least 1 access mode is required")
        wanted = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
        if wanted is None:
            problems.append(required("spec.resources[storage]"))
        elif milli(wanted) <= 0:
            problems.append(invalid("spec.resources[storage]", str(wanted), "must be greater than zero"))
        return problems

    def validate_update(self, obj: Object, old: Object) -> list[FieldError]:
        """Only more storage may be asked for, once it is bound."""
        spec, before = dict(obj.get("spec") or {}), dict(old.get("spec") or {})
        if spec == before:
            return []
        problems = self.validate(obj)
        if not before.get("volumeName"):
            before.pop("volumeName", None)
            spec.pop("volumeName", None)
        for part in (spec, before):
            part.pop("resources", None)
            part.pop("volumeAttributesClassName", None)
        if spec != before:
            problems.append(forbidden("spec", CLAIM_IMMUTABLE))
        return problems


class VolumeStrategy(Strategy):
    """Is storage."""

    def prepare_for_create(self, obj: Object) -> None:
        """Pending until somebody looks at it."""
        super().prepare_for_create(obj)
        obj["status"] = {"phase": "Pending"}

    def validate(self, obj: Object) -> list[FieldError]:
        """How much it is, and where."""
        spec: Object = obj.get("spec") or {}
        problems = _modes(spec, "")
        capacity: Object = spec.get("capacity") or {}
        if not capacity:
            problems.append(required("spec.capacity"))
        if list(capacity) != ["storage"]:
            problems.append(not_supported("spec.capacity", capacity or None, ("storage",)))
        elif milli(capacity["storage"]) <= 0:
            problems.append(invalid("spec.capacity[storage]", str(capacity["storage"]), "must be greater than zero"))
        sources = [name for name in spec if name not in NOT_A_SOURCE]
        if not sources:
            problems.append(required("spec", "must specify a volume type"))
        problems += [forbidden(f"spec.{name}", "may not specify more than 1 volume type") for name in sources[1:]]
        return problems


class StorageClassStrategy(Strategy):
    """How volumes are made."""

    def validate(self, obj: Object) -> list[FieldError]:
        """By whom."""
        return [] if obj.get("provisioner") else [required("provisioner")]

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


def _modes(spec: Object, detail: str) -> list[FieldError]:
    modes = spec.get("accessModes") or ()
    problems = [] if modes else [required("spec.accessModes", detail)]
    return problems + [not_supported("spec.accessModes", mode, MODES) for mode in modes if mode not in MODES]
