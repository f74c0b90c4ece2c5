"""What is particular to a kind, as answers to the questions that the generic registry asks.

The registry (registry/store.py) knows how to create, update and delete anything. A strategy says what a new
object of its kind must look like, what a client may not set or change, and what is wrong with it. Most kinds
are content with the answers below.

An object that is handed to `prepare_…` is the request's own copy down to its metadata: the strategy sets
fields of these two dicts in place. Everything deeper is shared with other revisions and must be replaced,
never changed.

Upstream: RESTCreateStrategy, RESTUpdateStrategy and RESTDeleteStrategy in k8s.io/apiserver/pkg/registry/rest,
and pkg/registry/GROUP/KIND/strategy.go for each kind.
"""

# ruff: noqa: ARG002 (the answers of a plain kind do not depend on what is asked)
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from kubesim.api.errors import FieldError
from kubesim.api.resources import Resource
from kubesim.api.stored import Object
from kubesim.apiserver.registry.deletion_plan import DeleteOptions, Deletion, plan_deletion
from kubesim.apiserver.validation.field import IMMUTABLE, invalid
from kubesim.apiserver.validation.names import Problems, dns_subdomain
from kubesim.sim import Clock


class Strategy:
    """The rules of one kind; this class is the rules of a kind without any of its own."""

    # PUT to a name that does not exist creates it.
    allow_create_on_update: ClassVar[bool] = False
    # PUT without a resourceVersion overwrites whatever is there.
    allow_unconditional_update: ClassVar[bool] = True
    # A deletion without a policy keeps the dependents (batch/v1 Jobs and v1 ReplicationControllers, for history).
    orphans_by_default: ClassVar[bool] = False
    # A client may bring the status along when it creates the object; else that begins empty.
    accepts_status: ClassVar[bool] = False
    # How long an object lives after its last write; None: until it is deleted.
    lifetime_seconds: ClassVar[int | None] = None
    # Fields of `spec` that never change.
    immutable_spec_fields: ClassVar[tuple[str, ...]] = ()

    # Objects hold addresses or ports of the server's: `allocate` and `release` do something.
    uses_pools: ClassVar[bool] = False

    def __init__(self, resource: Resource) -> None:
        self.resource = resource
        self.has_status = "status" in resource.subresources

    def name_problems(self, name: str) -> Problems:
        """What is wrong with a name."""
        return dns_subdomain(name)

    def prepare_for_create(self, obj: Object) -> None:
        """Sets what the server decides. (The status has been dropped already, where it is a subresource.)"""
        if self.resource.has_generation:
            obj["metadata"]["generation"] = 1

    def prepare_for_update(self, obj: Object, old: Object) -> None:
        """Takes back what a client may not change through the main resource; counts generations."""
        if self.has_status:
            keep(obj, old, "status")
        if self.resource.has_generation and self.is_new_generation(obj, old):
            obj["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1

    def prepare_for_status_update(self, obj: Object, old: Object) -> None:
        """Takes back everything but the status (and metadata, which follows rules of its own)."""
        for name in (*obj, *old):
            if name not in ("status", "metadata") and obj.get(name) is not old.get(name):
                keep(obj, old, name)

    def is_new_generation(self, obj: Object, old: Object) -> bool:
        """Whether what is *wanted* has changed, which is what metadata.generation counts."""
        return bool(obj.get("spec") != old.get("spec"))

    def validate(self, obj: Object) -> list[FieldError]:
        """What is wrong with a new object, beyond its types and metadata."""
        return []

    def validate_create(self, obj: Object) -> list[FieldError]:
        """What is wrong with a new object that may be in one that is changed."""
        return []

    def validate_update(self, obj: Object, old: Object) -> list[FieldError]:
        """What is wrong with an object, or with changing the old one into it."""
        if obj.get("spec") is old.get("spec") and "spec" in obj:
            return []
        problems = self.validate(obj)
        for name in self.immutable_spec_fields:
            new_value, old_value = (obj.get("spec") or {}).get(name), (old.get("spec") or {}).get(name)
            if new_value != old_value:
                problems.append(invalid(f"spec.{name}", new_value, IMMUTABLE))
        return problems

    def validate_status_update(self, obj: Object, old: Object) -> list[FieldError]:
        """What is wrong with a new status."""
        return []

    def canonicalize(self, obj: Object) -> None:
        """Completes a new object that is known to be right."""

    def warnings_on_create(self, obj: Object) -> Sequence[str]:
        """What the client ought to know about a new object that is accepted."""
        return ()

    def warnings_on_update(self, obj: Object, old: Object) -> Sequence[str]:
        """What the client ought to know about a change that is accepted."""
        return ()

    def allocate(self, obj: Object, old: Object | None) -> None:
        """Takes from the server's pools (addresses, ports) what the object needs; InvalidError if it cannot."""

    def release(self, obj: Object, kept: Object | None) -> None:
        """Gives back what `obj` held and `kept`, which it became, does not hold any more (None: nothing is kept)."""

    def graceful_period_seconds(self, obj: Object, requested: int | None) -> int | None:
        """How long the object goes on after its deletion; None: this kind knows no grace."""
        return None

    def plan_deletion(self, obj: Object, options: DeleteOptions, clock: Clock) -> Deletion:
        """What a DELETE does to the object."""
        grace = self.graceful_period_seconds(obj, options.grace_period_seconds)
        return plan_deletion(self.resource, obj, options, clock, grace=grace, orphans=self.orphans_by_default)

    def deletion_completes(self, obj: Object, old: Object) -> bool:
        """Whether an update takes away the last thing that kept a deleted object alive."""
        metadata = old["metadata"]
        return not obj["metadata"].get("finalizers") and metadata.get("deletionGracePeriodSeconds") == 0


def keep(obj: Object, old: Object, name: str) -> None:
    """Gives a field of `obj` the value that it has in `old`."""
    value: Any = old.get(name)
    if value is None:
        obj.pop(name, None)
    else:
        obj[name] = value
