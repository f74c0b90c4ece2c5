"""The rules of CustomResourceDefinitions themselves.

Deleting one does not remove it: first everything of its kind has to go, which a finalizer waits for.
Upstream: pkg/registry/customresourcedefinition in k8s.io/apiextensions-apiserver.
"""

from __future__ import annotations

from kubesim.api.custom_resources import ESTABLISHED, TERMINATING, is_true, storage_version
from kubesim.api.errors import FieldError
from kubesim.api.meta import with_fields
from kubesim.api.stored import Object
from kubesim.apiserver.crd.conditions import with_condition
from kubesim.apiserver.crd.definition_rules import validate_definition, validate_definition_update, validate_names
from kubesim.apiserver.registry.deletion_plan import DeleteOptions, Deletion
from kubesim.apiserver.registry.strategy import Strategy, keep
from kubesim.sim import Clock

CLEANUP = "customresourcecleanup.apiextensions.k8s.io"


class DefinitionStrategy(Strategy):
    """A definition begins with a status that says which version objects are stored in."""

    def prepare_for_create(self, obj: Object) -> None:
        """Nothing is accepted yet."""
        obj["metadata"]["generation"] = 1
        obj["status"] = {"conditions": None, "acceptedNames": {"plural": "", "kind": ""}, "storedVersions": []}
        _remember_storage(obj)

    def prepare_for_update(self, obj: Object, old: Object) -> None:
        """The status stays, but a new storage version is remembered: objects may lie in it from now on."""
        super().prepare_for_update(obj, old)
        if obj.get("spec") is not old.get("spec"):
            _remember_storage(obj)

    def prepare_for_status_update(self, obj: Object, old: Object) -> None:
        """Only the status."""
        super().prepare_for_status_update(obj, old)
        for name in ("labels", "annotations", "finalizers", "ownerReferences"):
            keep(obj["metadata"], old["metadata"], name)

    def validate(self, obj: Object) -> list[FieldError]:
        """The name is made of the plural and the group; then everything else."""
        return validate_definition(obj)

    def validate_update(self, obj: Object, old: Object) -> list[FieldError]:
        """The same, and what may not change."""
        if obj.get("spec") is old.get("spec") and obj.get("status") is old.get("status"):
            return []
        return validate_definition_update(obj, old, established=is_true(old, ESTABLISHED))

    def validate_status_update(self, obj: Object, old: Object) -> list[FieldError]:  # noqa: ARG002 (any may follow)
        """Accepted names are names."""
        return validate_names((obj.get("status") or {}).get("acceptedNames") or {}, "status.acceptedNames")

    def plan_deletion(self, obj: Object, options: DeleteOptions, clock: Clock) -> Deletion:
        """Marks the definition; the finalizer controller deletes the objects and lets it go."""
        if "deletionTimestamp" in obj["metadata"]:
            return super().plan_deletion(obj, options, clock)
        finalizers = obj["metadata"].get("finalizers") or []
        held = obj if CLEANUP in finalizers else with_fields(obj, {"finalizers": [*finalizers, CLEANUP]}, "metadata")
        words = "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon"
        held = with_condition(held, TERMINATING, "True", "InstanceDeletionPending", words, clock.timestamp())
        plan = super().plan_deletion(held, options, clock)
        assert plan.update is not None, "a finalizer was added"
        return plan

    def deletion_completes(self, obj: Object, old: Object) -> bool:
        """The finalizer was the last thing."""
        return "deletionTimestamp" in old["metadata"] and not obj["metadata"].get("finalizers")


def _remember_storage(obj: Object) -> None:
    status, name = obj.get("status") or {}, storage_version(obj.get("spec") or {})
    stored = status.get("storedVersions") or []
    if name and name not in stored:
        obj["status"] = {**status, "storedVersions": [*stored, name]}
